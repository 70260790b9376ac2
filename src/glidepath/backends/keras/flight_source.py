"""What a Flight puts into the compiled step: a window of its table, and a ring to note into."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from glidepath.backends.keras import ENGINE, live

Columns = dict[str, Any]

_NEVER = -np.inf
"""In the ring until an update is noted, and read as NaN.

Where Keras counts an update that no batch made (on TensorFlow, at the end of data of unknown
length), the record shows that it was none. NaN itself would not do: of several processes JAX makes
sure that all place the same values.
"""


class FlightSource:
    """A `Source` that looks the values up by the optimizer's own counter.

    The window and the ring are variables of the optimizer, so that Keras carries them through the
    compiled step on every engine; they are neither saved with it nor there after the flight. The
    value of the update u stands at u mod `size`, so a plan may become longer without a compilation.
    What the optimizer used is noted only where somebody wants it: a variable more that every step
    writes costs a small model some percent.

    Args:
        optimizer: the optimizer, not attached yet.
        names: the hyperparameters that are flown from the window.
        size: the window's places; one of them is kept for the last update.
        noted: how many updates the ring holds; 0 for no ring.
        bounds: per controller on the optimizer's own rate, its factor and its smallest rate.
    """

    def __init__(
        self,
        optimizer: Any,
        names: tuple[str, ...],
        *,
        size: int,
        noted: int,
        bounds: Any = None,
    ) -> None:
        self.names = names
        self.shown = live.hyperparameters(optimizer)
        self.accumulation = optimizer.gradient_accumulation_steps or 1
        self._optimizer = optimizer
        self.size, self._noted = size, noted
        self.notes = noted > 0
        """Whether it wants to know what was applied."""
        self.first = self.stop = 0
        """The window holds the updates first, ..., stop − 1."""
        self.flight: Any = None
        """The callback that flies it."""
        self._host = np.full((len(self.shown) + 1, noted), _NEVER, np.float32)
        self._window_host = np.zeros((len(names), size), np.float32)
        self._bounds_host = bounds
        if ENGINE != "torch":
            self._window = self._variable(self._window_host, "window") if names else None
            self._bounds = None if bounds is None else self._variable(bounds, "bounds")
            self._ring = self._variable(self._host, "ring") if noted else None

    def values(self, optimizer: Any) -> Columns:
        """The values of the update at hand."""
        if ENGINE == "torch":
            return self._values_on_host(optimizer)
        found: Columns = {}
        if self._window is not None:
            column = self._looked_up(self._update(optimizer._iterations))
            found = {name: column[index] for index, name in enumerate(self.names)}
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
            at = self._at_on_host(optimizer) % self._noted
            self._host[:-1, at] = [_number(values[name]) for name in self.shown]
            return
        assert self._ring is not None
        at = self._update(optimizer._iterations) % self._noted
        column = ops.stack([ops.cast(values[name], "float32") for name in self.shown])
        self._ring.assign(ops.slice_update(_tensor(self._ring), (0, at), column[:, None]))

    def note_loss(self, optimizer: Any, loss: Any) -> None:
        """Note a batch's loss, after the optimizer counted it; an update's is its batches' mean."""
        every, last = self.accumulation, len(self.shown)
        if ENGINE == "torch":
            batches = int(optimizer._iterations.value) - 1
            at = batches // every % self._noted
            kept = 0.0 if batches % every == 0 else self._host[last, at]
            self._host[last, at] = kept + _number(loss) / every
            return
        assert self._ring is not None
        batches = ops.cast(optimizer._iterations, "int32") - 1
        at = ops.floor_divide(batches, every) % self._noted
        ring = _tensor(self._ring)
        kept = ops.where(batches % every == 0, 0.0, ring[last, at])
        new = ops.reshape(kept + ops.cast(loss, "float32") / every, (1, 1))
        self._ring.assign(ops.slice_update(ring, (last, at), new))

    def read(self, first: int, stop: int) -> Columns:
        """What was applied, and "loss", at the updates first, ..., stop − 1, from the ring."""
        ring = self._host if ENGINE == "torch" else ops.convert_to_numpy(self._ring)
        found = ring[:, np.arange(first, stop) % self._noted].astype(np.float64)
        found[:, found[0] == _NEVER] = np.nan
        return dict(zip((*self.shown, "loss"), found, strict=True))

    def last(self, update: int) -> dict[str, float]:
        """What the last update was given: noted, or as it stands in the window."""
        if self.notes:
            found = self.read(update, update + 1)
            return {name: float(found[name][0]) for name in self.shown}
        column = self._window_host[:, update % self.size].tolist()
        return dict(zip(self.names, column, strict=True))

    def holds(self, first: int, stop: int) -> bool:
        """Whether the window has the values of these updates."""
        return self.first <= first and stop <= self.stop

    def place(self, first: int, rows: Any, bounds: Any = None) -> None:
        """New values for the updates to come.

        Args:
            first: the update that the rows begin with; the one before it stays as it is.
            rows: per hyperparameter `size` − 1 values.
            bounds: of the controllers, where they are on the optimizer's own rate.
        """
        self.first, self.stop, self._bounds_host = first, first + self.size - 1, bounds
        # An array of its own: JAX may read one where it is, later.
        self._window_host = self._window_host.copy()
        self._window_host[:, np.arange(first, self.stop) % self.size] = rows
        if ENGINE == "torch":
            return
        for variable, values in ((self._window, self._window_host), (self._bounds, bounds)):
            if variable is not None:
                variable.assign(values)

    def remove(self) -> None:
        """Take the variables out of the optimizer again."""
        for variable in self._optimizer.__dict__.pop("_glidepath_variables", []):
            self._optimizer._untrack_variable(variable)

    def _values_on_host(self, optimizer: Any) -> Columns:
        found: Columns = {}
        if self.names:
            column = self._window_host[:, self._at_on_host(optimizer) % self.size]
            found = dict(zip(self.names, column.tolist(), strict=True))
        if self._bounds_host is not None:
            rate = np.float32(_number(optimizer.learning_rate))
            for factor, least in self._bounds_host:
                rate = max(rate * factor, min(rate, least))
            found["learning_rate"] = float(rate)
        return found

    def _looked_up(self, update: Any) -> Any:
        """The window's column of an update.

        XLA would look it up anew for every weight, in each kernel that uses it; out of a branch,
        which is always the same one, it takes the numbers.
        """
        window, at = _tensor(self._window), update % self.size
        shape = (len(self.names), 1)
        return ops.cond(
            update >= 0,
            lambda: ops.slice(window, (0, at), shape)[:, 0],
            lambda: ops.slice(window, (0, 0), shape)[:, 0],
        )

    def _at_on_host(self, optimizer: Any) -> int:
        return int(optimizer._iterations.value) // self.accumulation

    def _update(self, iterations: Any) -> Any:
        count = ops.cast(iterations, "int32")
        return count if self.accumulation == 1 else ops.floor_divide(count, self.accumulation)

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
