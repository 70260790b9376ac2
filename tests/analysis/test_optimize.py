"""The recommended schedule against a search of the truth."""

import time
from functools import cache

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, TRUE, constant, run, truth

import glidepath as gp
from glidepath.analysis import RefusedError, optimize, predict, recommend_probe
from glidepath.analysis.laws import TISSUE
from glidepath.analysis.optimisation import SHARES, SIMPLE, _in_epochs, guarded, recommend
from glidepath.analysis.rates import from_plan
from glidepath.errors import ArgumentError


@cache
def fitted():
    return guarded((run(noise=0.001),))


def final(policy, total, law="tempered-power"):
    return truth(law, from_plan(policy.plan(total)), np.asarray([float(total)]))[0]


@pytest.mark.parametrize("law", ["tempered-power", "log-power"])
def test_the_recommended_schedule_is_near_the_best_that_the_truth_allows(law):
    found = optimize(run(law, noise=0.001), total=2 * TOTAL)
    best = min(final(gp.wsd(PEAK, 200, f"{share:.0%}"), 2 * TOTAL, law) for share in SHARES)
    assert final(found.policy, 2 * TOTAL, law) < best + 0.004
    gain = found.gains["cosine"]
    cosine = gp.linear(0, PEAK, 200) >> gp.cosine_decay(PEAK, "rest")
    true = final(found.policy, 2 * TOTAL, law) - final(cosine, 2 * TOTAL, law)
    assert gain.low <= true <= gain.high


def test_the_policy_keeps_the_warm_up_and_flies():
    found = optimize(run(), total=15_000)
    plan = found.policy.plan(15_000)
    assert float(plan(100)) == pytest.approx(PEAK * 100 / 198, rel=0.02)
    assert plan.table().max() == pytest.approx(PEAK)
    assert predict(run(), found.policy, total=15_000).final == pytest.approx(found.final, abs=1e-3)


@pytest.mark.parametrize("warmup", [2500, 4500, 8900])
def test_a_long_warm_up_is_kept(warmup):
    found = recommend(fitted(), PEAK, warmup, TOTAL)
    rates = from_plan(found.policy.plan(TOTAL))
    assert rates.warmup == pytest.approx(warmup, abs=0.011 * warmup)
    assert not any("warm-up" in words for words in found.warnings)
    simplest = {2500: 60, 4500: 50, 8900: 10}[warmup]
    assert f"linear-{simplest} %" in found.gains


def test_a_warm_up_that_does_not_fit_is_shortened_with_a_word():
    found = recommend(fitted(), PEAK, 9500, TOTAL)
    assert "9500" in found.warnings[0] and "shortened to 1000" in found.warnings[0]
    assert from_plan(found.policy.plan(TOTAL)).warmup == pytest.approx(1000, abs=11)
    in_epochs = recommend(fitted(), PEAK, "30ep", "100ep", 100)
    assert from_plan(in_epochs.policy.plan("100ep", 100)).warmup == pytest.approx(3000, abs=31)


def test_only_plain_cool_downs_are_searched_where_that_is_asked(monkeypatch):
    monkeypatch.setattr("glidepath.analysis.optimisation.SHAPES", ("sqrt",))
    monkeypatch.setattr("glidepath.analysis.optimisation.FLOORS", (0.1,))
    found = recommend(fitted(), PEAK, 200, TOTAL, plain=True)
    assert (found.shape, found.floor) == ("linear", 0.0)


def test_a_gain_inside_its_interval_returns_the_simple_schedule(monkeypatch):
    monkeypatch.setattr("glidepath.analysis.widths.SHAPE", 0.5)
    found = optimize(run(), total=TOTAL)
    assert found.simple
    assert (found.share, found.shape, found.floor) == (0.6, "linear", 0.0)
    assert "not clear" in found.message or "itself the best" in found.message
    assert found.gains[SIMPLE].mean == 0


def test_a_clear_gain_returns_the_best(monkeypatch):
    monkeypatch.setitem(TRUE, "log-power", (2.8, 0.8, 0.5, 0.02, 5000.0, 0.1))
    found = optimize(run("log-power"), total=TOTAL)
    assert not found.simple
    assert found.share < 0.6
    assert found.gains[SIMPLE].high < 0
    assert "gains" in found.message


def test_epochs_and_a_run_without_warm_up_work():
    flat = from_plan(gp.wsd(PEAK, 1, "20%").plan(TOTAL))
    found = optimize(run(rates=flat), total="50ep", steps_per_epoch=200)
    assert "ep" in str(found.policy.to_spec())
    assert found.policy.plan("50ep", 200).total_steps == TOTAL


@pytest.mark.parametrize(
    ("warmup", "total", "per_epoch", "given"),
    [
        (200, "50ep", 200, "1ep"),
        (500, "50ep", 200, "2.5ep"),
        (8, "50ep", 29, "0.28ep"),
        (1, "50ep", 100, "0.01ep"),
        ("2%", "50ep", 200, "2%"),
        (200, TOTAL, 200, 200),
        (200, "100%", None, 200),
    ],
)
def test_the_warm_up_is_given_in_the_units_of_the_budget(warmup, total, per_epoch, given):
    assert _in_epochs(warmup, total, per_epoch) == given
    if str(given).endswith("ep"):
        assert round(float(given[:-2]) * per_epoch) == warmup


def test_tissues_law_is_never_optimised():
    with pytest.raises(ArgumentError, match="degenerate"):
        guarded((run(),), (TISSUE,))


def test_what_predict_refuses_optimize_refuses():
    for runs, options, reason in (
        (run(rates=constant()), {}, "no_drop"),
        (run(), {"peak": 2 * PEAK}, "unseen_peak"),
        (run(), {"total": 5 * TOTAL}, "horizon"),
    ):
        with pytest.raises(RefusedError) as caught:
            optimize(runs, **options)
        assert caught.value.reason == reason


@pytest.mark.speed
def test_optimising_takes_less_than_five_seconds_of_one_core():
    logged = run(noise=0.003)
    start = time.process_time()
    optimize(logged, total=3 * TOTAL)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("budget", [400, 1500, 50_000])
def test_the_probe_answers_for_its_budget(budget):
    policy, length, why = recommend_probe(budget, PEAK)
    assert length < budget
    assert str(budget) in why
    rates = from_plan(policy.plan(length))
    logged = run(rates=rates, every=max(1, length // 100))
    found = optimize(logged, total=budget)
    assert found.policy.plan(budget).total_steps == budget


def test_a_probe_without_a_peak_is_in_shares_of_it():
    shares, length, why = recommend_probe(10_000)
    flown, same, plain = recommend_probe(10_000, PEAK)
    assert length == same
    assert "multiply" in why
    assert "multiply" not in plain
    rates = (shares.learning_rate * PEAK).plan(length)(range(length))
    np.testing.assert_allclose(rates, flown.plan(length)(range(length)))


def test_a_budget_too_short_to_probe_is_refused():
    with pytest.raises(ArgumentError, match="too short"):
        recommend_probe(100, PEAK)
    with pytest.raises(ArgumentError):
        recommend_probe(10_000, -1.0)
