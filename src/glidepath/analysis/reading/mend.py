"""Putting a log's rows in order: unsorted, duplicated, resumed, not finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glidepath.analysis.rates import Array

_LARGEST = float(2**53)


def series(step: Array, values: Array, what: str) -> tuple[Array, Array, list[str]]:
    """A series with rising steps and finite values, and a word on each thing that was mended.

    A log that goes back to an earlier step a few times is one that was resumed: what the later
    part repeats replaces the earlier. One that goes back often is only unsorted.

    Args:
        step: updates of each row; NaN where the row has none.
        values: NaN where the row has none, which is no damage.
        what: the series in words.
    """
    notes: list[str] = []
    given = np.isfinite(values)
    good = given & usable(step)
    lost = int(np.sum(given & ~good))
    if lost:
        notes.append(f"{lost} values of the {what} have no usable step and are left out")
    step, values = np.round(step[good]), values[good]
    back = np.flatnonzero(np.diff(step) < 0) + 1
    if back.size and back.size <= max(3, 0.02 * step.size):
        keep = _after_resumes(step, back)
        notes.append(
            f"the {what} goes back {'once' if back.size == 1 else f'{back.size} times'}, as a "
            "resumed run does; the later part counts"
        )
        step, values = step[keep], values[keep]
    elif back.size:
        notes.append(f"the rows of the {what} were not sorted by step; sorted")
    order = np.argsort(step, kind="stable")
    step, values = step[order], values[order]
    last = np.append(np.diff(step) > 0, True) if step.size else np.zeros(0, dtype=bool)
    repeated = int(np.sum(~last))
    if repeated:
        notes.append(f"{repeated} steps of the {what} appear twice; the last entry counts")
    return step[last], values[last], notes


def usable(step: Array) -> NDArray[np.bool_]:
    """Which steps can be numbers of updates: a mask."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(step) & (step >= 0) & (step < _LARGEST))


def _after_resumes(step: Array, back: NDArray[np.intp]) -> Array:
    """Which rows were not run again later: a mask."""
    lowest_later = np.minimum.accumulate(step[::-1])[::-1]
    keep = np.ones(step.size, dtype=bool)
    for at in back:
        keep[:at] &= step[:at] < lowest_later[at]
    return keep
