"""Diagnoses of runs whose illness was planted."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, TRUE, constant, run, truth, wsd

import glidepath as gp
from glidepath.analysis import counsel, diagnose
from glidepath.analysis.ensemble import assemble
from glidepath.analysis.rates import from_plan

LATE = gp.linear(0, PEAK, 200) >> gp.constant(PEAK).take(9000) >> gp.linear(PEAK, 0, "rest")


@cache
def usual():
    """The diagnosis of a run with a cool-down over its last fifth."""
    return diagnose(run(noise=0.001))


def kinds(found):
    return {finding.kind: finding for finding in found.findings}


def test_a_healthy_run_is_left_alone():
    found = diagnose(run(rates=wsd(60), noise=0.001))
    assert found.regime == "good"
    assert kinds(found) == {}
    assert found.decay is None and found.to_json()["decay"] is None
    assert found.gain is not None and found.gain.high >= 0
    assert "keep this one" in found.advice


def test_a_short_decay_and_a_high_last_rate_are_found_with_their_cost():
    short = diagnose(run(rates=from_plan(LATE.plan(TOTAL)), noise=0.0005, every=20))
    assert "decay_short" in kinds(short)
    assert short.gain is not None and short.gain.high < 0
    assert short.saved is not None and 0 < short.saved < TOTAL
    high = diagnose(run(rates=wsd(60, end=0.5 * PEAK), noise=0.0005))
    assert "final_rate" in kinds(high)
    assert "cool-down" in high.advice


def test_the_gain_of_the_recommended_schedule_is_true():
    rates = wsd(60, end=0.5 * PEAK)
    found = diagnose(run(rates=rates, noise=0.0005))
    end = np.asarray([float(TOTAL)])
    best = from_plan(found.recommended.policy.plan(TOTAL))
    true = (truth("tempered-power", best, end) - truth("tempered-power", rates, end))[0]
    assert found.gain.low <= true <= found.gain.high


def test_a_constant_run_gets_no_gain_and_the_reason():
    found = diagnose(run(rates=constant()))
    assert found.gain is None
    assert found.to_json()["confidence"] == found.confidence == "low", "of a training loss alone"
    assert "guess" in found.advice
    assert "cool-down" in found.refused
    assert "cannot be told" in found.advice


def test_spikes_are_counted_and_mean_the_edge():
    logged = run(noise=0.001)
    loss = logged.loss.copy()
    loss[[60, 90, 91, 130]] *= 1.2
    found = diagnose(replace(logged, loss=loss))
    assert found.regime == "at the edge"
    assert kinds(found)["spikes"].step == logged.step[60]
    assert kinds(found)["spikes"].text.startswith("3 spikes")


def test_divergence_is_said():
    logged = run()
    loss = logged.loss.copy()
    loss[-20:] = 9
    found = diagnose(replace(logged, loss=loss))
    assert found.regime == "diverging"
    assert "smaller" in found.advice
    flat = replace(run(rates=constant()), loss=3 + np.minimum(logged.step / 2000, 2))
    assert "diverged" in kinds(diagnose(flat)) and "plateau" not in kinds(diagnose(flat))


def test_a_validation_loss_that_rises_while_training_goes_on_is_no_divergence():
    logged = run(noise=0.001)
    loss = logged.loss + np.maximum(logged.step - 2000, 0) / 2000
    others = {"train_loss": (logged.step, logged.loss)}
    found = diagnose(replace(logged, loss=loss, of="validation", others=others))
    assert "overfitting" in kinds(found) and "diverged" not in kinds(found)
    assert found.regime != "diverging"


def creeping(step, loss):
    return loss + np.maximum(step - 2000, 0) / 2000


def early(step, loss):
    return 3 + np.where(step < 1000, 1 - step / 1000, (step - 1000) / 6000)


def jumping(step, loss):
    return np.where(step > 8000, loss + 4.0, loss)


def blown_up(step, loss):
    return loss + 40 * np.maximum(step - 2000, 0) / 2000


def never_fell(step, loss):
    return 3 + step / 5000


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (creeping, "overfitting"),
        (early, "overfitting"),
        (jumping, "diverged"),
        (blown_up, "diverged"),
        (never_fell, "diverged"),
    ],
)
def test_a_validation_loss_alone_tells_over_fitting_from_divergence(shape, kind):
    """It creeps up after a minimum, or jumps, ends far above its start, or never fell."""
    logged = run(noise=0.001, every=250, of="validation")
    found = diagnose(replace(logged, loss=shape(logged.step, logged.loss)))
    assert kind in kinds(found)
    assert ("diverged" in kinds(found)) == (kind == "diverged") == (found.regime == "diverging")
    assert ("over-fits" in found.advice) == (kind == "overfitting")


def test_a_loss_that_was_lost_is_divergence():
    found = diagnose(replace(run(noise=0.001), lost=4000))
    assert found.regime == "diverging"
    assert "rose instead" not in found.advice and "loss was lost" in found.advice
    assert "no loss is finite from update 4000 on" in found.evidence
    assert "no finite loss from update 4000 on" in found.refused


def test_over_fitting_is_dated():
    logged = run(noise=0.001, rates=constant())
    loss = logged.loss + np.maximum(logged.step - 6000, 0) / 10_000
    found = diagnose(replace(logged, loss=loss, of="validation"))
    assert kinds(found)["overfitting"].step == pytest.approx(6000, abs=500)
    assert "over-fits" in found.advice


def test_a_plateau_is_dated():
    logged = run(noise=0.001, rates=constant())
    flat = np.where(logged.step > 5000, logged.loss[100], logged.loss)
    noise = np.exp(0.001 * np.random.default_rng(5).normal(size=flat.size))
    assert "plateau" in kinds(diagnose(replace(logged, loss=flat * noise)))
    assert "plateau" not in kinds(diagnose(run(noise=0.0005, rates=constant())))


def test_a_change_that_no_law_explains_is_found_where_it_was():
    logged = run(noise=0.001, every=25)
    loss = np.where(logged.step > 5000, 1.03 * logged.loss, logged.loss)
    found = kinds(diagnose(replace(logged, loss=loss)))
    assert found["change"].step == pytest.approx(5000, abs=700)


def test_a_rate_that_is_too_small_is_told_by_a_decay_that_gives_nothing(monkeypatch):
    monkeypatch.setitem(TRUE, "log-power", (2.0, 0.9, 0.55, 1e-4, 50.0, 0.5))
    found = diagnose(run("log-power", noise=0.0005))
    assert found.regime == "too small"
    assert "larger" in found.advice


def test_a_loss_that_rises_with_the_rate_asks_for_a_longer_warm_up():
    logged = run(noise=0.001)
    bump = 1.5 * np.exp(-(((logged.step - 500) / 120) ** 2))
    found = kinds(diagnose(replace(logged, loss=logged.loss + bump)))
    assert found["warmup_short"].step == pytest.approx(500, abs=100)
    assert "warmup_short" not in kinds(usual())


def test_a_warm_up_of_a_third_of_the_run_is_too_long():
    long = gp.linear(0, PEAK, 3000) >> gp.constant(PEAK).take(4000) >> gp.linear(PEAK, 0, "rest")
    found = kinds(diagnose(run(rates=from_plan(long.plan(TOTAL)), noise=0.001)))
    assert "30% of the run" in found["warmup_long"].text
    assert "warmup_long" not in kinds(usual())


LONG = (gp.linear(0, PEAK, 1500) >> gp.constant(PEAK)).plan(TOTAL)


def test_a_warm_up_that_the_log_does_not_show_is_not_judged():
    logged = run(rates=from_plan(LONG))
    assert "warmup_long" in kinds(diagnose(logged))
    after = logged.step > 1500
    unseen = replace(logged, step=logged.step[after], loss=logged.loss[after])
    assumed = "a linear warm-up from zero is assumed (give policy= if it was another)"
    for each in (unseen, replace(logged, warnings=(assumed,))):
        assert "warmup_long" not in kinds(diagnose(each))


def test_a_regime_within_the_error_says_so(monkeypatch):
    ensemble = assemble((run(noise=0.001),))
    for more, kind in ((0.0995, "good or a little small"), (0.01, "good"), (0.3, "too small")):
        monkeypatch.setattr(counsel, "_forces", lambda *_, more=more: (0.1, more, 0.01))
        assert counsel.regime(run(), [], ensemble).kind == kind
    monkeypatch.undo()
    assert 0 < counsel._forces(run(), ensemble)[2] < 0.05


def test_the_decay_that_was_missing_is_dated():
    found = diagnose(run(rates=from_plan(LATE.plan(TOTAL)), noise=0.0005, every=20))
    assert found.decay is not None
    assert found.decay.begin + found.decay.updates == TOTAL
    assert found.decay.updates == round(found.recommended.share * TOTAL)
    assert str(found.decay.begin) in found.advice
    data = found.to_json()
    assert data["decay"]["begin"] == found.decay.begin
    assert data["gain"]["mean"] == found.gain.mean


def test_how_far_the_own_decay_went_does_not_change_the_regime():
    """The regime is that of the peak rate: a run that only halved its rate has the same."""
    half = diagnose(run(rates=wsd(20, end=0.5 * PEAK), noise=0.0005))
    assert half.regime == usual().regime == "good"
