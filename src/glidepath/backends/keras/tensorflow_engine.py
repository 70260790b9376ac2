"""The trainer's engine on TensorFlow: one `tf.function` for the step, one for the evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from glidepath.backends.keras.engine import Rows, StepValues, examples
from glidepath.backends.keras.variables_engine import VariablesEngine, state_of


class TensorFlowEngine(VariablesEngine):
    """See `Engine`; compiled by XLA where the user's model is."""

    def __init__(self, model: Any, source: StepValues) -> None:
        super().__init__(model, source)
        self._compiled_step = self._compile(self._step)
        self._compiled_step_at = self._compile(self._gather_and_step)
        self._compiled_test = self._compile(model.test_step)
        self._compiled_losses = self._compile(self._losses)
        self._compiled_save = tf.function(self._save, autograph=False)
        self._compiled_restore = tf.function(self._restore, autograph=False)

    def step_at(self, start: int, size: int, values: Rows) -> Any:
        first, row = tf.constant(start), tf.constant(values)
        return self._compiled_step_at(self._arrays, self._order, first, row, size)

    def step_on(self, batch: Any, values: Rows) -> Any:
        return self._compiled_step(self.batch(batch), tf.constant(values))

    def evaluate_on(self, batch: Any) -> dict[str, Any]:
        logs: dict[str, Any] = self._compiled_test(batch)
        return logs

    def losses(self, batches: Any) -> Any:
        return self._compiled_losses(batches).numpy().astype("float64")

    def save(self) -> Any:
        return self._compiled_save()

    def restore(self, state: Any) -> None:
        self._compiled_restore(state)

    def _losses(self, batches: Any) -> Any:
        """Each in turn, the metrics forgotten before it."""

        def one(index: Any) -> Any:
            self.fresh_metrics()
            batch = tf.nest.map_structure(lambda a: None if a is None else a[index], batches)
            return tf.cast(self.model.test_step(batch).get("loss", np.nan), tf.float32)

        kept = tf.autograph.experimental.do_not_convert(one)
        # One at a time: they share the metrics' variables.
        return tf.map_fn(
            kept, tf.range(examples(batches)), fn_output_signature=tf.float32, parallel_iterations=1
        )

    def _save(self) -> list[Any]:
        return [tf.identity(variable.value) for variable in state_of(self.model)]

    def _restore(self, state: list[Any]) -> None:
        for variable, value in zip(state_of(self.model), state, strict=True):
            variable.assign(value)

    def _gather_and_step(self, arrays: Any, order: Any, start: Any, values: Any, size: int) -> Any:
        chosen = tf.slice(order, [start], [size])
        batch = tf.nest.map_structure(
            lambda array: None if array is None else tf.gather(array, chosen), arrays
        )
        return self._step(batch, values)

    def _step(self, batch: Any, values: Any) -> Any:
        self.traces += 1
        self.fresh_metrics()
        logs = self.source.run(values, lambda: self.model.train_step(batch))
        return self.row(logs)

    def _compile(self, function: Any) -> Any:
        if self.model.run_eagerly:
            return function
        kept = tf.autograph.experimental.do_not_convert(function)
        return tf.function(kept, jit_compile=bool(self.model.jit_compile))
