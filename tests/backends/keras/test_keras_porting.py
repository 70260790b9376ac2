"""A policy from another framework warns in Keras where the optimizer makes a difference."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import glidepath as gp

keras = pytest.importorskip("keras", reason="keras is not installed")
import glidepath.keras  # noqa: E402

pytestmark = pytest.mark.keras
TORCH, KERAS = gp.compat.torch.CosineAnnealingLR(0.1, 9), gp.compat.keras.CosineDecay(0.1, 9)
OPTAX = gp.compat.optax.cosine_decay_schedule(0.1, 9)


def said(fit):
    """What a fit of two updates warns of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", gp.PortingWarning)
        fit()
    found = [each for each in found if issubclass(each.category, gp.PortingWarning)]
    assert all(each.filename == __file__ for each in found)
    return [str(each.message) for each in found]


def fit(optimizer, callbacks=()):
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=2, callbacks=[*callbacks], verbose=0)


def test_momentum_and_weight_decay_are_warned_of_once():
    flown = [glidepath.keras.Flight(TORCH)]
    (message,) = said(lambda: fit(keras.optimizers.SGD(momentum=0.9, weight_decay=0.1), flown))
    for words in ("Keras keeps the rate inside the velocity, torch outside", "Weight decay", "SGD"):
        assert words in message
    held = glidepath.keras.schedule(OPTAX, 9)
    (message,) = said(lambda: fit(keras.optimizers.SGD(held, momentum=0.9)))
    assert "from Optax to Keras" in message and "Weight decay" not in message


def test_what_trains_alike_is_not_warned_of():
    flown = [glidepath.keras.Flight(KERAS)]
    assert said(lambda: fit(keras.optimizers.SGD(momentum=0.9, weight_decay=0.1), flown)) == []
    assert said(lambda: fit(keras.optimizers.Adam(glidepath.keras.schedule(TORCH, 9)))) == []
