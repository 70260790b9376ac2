"""KerasTrainer: a Keras task behind Glidepath's `Trainer` protocol."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from glidepath.backends.keras import ENGINE, live
from glidepath.backends.keras.build import build, same_shapes
from glidepath.backends.keras.data import Arrays, Node, Tape
from glidepath.backends.keras.engine import StepValues, make_engine
from glidepath.backends.keras.metric import metric_of
from glidepath.backends.keras.probe import Probe
from glidepath.backends.keras.task import Task
from glidepath.errors import ArgumentError, TaskError
from glidepath.training.trainer import Array, Metric, Updates

_EVALUATED_BYTES = 2**26
"""Arrays are evaluated in pieces of about this size."""


_ORDERS, _ORDERED = 8, 2**20
"""Epochs whose order is kept, and examples of all that are, where that makes more: trainings from
one seed go through the same ones."""
_KEPT_WEIGHTS = 2**22
_KEPT_SEEDS = 16
"""States after `reset` are kept for the next ones: of so many seeds at most, and of so many weights
all together."""


@dataclass(frozen=True)
class _Fresh:
    """The state right after a reset to a seed."""

    engine: Any
    generators: tuple[Any, ...]


@dataclass(frozen=True)
class _Snapshot:
    engine: Any
    seed: int
    epoch: int
    batch: int
    node: Node | None
    generators: tuple[Any, ...]


class KerasTrainer:
    """A `Trainer` that runs a task's own training step, one compiled step for all runs.

    The step is the model's `train_step`, so losses, metrics, custom steps and gradient
    accumulation are Keras's. Learning rate, momentum (beta_1 in Adam's family) and weight decay are
    arguments of the compiled step. `reset` builds a new model from the seed and copies its state
    into the one that was compiled.

    Args:
        task: the model and its data.

    Raises:
        TaskError: the model is not compiled, has no optimizer, or the data have no length.
    """

    def __init__(self, task: Task) -> None:
        if not isinstance(task, Task):
            raise TaskError(
                f"KerasTrainer: needs a glidepath.keras.Task, got {type(task).__name__}; "
                "give Task(model, train, validation)"
            )
        self.task = task
        self._train = task.source("train")
        self._model = build(task, self._train)
        optimizer = self._model.optimizer
        self._names = live.hyperparameters(optimizer)
        self._own = {
            name: float(keras.ops.convert_to_numpy(live.read(optimizer, name)))
            for name in self._names
        }
        self._accumulated = optimizer.gradient_accumulation_steps or 1
        if self._train.batches < self._accumulated:
            raise TaskError(
                f"Task: an epoch has {self._train.batches} batches and an update takes "
                f"{self._accumulated} (gradient_accumulation_steps); use smaller batches"
            )
        self._metric = metric_of(self._model)
        source = StepValues(self._names)
        live.attach(optimizer, source)
        self._engine = make_engine(self._model, source)
        self._placed: dict[str, list[Any]] = {}
        self._probes: dict[int, Probe] = {}
        self._orders: dict[tuple[int, int], Any] = {}
        self._tape: Tape | None = None
        self._fresh: dict[int, _Fresh] = {}
        if isinstance(self._train, Arrays):
            self._engine.place(self._train)
        else:
            self._tape = Tape(self._train)
        self.reset(0)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch: its batches, the partial last one included, per update.

        With accumulation an update takes several batches, and those left over at the end of an
        epoch count towards the next one's.
        """
        return self._train.batches // self._accumulated

    @property
    def metric(self) -> Metric:
        """The model's first compiled metric beside the loss; else the loss."""
        return self._metric

    @property
    def hyperparameters(self) -> frozenset[str]:
        """What the optimizer, as it was compiled, can fly."""
        return frozenset(self._names)

    @property
    def traces(self) -> int:
        """How often the training step was traced: once per shape of a batch."""
        return self._engine.traces

    @property
    def model(self) -> Any:
        """The Keras model with the weights and slots of now."""
        self._engine.sync()
        return self._model

    @property
    def batch_size(self) -> int | None:
        """Examples in a batch of training arrays; None for a data set with batches of its own."""
        return getattr(self._train, "batch_size", None)

    @property
    def has_test(self) -> bool:
        """Whether the task has test data of its own; else "test" is its validation data."""
        return self.task.test is not None

    def reset(self, seed: int) -> None:
        """Fresh weights, empty slots and the data's order, all from `seed`.

        Sets Python's, NumPy's and the engine's global seeds. The same seed gives the same run bit
        for bit on arrays; a data set that shuffles must draw from those generators for the same.
        A small model's states are kept, so that the next reset to a seed need not build it again.
        """
        keras.utils.set_random_seed(seed)
        kept = self._fresh.get(seed)
        if kept is not None:
            self._engine.restore(kept.engine)
            _set_generators(kept.generators)
        else:
            fresh = build(self.task, self._train)
            same_shapes(self._model, fresh)
            self._engine.load(fresh)
            most = min(_KEPT_WEIGHTS // max(fresh.count_params(), 1), _KEPT_SEEDS)
            if most and len(self._fresh) >= most:
                self._fresh.pop(next(iter(self._fresh)))
            if most:
                self._fresh[seed] = _Fresh(self._engine.save(), _generators())
        self._seed, self._epoch, self._batch = seed, 0, 0
        if self._tape is not None:
            self._tape.rewind()
        self._place_order()

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """One optimizer update per entry, at the given values in float32.

        Hyperparameters that are not named keep what the optimizer was compiled with.

        Raises:
            ArgumentError: no learning rate, one that cannot be flown, or lengths that differ.
        """
        table = self._table(values)
        rows = [row for update in table for row in self._update(update)]
        if not rows:
            empty = np.empty(0)
            return Updates(empty, dict.fromkeys(self._names, empty))
        found = self._engine.rows(rows)
        columns = dict(zip(self._engine.columns, found.T, strict=True))
        every = self._accumulated
        applied = {name: columns.pop(name)[every - 1 :: every] for name in self._names}
        logs = {name: column.reshape(-1, every).mean(axis=1) for name, column in columns.items()}
        losses = logs.pop("loss", np.full(len(table), np.nan))
        return Updates(losses, applied, logs)

    def evaluate(self, split: str) -> dict[str, float]:
        """The loss and the metrics on "validation" or "test"; without test data, the validation's.

        On data sets every pass draws from the data set anew.
        """
        if split not in ("train", "validation", "test"):
            raise ArgumentError(
                f"evaluate: split must be 'train', 'validation' or 'test', got {split!r}"
            )
        name = "validation" if split == "test" and self.task.test is None else split
        if name not in self._placed:
            source = self.task.source(name)
            if not isinstance(source, Arrays):
                return self._engine.evaluate(map(self._engine.batch, source.epoch()))
            self._placed[name] = [self._engine.batch(piece) for piece in _pieces(source)]
        return self._engine.evaluate(self._placed[name])

    def probe(self, examples: int) -> Array:
        """The losses of parts of the first validation examples; see `glidepath.training.Prober`."""
        if examples not in self._probes:
            source = self.task.source("validation")
            self._probes[examples] = Probe(source, self._engine, examples)
        return self._probes[examples].losses()

    def snapshot(self) -> Any:
        """All state; for data sets it keeps the batches drawn after it, to draw them again."""
        node = None if self._tape is None else self._tape.node
        return _Snapshot(
            self._engine.save(), self._seed, self._epoch, self._batch, node, _generators()
        )

    def restore(self, state: Any) -> None:
        """Continue from a snapshot of this trainer, bit for bit."""
        if not isinstance(state, _Snapshot):
            raise ArgumentError(
                f"restore: needs what snapshot() returned, got {type(state).__name__}"
            )
        self._engine.restore(state.engine)
        self._seed, self._epoch, self._batch = state.seed, state.epoch, state.batch
        if self._tape is not None:
            assert state.node is not None
            self._tape.node = state.node
        self._place_order()
        _set_generators(state.generators)

    def _table(self, values: Mapping[str, Array]) -> Any:
        """The values of every update in float32, in the order that the step wants."""
        live.refuse_unflown(self._model.optimizer, values)
        if "learning_rate" not in values:
            raise ArgumentError(
                f"advance: values must name the learning_rate, got {sorted(values)}; add it"
            )
        given = {name: np.asarray(column, np.float32) for name, column in values.items()}
        shapes = {column.shape for column in given.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ArgumentError(
                "advance: every hyperparameter needs an array of the same length, got "
                f"{ {name: column.shape for name, column in given.items()} }"
            )
        count = len(given["learning_rate"])
        columns = [
            given.get(name, np.full(count, self._own[name], np.float32)) for name in self._names
        ]
        return np.stack(columns, axis=1)

    def _update(self, values: Any) -> Iterator[Any]:
        """The rows of the batches that make one update."""
        for _ in range(self._accumulated):
            if isinstance(self._train, Arrays):
                start, size = self._batch * self._train.batch_size, self._train.size(self._batch)
                yield self._engine.step_at(start, size, values)
                self._batch += 1
                if self._batch == self._train.batches:
                    self._epoch, self._batch = self._epoch + 1, 0
                    self._place_order()
            else:
                assert self._tape is not None
                yield self._engine.step_on(self._tape.draw(), values)

    def _place_order(self) -> None:
        if not isinstance(self._train, Arrays):
            return
        place = self._seed, self._epoch
        if place not in self._orders:
            if len(self._orders) >= max(_ORDERS, _ORDERED // self._train.count):
                self._orders.pop(next(iter(self._orders)))
            self._orders[place] = self._engine.batch(self._train.order(*place))
        self._engine.order(self._orders[place])


def _pieces(source: Arrays) -> Iterator[Any]:
    """The arrays in pieces of bounded size, in their own order."""
    leaves = [leaf for leaf in keras.tree.flatten(source.arrays) if leaf is not None]
    row = sum(leaf.nbytes // source.count for leaf in leaves) + 1
    size = max(1, min(source.count, _EVALUATED_BYTES // row // 16))
    for start in range(0, source.count, size):
        cut = slice(start, start + size)
        yield keras.tree.map_structure(
            lambda leaf, cut=cut: None if leaf is None else leaf[cut], source.arrays
        )


def _generators() -> tuple[Any, ...]:
    """The states of the generators that user code may draw from."""
    found: tuple[Any, ...] = (random.getstate(), np.random.get_state())
    if ENGINE == "torch":
        import torch

        found = (*found, torch.get_rng_state())
    return found


def _set_generators(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    if ENGINE == "torch":
        import torch

        torch.set_rng_state(states[2])
