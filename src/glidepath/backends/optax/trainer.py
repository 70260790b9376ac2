"""OptaxTrainer: an Optax task behind Glidepath's `Trainer` protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from glidepath.backends.optax.lanes import Lanes
from glidepath.backends.optax.probe import parts
from glidepath.backends.optax.schedule import injected, parameters_of
from glidepath.backends.optax.task import Task
from glidepath.errors import ArgumentError, TaskError
from glidepath.training.order import epoch_order
from glidepath.training.trainer import Array, Metric, Updates

_ORDERS, _ORDERED = 8, 2**20
"""Epochs whose order is kept, and examples of all that are, where that makes more: trainings from
one seed go through the same ones."""
_KEPT_SEEDS, _KEPT_NUMBERS = 16, 2**23
"""States after `reset` are kept for the next ones: of so many seeds at most, and of so many numbers
all together."""
_EVALUATED = 1024
"""Splits are evaluated in pieces of this many examples."""


@dataclass(frozen=True)
class _Snapshot:
    state: Any
    key: Any
    seed: int
    epoch: int
    batch: int

    def at(self, state: Any) -> _Snapshot:
        """The same place with another state."""
        return replace(self, state=state)


class OptaxTrainer:
    """A `Trainer` that runs one jitted update at a time, dispatched without waiting for it.

    Rate, momentum (b1 in Adam's family) and weight decay are arguments of the update, put into the
    state of `optax.inject_hyperparams` and read back from it. Nothing is compiled again when they
    change, nor by `reset`.

    Args:
        task: the loss, parameters, optimizer and data.

    Raises:
        TaskError: not a task.
    """

    def __init__(self, task: Task) -> None:
        if not isinstance(task, Task):
            raise TaskError(
                f"OptaxTrainer: needs a glidepath.optax.Task, got {type(task).__name__}; give "
                "Task(loss, parameters, optimizer, train, validation)"
            )
        self.task = task
        self.traces = 0
        """How often the update was traced: once per shape of a batch."""
        self._flown = task.flown
        self._metric, self._judge = task.judge
        known = parameters_of(task.optimizer)
        self._optimizer = injected(task.optimizer, known, dict(self._flown.values()), {})
        self._train = jax.tree.map(jnp.asarray, task.arrays("train"))
        self._count = len(jax.tree.leaves(self._train)[0])
        self._size = min(int(task.batch_size), self._count)
        self._placed: dict[str, list[tuple[int, Any]]] = {}
        self._shapes: Any = None
        # `partial`s, so that every trainer counts the traces of its own compilation.
        self._step = jax.jit(partial(self._update), donate_argnums=0, static_argnums=6)
        self._judged = jax.jit(partial(self._evaluate))
        self._probed = jax.jit(jax.vmap(partial(self._evaluate), in_axes=(None, 0)))
        self._probes: dict[int, Any] = {}
        self._orders: dict[tuple[int, int], Any] = {}
        self._lanes = Lanes(self)
        self._fresh: dict[int, _Snapshot] = {}
        self.reset(0)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch, the partial last batch included."""
        return -(-self._count // self._size)

    @property
    def metric(self) -> Metric:
        """The task's metric; else the loss."""
        return self._metric

    @property
    def hyperparameters(self) -> frozenset[str]:
        """What the optimizer's factory takes a number for."""
        return frozenset(self._flown)

    @property
    def parameters(self) -> Any:
        """A copy of the parameters of now."""
        return _copy(self._state[0])

    @property
    def has_test(self) -> bool:
        """Whether the task has test data of its own; else "test" is its validation data."""
        return self.task.test is not None

    def reset(self, seed: int) -> None:
        """Fresh parameters, empty optimizer slots and the data's order, all from `seed`.

        Small states are kept, so that the next reset to a seed need not make them again.
        """
        if seed in self._fresh:
            self.restore(self._fresh[seed])
            return
        weights, self._key = jax.random.split(jax.random.key(seed))
        parameters = _copy(self.task.parameters(weights))
        shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), parameters)
        if self._shapes is not None and shapes != self._shapes:
            raise TaskError(
                "Task: parameters(key) must make the same shapes each time, got others on a later "
                "call; take randomness out of the structure"
            )
        self._shapes = shapes
        self._state = (parameters, _copy(self._optimizer.init(parameters)))
        self._lent = False
        self._seed, self._epoch, self._batch = seed, 0, 0
        self._place_order()
        size = sum(leaf.size for leaf in jax.tree.leaves(self._state))
        most = min(_KEPT_NUMBERS // max(size, 1), _KEPT_SEEDS)
        if most and len(self._fresh) >= most:
            self._fresh.pop(next(iter(self._fresh)))
        if most:
            self._fresh[seed] = self.snapshot()

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """One optimizer update per entry, at the given values in float32.

        Hyperparameters that are not named keep what the factory has by default.

        Raises:
            ArgumentError: no learning rate, one that cannot be flown, or lengths that differ.
        """
        rows = [self._next(row) for row in self._table(values)]
        found = np.asarray(jax.device_get(rows), np.float64).reshape(-1, len(self._flown) + 1)
        applied = {name: found[:, index] for index, name in enumerate(self._flown)}
        return Updates(found[:, -1], applied)

    def evaluate(self, split: str) -> dict[str, float]:
        """The loss and the metric on "validation" or "test"; without test data, the validation's.

        Both are means over the examples.
        """
        if split not in ("train", "validation", "test"):
            raise ArgumentError(
                f"evaluate: split must be 'train', 'validation' or 'test', got {split!r}"
            )
        name = "validation" if split == "test" and self.task.test is None else split
        if name not in self._placed:
            self._placed[name] = list(_pieces(self.task.arrays(name)))
        pieces = self._placed[name]
        rows = [self._judged(self._state[0], batch) for _, batch in pieces]
        found = np.asarray(jax.device_get(rows), np.float64)
        mean = np.average(found, axis=0, weights=[size for size, _ in pieces])
        return {"loss": float(mean[0]), self._metric.name: float(mean[-1])}

    def probe(self, examples: int) -> Array:
        """The losses of parts of the first validation examples; see `glidepath.training.Prober`."""
        if examples not in self._probes:
            self._probes[examples] = parts(self.task.arrays("validation"), examples)
        found = self._probed(self._state[0], self._probes[examples])
        return np.asarray(found, np.float64)[:, 0]

    def advance_lanes(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> tuple[Array, list[Any]]:
        """Several trainings side by side, vmapped; see `glidepath.training.Laner`."""
        return self._lanes.advance(states, values)

    def snapshot(self) -> Any:
        """All state: parameters, optimizer, random key, and the place in the data.

        It is copied only where the next update would give its buffers up.
        """
        self._lent = True
        return _Snapshot(self._state, self._key, self._seed, self._epoch, self._batch)

    def restore(self, state: Any) -> None:
        """Continue from a snapshot of this trainer, bit for bit."""
        if not isinstance(state, _Snapshot):
            raise ArgumentError(
                f"restore: needs what snapshot() returned, got {type(state).__name__}"
            )
        self._state, self._key, self._lent = _again(state.state), state.key, False
        self._seed, self._epoch, self._batch = state.seed, state.epoch, state.batch
        self._place_order()

    def _table(self, values: Mapping[str, Array]) -> Any:
        """The values of every update in float32, in the order that the update wants."""
        unknown = sorted(set(values) - set(self._flown))
        if unknown or "learning_rate" not in values:
            raise ArgumentError(
                "advance: values must name the learning_rate and may name what else the optimizer "
                f"can fly ({', '.join(self._flown)}), got {sorted(values)}"
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
            given.get(name, np.full(count, own, np.float32))
            for name, (_, own) in self._flown.items()
        ]
        return np.stack(columns, axis=1)

    def _next(self, row: Any) -> Any:
        """One update on the next batch; what it returns may not be computed yet."""
        start, size, random = self._take()
        if self._lent:
            self._state, self._lent = _again(self._state), False
        self._state, found = self._step(
            self._state, self._train, self._order, start, row, random, size
        )
        self._turn()
        return found

    def _take(self) -> tuple[Any, int, Any]:
        """Where the next batch begins, its size, and what its random key is made of."""
        start = self._batch * self._size
        done = np.int32(self._epoch * self.steps_per_epoch + self._batch)
        return np.int32(start), min(self._size, self._count - start), (self._key, done)

    def _turn(self) -> None:
        """Move on to the batch after it."""
        self._batch += 1
        if self._batch == self.steps_per_epoch:
            self._epoch, self._batch = self._epoch + 1, 0
            self._place_order()

    def _place_order(self) -> None:
        place = self._seed, self._epoch
        if place not in self._orders:
            if len(self._orders) >= max(_ORDERS, _ORDERED // self._count):
                self._orders.pop(next(iter(self._orders)))
            self._orders[place] = jnp.asarray(epoch_order(*place, self._count))
        self._order = self._orders[place]

    def _update(
        self, state: Any, arrays: Any, order: Any, start: Any, row: Any, random: Any, size: int
    ) -> Any:
        self.traces += 1
        chosen = jax.lax.dynamic_slice_in_dim(order, start, size)
        inputs, targets = jax.tree.map(lambda array: array[chosen], arrays)
        loss: Callable[..., Any] = self.task.loss
        if self.task.keyed:
            loss = partial(loss, key=jax.random.fold_in(*random))
        parameters, slots = state
        value, gradients = jax.value_and_grad(loss)(parameters, inputs, targets)
        names = [argument for argument, _ in self._flown.values()]
        asked = {name: row[index] for index, name in enumerate(names)}
        slots = slots._replace(hyperparams={**slots.hyperparams, **asked})
        changes, slots = self._optimizer.update(gradients, slots, parameters)
        parameters = optax.apply_updates(parameters, changes)
        found = [*(slots.hyperparams[name] for name in names), value]
        return (parameters, slots), jnp.stack([jnp.asarray(item, jnp.float32) for item in found])

    def _evaluate(self, parameters: Any, batch: Any) -> Any:
        loss: Callable[..., Any] = self.task.loss
        if self.task.keyed:
            loss = partial(loss, key=None)
        found = [loss(parameters, *batch)]
        if self._judge is not None:
            found.append(self._judge(parameters, *batch))
        return jnp.stack([jnp.asarray(item, jnp.float32) for item in found])


def _pieces(arrays: Any) -> Any:
    count = len(jax.tree.leaves(arrays)[0])
    for start in range(0, count, _EVALUATED):
        cut = slice(start, start + _EVALUATED)
        piece = jax.tree.map(lambda array, cut=cut: jnp.asarray(array[cut]), arrays)
        yield min(_EVALUATED, count - start), piece


@jax.jit
def _again(state: Any) -> Any:
    """Copies of arrays, all in one call, because an update gives up the buffers it is given."""
    return jax.tree.map(jnp.copy, state)


def _copy(state: Any) -> Any:
    """Copies with types of their own, because an update gives up the buffers that it is given."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, jnp.result_type(leaf), copy=True), state)
