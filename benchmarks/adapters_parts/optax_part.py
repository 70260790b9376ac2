"""Optax: a whole training step under jit with Glidepath's schedule, and with Optax's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import glidepath as gp
import glidepath.optax
from adapters_parts.timing import Row, in_turn, row

TOTAL, WARMUP, STEPS, BAR = 10_000, 500, 50, 1.05
SIZES = (64, 64, 64, 10)


def title() -> str:
    return f"Optax {optax.__version__} on JAX {jax.__version__}, a training step under jit"


def rows(rounds: int) -> Iterator[Row]:
    """The table looked up, the formula without an end, and two hyperparameters."""
    policy = gp.linear(0, 0.1, WARMUP) >> gp.cosine_decay(0.1, "rest")
    ours = glidepath.optax.schedule(policy, total=TOTAL)
    native = optax.warmup_cosine_decay_schedule(0.0, 0.1, WARMUP, TOTAL)
    endless = glidepath.optax.schedule(gp.exponential_decay(0.1, 0.9, 1000))
    cycle = gp.Policy(policy, momentum=gp.linear(0.95, 0.85, "100%"))
    both = {"learning_rate": native, "momentum": optax.linear_schedule(0.95, 0.85, TOTAL)}
    yield compare("SGD, table", optax.sgd(ours, 0.9), optax.sgd(native, 0.9), rounds)
    yield compare("Adam, table", optax.adam(ours), optax.adam(native), rounds)
    yield compare(
        "SGD, formula without an end",
        optax.sgd(endless, 0.9),
        optax.sgd(optax.exponential_decay(0.1, 1000, 0.9), 0.9),
        rounds,
    )
    yield compare(
        "SGD, rate and momentum injected",
        glidepath.optax.inject(cycle, optax.sgd, total=TOTAL),
        optax.inject_hyperparams(optax.sgd)(**both),
        rounds,
    )


def compare(name: str, ours: Any, native: Any, rounds: int) -> Row:
    pair = Training(ours), Training(native)
    found = in_turn((pair[0].piece, pair[1].piece), STEPS, 5 * rounds)
    return row(name, found, BAR, pair[0].traces - 1)


def loss(weights: Any, x: Any, y: Any) -> Any:
    for matrix, offset in weights[:-1]:
        x = jax.nn.relu(x @ matrix + offset)
    logits = x @ weights[-1][0] + weights[-1][1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


class Training:
    """A jitted training of a small MLP on one batch."""

    def __init__(self, optimizer: Any) -> None:
        self.traces = 0
        keys = jax.random.split(jax.random.key(0), len(SIZES) - 1)
        self.weights = [
            (jax.random.normal(key, (a, b)) / np.sqrt(a), jnp.zeros(b))
            for key, a, b in zip(keys, SIZES[:-1], SIZES[1:], strict=True)
        ]
        self.state = optimizer.init(self.weights)
        rng = np.random.default_rng(0)
        self.batch = (
            jnp.asarray(rng.normal(size=(40, 64)), jnp.float32),
            jnp.asarray(rng.integers(0, 10, 40)),
        )

        def update(weights: Any, state: Any, x: Any, y: Any) -> Any:
            self.traces += 1
            changes, state = optimizer.update(jax.grad(loss)(weights, x, y), state, weights)
            return optax.apply_updates(weights, changes), state

        self.update = jax.jit(update)

    def piece(self) -> None:
        for _ in range(STEPS):
            self.weights, self.state = self.update(self.weights, self.state, *self.batch)
        jax.block_until_ready(self.weights)
