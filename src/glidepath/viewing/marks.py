"""What is marked on a range test, and where its marks go so that none hides another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.finding.result import RangeTest

_LOOKS = {
    "steepest": ("#d17a00", "v", "where the loss falls fastest"),
    "minimum/10": ("#2a78c8", "D", "a tenth of the rate with the lowest loss"),
    "valley": ("#b0559e", "^", "inside the longest fall of the loss (fastai's rule)"),
    "suggested": ("#0b9470", "*", "the one rate to use if one is wanted"),
}
_OTHER = ("#6b7480", "o", "")


@dataclass(frozen=True)
class Mark:
    """A rate that is read off a range test."""

    label: str
    rate: float
    color: str
    marker: str
    meaning: str


def suggestion_marks(result: RangeTest) -> list[Mark]:
    """The suggestions that found a rate, in order of rate."""
    found = [
        Mark(name, value, *_LOOKS.get(name, _OTHER))
        for name, value in result.suggestions.items()
        if value is not None and math.isfinite(value) and value > 0
    ]
    if not any(math.isclose(mark.rate, result.suggested, rel_tol=1e-3) for mark in found):
        found.append(Mark("suggested", result.suggested, *_LOOKS["suggested"]))
    return sorted(found, key=lambda mark: mark.rate)


def meaning(name: str) -> str:
    """What a rule looks for, in a few words."""
    return _LOOKS.get(name, _OTHER)[2]


def lanes(places: Sequence[float], width: float) -> list[int]:
    """A row for each label, so that labels starting at `places` do not overlap; 0 is lowest.

    Args:
        places: where each label begins, ascending, as a share of the axis.
        width: the width of a label, likewise.
    """
    rows: list[int] = [0] * len(places)
    ends: list[float] = []
    for index in reversed(range(len(places))):
        start = places[index]
        for row, begin in enumerate(ends):
            if start + width <= begin:
                rows[index], ends[row] = row, start
                break
        else:
            rows[index] = len(ends)
            ends.append(start)
    return rows


def loss_range(result: RangeTest) -> tuple[float, float]:
    """The part of the loss axis that matters: what comes before the divergence."""
    smoothed = result.smoothed[np.isfinite(result.smoothed)]
    if not smoothed.size:
        return 0.0, 1.0
    lowest = int(smoothed.argmin())
    before = smoothed[: lowest + 1]
    low, high = float(smoothed[lowest]), float(before.max())
    if high - low < 1e-12:
        high = low + (float(np.median(smoothed)) - low or abs(low) or 1.0)
    margin = 0.15 * (high - low)
    return low - margin, high + margin


def value_at(result: RangeTest, rate: float) -> float:
    """The smoothed loss at a rate."""
    keep = np.isfinite(result.smoothed) & (result.rates > 0)
    if not keep.any():
        return math.nan
    return float(np.interp(math.log(rate), np.log(result.rates[keep]), result.smoothed[keep]))
