"""Mini-batches around a minimum: the floor that theory expects, and what a decay makes of it."""

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import noise
from glidepath.demos.batches import SEEDS


@pytest.fixture(scope="module")
def found():
    return noise()


def test_a_fixed_rate_stays_at_the_floor_that_theory_expects(found):
    fixed, _ = found.runs
    late = fixed.excess[:, 100:].mean()
    assert late == pytest.approx(found.floor, rel=0.15)


@pytest.mark.parametrize(("change", "share"), [({"rate": 0.15}, 0.5), ({"batch_size": 8}, 0.5)])
def test_half_the_rate_or_twice_the_batch_is_half_the_floor(found, change, share):
    other = noise(**change, steps=1000).runs[0].excess[:, 200:].mean()
    assert other / found.runs[0].excess[:, 100:].mean() == pytest.approx(share, rel=0.2)


def test_a_decay_settles_where_the_fixed_rate_wanders(found):
    fixed, cosine = found.runs
    assert fixed.end / cosine.end > 8
    assert fixed.end == pytest.approx(fixed.excess[:, -50:].mean())


def test_both_see_the_same_batches_and_fly_what_they_say(found):
    fixed, cosine = found.runs
    np.testing.assert_allclose(fixed.paths[:, 1], cosine.paths[:, 1])  # the first rate is the same
    np.testing.assert_array_equal(fixed.rates, gp.constant(0.3).plan(500).table())
    np.testing.assert_array_equal(cosine.rates, gp.cosine_decay(0.3, "100%").plan(500).table())
    assert fixed.paths.shape == (SEEDS, 501, 2)


def test_the_excess_is_the_loss_above_the_least_there_is(found):
    """At the minimum it is zero, and a step away it is half the distance's curvature."""
    fixed, _ = found.runs
    off = fixed.paths[3, 7] - np.array(found.minimum)
    assert fixed.excess[3, 7] == pytest.approx(off @ found.curvature @ off / 2)
    assert fixed.excess.min() >= 0


def test_the_same_seed_is_the_same_run():
    one, again, other = noise(steps=20), noise(steps=20), noise(steps=20, seed=1)
    np.testing.assert_array_equal(one.runs[0].paths, again.runs[0].paths)
    assert not np.array_equal(one.runs[0].paths, other.runs[0].paths)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": 0.0}, "above 0"),
        ({"rate": 0.9}, "at most 0.8"),
        ({"rate": float("nan")}, "finite"),
        ({"batch_size": 0}, "at least 1"),
        ({"batch_size": 257}, "at most 256"),
        ({"steps": 0}, "at least 1"),
        ({"steps": 10**9}, "at most 5000"),
        ({"seed": -1}, "at least 0"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(gp.ArgumentError, match=said):
        noise(**change)
