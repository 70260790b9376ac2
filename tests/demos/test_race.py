"""Six optimizers, each at its own best rate."""

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import optimizers
from glidepath.demos.race import MINIMUM, START, _best, shapes, valley, valley_slope
from glidepath.demos.rules import RULES


@pytest.fixture(scope="module")
def found():
    return optimizers(updates=0)


def test_all_six_race_under_both_schedules(found):
    assert [(r.optimizer, r.schedule) for r in found.landscape] == [
        (name, schedule) for name in RULES for schedule in ("fixed", "cosine")
    ]
    assert found.digits == ()


def test_the_best_rates_differ_by_orders_of_magnitude(found):
    rates = {r.optimizer: r.rate for r in found.landscape if r.schedule == "fixed"}
    assert rates["momentum"] < rates["sgd"] < rates["adagrad"] < rates["adadelta"]
    assert max(rates.values()) / min(rates.values()) > 1000
    assert not any(r.at_edge for r in found.landscape)


def test_the_noise_keeps_a_fixed_rate_above_what_a_cosine_reaches(found):
    ends = {(r.optimizer, r.schedule): r.end for r in found.landscape}
    assert all(ends[name, "cosine"] < ends[name, "fixed"] for name in RULES)
    assert all(end < 0.05 for end in ends.values())  # from 6.9 at the start


def test_the_slope_is_the_valleys():
    places = np.random.default_rng(0).normal(0, 2, (50, 2))
    x, y = places.T
    small = 1e-6
    expected = np.stack(
        [
            (valley(x + small, y) - valley(x - small, y)) / (2 * small),
            (valley(x, y + small) - valley(x, y - small)) / (2 * small),
        ],
        axis=1,
    )
    np.testing.assert_allclose(valley_slope(places), expected, atol=1e-6)
    np.testing.assert_array_equal(valley_slope(np.array(MINIMUM)), 0)
    assert valley(*map(np.array, MINIMUM)) == 0


def test_sgd_without_noise_goes_down_the_slope_by_the_rate():
    race = optimizers(steps=50, updates=0, noise=0.0)
    (fixed, cosine) = race.landscape[:2]
    for raced in (fixed, cosine):
        np.testing.assert_array_equal(raced.path[0], START)
        rates = raced.rate * shapes(50)[raced.schedule]
        expected = -rates[:, None] * valley_slope(raced.path[:-1])
        np.testing.assert_allclose(np.diff(raced.path, axis=0), expected, atol=1e-12)
    np.testing.assert_array_equal(fixed.losses, np.tile(fixed.losses[0], (8, 1)))


def test_the_best_rate_has_the_lowest_mean_and_did_not_diverge():
    nan, inf = np.nan, np.inf
    assert _best(np.array([[3.0, 3.0], [1.0, 2.0], [0.0, nan], [inf, 0.0]])) == 1


def test_on_the_digits_the_rate_is_chosen_on_other_seeds():
    race = optimizers(steps=10, updates=60)
    sgd = race.digits[0]
    assert sgd.losses.shape == (4, 20) and sgd.evaluated.tolist() == list(range(3, 63, 3))
    assert sgd.accuracy.shape == (4,) and (sgd.accuracy > 0.2).all()
    assert sgd.end == pytest.approx(sgd.losses[:, -1].mean())
    assert race.digits[-1].optimizer == "adam" and race.digits[-1].rate < sgd.rate


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 5}, "at least 10"),
        ({"steps": 6000}, "at most 5000"),
        ({"updates": -1}, "at least 0"),
        ({"noise": -0.1}, "0 or above"),
        ({"noise": float("inf")}, "finite"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(gp.ArgumentError, match=said):
        optimizers(**change)
