"""Gradient descent in a bowl: every number that the picture shows."""

import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import regimes
from glidepath.demos.bowl import CONVERGED, START, bowl


def test_the_five_that_every_article_shows():
    found = regimes()
    shown = [(d.scale, d.regime, d.steps) for d in found.descents]
    assert shown == [
        (0.01, "too slow", 692),
        (0.1, "good", 67),
        (0.7, "best", 8),
        (0.99, "oscillating", 341),
        (1.01, "diverging", None),
    ]


@pytest.mark.parametrize("scale", [0.01, 0.3, 0.7, 0.99, 1.01])
def test_a_path_is_the_closed_form(scale):
    """After k steps each parameter is (1 − rate·curvature)^k of its start."""
    (descent,) = regimes([scale], condition=4.0).descents
    k = np.arange(min(60, len(descent.path)))
    for axis, curvature in enumerate((0.25, 1.0)):
        expected = START[axis] * (1 - 2 * scale * curvature) ** k
        np.testing.assert_allclose(descent.path[k, axis], expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(
        descent.losses, bowl(*descent.path.T, (0.25, 1.0)), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("condition", [3.0, 10.0, 100.0])
def test_the_best_rate_by_formula_is_the_best_by_trial(condition):
    """Where both parameters shrink alike: a lower and a higher rate leave more of the start."""
    best = regimes([0.5], condition).best_scale
    assert best == pytest.approx(condition / (condition + 1))
    shrink = [
        np.abs(d.path[6] / d.path[5]).max()
        for d in regimes([0.9 * best, best, 0.5 + 0.5 * best], condition).descents
    ]
    assert shrink[1] < shrink[0] and shrink[1] < shrink[2]
    assert shrink[1] == pytest.approx((condition - 1) / (condition + 1))


@pytest.mark.parametrize("condition", [1.0, 2.5, 50.0])
def test_one_is_the_edge(condition):
    below, on, above = regimes([1 - 1e-3, 1.0, 1 + 1e-3], condition).descents
    assert below.steps is not None
    assert on.regime == "at the edge" and on.steps is None
    np.testing.assert_allclose(np.abs(on.path[:, 1]), START[1])  # for ever from side to side
    assert above.regime == "diverging" and above.losses[-1] > above.losses[0]


def test_steps_count_to_the_first_loss_below_a_millionth():
    for descent in regimes([0.1, 0.7, 0.99]).descents:
        assert descent.steps is not None
        share = descent.losses / descent.losses[0]
        assert share[descent.steps] < CONVERGED <= share[descent.steps - 1]


def test_far_above_the_edge_it_is_gone_in_finite_numbers():
    (descent,) = regimes([10.0]).descents
    assert len(descent.path) < 10
    assert np.isfinite(descent.path).all()


@pytest.mark.parametrize(
    ("rates", "condition", "said"),
    [
        ([], 2.5, "at least one"),
        ([0.0], 2.5, "above 0"),
        ([-1.0], 2.5, "above 0"),
        ([math.nan], 2.5, "finite"),
        ([math.inf], 2.5, "finite"),
        ([11.0], 2.5, "at most 10"),
        ([0.1] * 9, 2.5, "at most 8"),
        ([0.1], 0.5, "condition"),
        ([0.1], math.inf, "condition"),
        (["0.1"], 2.5, "number"),
    ],
)
def test_what_cannot_be_is_refused(rates, condition, said):
    with pytest.raises(gp.ArgumentError, match=said):
        regimes(rates, condition)
