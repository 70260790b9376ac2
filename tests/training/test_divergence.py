"""Divergence: a test that blow-ups fail and healthy runs pass, whatever is added to the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glidepath.training.divergence import DivergenceTest

RNG = np.random.default_rng(0)
NOISE = 0.1 * RNG.normal(size=400)
K = np.arange(400)

HEALTHY = {
    "falling": 2 * np.exp(-K / 100) + NOISE,
    "flat": 2 + NOISE,
    "a spike in mid-run": 2 * np.exp(-K / 100) + NOISE + np.where(K == 200, 1e6, 0),
    "spikes at the start": 2 + NOISE + np.where(K % 5 == 4, 100, 0) * (K < 20),
    "twice as bad, and better again": 2 + NOISE + 2 * np.exp(-(((K - 100) / 40) ** 2)),
    "stuck at four times the start": 0.5 + NOISE + 1.5 * (K > 20),
    "the same with hardly any noise": 0.5 + NOISE / 1e3 + 1.5 * (K > 20),
}
BLOWN_UP = {
    "exponential": 2 + NOISE + 1e-3 * np.exp(np.minimum(K / 10, 300)),
    "after a good start": np.where(K < 200, 2 * np.exp(-K / 50), 1e4) + NOISE,
    "linear": 2 + NOISE + 3.0 * np.maximum(K - 40, 0),
}


def diverged(losses, window=20):
    test = DivergenceTest(window)
    return any(test(losses[at : at + window]) for at in range(0, len(losses), window))


@pytest.mark.parametrize("offset", [0.0, -2.0, -50.0])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy(name, offset):
    assert not diverged(HEALTHY[name] + offset)


@pytest.mark.parametrize("offset", [0.0, -2.0, -50.0])
@pytest.mark.parametrize("name", BLOWN_UP)
def test_blown_up(name, offset):
    assert diverged(BLOWN_UP[name] + offset)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    losses = np.ones(40)
    losses[30] = bad
    assert diverged(losses)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 50))
def test_a_constant_loss_never_diverges(level, scale, window):
    assert not diverged(np.full(100, level * scale), window)
