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


def looked_up(policy, kind="SGD", **arguments):
    """What an optimizer's first look at a schedule of the policy warns of."""
    optimizer = getattr(keras.optimizers, kind)(glidepath.keras.schedule(policy, 9), **arguments)
    return said(lambda: [optimizer.learning_rate for _ in range(2)])


def test_a_schedule_warns_once_by_the_optimizer_that_asks():
    (message,) = looked_up(OPTAX, momentum=0.9)
    assert "from Optax to Keras" in message and "Weight decay" not in message
    assert looked_up(KERAS, momentum=0.9, weight_decay=0.1) == []
    assert looked_up(TORCH, "Adam") == looked_up(TORCH) == []
