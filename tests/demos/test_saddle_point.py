"""A saddle: steps to escape, which a formula knows too."""

import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import saddle
from glidepath.demos.saddle_point import ESCAPED, SLOPE, START, height


def by_name(found):
    return {run.name: run for run in found.escapes}


def test_steps_to_escape():
    runs = by_name(saddle())
    assert {name: run.steps for name, run in runs.items()} == {
        "fixed, low": 321,
        "fixed, mean": 56,
        "fixed, high": None,
        "triangular": 59,
    }
    assert [name for name, run in runs.items() if run.diverged] == ["fixed, high"]


@pytest.mark.parametrize("rate", [0.1, 0.4, 1.0])
def test_a_low_rate_leaves_as_slowly_as_the_linear_theory_says(rate):
    """Near the saddle a step multiplies y by 1 + rate·slope."""
    run = by_name(saddle(low=rate, steps=1000))["fixed, low"]
    expected = math.log(ESCAPED / START[1]) / math.log1p(rate * SLOPE)
    assert run.steps == pytest.approx(expected, rel=0.05)
    k = np.arange(20)
    np.testing.assert_allclose(run.path[k, 1], START[1] * (1 + rate * SLOPE) ** k, rtol=1e-3)


def test_each_step_goes_down_the_slope_by_the_rate():
    """The gradient by differences, at every place of every path that has not diverged."""
    for run in saddle().escapes:
        if run.diverged:
            continue
        x, y = run.path[:-1].T
        small = 1e-6
        slope = np.stack(
            [
                (height(x + small, y) - height(x - small, y)) / (2 * small),
                (height(x, y + small) - height(x, y - small)) / (2 * small),
            ],
            axis=1,
        )
        np.testing.assert_allclose(
            np.diff(run.path, axis=0), -run.rates[:, None] * slope, atol=1e-8
        )


def test_the_cycle_visits_rates_past_the_edge_and_stays():
    runs = by_name(saddle(high=2.4))
    assert runs["triangular"].rates.max() == 2.4 and not runs["triangular"].diverged
    assert runs["fixed, high"].diverged and runs["fixed, high"].steps is None
    np.testing.assert_array_equal(
        runs["triangular"].rates, gp.triangular(0.2, 2.4, 12).plan(400).table()
    )


def test_what_left_the_saddle_and_then_the_valley_has_not_escaped():
    """Just above the edge the walls win late, long after the saddle lies behind."""
    run = by_name(saddle(high=2.05))["fixed, high"]
    assert np.abs(run.path[:, 1]).max() > ESCAPED
    assert run.diverged and run.steps is None


def test_what_does_not_escape_in_time_has_no_steps():
    assert by_name(saddle(steps=100))["fixed, low"].steps is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"low": 0.0}, "above 0"),
        ({"low": 3.0}, "above low"),
        ({"high": math.inf}, "finite"),
        ({"high": 6.0}, "at most 5"),
        ({"half_cycle": 0}, "at least 1"),
        ({"steps": 20_000}, "at most 10000"),
        ({"steps": 1.5}, "integer"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(gp.ArgumentError, match=said):
        saddle(**change)
