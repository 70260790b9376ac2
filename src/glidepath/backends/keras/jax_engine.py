"""The trainer's engine on JAX: a jitted pure step over state that stays on the device."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from glidepath.backends.keras.data import Arrays
from glidepath.backends.keras.engine import Rows, StepValues, fresh_metrics, unstacked


class JaxEngine:
    """See `Engine`. The state is donated to each step, so nothing is copied between steps."""

    def __init__(self, model: Any, source: StepValues) -> None:
        self.traces = 0
        self.columns: tuple[str, ...] = ()
        self._model = model
        self._source = source
        self._metrics = fresh_metrics(model)
        self._placed_metrics = [jnp.asarray(value) for value in self._metrics]
        self._judged: tuple[str, ...] = ()
        self._state: Any = None
        self._lent = False
        self._arrays: Any = None
        self._order: Any = None
        compiled = partial(_maybe_jit, model)
        self._step_at = compiled(self._gather_and_step, donate_argnums=0, static_argnums=5)
        self._step_on = compiled(self._step, donate_argnums=0)
        self._test = compiled(self._evaluate)
        self._losses = compiled(self._each_loss)

    def load(self, model: Any) -> None:
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        self._state, self._lent = _copy(tuple([v.value for v in group] for group in groups)), False

    def place(self, arrays: Arrays) -> None:
        self._arrays = self.batch(arrays.arrays)

    def order(self, order: Any) -> None:
        self._order = jnp.asarray(order)

    def step_at(self, start: int, size: int, values: Rows) -> Any:
        self._state, row = self._step_at(
            self._own(), self._arrays, self._order, np.int32(start), values, size
        )
        return row

    def step_on(self, batch: Any, values: Rows) -> Any:
        self._state, row = self._step_on(self._own(), batch, values)
        return row

    def rows(self, rows: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.asarray(jax.device_get(rows), dtype=np.float64)

    def batch(self, batch: Any) -> Any:
        return jax.tree.map(jnp.asarray, batch)

    def losses(self, batches: Any) -> Any:
        return np.asarray(self._losses(self._state[:2], self._placed_metrics, batches), np.float64)

    def evaluate(self, batches: Any) -> dict[str, float]:
        metrics, row = self._placed_metrics, None
        for batch in batches:
            row, metrics = self._test(self._state[0], self._state[1], metrics, batch)
        if row is None:
            return {}
        return dict(zip(self._judged, np.asarray(row).tolist(), strict=True))

    def save(self) -> Any:
        self._lent = True
        return self._state

    def restore(self, state: Any) -> None:
        self._state, self._lent = _again(state), False

    def _own(self) -> Any:
        """The state, copied first where it was saved: a step gives up the buffers it is given."""
        if self._lent:
            self._state, self._lent = _again(self._state), False
        return self._state

    def sync(self) -> None:
        model, state = self._model, _copy(self._state)
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        for variables, values in zip(groups, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _gather_and_step(
        self, state: Any, arrays: Any, order: Any, start: Any, values: Any, size: int
    ) -> Any:
        chosen = jax.lax.dynamic_slice_in_dim(order, start, size)
        batch = jax.tree.map(lambda array: array[chosen], arrays)
        return self._step(state, batch, values)

    def _step(self, state: Any, batch: Any, values: Any) -> Any:
        self.traces += 1
        metrics = [jnp.asarray(value) for value in self._metrics]
        logs, new = self._source.run(
            values, lambda: self._model.train_step((*state, metrics), batch)
        )
        used = self._source.used
        self.columns = (*used, *logs)
        row = [*used.values(), *logs.values()]
        return tuple(new[:3]), jnp.stack([jnp.asarray(item, jnp.float32) for item in row])

    def _evaluate(self, trainable: Any, other: Any, metrics: Any, batch: Any) -> Any:
        logs, state = self._model.test_step((trainable, other, metrics), batch)
        self._judged = tuple(logs)
        row = jnp.stack([jnp.asarray(value, jnp.float32) for value in logs.values()])
        return row, state[2]

    def _each_loss(self, state: Any, metrics: Any, batches: Any) -> Any:
        def one(batch: Any) -> Any:
            logs, _ = self._model.test_step((*state, metrics), batch)
            return jnp.asarray(logs.get("loss", np.nan), jnp.float32)

        if not self._model.run_eagerly:
            return jax.lax.map(one, batches)
        return jnp.stack([one(batch) for batch in unstacked(batches)])


def _copy(state: Any) -> Any:
    """Copies, because a step gives up the buffers of the state that it is given."""
    return jax.tree.map(lambda value: jnp.array(value, copy=True), state)


@jax.jit
def _again(state: Any) -> Any:
    """Copies as well, all in one call."""
    return jax.tree.map(jnp.copy, state)


def _maybe_jit(model: Any, function: Any, **options: Any) -> Any:
    """Compiled, unless the user compiled the model with run_eagerly."""
    return function if model.run_eagerly else jax.jit(function, **options)
