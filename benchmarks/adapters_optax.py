"""The cost of a training step under jit: Glidepath's Optax schedule against the native one.

    python benchmarks/adapters_optax.py

One process, the same update and the same data, rounds alternated; the median of the rounds' ratios.
Bar: at most 1.05 of the whole training step, and one trace.
"""

from __future__ import annotations

import statistics
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import glidepath as gp
import glidepath.optax

TOTAL, WARMUP, STEPS, ROUNDS, BAR = 10_000, 500, 300, 41, 1.05
SIZES = (64, 64, 64, 10)


def parameters():
    keys = jax.random.split(jax.random.key(0), len(SIZES) - 1)
    return [
        (jax.random.normal(key, (a, b)) / np.sqrt(a), jnp.zeros(b))
        for key, a, b in zip(keys, SIZES[:-1], SIZES[1:], strict=True)
    ]


def loss(weights, x, y):
    for matrix, offset in weights[:-1]:
        x = jax.nn.relu(x @ matrix + offset)
    logits = x @ weights[-1][0] + weights[-1][1]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


class Training:
    """A jitted training of the digits' MLP on one batch."""

    def __init__(self, optimizer) -> None:
        self.traces = 0
        self.weights = parameters()
        self.state = optimizer.init(self.weights)
        rng = np.random.default_rng(0)
        self.batch = (
            jnp.asarray(rng.normal(size=(40, 64)), jnp.float32),
            jnp.asarray(rng.integers(0, 10, 40)),
        )

        def update(weights, state, x, y):
            self.traces += 1
            changes, state = optimizer.update(jax.grad(loss)(weights, x, y), state, weights)
            return optax.apply_updates(weights, changes), state

        self.update = jax.jit(update)

    def round(self) -> float:
        """Seconds per step."""
        began = time.perf_counter()
        for _ in range(STEPS):
            self.weights, self.state = self.update(self.weights, self.state, *self.batch)
        jax.block_until_ready(self.weights)
        return (time.perf_counter() - began) / STEPS


def compare(name, ours, native) -> bool:
    """Prints one row; whether it is within the bar."""
    pair = Training(ours), Training(native)
    for training in pair:
        training.round()
    seconds = []
    for index in range(ROUNDS):  # alternated, and each of them first as often as the other
        order = (0, 1) if index % 2 else (1, 0)
        row = {which: pair[which].round() for which in order}
        seconds.append((row[0], row[1]))
    ratio = statistics.median(mine / theirs for mine, theirs in seconds)
    fastest = [1e6 * min(column) for column in zip(*seconds, strict=True)]
    traces = pair[0].traces
    print(f"{name:<34}{fastest[0]:>10.1f}{fastest[1]:>10.1f}{ratio:>9.3f}{traces:>8}")
    return ratio <= BAR and traces == 1


def main() -> int:
    policy = gp.linear(0, 0.1, WARMUP) >> gp.cosine_decay(0.1, "rest")
    ours = glidepath.optax.schedule(policy, total=TOTAL)
    native = optax.warmup_cosine_decay_schedule(0.0, 0.1, WARMUP, TOTAL)
    endless = glidepath.optax.schedule(gp.exponential_decay(0.1, 0.9, 1000))
    cycle = gp.Policy(policy, momentum=gp.linear(0.95, 0.85, "100%"))
    both = {"learning_rate": native, "momentum": optax.linear_schedule(0.95, 0.85, TOTAL)}
    print(f"{'µs per training step':<34}{'Glidepath':>10}{'native':>10}{'ratio':>9}{'traces':>8}")
    good = [
        compare("SGD, table", optax.sgd(ours, 0.9), optax.sgd(native, 0.9)),
        compare("Adam, table", optax.adam(ours), optax.adam(native)),
        compare(
            "SGD, formula without an end",
            optax.sgd(endless, 0.9),
            optax.sgd(optax.exponential_decay(0.1, 1000, 0.9), 0.9),
        ),
        compare(
            "SGD, rate and momentum injected",
            glidepath.optax.inject(cycle, optax.sgd, total=TOTAL),
            optax.inject_hyperparams(optax.sgd)(**both),
        ),
    ]
    print(f"bar: {BAR} of the whole training step, one trace: {'met' if all(good) else 'MISSED'}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
