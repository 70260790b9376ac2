"""What the engines have in common that keep a model's state in its variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from keras import ops, tree

from glidepath.backends.keras.data import Arrays
from glidepath.backends.keras.engine import Rows, StepValues, fresh_metrics, unstacked


class VariablesEngine(ABC):
    """See `Engine`. TensorFlow and torch fill in how a step and an evaluation run."""

    def __init__(self, model: Any, source: StepValues) -> None:
        self.traces = 0
        self.columns: tuple[str, ...] = ()
        self.model = model
        self.source = source
        self.metrics = fresh_metrics(model)
        self._arrays: Any = None
        self._order: Any = None

    @abstractmethod
    def step_on(self, batch: Any, values: Rows) -> Any:
        """Train on a batch."""

    @abstractmethod
    def evaluate_on(self, batch: Any) -> dict[str, Any]:
        """The logs of the evaluation so far, this batch included."""

    def load(self, model: Any) -> None:
        for mine, theirs in zip(state_of(self.model), state_of(model), strict=True):
            mine.assign(theirs.value)

    def place(self, arrays: Arrays) -> None:
        self._arrays = self.batch(arrays.arrays)

    def order(self, order: Any) -> None:
        self._order = ops.convert_to_tensor(order)

    def step_at(self, start: int, size: int, values: Rows) -> Any:
        chosen = self._order[start : start + size]
        batch = tree.map_structure(
            lambda array: None if array is None else ops.take(array, chosen, axis=0), self._arrays
        )
        return self.step_on(batch, values)

    def rows(self, rows: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.asarray([ops.convert_to_numpy(row) for row in rows], dtype=np.float64)

    def batch(self, batch: Any) -> Any:
        return tree.map_structure(
            lambda array: None if array is None else ops.convert_to_tensor(array), batch
        )

    def evaluate(self, batches: Any) -> dict[str, float]:
        self.model.reset_metrics()
        logs: dict[str, Any] = {}
        for batch in batches:
            logs = self.evaluate_on(batch)
        return {name: float(ops.convert_to_numpy(value)) for name, value in logs.items()}

    def losses(self, batches: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        found = []
        for batch in unstacked(batches):
            self.model.reset_metrics()
            found.append(self.evaluate_on(batch).get("loss", np.nan))
        return np.array([ops.convert_to_numpy(loss) for loss in found], np.float64)

    def save(self) -> Any:
        return [np.array(ops.convert_to_numpy(v.value)) for v in state_of(self.model)]

    def restore(self, state: Any) -> None:
        for variable, value in zip(state_of(self.model), state, strict=True):
            variable.assign(value)

    def sync(self) -> None:
        """Nothing to do: the variables are the state."""
        return

    def fresh_metrics(self) -> None:
        """Forget earlier batches, so that the logs are those of the batch to come."""
        for variable, value in zip(self.model.metrics_variables, self.metrics, strict=True):
            variable.assign(value)

    def row(self, logs: dict[str, Any]) -> Any:
        """What was applied and the batch's logs, as one tensor."""
        used = self.source.used
        self.columns = (*used, *logs)
        values = [*used.values(), *logs.values()]
        return ops.stack([ops.cast(value, "float32") for value in values])


def state_of(model: Any) -> list[Any]:
    """The variables that training changes."""
    return [
        *model.trainable_variables,
        *model.non_trainable_variables,
        *model.optimizer.variables,
    ]
