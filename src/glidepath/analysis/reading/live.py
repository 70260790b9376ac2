"""Keras's `History` as it is in memory, or a plain dict of lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from glidepath.analysis.reading.table import Table
from glidepath.errors import ArgumentError, RecordError

_EPOCHS = ("epoch", "step")


class HistoryLike(Protocol):
    """What `fit` of Keras returns: a list per metric in `history`, one value per epoch."""

    @property
    def history(self) -> Mapping[str, Any]:
        """A list per metric."""
        ...


Log = Path | str | Mapping[str, Sequence[float]] | HistoryLike
"""What one part of a run can be read from."""


def from_memory(log: Mapping[str, Sequence[float]] | HistoryLike) -> tuple[Table, int | None]:
    """A history as a table, and the updates in an epoch where it knows them.

    `History.epoch` numbers the rows, which begin later where `initial_epoch` was given. A dict
    without a column of epochs or steps has one row per epoch.

    Raises:
        ArgumentError: neither a dict of lists nor an object with one as `history`.
        RecordError: it has no values, or lists of different lengths.
    """
    found = log if isinstance(log, Mapping) else getattr(log, "history", None)
    if not isinstance(found, Mapping):
        raise ArgumentError(
            f"read_run: needs a path, a Keras History or a dict of lists, got {type(log).__name__}"
        )
    columns = {str(name): _column(str(name), values) for name, values in found.items()}
    lengths = {name: column.size for name, column in columns.items()}
    if max(lengths.values(), default=0) == 0:
        raise RecordError("the history has no values; call fit first, or give its file")
    if len(set(lengths.values())) > 1:
        raise RecordError(f"the history's lists differ in length: {lengths}")
    count = next(iter(lengths.values()))
    if not any(name in columns for name in _EPOCHS):
        numbers = np.asarray(getattr(log, "epoch", None) or range(count), dtype=np.float64)
        if numbers.shape != (count,):
            raise RecordError(
                f"the history has {count} values per metric and {numbers.size} epochs; read it "
                "after fit has ended"
            )
        columns["epoch"] = numbers + 1  # epochs done
    params = getattr(log, "params", None)
    steps = params.get("steps") if isinstance(params, Mapping) else None
    return Table(columns, "Keras history"), steps if isinstance(steps, int) and steps > 0 else None


def _column(name: str, values: object) -> np.ndarray:
    """A list of numbers, with NaN for None and for what is not finite."""
    try:
        given = [math.nan if value is None else float(value) for value in values]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise RecordError(f"{name!r} of the history is no list of numbers: {error}") from error
    column = np.asarray(given, dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)
