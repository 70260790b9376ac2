"""A run whose log lies in several files, because it was stopped and went on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from glidepath.analysis.rates import Array
from glidepath.analysis.reading.table import Table
from glidepath.errors import RecordError


def joined(tables: Sequence[Table]) -> Table:
    """The rows of several tables, one after the other; what one lacks is NaN there."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns = {
        name: np.concatenate(
            [table.columns.get(name, np.full(table.length, np.nan)) for table in tables]
        )
        for name in names
    }
    notes = tuple(note for table in tables for note in table.notes)
    return Table(columns, tables[0].kind, notes)


def ordered(
    table: Table, steps: Array, names: Sequence[str], sizes: Sequence[int]
) -> tuple[Table, Array]:
    """The joined rows and their steps with the part that begins first in front.

    Args:
        table: what `joined` gave.
        steps: updates done at each of its rows.
        names: of the parts.
        sizes: the rows of each part.

    Raises:
        RecordError: two parts begin at the same step, so neither continues the other.
    """
    ends = np.cumsum(sizes)
    rows = [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    first = [float(np.nanmin(steps[part], initial=np.inf)) for part in rows]
    order = sorted(range(len(rows)), key=lambda part: first[part])
    for one, two in itertools.pairwise(order):
        if first[one] == first[two]:
            raise RecordError(
                f"{names[one]} and {names[two]} both begin at step {first[one]:.0f}, so neither "
                "continues the other; if the later one counts anew, add the updates done before "
                "to its steps; if they are two runs, give each by itself"
            )
    index = np.concatenate([rows[part] for part in order])
    columns = {name: column[index] for name, column in table.columns.items()}
    return Table(columns, table.kind, table.notes), steps[index]


def epoch_length(epochs: Array, steps: Array) -> int | None:
    """Updates in an epoch, where a log counts both epochs and updates; None where it is unclear.

    Fractional epochs give it by their ratio to the steps, whole ones by how far the last steps of
    consecutive epochs lie apart.
    """
    good = np.isfinite(epochs) & np.isfinite(steps) & (epochs >= 0) & (steps >= 0)
    epochs, steps = epochs[good], steps[good]
    if np.any(epochs != np.round(epochs)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = steps[epochs > 0.05] / epochs[epochs > 0.05]
        ratio = float(np.median(ratios)) if ratios.size else 0.0
        alike = bool(np.all(np.abs(ratios / ratio - 1) < 0.02)) if ratio > 0 else False
        return round(ratio) if alike and ratio >= 1 else None
    numbers = np.unique(epochs)
    if numbers.size < 3 or numbers.size > 100_000:
        return None
    order = np.lexsort((steps, epochs))
    last = steps[order][np.append(np.flatnonzero(np.diff(epochs[order])), epochs.size - 1)]
    apart, whole = np.diff(last)[:-1], np.diff(numbers)[:-1]
    lengths = np.unique(apart / whole)
    known = lengths.size == 1 and float(lengths[0]) >= 1 and float(lengths[0]).is_integer()
    return int(lengths[0]) if known else None
