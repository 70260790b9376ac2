"""The trainer's engine on TensorFlow: one `tf.function` for the step, one for the evaluation."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from glidepath.backends.keras.engine import Rows, StepValues
from glidepath.backends.keras.variables_engine import VariablesEngine


class TensorFlowEngine(VariablesEngine):
    """See `Engine`; compiled by XLA where the user's model is."""

    def __init__(self, model: Any, source: StepValues) -> None:
        super().__init__(model, source)
        self._compiled_step = self._compile(self._step)
        self._compiled_step_at = self._compile(self._gather_and_step)
        self._compiled_test = self._compile(model.test_step)

    def step_at(self, start: int, size: int, values: Rows) -> Any:
        first, row = tf.constant(start), tf.constant(values)
        return self._compiled_step_at(self._arrays, self._order, first, row, size)

    def step_on(self, batch: Any, values: Rows) -> Any:
        return self._compiled_step(self.batch(batch), tf.constant(values))

    def evaluate_on(self, batch: Any) -> dict[str, Any]:
        logs: dict[str, Any] = self._compiled_test(batch)
        return logs

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
