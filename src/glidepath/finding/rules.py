"""What can be read off a range test: the classic rules, each a function of the smoothed curve.

They see the curve between a tenth of the sweep and five points before where it stopped, as
fastai's do: the start is noise, the end divergence.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping

import numpy as np

from glidepath.finding.smoothing import noise, smooth
from glidepath.training.trainer import Array

EXPONENTIAL, LINEAR = "exponential", "linear"
KINDS = (EXPONENTIAL, LINEAR)
_FEWEST = 5
"""Points that a rule needs."""
_LIGHT = 0.9
"""The smoothing by which is judged whether a curve falls."""
_BEGUN, _DONE = 0.1, 0.9
"""Shares of the whole fall at which the loss has begun to fall, and has nearly stopped."""


def visible(count: int, steps: int) -> slice:
    """The part of `count` measured points, of a sweep of `steps`, that rules look at."""
    return slice(steps // 10, max(count - 5, 0))


def steepest(rates: Array, smoothed: Array, kind: str = EXPONENTIAL) -> float | None:
    """The rate at which the loss falls fastest: against log rate, or against rate if "linear".

    Central differences that know the spacing (`numpy.gradient`), from where the loss has begun to
    fall to its minimum: before that the steepest slope is one of the noise.
    """
    if len(smoothed) < _FEWEST:
        return None
    begin, lowest = _begin(smoothed), int(np.argmin(smoothed))
    part = slice(max(begin - 1, 0), lowest + 1)
    if lowest - begin < 1:
        return None
    positions = np.log(rates[part]) if kind == EXPONENTIAL else rates[part]
    slopes = np.gradient(smoothed[part], positions)
    at = int(np.argmin(slopes))
    return float(rates[part][at]) if slopes[at] < 0 else None


def minimum_tenth(rates: Array, smoothed: Array, kind: str = EXPONENTIAL) -> float | None:
    """A tenth of the rate at which the smoothed loss is lowest (fastai's "minimum")."""
    if len(smoothed) < _FEWEST:
        return None
    return float(rates[np.argmin(smoothed)]) / 10


def valley(rates: Array, smoothed: Array, kind: str = EXPONENTIAL) -> float | None:
    """fastai's "valley": half-way through the longest valley of the curve.

    The valley ends at the first point that ends a longest strictly decreasing subsequence of the
    smoothed losses, and begins as many points before it as that subsequence has; the rate is a
    third into it and half as much again, in whole points. By fastai 2.8's definition, written
    anew; the subsequence is found in O(n log n).
    """
    if len(smoothed) < _FEWEST:
        return None
    lengths = _descents(smoothed)
    longest = max(lengths)
    if longest < 2:
        return None
    begin = lengths.index(longest) - longest
    at = begin + longest // 3 + longest // 6
    return float(rates[max(at, 0)])


def _descents(values: Array) -> list[int]:
    """The length of the longest strictly decreasing subsequence that ends at each value."""
    lowest_ends: list[float] = []  # of the negated values, the least end of each length
    lengths = []
    for value in (-values).tolist():
        at = bisect_left(lowest_ends, value)
        lowest_ends[at : at + 1] = [value]
        lengths.append(at + 1)
    return lengths


Rule = Callable[[Array, Array, str], "float | None"]

RULES: Mapping[str, Rule] = {
    "steepest": steepest,
    "minimum/10": minimum_tenth,
    "valley": valley,
}
"""The rules by the names of `RangeTest.suggestions`."""


def falls(losses: Array, steps: int) -> bool:
    """Whether the loss falls at all, by more than its noise explains.

    From the mean of the first quarter to the lowest of a light moving average (0.9) of what rules
    see, by more than 1 + √(2·ln(n/10)) standard errors of that difference: what the lowest of the
    n/10 independent averages reaches by chance, and one more. It must also lie below the mean of
    the first tenth, which a loss that only rises does not. Pure noise passes one time in twenty.
    """
    lightly = smooth(losses, _LIGHT)[visible(len(losses), steps)]
    if len(lightly) < _FEWEST:
        return False
    lowest = float(lightly.min())
    early, first = (losses[: max(len(losses) // part, 5)] for part in (4, 10))
    error = noise(early) * math.sqrt(1 / len(early) + (1 - _LIGHT) / (1 + _LIGHT))
    chance = 1 + math.sqrt(2 * math.log(max(len(losses) / 10, 1)))
    start = float(early.mean())
    fall = start - lowest
    return lowest < float(first.mean()) and fall > max(chance * error, 1e-9 * abs(start))


def cyclical_bounds(rates: Array, smoothed: Array) -> tuple[float, float]:
    """Base and top rate for cyclical schedules (Smith 2015), from the part that rules look at.

    The base is the rate from which on the loss stays below its start by a tenth of the whole fall
    (it has begun to fall); the top is the first from there by which it has made nine tenths of it,
    short of the minimum, where training turns ragged.
    """
    begin, lowest = _begin(smoothed), int(np.argmin(smoothed))
    start = _start(smoothed)
    least = float(smoothed[lowest])
    done = np.flatnonzero(smoothed[begin : lowest + 1] <= start - _DONE * (start - least))
    top = begin + int(done[0]) if done.size else lowest
    return float(rates[begin]), float(rates[top])


def _start(smoothed: Array) -> float:
    """The level from which the curve falls: the median of its first quarter."""
    return float(np.median(smoothed[: max(len(smoothed) // 4, 1)]))


def _begin(smoothed: Array) -> int:
    """The first point, up to the minimum, from which on a tenth of the fall has been made."""
    lowest, start = int(np.argmin(smoothed)), _start(smoothed)
    limit = start - _BEGUN * (start - float(smoothed[lowest]))
    above = np.flatnonzero(smoothed[: lowest + 1] > limit)
    return min(int(above[-1]) + 1, lowest) if above.size else 0
