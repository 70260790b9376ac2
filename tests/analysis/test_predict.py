"""Predictions from synthetic runs: right, honest about their error, and refused where they must."""

import json
from dataclasses import replace

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, constant, cosine, drawn, run, truth, wsd

import glidepath as gp
from glidepath.analysis import RefusedError, predict, predict_difference
from glidepath.analysis.rates import from_plan
from glidepath.analysis.refusal import check_runs
from glidepath.errors import ArgumentError, GlidepathError

WSD = gp.wsd(PEAK, 200, "20%")
LONGER = gp.wsd(PEAK, 200, "60%")
COSINE = gp.linear(0, PEAK, 200) >> gp.cosine_decay(PEAK, "rest")


def end(law, policy, total=TOTAL):
    return truth(law, from_plan(policy.plan(total)), np.asarray([float(total)]))[0]


# --- what is predicted ----------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["tempered-power", "log-power", "multi-power"])
@pytest.mark.parametrize("policy", [LONGER, COSINE], ids=["linear 60 %", "cosine"])
def test_another_schedule_is_predicted_from_one_run(law, policy):
    found = predict(run(law, noise=0.001), policy)
    true = truth(law, from_plan(policy.plan(TOTAL)), found.step)
    assert np.mean(np.abs(found.mean / true - 1)) < 0.004
    assert found.final == pytest.approx(end(law, policy), abs=0.02)
    assert found.step[-1] == TOTAL


def test_a_run_of_twice_the_length_is_predicted():
    found = predict(run(noise=0.001), LONGER, total=2 * TOTAL)
    assert found.interval[0] < end("tempered-power", LONGER, 2 * TOTAL) < found.interval[1]
    assert found.final == pytest.approx(end("tempered-power", LONGER, 2 * TOTAL), abs=0.02)


def test_intervals_cover_other_trainings_and_are_not_needlessly_wide():
    """Trainings drawn from the laws' whole prior differ more than the published ones do."""
    covered, widths, apart = [], [], []
    for seed in range(6):
        for law in ("tempered-power", "log-power"):
            shifts = drawn(law, seed)
            logged = run(law, noise=0.001, seed=seed, every=100, shifts=shifts)
            found = predict(logged, LONGER)
            true, other = (
                truth(law, from_plan(p.plan(TOTAL)), np.asarray([float(TOTAL)]), shifts)[0]
                for p in (LONGER, WSD)
            )
            covered.append(found.low[-1] <= true <= found.high[-1])
            widths.append(found.high[-1] - found.low[-1])
            gap = predict_difference(logged, LONGER, WSD)
            apart.append(gap.low <= true - other <= gap.high)
    assert np.mean(covered) >= 0.6
    assert np.mean(apart) >= 0.6
    assert np.median(widths) < 0.06


def test_the_interval_widens_with_the_horizon():
    widths = []
    for factor in (1, 2, 3):
        low, high = predict(run(noise=0.001), LONGER, total=factor * TOTAL).interval
        widths.append(high - low)
    assert widths[0] < widths[1] < widths[2]


def test_a_difference_is_tighter_than_the_levels_and_right():
    logged = run(noise=0.002)
    apart = predict_difference(logged, LONGER, COSINE, total=2 * TOTAL)
    low, high = predict(logged, LONGER, total=2 * TOTAL).interval
    assert apart.high - apart.low < high - low
    true = end("tempered-power", LONGER, 2 * TOTAL) - end("tempered-power", COSINE, 2 * TOTAL)
    assert apart.low < true < apart.high
    assert apart.mean == pytest.approx(true, abs=0.01)
    assert apart.low <= apart.mean <= apart.high
    told = predict_difference(replace(logged, warnings=("mended",)), LONGER, COSINE).to_json()
    assert set(told) == {"mean", "low", "high", "warnings"}
    assert told["warnings"] == ["mended"]
    back = predict_difference(logged, COSINE, LONGER, total=2 * TOTAL)
    assert back.mean == pytest.approx(-apart.mean)


def test_a_policy_differs_from_itself_by_nothing():
    apart = predict_difference(run(), WSD, WSD)
    assert (apart.mean, apart.low, apart.high, apart.clear) == (0.0, 0.0, 0.0, False)


def test_two_runs_say_more_than_one():
    one = run(noise=0.004, seed=1)
    two = run(rates=wsd(60), noise=0.004, seed=2)
    narrow, wide = (predict(runs, COSINE).interval for runs in ([one, two], one))
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def test_runs_at_another_peak_are_left_aside():
    stray = run(rates=wsd(peak=3e-3), noise=0.5)
    alone, both = (predict(runs, COSINE).final for runs in (run(), [run(), stray]))
    assert alone == both


