"""The step in the loss when the rate drops."""

import sys

import numpy as np
import pytest

import glidepath as gp
from glidepath.demos import decay, network


@pytest.fixture(scope="module")
def found():
    return decay(updates=1000, seeds=3)


def test_the_loss_falls_with_the_rate_and_not_without(found):
    drop = found.drops[0]
    assert drop.update == 500
    assert drop.after < 0.75 * drop.before
    assert drop.fixed_before - drop.fixed_after < 0.5 * (drop.before - drop.after)


def test_the_runs_are_the_same_until_the_first_drop(found):
    fixed, dropped = found.runs
    np.testing.assert_array_equal(fixed.trained.losses[:, :501], dropped.trained.losses[:, :501])
    assert (fixed.trained.losses[:, 501:520] != dropped.trained.losses[:, 501:520]).all()
    assert found.drops[0].before == found.drops[0].fixed_before


def test_the_windows_are_beside_the_drop(found):
    """Eighty updates before; eighty after, from the 26th on."""
    _, dropped = found.runs
    drop = found.drops[1]
    assert drop.before == pytest.approx(dropped.trained.losses[:, 670:750].mean())
    assert drop.after == pytest.approx(dropped.trained.losses[:, 776:856].mean())


def test_the_rates_are_the_plans(found):
    expected = gp.piecewise_constant([0.8, 0.08, 0.008], ["50%", "75%"]).plan(1000).table()
    np.testing.assert_allclose(found.runs[1].rates, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": 0.0}, "above 0"),
        ({"rate": 3.0}, "at most 2"),
        ({"factor": 1.0}, "below 1"),
        ({"updates": 10}, "at least 200"),
        ({"updates": 10**6}, "at most 20000"),
        ({"seeds": 0}, "at least 1"),
        ({"seeds": 21}, "at most 20"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(gp.ArgumentError, match=said):
        decay(**change)


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    network.digits.cache_clear()
    with pytest.raises(gp.MissingExtraError, match=r"glidepath\[demo\]"):
        decay(updates=200, seeds=1)
