"""Single numbers of a log that its neighbours show to be damaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glidepath.analysis.rates import Array
from glidepath.analysis.reading.table import cells

_FEWEST = 20
"""Rates in a log, below which none is called damaged: its neighbours are too far away."""
_FACTOR = 3.0
_ALIKE = 1.1
_MOST = 2
"""More rates that stand alone than this are a schedule."""
_LOOKED_AT = 20


def lone_rates(when: Array, rates: Array) -> tuple[Array, list[str]]:
    """The rates, with those that stand alone replaced by the line between their neighbours.

    A rate stands alone that is more than three times both its neighbours, or less than a third,
    while these agree within 10 %. A schedule that jumps stays where it jumped to, so it has none;
    one that jumps back and forth has many, and is left as it is.

    Args:
        when: the steps of the rates, rising, shape (n,).
        rates: not negative, shape (n,).

    Returns:
        The rates, and a word on each that was replaced.
    """
    if rates.size < _FEWEST:
        return rates, []
    before, own, after = rates[:-2], rates[1:-1], rates[2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    alike = (low > 0) & (high <= _ALIKE * low)
    at = np.flatnonzero(alike & ((own > _FACTOR * high) | (_FACTOR * own < low))) + 1
    if not 0 < at.size <= _MOST:
        return rates, []
    mended = rates.copy()
    mended[at] = np.interp(when[at], np.delete(when, at), np.delete(rates, at))
    notes = [
        f"the learning rate at step {when[i]:.0f} is {rates[i]:.4g} between {rates[i - 1]:.4g} and "
        f"{rates[i + 1]:.4g}; taken for damage and replaced by {mended[i]:.4g}"
        for i in at
    ]
    return mended, notes


def is_cut(column: Sequence[str]) -> bool:
    """Whether the last cell of a file without a line end looks cut, by the cells above it.

    A cut cell (`9.` of `9.43e-07`) jumps further than three times what the cells before it moved,
    and is either shorter than all of them by two letters or three times as large or small.
    """
    texts = [cell.strip() for cell in column[-1 - _LOOKED_AT :]]
    if len(texts) < 4 or not texts[-1]:
        return False
    values = cells(texts)
    known = np.isfinite(values[:-1])
    earlier, last = values[:-1][known], float(values[-1])
    if earlier.size < 3 or not np.isfinite(last):
        return False
    moved = np.abs(np.diff(earlier))
    if abs(last - earlier[-1]) <= 3 * float(moved.max()):
        return False
    usual = abs(float(earlier[-1]))
    far = abs(last) > _FACTOR * usual or _FACTOR * abs(last) < usual
    shortest = min(len(t) for t, k in zip(texts[:-1], known, strict=True) if k)
    return bool(far or len(texts[-1]) <= shortest - 2)
