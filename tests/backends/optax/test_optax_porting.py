"""A policy from another framework warns in Optax where the optimizer makes a difference."""

from __future__ import annotations

import functools
import warnings

import pytest

import glidepath as gp

optax = pytest.importorskip("optax", reason="optax is not installed")
import glidepath.optax  # noqa: E402

KERAS, TORCH = gp.compat.keras.CosineDecay(0.1, 9), gp.compat.torch.CosineAnnealingLR(0.1, 9)
OPTAX = gp.compat.optax.cosine_decay_schedule(0.1, 9)
HEAVY = functools.partial(optax.sgd, momentum=0.9)


def said(make):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", gp.PortingWarning)
        make()
    found = [each for each in found if issubclass(each.category, gp.PortingWarning)]
    assert all(each.filename == __file__ for each in found)
    return " ".join(str(each.message) for each in found)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: glidepath.optax.inject(KERAS, HEAVY, total=9), ["velocity, Optax outside"]),
        (lambda: glidepath.optax.inject(KERAS, optax.sgd, total=9, momentum=0.9), ["optax.sgd"]),
        (lambda: glidepath.optax.Flight(KERAS, 9).inject(HEAVY), ["Momentum"]),
        (lambda: glidepath.optax.inject(TORCH, optax.adamw, total=9), ["not in its AdamW"]),
        (lambda: glidepath.optax.schedule(KERAS, total=9), ["Momentum, with optax.sgd"]),
        (lambda: glidepath.optax.schedule(TORCH, total=9), ["Weight decay, with optax.adamw"]),
    ],
)
def test_momentum_and_weight_decay_are_warned_of(make, words):
    message = said(make)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "make",
    [
        lambda: glidepath.optax.inject(KERAS, optax.sgd, total=9),
        lambda: glidepath.optax.inject(KERAS, optax.adamw, total=9),
        lambda: glidepath.optax.inject(TORCH, HEAVY, total=9),
        lambda: glidepath.optax.inject(OPTAX, HEAVY, total=9),
        lambda: glidepath.optax.schedule(OPTAX, total=9),
        lambda: glidepath.optax.schedule(gp.cosine_decay(0.1, 9), total=9),
    ],
)
def test_what_trains_alike_is_not_warned_of(make):
    assert said(make) == ""
