"""Table: what every reader of a log hands on, columns of numbers with gaps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glidepath.analysis.rates import Array
from glidepath.errors import RecordError

LARGEST_FILE = 2**29
"""Logs of more bytes than this are refused."""


@dataclass(frozen=True)
class Table:
    """The rows of a log as columns of numbers, all of one length; NaN where a row has none."""

    columns: Mapping[str, Array]
    kind: str
    """What the log was taken for, in words."""
    notes: tuple[str, ...] = ()
    """What was damaged, and how it was mended."""

    @property
    def length(self) -> int:
        """How many rows it has."""
        return max((column.size for column in self.columns.values()), default=0)


def from_rows(rows: Iterable[Mapping[str, object]], kind: str, notes: tuple[str, ...]) -> Table:
    """A table of rows that each have some of the columns; what is not a number becomes NaN."""
    found: dict[str, dict[int, float]] = {}
    count = 0
    for count, row in enumerate(rows, start=1):
        for name, value in row.items():
            found.setdefault(str(name), {})[count - 1] = number(value)
    columns = {}
    for name, values in found.items():
        column = np.full(count, np.nan)
        column[np.fromiter(values.keys(), np.int64)] = np.fromiter(values.values(), np.float64)
        columns[name] = column
    return Table(columns, kind, notes)


def cells(column: Sequence[str]) -> Array:
    """The numbers in a column of texts; NaN for whatever is not a finite one."""
    try:
        found = np.asarray([cell or "nan" for cell in column]).astype(np.float64)
    except ValueError:
        return np.asarray([number(cell) for cell in column], dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def number(value: object) -> float:
    """A finite float, or NaN for whatever is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def read_bytes(path: Path) -> bytes:
    """A log's bytes; RecordError where it cannot be read or is too large."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise RecordError(
                f"{path} has {size} bytes, more than a log may have ({LARGEST_FILE}); thin it out"
            )
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror or error}") from error
