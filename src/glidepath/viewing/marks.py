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


@dataclass(frozen=True)
class Slot:
    """Where a label goes: in which row, counted from below, and on which side of its mark."""

    row: int
    left: bool


def slots(
    places: Sequence[float], widths: Sequence[float], edge: float | None = None
) -> list[Slot]:
    """Rows and sides for labels, so that no label meets another or the line up to another.

    A label stands to the right of its mark, or to the left where it would leave the axis or cross
    `edge`. The line from the curve up to a label passes all lower rows.

    Args:
        places: the marks, ascending, as shares of the axis.
        widths: of the labels with the gap to their marks, likewise.
        edge: a line across all rows that labels keep off where they can.
    """
    count = len(places)
    left = [_leftwards(place, width, edge) for place, width in zip(places, widths, strict=True)]
    for index in reversed(range(count)):
        # Two that would stand before each other's marks stand on one side, where there is room.
        spans = _spans(places, widths, left)
        facing = (
            _covers(spans[index], places[other]) and _covers(spans[other], places[index])
            for other in range(index + 1, count)
            if left[other] and not left[index]
        )
        if any(facing) and places[index] >= widths[index]:
            left[index] = True
    rows = _rows(places, _spans(places, widths, left))
    return [Slot(row, side) for row, side in zip(rows, left, strict=True)]


def _leftwards(place: float, width: float, edge: float | None) -> bool:
    crosses = edge is not None and place < edge < place + width
    return place + width > 1 or (crosses and place >= width)


def _spans(
    places: Sequence[float], widths: Sequence[float], left: Sequence[bool]
) -> list[tuple[float, float]]:
    return [
        (place - width, place) if side else (place, place + width)
        for place, width, side in zip(places, widths, left, strict=True)
    ]


def _covers(span: tuple[float, float], place: float) -> bool:
    return span[0] <= place <= span[1]


def _rows(places: Sequence[float], spans: Sequence[tuple[float, float]]) -> list[int]:
    """The lowest rows in which a label is above every mark that it covers, and none overlap."""
    count = len(places)
    beneath: list[set[int]] = [set() for _ in range(count)]
    for one in range(count):
        for other in range(one + 1, count):
            if spans[one][1] < spans[other][0] or spans[other][1] < spans[one][0]:
                continue
            covered = _covers(spans[one], places[other])
            if _covers(spans[other], places[one]) and not covered:
                beneath[other].add(one)
            else:
                beneath[one].add(other)
    rows: dict[int, int] = {}
    while len(rows) < count:
        waiting = [index for index in range(count) if index not in rows]
        ready = next((i for i in waiting if beneath[i] <= rows.keys()), waiting[-1])
        for other in beneath[ready] - rows.keys():  # a ring of labels: one of them gives way
            beneath[other].add(ready)
        rows[ready] = 1 + max((rows[i] for i in beneath[ready] if i in rows), default=-1)
    return [rows[index] for index in range(count)]


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
