"""The rules of range tests on curves whose answers are worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glidepath.finding.rules import (
    cyclical_bounds,
    falls,
    minimum_tenth,
    steepest,
    valley,
    visible,
)
from glidepath.finding.smoothing import noise, smooth

RATES = np.geomspace(1e-6, 10, 100)
curves = hnp.arrays(np.float64, st.integers(5, 60), elements=st.floats(-1e3, 1e3))


def rates_for(curve):
    return np.geomspace(1e-6, 10, len(curve))


# --- smoothing -----------------------------------------------------------------------------------


def test_smoothing_by_hand():
    # m = 0.5·0 + 0.5·4 = 2, /0.5 = 4; m = 1 + 0.5·8 = 5, /0.75; m = 2.5 + 0.5·0 = 2.5, /0.875.
    np.testing.assert_allclose(smooth(np.array([4.0, 8, 0]), 0.5), [4, 5 / 0.75, 2.5 / 0.875])


@given(
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6)), st.floats(0, 0.99)
)
def test_smoothing_is_the_weighted_mean(losses, beta):
    last = len(losses) - 1
    weights = beta ** (last - np.arange(len(losses)))
    expected = (weights * losses).sum() / weights.sum()
    assert smooth(losses, beta)[-1] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_no_smoothing_is_the_losses():
    np.testing.assert_array_equal(smooth(np.array([3.0, -1, 2]), 0.0), [3, -1, 2])


def test_noise_is_the_standard_deviation_despite_trend_and_outliers():
    losses = np.random.default_rng(0).normal(scale=0.3, size=2000) + 1e-3 * np.arange(2000)
    losses[::100] += 100
    assert noise(losses) == pytest.approx(0.3, rel=0.1)
    assert noise(np.array([1.0])) == 0.0


# --- what rules see ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "steps", "expected"), [(100, 100, (10, 95)), (40, 100, (10, 35)), (3, 100, (10, 0))]
)
def test_the_start_and_the_end_are_hidden(count, steps, expected):
    assert visible(count, steps) == slice(*expected)


# --- the rules -----------------------------------------------------------------------------------


def test_a_tenth_of_the_minimum():
    curve = (np.log10(RATES / RATES[60])) ** 2
    assert minimum_tenth(RATES, curve) == pytest.approx(RATES[60] / 10)


def test_the_steepest_descent_of_a_logistic_curve_is_its_middle():
    curve = -1 / (1 + np.exp(-4 * np.log(RATES / RATES[55])))
    assert steepest(RATES, curve) == pytest.approx(RATES[55])


def test_against_the_rate_itself_the_steepest_descent_is_another():
    rates = np.linspace(0.01, 1, 100)
    curve = -1 / (1 + np.exp(-20 * (rates - 0.5)))
    assert steepest(rates, curve, "linear") == pytest.approx(0.5, abs=0.01)
    # Against log rate the slope is x·f'(x), whose largest value lies above 0.5.
    x = np.linspace(0.01, 1, 9901)
    f = -1 / (1 + np.exp(-20 * (x - 0.5)))
    expected = x[np.argmin(x * np.gradient(f, x))]
    assert steepest(rates, curve, "exponential") == pytest.approx(expected, abs=0.012)
    assert steepest(rates, curve, "exponential") > steepest(rates, curve, "linear")


def test_noise_before_the_fall_is_not_the_steepest_descent():
    curve = np.concatenate([np.full(60, 2.0), np.linspace(2, 1, 40)])
    curve[20] = 2.09  # a jump, and down again steeper than the fall
    assert steepest(RATES, curve) >= RATES[58]


def brute_valley(rates, curve):
    """The definition as it stands: the quadratic search, and the place in it."""
    lengths = [1] * len(curve)
    for i in range(len(curve)):
        for j in range(i):
            if curve[i] < curve[j]:
                lengths[i] = max(lengths[i], lengths[j] + 1)
    end = int(np.argmax(lengths))  # the first
    length = lengths[end]
    third = length / 3
    return rates[max(end - length + int(third) + int(third / 2), 0)], length


def test_the_valley_by_hand():
    #        0  1  2  3  4  5  6  7  8  9
    curve = [5, 6, 5, 4, 3, 2, 1, 0, 3, 9]
    # The longest descent, 6 5 4 3 2 1 0, has seven points and ends at 7: 7 − 7 + 2 + 1 = 3.
    assert valley(RATES[:10], np.array(curve, float)) == RATES[3]


def test_the_valley_skips_over_bumps():
    #        0  1  2  3  4  5  6  7
    curve = [9, 8, 9, 7, 9, 6, 5, 9]
    # 9 8 7 6 5 ends at 6 with five points: 6 − 5 + 1 + 0 = 2.
    assert valley(RATES[:8], np.array(curve, float)) == RATES[2]


@given(curves)
def test_the_valley_is_that_of_the_definition(curve):
    rates = rates_for(curve)
    expected, length = brute_valley(rates, curve)
    assert valley(rates, curve) == (expected if length > 1 else None)


@given(curves, st.floats(-1e3, 1e3))
def test_rules_stay_inside_or_say_none(curve, offset):
    rates = rates_for(curve)
    for rule in (steepest, valley):
        found = rule(rates, curve + offset)
        assert found is None or rates[0] <= found <= rates[-1]
    assert rates[0] / 10 <= minimum_tenth(rates, curve) <= rates[-1] / 10
    low, high = cyclical_bounds(rates, curve)
    assert rates[0] <= low <= high <= rates[np.argmin(curve)]


@given(
    hnp.arrays(np.float64, st.integers(5, 60), elements=st.integers(-50, 50)), st.integers(-9, 9)
)
def test_rules_do_not_care_what_is_added_to_the_loss(curve, offset):
    rates = rates_for(curve)
    for rule in (steepest, valley, minimum_tenth):
        assert rule(rates, curve) == rule(rates, curve + offset)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_points_give_nothing(count):
    for rule in (steepest, valley, minimum_tenth):
        assert rule(RATES[:count], np.arange(count, 0, -1.0)) is None


@pytest.mark.parametrize("rule", [steepest, valley])
def test_a_curve_that_only_rises_gives_nothing(rule):
    assert rule(RATES, np.arange(100.0)) is None


def test_the_bounds_are_a_tenth_and_nine_tenths_of_the_fall():
    curve = np.concatenate([np.full(40, 5.0), np.linspace(5, 4, 41)[1:], np.full(20, 9.0)])
    low, high = cyclical_bounds(RATES, curve)
    # Point 40 + i has fallen by (i + 1)/40: a tenth at i = 3, nine tenths at i = 35.
    assert (low, high) == (RATES[43], RATES[75])


# --- does it fall at all? ------------------------------------------------------------------------


def test_noise_does_not_fall():
    found = [falls(np.random.default_rng(seed).normal(2, 0.5, 100), 100) for seed in range(300)]
    assert np.mean(found) < 0.07  # one in twenty, as documented


def test_a_fall_by_more_than_the_noise_is_seen():
    trend = np.concatenate([np.zeros(50), np.linspace(0, -1, 40), np.full(10, 3.0)])
    found = [
        falls(np.random.default_rng(seed).normal(2, 0.4, 100) + trend, 100) for seed in range(100)
    ]
    assert np.mean(found) > 0.97


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (np.full(100, 2.0), False),
        (np.arange(100.0), False),
        (np.arange(100.0, 0, -1), True),
        (-np.arange(100.0), True),
        (2 - 1e-13 * np.arange(100), False),
        (np.array([3.0, 2, 1]), False),
        (np.full(100, math.pi) - np.where(np.arange(100) > 50, 1e-3, 0), True),
    ],
)
def test_falling_without_noise(losses, expected):
    assert falls(losses, 100) is expected