def test_durations_may_be_in_epochs():
    found = predict(run(), gp.wsd(PEAK, "1ep", "20%"), total="50ep", steps_per_epoch=200)
    assert found.step[-1] == TOTAL


def test_the_json_has_what_the_command_line_promises():
    data = json.loads(json.dumps(predict(run(), COSINE).to_json()))
    assert set(data) == {"step", "mean", "low", "high", "final", "warnings"}
    assert len(data["step"]) == len(data["mean"]) == len(data["low"]) == len(data["high"])
    assert data["final"] == data["mean"][-1]
    assert all(
        lo < m < hi for lo, m, hi in zip(data["low"], data["mean"], data["high"], strict=True)
    )


def test_a_restart_is_predicted_by_a_law_that_follows_at_once():
    again = gp.linear(0, PEAK, 200) >> gp.cosine_decay(PEAK, 4800) >> gp.cosine_decay(PEAK, "rest")
    rates = from_plan(again.plan(TOTAL))
    found = predict(run("quick-tissue", rates=cosine(), noise=0.001), again)
    true = truth("quick-tissue", rates, found.step)
    assert np.mean(np.abs(found.mean / true - 1)) < 0.004
    jump = np.searchsorted(found.step, 5100)
    assert found.mean[jump] > found.mean[jump - 5] + 0.05


# --- what is said with it -------------------------------------------------------------------------


def test_a_rate_below_all_that_was_seen_is_told():
    logged = run(rates=wsd(end=3e-4))
    assert any("below the lowest rate" in word for word in predict(logged, WSD).warnings)
    assert not any("below" in word for word in predict(run(), WSD).warnings)


def test_restarts_that_no_run_has_seen_are_told():
    again = gp.linear(0, PEAK, 200) >> gp.cosine_restarts(PEAK, 4900, stretch=1.0)
    assert any("raises its rate again" in word for word in predict(run(), again).warnings)
    seen = run(rates=from_plan(again.plan(TOTAL, strict=False)))
    assert not any("raises" in word for word in predict(seen, again).warnings)


def test_what_the_laws_do_not_look_at_is_told():
    policy = gp.Policy(WSD, momentum=0.9)
    assert any("only the learning rate" in word for word in predict(run(), policy).warnings)


def test_far_horizons_and_mended_logs_are_told():
    logged = run(warnings=("mended",))
    found = predict(logged, WSD, total=3 * TOTAL)
    assert any("far beyond" in word for word in found.warnings)
    assert any("mended" in word for word in found.warnings)


# --- what is refused ------------------------------------------------------------------------------


def refused(runs, policy=WSD, **more):
    with pytest.raises(RefusedError) as caught:
        predict(runs, policy, **more)
    assert isinstance(caught.value, GlidepathError)
    assert caught.value.instead in str(caught.value)
    return caught.value.reason


def test_a_constant_run_cannot_tell_of_decays():
    assert refused(run(rates=constant())) == "no_drop"
    assert refused([run(rates=constant()), run(rates=constant(), seed=1)]) == "no_drop"


def test_a_drop_without_losses_after_it_tells_nothing():
    logged = run()
    before = logged.step <= 8_100
    assert refused(replace(logged, step=logged.step[before], loss=logged.loss[before])) == "no_drop"


def test_an_unseen_peak_is_refused_and_a_rounded_one_is_not():
    assert refused(run(), gp.wsd(2 * PEAK, 200, "20%")) == "unseen_peak"
    assert refused(run(), gp.wsd(PEAK / 2, 200, "20%")) == "unseen_peak"
    predict(run(), gp.wsd(1.02 * PEAK, 200, "20%"))


def test_a_horizon_of_more_than_four_times_is_refused():
    predict(run(), WSD, total=4 * TOTAL)
    assert refused(run(), total=4 * TOTAL + 1) == "horizon"


