"""The adviser against the truth, and the noise law against a quadratic that was really trained."""

import numpy as np
import pytest
from synthetic import PEAK, TOTAL, constant, run, truth, wsd

import glidepath as gp
from glidepath.analysis import Adviser, noise_gain
from glidepath.analysis.advice import cut
from glidepath.analysis.optimisation import recommend
from glidepath.analysis.rates import RateCurve, from_plan
from glidepath.errors import ArgumentError

FLAT = (gp.linear(0, PEAK, 200) >> gp.constant(PEAK)).plan(TOTAL)


def fed(adviser, until, every=250, rates=None):
    """An adviser that has seen a run up to an update."""
    curve = constant() if rates is None else rates
    step = np.arange(every, until + 1, every, dtype=float)
    for k, loss in zip(step, truth("tempered-power", curve, step), strict=True):
        adviser.saw(int(k), float(loss), float(curve.at(k - 1)))
    return adviser


def true_gain(step, over):
    rates = constant()
    knots = np.concatenate([np.arange(0, step, 10.0), step + np.arange(over + 1.0)])
    down = PEAK * (1 - np.arange(over + 1.0) / over)
    cooled = RateCurve(
        knots, np.concatenate([rates.at(np.arange(0, step, 10.0)), down]), step + over
    )
    then = truth("tempered-power", cooled, np.asarray([step + over], float))
    return float((then - truth("tempered-power", rates, np.asarray([step], float)))[0])


def test_with_a_probe_the_gain_of_a_cool_down_now_is_true():
    adviser = fed(Adviser(run(noise=0.0005)), 6000)
    found = adviser.advise(FLAT)
    assert (found.step, found.over, found.source) == (6000, 1500, "law")
    true = true_gain(6000, 1500)
    assert found.gain.low <= true <= found.gain.high < 0
    assert found.gain.mean == pytest.approx(true, rel=0.15)
    assert str(found).startswith("a cool-down now would give about −0.")
    assert " ± " in str(found)
    assert adviser.advise(FLAT) is None, "not again at once"


def test_the_rates_that_were_seen_serve_where_no_plan_is_known():
    with_plan = fed(Adviser(run(noise=0.0005)), 6000).advise(FLAT)
    without = fed(Adviser(run(noise=0.0005)), 6000).advise()
    assert without.gain.mean == pytest.approx(with_plan.gain.mean, rel=0.05)


def test_without_a_probe_it_cannot_be_told_unless_the_gradients_are_at_hand():
    adviser = fed(Adviser(), 6000, every=100)
    found = adviser.advise(FLAT)
    assert found.gain is None
    assert "cannot be told" in str(found) and "cool-down" in str(found)
    assert fed(adviser, 7000, every=100).advise(FLAT) is None, "one reason, said once"
    noisy = fed(Adviser(), 6000, every=100)
    noisy.noisy(0.4)
    found = noisy.advise(FLAT)
    assert found.source == "noise"
    assert (found.gain.mean, found.gain.low, found.gain.high) == (-0.1, -0.2, -0.05)
    assert "about −0.1, between −0.2 and −0.05 (from the gradients' noise)" in str(found)


def test_the_time_to_begin_is_that_of_the_recommended_schedule():
    adviser = fed(Adviser(run(noise=0.0005)), 2000)
    early = adviser.advise(FLAT, ahead=True)
    best = gp.optimize(run(noise=0.0005), total=TOTAL)
    assert early.begin == pytest.approx((1 - best.share) * TOTAL, abs=0.11 * TOTAL)
    assert not early.due


def test_what_is_said_when_it_is_due_is_of_the_cool_down_that_will_be_applied(monkeypatch):
    asked = []

    def noted(*given, **options):
        asked.append(options)
        return recommend(*given, **options)

    monkeypatch.setattr("glidepath.analysis.advice.recommend", noted)
    late = fed(Adviser(run(noise=0.0005)), 9500).advise(FLAT, ahead=True)
    assert late.due and late.over == TOTAL - 9500
    true = true_gain(9500, TOTAL - 9500)
    assert late.gain.low <= true <= late.gain.high
    assert asked == [{"plain": True}], "linear to zero, as both callbacks begin it"


def test_nothing_is_said_too_early_or_while_the_rate_comes_down():
    assert fed(Adviser(run()), 500).advise(FLAT) is None
    assert fed(Adviser(run()), 9500, rates=wsd()).advise() is None


def test_what_cannot_be_is_refused():
    for options in ({"share": 0}, {"share": 1}, {"every": -1}):
        with pytest.raises(ArgumentError, match="share"):
            Adviser(**options)
    with pytest.raises(ArgumentError, match="trace"):
        Adviser().noisy(float("nan"))
    adviser = Adviser()
    adviser.saw(10, float("nan"), 0.1)
    adviser.saw(10, 1.0, 0.1)
    adviser.saw(10, 2.0, 0.1)
    assert adviser.advise() is None


def test_a_cut_curve_is_the_same_up_to_there():
    whole = from_plan(gp.one_cycle(0.1).plan(1000))
    k = np.arange(400)
    np.testing.assert_allclose(cut(whole, 400).at(k), whole.at(k))
    assert cut(whole, 400).total == 400


# --- the noise law ------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_the_noise_law_is_right_on_a_quadratic(momentum):
    """SGD on ½·Σ h·x² with Gaussian gradient noise, trained to rest, then with the rate at zero."""
    rng = np.random.default_rng(0)
    curvature, deviation = np.geomspace(0.2, 2, 40), np.linspace(0.5, 2, 40)
    rate = 0.01 * (1 - momentum)
    x = np.zeros((150, 40))  # many copies instead of a long time
    velocity = np.zeros_like(x)
    levels = []
    for step in range(2500):
        gradient = curvature * x + deviation * rng.normal(size=x.shape)
        velocity = momentum * velocity - rate * gradient
        x = x + velocity
        if step >= 1500 and step % 25 == 0:
            levels.append(float(np.mean(np.sum(curvature * x**2, axis=1)) / 2))
    held_up = float(np.mean(levels))  # a decay to zero takes all of it away
    assert noise_gain(rate, deviation**2, momentum=momentum) == pytest.approx(-held_up, rel=0.05)


def test_the_noise_law_goes_with_rate_and_preconditioner():
    full = noise_gain(0.1, [1.0, 3.0])
    assert full == pytest.approx(-0.25 * 0.1 * 4)
    assert noise_gain(0.1, [1.0, 3.0], to=0.05) == pytest.approx(full / 2)
    assert noise_gain(0.1, [1.0, 3.0], [2.0, 6.0]) == pytest.approx(-0.25 * 0.1)
    assert noise_gain(0.1, [1.0], to=0.1) == 0
    for bad in ({"to": 0.2}, {"momentum": 1.0}, {"preconditioner": 0.0}):
        with pytest.raises(ArgumentError, match="noise_gain"):
            noise_gain(0.1, [1.0], **bad)
    for rate, variance in ((0.0, [1.0]), (0.1, [-1.0]), (0.1, [np.nan])):
        with pytest.raises(ArgumentError, match="noise_gain"):
            noise_gain(rate, variance)
