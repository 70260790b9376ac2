"""Each law against its published formula, written as a loop over every update."""

import math

import numpy as np
import pytest
from synthetic import SCALE, TOTAL, TRUE, constant, cosine, truth, wsd

import glidepath as gp
from glidepath.analysis.laws import LAWS, convex_bound, expose, log_power, multi_power
from glidepath.analysis.laws.multi_power import BETA
from glidepath.analysis.laws.tissue import MEMORY
from glidepath.analysis.rates import SMALLEST, from_plan
from glidepath.errors import ArgumentError

SCHEDULES = {
    "wsd": wsd(),
    "wsd to a tenth": wsd(40, end=1e-4),
    "cosine": cosine(),
    "constant": constant(),
    "steps": from_plan(
        (gp.linear(0, 1e-3, 200) >> gp.step_decay(1e-3, 0.3, 3000)).plan(TOTAL, strict=False)
    ),
}
MOMENTS = (300, 5000, 8001, 9000, TOTAL)


def by_hand(name, curve, t):
    """The loss after t updates: sums over every update, in the units of SCALE."""
    p = dict(zip(LAWS[name].parameters, TRUE[name], strict=True))
    eta = curve.at(np.arange(curve.total)) / SCALE.peak
    area = float(eta[:t].sum()) / SCALE.horizon
    loss = p["L0"] + p["A"] * area ** -p["alpha"]
    for k in range(curve.warmup + 1, t):
        drop = eta[k - 1] - eta[k]
        if drop == 0:
            continue
        gap = float(eta[k:t].sum()) / SCALE.horizon
        low = max(eta[k], SMALLEST)
        if name.endswith("tissue"):
            lam = math.exp(-1 / (p.get("tau", MEMORY) * SCALE.horizon))
            loss -= p["C"] * drop * (1 - lam ** (t - k))
        elif name == "multi-power":
            loss -= p["B"] * drop * (1 - (1 + p["C"] * low ** -p["gamma"] * gap) ** -p["beta"])
        elif name == "tempered-power":
            grown = 1 - (1 + p["C"] * low ** -p["gamma"] * gap) ** -BETA
            loss -= p["B"] / BETA * drop * grown
        elif name == "log-power":
            loss -= p["B"] * drop * math.log1p(p["C"] * low ** -p["gamma"] * gap)
    return loss


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("schedule", ["wsd", "cosine", "steps"])
def test_laws_are_their_formulas(name, schedule):
    curve = SCHEDULES[schedule]
    moments = np.asarray(MOMENTS, dtype=float)
    expected = [by_hand(name, curve, t) for t in MOMENTS]
    np.testing.assert_allclose(truth(name, curve, moments), expected, rtol=1e-6)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_compressing_a_schedule_changes_little(name, schedule):
    curve = SCHEDULES[schedule]
    moments = np.linspace(400, TOTAL, 60)
    exact = truth(name, curve, moments)
    law, parameters = LAWS[name], np.asarray(TRUE[name])
    for most, bound in ((100, 3e-4), (150, 2.5e-4), (300, 1e-4)):
        rough = law(parameters, expose(curve, moments, SCALE, most))
        assert np.max(np.abs(rough / exact - 1)) < bound


def test_the_power_law_cannot_see_a_decay_and_the_others_can():
    end = np.asarray([float(TOTAL)])
    area = SCHEDULES["wsd"].area(end)
    for name in LAWS:
        parameters = np.asarray(TRUE[name])
        decayed = truth(name, SCHEDULES["wsd"], end)[0]
        flat = parameters[0] + parameters[1] * (area[0] / SCALE.area) ** -parameters[2]
        if name == "power":
            assert decayed == pytest.approx(flat)
        else:
            assert decayed < flat - 0.02


def test_the_log_form_is_multi_power_for_a_small_beta():
    exposure = expose(SCHEDULES["cosine"], np.linspace(500, TOTAL, 20), SCALE)
    few = np.asarray(TRUE["log-power"])
    beta = 1e-6
    many = np.concatenate([few, [beta]])
    many[3] /= beta
    np.testing.assert_allclose(multi_power(many, exposure), log_power(few, exposure), rtol=1e-5)


def test_the_convex_bound_is_its_formula():
    eta = np.asarray([0.5, 0.4, 0.4, 0.2, 0.1])
    size = eta.size
    expected = 9 / (2 * eta.sum()) + 4 * (eta**2).sum() / (2 * eta.sum())
    for k in range(size - 1):
        later = eta[k + 1 :].sum()
        expected += 0.5 * eta[k] / later * 4 * (eta[k:] ** 2).sum() / eta[k:].sum()
    assert convex_bound(eta, distance=3, gradient=2) == pytest.approx(expected)
    assert convex_bound(np.append(eta, [0.0, 0.0]), 3, 2) == pytest.approx(expected)


def test_the_convex_bound_prefers_linear_decay_to_a_constant_rate():
    flat = np.ones(1000)
    falling = 1 - np.arange(1000) / 1000

    def best(shape):
        return min(convex_bound(g * shape) for g in np.geomspace(1e-3, 1, 60))

    assert best(falling) < 0.75 * best(flat)


@pytest.mark.parametrize("rates", [[], [0.0, 0.0], [1.0, -1.0], [1.0, np.inf]])
def test_the_convex_bound_refuses_what_is_no_schedule(rates):
    with pytest.raises(ArgumentError):
        convex_bound(np.asarray(rates))
