"""What a Flight puts into the compiled step: a window of its table, and a ring to note into."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from glidepath.backends.keras import ENGINE, live

Columns = dict[str, Any]


class FlightSource:
    """A `Source` that looks the values up by the optimizer's own counter.

    The window and the ring are variables of the optimizer, so that Keras carries them through the
    compiled step on every engine; they are neither saved with it nor there after the flight. The
    window is filled anew for each epoch, so a plan may become longer without a compilation.

    Args:
        optimizer: the optimizer, not attached yet.
        window: per hyperparameter of `names` a row of `size` values, of the updates from the
            place on that `place` gives.
        names: the hyperparameters that are flown from the window.
        size: how many updates the ring holds.
        bounds: per controller on the optimizer's own rate, its factor and its smallest rate.
    """

    def __init__(
        self,
        optimizer: Any,
        window: Any,
        names: tuple[str, ...],
        *,
        size: int,
        bounds: Any = None,
    ) -> None:
        self.names = names
        self.shown = live.hyperparameters(optimizer)
        self.accumulation = optimizer.gradient_accumulation_steps or 1
        self._optimizer = optimizer
        self.size = size
        self.flight: Any = None
        """The callback that flies it."""
        # Not a number until it is noted: where Keras counts an update that no batch made (on
        # TensorFlow, at the end of data of unknown length), the record shows that it was none.
        self._host = np.full((len(self.shown) + 1, size), np.nan, np.float32)
        self._window_host = window
        self._first_host = np.int32(0)
        self._bounds_host = bounds
        if ENGINE != "torch":
            self._window = self._variable(window, "window") if names else None
            self._first = self._variable(self._first_host, "first")
            self._bounds = None if bounds is None else self._variable(bounds, "bounds")
            self._ring = self._variable(self._host, "ring")

    def values(self, optimizer: Any) -> Columns:
        """The values of the update at hand."""
        if ENGINE == "torch":
            return self._values_on_host(optimizer)
        found: Columns = {}
        if self._window is not None:
            at = self._update(optimizer._iterations) - _tensor(self._first)
            row = ops.take(
                _tensor(self._window), ops.clip(at, 0, self._window.shape[1] - 1), axis=1
            )
            found = {name: row[index] for index, name in enumerate(self.names)}
        if self._bounds is not None:
            rate, bounds = _tensor(optimizer.learning_rate), _tensor(self._bounds)
            for index in range(bounds.shape[0]):
                factor, least = bounds[index, 0], bounds[index, 1]
                rate = ops.maximum(rate * factor, ops.minimum(rate, least))
            found["learning_rate"] = rate
        return found

    def applied(self, optimizer: Any, values: Columns) -> None:
        """Note what the optimizer used in the ring."""
        if ENGINE == "torch":
            at = self._place_on_host(optimizer)
            self._host[:-1, at] = [_number(values[name]) for name in self.shown]
            return
        at = self._update(optimizer._iterations) % self.size
        column = ops.stack([ops.cast(values[name], "float32") for name in self.shown])
        self._ring.assign(ops.slice_update(_tensor(self._ring), (0, at), column[:, None]))

    def note_loss(self, optimizer: Any, loss: Any) -> None:
        """Note a batch's loss, after the optimizer counted it; an update's is its batches' mean."""
        every, last = self.accumulation, len(self.shown)
        if ENGINE == "torch":
            batches = int(optimizer._iterations.value) - 1
            at = batches // every % self.size
            kept = 0.0 if batches % every == 0 else self._host[last, at]
            self._host[last, at] = kept + _number(loss) / every
            return
        batches = ops.cast(optimizer._iterations, "int32") - 1
        at = ops.floor_divide(batches, every) % self.size
        ring = _tensor(self._ring)
        kept = ops.where(batches % every == 0, 0.0, ring[last, at])
        new = ops.reshape(kept + ops.cast(loss, "float32") / every, (1, 1))
        self._ring.assign(ops.slice_update(ring, (last, at), new))

    def read(self, first: int, stop: int) -> Columns:
        """What was applied, and "loss", at the updates first, ..., stop − 1."""
        ring = self._host if ENGINE == "torch" else ops.convert_to_numpy(self._ring)
        found = ring[:, np.arange(first, stop) % self.size].astype(np.float64)
        return dict(zip((*self.shown, "loss"), found, strict=True))

    def place(self, first: int, window: Any, bounds: Any = None) -> None:
        """New values for the updates to come, the window's from the update `first` on."""
        self._window_host, self._first_host, self._bounds_host = window, np.int32(first), bounds
        if ENGINE == "torch":
            return
        self._first.assign(self._first_host)
        for variable, values in ((self._window, window), (self._bounds, bounds)):
            if variable is not None:
                variable.assign(values)

    def remove(self) -> None:
        """Take the variables out of the optimizer again."""
        for variable in self._optimizer.__dict__.pop("_glidepath_variables", []):
            self._optimizer._untrack_variable(variable)

    def _values_on_host(self, optimizer: Any) -> Columns:
        found: Columns = {}
        if self.names:
            at = int(optimizer._iterations.value) // self.accumulation - int(self._first_host)
            column = self._window_host[:, min(max(at, 0), self._window_host.shape[1] - 1)]
            found = dict(zip(self.names, column.tolist(), strict=True))
        if self._bounds_host is not None:
            rate = np.float32(_number(optimizer.learning_rate))
            for factor, least in self._bounds_host:
                rate = max(rate * factor, min(rate, least))
            found["learning_rate"] = float(rate)
        return found

    def _place_on_host(self, optimizer: Any) -> int:
        return int(optimizer._iterations.value) // self.accumulation % self.size

    def _update(self, iterations: Any) -> Any:
        return ops.floor_divide(ops.cast(iterations, "int32"), self.accumulation)

    def _variable(self, values: Any, name: str) -> Any:
        variable = self._optimizer.add_variable(
            values.shape, dtype=str(values.dtype), name=f"glidepath_{name}"
        )
        variable.assign(values)
        self._optimizer.__dict__.setdefault("_glidepath_variables", []).append(variable)
        return variable


def _tensor(value: Any) -> Any:
    """A variable's value at this point of the step."""
    return ops.convert_to_tensor(value)


def _number(value: Any) -> float:
    return float(ops.convert_to_numpy(value)) if ops.is_tensor(value) else float(value)
