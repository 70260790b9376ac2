"""What the trainer asks of an engine, and the source that it flies its optimizer with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from keras import tree

from glidepath.backends.keras import ENGINE
from glidepath.backends.keras.data import Arrays

Rows = np.ndarray[Any, np.dtype[np.float32]]


class StepValues:
    """A `Source` for one step at a time: the engine puts the values in and takes the applied."""

    notes = True

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.given: dict[str, Any] | None = None
        self.used: dict[str, Any] = {}

    def values(self, optimizer: Any) -> dict[str, Any]:
        """The values of the step that is running; none outside of one."""
        return {} if self.given is None else self.given

    def applied(self, optimizer: Any, values: dict[str, Any]) -> None:
        """Keeps what the optimizer read of itself."""
        self.used = values

    def run(self, values: Any, step: Callable[[], Any]) -> Any:
        """Run (or trace) a step that takes its hyperparameters from `values`, in their order."""
        self.given = {name: values[index] for index, name in enumerate(self.names)}
        try:
            return step()
        finally:
            self.given = None


class Engine(Protocol):
    """One compiled training step and one compiled evaluation of a model, on its state."""

    traces: int
    """How often the training step was traced: once per shape of a batch."""
    columns: tuple[str, ...]
    """What a row of `rows` holds: the applied hyperparameters, then the batch's logs."""

    def load(self, model: Any) -> None:
        """Take the weights, seeds and optimizer slots of a freshly built twin of the model."""
        ...

    def place(self, arrays: Arrays) -> None:
        """Take the training arrays where the steps can gather from them."""
        ...

    def order(self, order: Any) -> None:
        """Take the order of the epoch's examples."""
        ...

    def step_at(self, start: int, size: int, values: Rows) -> Any:
        """Train on the examples at `start` of the order; returns a row, maybe not computed yet."""
        ...

    def step_on(self, batch: Any, values: Rows) -> Any:
        """Train on a batch of NumPy arrays; returns a row, maybe not computed yet."""
        ...

    def rows(self, rows: list[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The rows as numbers, waiting for them where they are still being computed."""
        ...

    def evaluate(self, batches: Any) -> dict[str, float]:
        """The loss and the metrics over batches that `batch` has placed."""
        ...

    def losses(self, batches: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The loss of each of some batches of one shape; NaN where the model says none.

        They are placed as one batch with a further first axis.
        """
        ...

    def batch(self, batch: Any) -> Any:
        """A batch placed where the evaluation wants it."""
        ...

    def save(self) -> Any:
        """A copy of all state that the steps change."""
        ...

    def restore(self, state: Any) -> None:
        """Go back to a copy, which stays good."""
        ...

    def sync(self) -> None:
        """Write the state into the Keras model's variables."""
        ...


def make_engine(model: Any, source: StepValues) -> Engine:
    """The engine that Keras runs on in this process."""
    if ENGINE == "jax":
        from glidepath.backends.keras.jax_engine import JaxEngine

        return JaxEngine(model, source)
    if ENGINE == "tensorflow":
        from glidepath.backends.keras.tensorflow_engine import TensorFlowEngine

        return TensorFlowEngine(model, source)
    from glidepath.backends.keras.torch_engine import TorchEngine

    return TorchEngine(model, source)


def unstacked(batches: Any) -> Iterator[Any]:
    """Batches that were stacked, one after the other."""
    count = examples(batches)
    for index in range(count):
        yield tree.map_structure(
            lambda leaf, index=index: None if leaf is None else leaf[index], batches
        )


def examples(batch: Any) -> int:
    """How many examples a batch has."""
    return int(next(leaf for leaf in tree.flatten(batch) if leaf is not None).shape[0])


def fresh_metrics(model: Any) -> list[Any]:
    """The values of the metrics' variables before any batch, as NumPy arrays."""
    from keras import ops

    model.reset_metrics()
    return [np.array(ops.convert_to_numpy(variable)) for variable in model.metrics_variables]
