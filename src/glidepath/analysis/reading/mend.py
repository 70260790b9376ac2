"""Putting a log's rows in order: unsorted, duplicated, resumed, not finite."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from glidepath.analysis.rates import Array

_LARGEST = float(2**53)
_EVEN = 0.75
"""Rows that lie closer than this share of their usual distance do not fill gaps evenly."""


def series(step: Array, values: Array, what: str) -> tuple[Array, Array, list[str]]:
    """A series with rising steps and finite values, and a word on each thing that was mended.

    A log that goes back to an earlier step a few times is one that was resumed: what the later
    part repeats replaces the earlier. One that goes back often, or whose rows fit into each other
    without overlap, is only unsorted.

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
    if back.size and back.size <= max(3, 0.02 * step.size) and not _only_unsorted(step, back):
        keep = _after_resumes(step, back)
        notes.append(_went_back(step, values, back, keep, what))
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


def _only_unsorted(step: Array, back: NDArray[np.intp]) -> bool:
    """Whether the rows are blocks without overlap, or fill each other's gaps evenly.

    A resumed run repeats steps, or comes between them; rows that were only swapped do neither.
    """
    blocks = sorted(np.split(step, back), key=lambda block: float(block[0]))
    if all(one[-1] < two[0] for one, two in itertools.pairwise(blocks)):
        return True
    apart = np.diff(np.sort(step))
    return bool(apart.min() > 0 and apart.min() >= _EVEN * np.median(apart))


def _went_back(step: Array, values: Array, back: NDArray[np.intp], keep: Array, what: str) -> str:
    """A word on a log that goes back: a resumed run, or two runs in one file."""
    left = step.size - int(np.sum(keep))
    rows = f"{left} {'row' if left == 1 else 'rows'}"
    at = int(back[-1])
    if step[at] <= step[:at].min():
        both = min(at, step.size - at)
        again = f"the {what} begins again at its first step"
        if np.array_equal(values[:both], values[at : at + both]):
            return f"{again}; the last time counts, and {rows} before it are left out"
        return (
            f"{again}, as two runs in one file do; the last "
            f"one counts and the {rows} before it are left out; split the file and read each "
            "run by itself (if the last one went on where the one before ended, add the steps "
            "or epochs done until then to its own)"
        )
    times = "once" if back.size == 1 else f"{back.size} times"
    return (
        f"the {what} goes back {times}, as a resumed run does; the later part counts, and {rows} "
        "of the earlier are left out"
    )


def _after_resumes(step: Array, back: NDArray[np.intp]) -> Array:
    """Which rows were not run again later: a mask."""
    lowest_later = np.minimum.accumulate(step[::-1])[::-1]
    keep = np.ones(step.size, dtype=bool)
    for at in back:
        keep[:at] &= step[:at] < lowest_later[at]
    return keep
