"""Keras: a whole training step of `model.fit` with a policy, and with Keras's CosineDecay.

Both fits run at the same time in threads that take turns, an epoch each, so that neither begins
anew and what a machine does meanwhile touches both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

import glidepath as gp
import glidepath.keras
from adapters_parts.timing import Row, row

STEPS, BATCH, BAR = 100, 40, 1.05
LONG, WARMUP = 100_000, 5_000
POLICY = gp.linear(0, 0.1, WARMUP) >> gp.cosine_decay(0.1, "rest")


def title() -> str:
    return f"Keras {keras.__version__} on {keras.backend.backend()}, a training step of fit"


def rows(rounds: int) -> Iterator[Row]:
    """The callback and the schedule, each against CosineDecay with its warm-up."""
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(1)
    yield compare("Flight", lambda: (0.1, [glidepath.keras.Flight(POLICY.plan(LONG))]), rounds)
    yield compare("schedule", lambda: (glidepath.keras.schedule(POLICY, LONG), []), rounds)


def native() -> tuple[Any, list[Any]]:
    """Keras's own schedule of the policy."""
    decay = keras.optimizers.schedules.CosineDecay(
        0.0, LONG - WARMUP, warmup_target=0.1, warmup_steps=WARMUP
    )
    return decay, []


class Counting(keras.layers.Layer):
    """Counts how often a model is traced; without a compiler it is called at every step."""

    traces = 0

    def call(self, inputs: Any) -> Any:
        self.traces += 1
        return inputs


class Turns(keras.callbacks.Callback):
    """Trains an epoch while the other waits, and takes the time of it."""

    def __init__(self, mine: threading.Semaphore, other: threading.Semaphore) -> None:
        super().__init__()
        self.mine, self.other = mine, other
        self.seconds: list[float] = []
        self.traced: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.mine.acquire()
        self.start = time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds.append(time.process_time() - self.start)
        self.traced.append(self.model.layers[0].traces)
        self.other.release()


def compare(name: str, ours: Callable[[], tuple[Any, list[Any]]], rounds: int) -> Row:
    batons = threading.Semaphore(1), threading.Semaphore(0)
    turns = [Turns(batons[0], batons[1]), Turns(batons[1], batons[0])]
    fits = [
        fit_of(make, turn, rounds + 2) for make, turn in zip((ours, native), turns, strict=True)
    ]
    threads = [threading.Thread(target=fit) for fit in fits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [[1e6 * seconds / STEPS for seconds in turn.seconds[2:]] for turn in turns]
    compiler = keras.backend.backend() != "torch"
    compiled = turns[0].traced[-1] - turns[0].traced[1] if compiler else None
    return row(name, (found[0], found[1]), BAR, compiled)


def fit_of(
    make: Callable[[], tuple[Any, list[Any]]], turn: Turns, epochs: int
) -> Callable[[], object]:
    """A fit that is ready to begin."""
    keras.utils.set_random_seed(0)
    rate, callbacks = make()
    layers = [keras.Input((64,)), Counting()]
    layers += [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH * STEPS, 64)).astype("float32")
    y = rng.integers(0, 10, BATCH * STEPS)
    return lambda: model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[*callbacks, turn],
    )