def test_a_run_that_ends_before_the_logs_had_settled_is_refused():
    assert refused(run(), total=TOTAL // 10) == "too_short"
    assert predict(run(), WSD, total=TOTAL // 5).step[-1] == TOTAL // 5


def test_no_curve_is_given_where_no_law_was_fitted():
    assert predict(run(), WSD).step[0] == TOTAL // 10
    assert predict(run(), gp.wsd(PEAK, "20%", "20%")).step[0] == pytest.approx(TOTAL / 5, rel=0.02)


def test_losses_of_different_data_are_refused():
    assert refused([run(), run(seed=1, of="validation")]) == "mixed_losses"


def test_runs_that_contradict_each_other_get_no_numbers():
    """Losses that differ by a constant factor are of another metric, not of another seed."""
    one = run()
    for factor in (1.5, 3.0):
        assert refused([one, replace(run(), loss=factor * one.loss)]) == "no_fit"


def overfitted(logged):
    turn = np.maximum(logged.step - 0.6 * TOTAL, 0) / TOTAL
    return logged.loss + 0.8 * turn


def test_a_rising_validation_loss_is_refused():
    logged = run(noise=0.002)
    bad = overfitted(logged)
    assert refused(replace(logged, loss=bad, of="validation")) == "rising_validation"
    steep = logged.loss + 5 * (bad - logged.loss)
    assert refused(replace(logged, loss=steep, of="validation")) == "rising_validation"
    beside = {"validation_loss": (logged.step, bad)}
    assert refused(replace(logged, others=beside)) == "rising_validation"


@pytest.mark.parametrize("noise", [0.0, 0.003, 0.02])
def test_a_noisy_falling_validation_loss_is_not_refused(noise):
    for seed in range(20):
        check_runs((run(noise=noise, seed=seed, of="validation", every=200),))


def test_a_loss_that_rises_with_its_rate_is_not_over_fitting():
    again = gp.linear(0, PEAK, 200) >> gp.cosine_decay(PEAK, 4800).then(gp.constant(PEAK))
    rates = from_plan(again.plan(TOTAL))
    predict(run("log-power", rates=rates, of="validation"), WSD)


@pytest.mark.parametrize("best", [0.995, 99.5])
def test_memorised_data_are_refused(best):
    logged = run()
    rising = np.linspace(0, best, logged.step.size)
    assert refused(replace(logged, others={"train_accuracy": (logged.step, rising)})) == "memorised"
    low = 0.9 * rising
    predict(replace(logged, others={"train_accuracy": (logged.step, low)}), WSD)


def test_a_training_loss_near_zero_is_refused():
    logged = run()
    vanishing = 3 * np.exp(-logged.step / 1000)
    assert refused(replace(logged, loss=vanishing)) == "memorised"


def test_a_training_loss_that_is_small_by_nature_is_not_memory():
    """A regression of large targets: the validation loss is as small."""
    logged = run()
    large = replace(logged, loss=logged.loss + 900 * np.exp(-logged.step / 300))
    near, far = (
        replace(large, others={"validation_loss": (large.step, factor * large.loss)})
        for factor in (1.1, 2.0)
    )
    check_runs((near,))
    assert refused(far) == refused(large) == "memorised"


def test_too_few_losses_are_refused():
    assert refused(run(every=500)) == "too_few"


def test_one_loss_is_told_in_the_singular():
    logged = run()
    with pytest.raises(RefusedError, match="only 1 loss after the warm-up was logged"):
        check_runs((replace(logged, step=logged.step[-1:], loss=logged.loss[-1:]),))


def test_a_diverged_run_is_refused():
    logged = run()
    loss = logged.loss.copy()
    loss[-20:] = 9.0
    assert refused(replace(logged, loss=loss)) == "diverged"


def test_losses_that_no_law_describes_are_refused():
    logged = run()
    wild = 3 + np.sin(logged.step / 300)
    wild[-20:] = 2.5
    assert refused(replace(logged, loss=wild)) == "no_fit"
    assert refused(replace(logged, loss=logged.loss - 3.1)) == "no_fit"


# --- arguments ------------------------------------------------------------------------------------


def test_no_run_at_all_is_an_error():
    with pytest.raises(ArgumentError, match="at least one run"):
        predict([], WSD)


def test_differences_need_one_peak():
    runs = [run(), run(rates=wsd(peak=2e-3))]
    with pytest.raises(ArgumentError, match="same peak"):
        predict_difference(runs, WSD, gp.wsd(2e-3, 200, "20%"))


def test_a_run_may_be_a_cosine_alone():
    assert predict(run(rates=cosine(), noise=0.001), COSINE).final == pytest.approx(
        end("tempered-power", COSINE), abs=0.01
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"step": np.arange(3.0)}, "one length"),
        ({"loss": np.full(200, np.nan)}, "finite"),
        ({"step": np.zeros(200)}, "must rise"),
    ],
)
def test_impossible_runs_are_refused_when_they_are_made(change, word):
    with pytest.raises(ArgumentError, match=word):
        replace(run(), **change)
