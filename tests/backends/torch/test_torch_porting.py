"""A policy from another framework warns in PyTorch where the optimizer makes a difference."""

from __future__ import annotations

import warnings

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")
import glidepath.torch  # noqa: E402

KERAS, OPTAX = gp.compat.keras.CosineDecay(0.1, 9), gp.compat.optax.linear_schedule(0.1, 0, 9)
TORCH = gp.compat.torch.CosineAnnealingLR(0.1, 9)
HUGGING = gp.compat.transformers.get_scheduler("cosine", 0.1, 0, 9)


def said(kind, policy, **arguments):
    """The warnings of a scheduler of the policy, each given at the line of this file."""
    optimizer = getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(1))], **arguments)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        glidepath.torch.Scheduler(optimizer, policy, total=9)
    assert all(each.filename == __file__ for each in found)
    assert all(issubclass(each.category, gp.PortingWarning) for each in found)
    return " ".join(str(each.message) for each in found)


@pytest.mark.parametrize(
    ("kind", "policy", "arguments", "words"),
    [
        ("SGD", KERAS, {"lr": 0.1, "momentum": 0.9}, ["rate inside the velocity, torch outside"]),
        ("RMSprop", KERAS, {"momentum": 0.9}, ["Momentum, with RMSprop"]),
        ("SGD", KERAS, {"lr": 0.1, "weight_decay": 0.1}, ["decoupled in Keras's optimizers"]),
        ("Adam", OPTAX, {"weight_decay": 0.1}, ["decoupled in Optax's", "from Optax to torch"]),
        ("SGD", KERAS, {"momentum": 0.9, "weight_decay": 0.1}, ["Momentum", "Weight decay"]),
        ("SGD", gp.Policy(KERAS, momentum=gp.linear(0, 0.9, 9)), {}, ["Find the rate anew"]),
    ],
)
def test_momentum_and_weight_decay_are_warned_of(kind, policy, arguments, words):
    message = said(kind, policy, **arguments)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("kind", "policy", "arguments"),
    [
        ("SGD", KERAS, {"lr": 0.1}),
        ("Adam", KERAS, {}),
        ("AdamW", KERAS, {"weight_decay": 0.1}),
        ("Adam", KERAS, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
        ("SGD", TORCH, {"momentum": 0.9, "weight_decay": 0.1}),
        ("SGD", HUGGING, {"momentum": 0.9, "weight_decay": 0.1}),
        ("SGD", OPTAX, {"momentum": 0.9}),
        ("SGD", gp.cosine_decay(0.1, 9), {"momentum": 0.9, "weight_decay": 0.1}),
    ],
)
def test_what_trains_alike_is_not_warned_of(kind, policy, arguments):
    assert said(kind, policy, **arguments) == ""
