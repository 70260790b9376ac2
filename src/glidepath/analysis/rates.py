"""The learning rate of a run, compressed: what the loss laws need of a schedule and no more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glidepath.errors import ArgumentError
from glidepath.schedules import Plan

Array = NDArray[np.float64]

_GRID = 20_000
"""Plans of more updates than this are sampled; shorter ones are taken as they are."""
_MARKS = 10_000
SMALLEST = 1e-3
"""Rates below this share of the peak count as this share where a law divides by the rate."""


@dataclass(frozen=True)
class Drops:
    """Changes of the rate after its warm-up, at most a few hundred of them.

    Each entry gathers neighbouring updates at which the rate moved in one direction, weighted by
    how far it moved. A rise is a drop of negative size.
    """

    step: Array
    """The update at which the rate changed."""
    size: Array
    """η before − η after."""
    rate: Array
    """η after, never below `SMALLEST` times the peak."""
    area: Array
    """Sum of the rates of all updates before the change."""


@dataclass(frozen=True)
class RateCurve:
    """A learning rate over updates, piecewise linear between integer knots.

    Args:
        steps: the knots, rising integers from 0; the rate holds after the last.
        rates: the rate of the update at each knot, finite and not negative.
        total: updates in the run.
    """

    steps: Array
    rates: Array
    total: int

    def __post_init__(self) -> None:
        steps, rates = self.steps, self.rates
        if steps.ndim != 1 or steps.size == 0 or steps.shape != rates.shape:
            raise ArgumentError(
                f"RateCurve: steps and rates must be lists of one length, got shapes "
                f"{steps.shape} and {rates.shape}"
            )
        if not (np.all(np.isfinite(rates)) and np.all(rates >= 0) and rates.max() > 0):
            raise ArgumentError(
                "RateCurve: rates must be finite, not negative, and not all zero; "
                "leave out what was not logged"
            )
        if np.any(np.diff(steps) <= 0):
            raise ArgumentError("RateCurve: steps must rise; sort them and drop duplicates")

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(self.rates.max())

    @cached_property
    def warmup(self) -> int:
        """The update at which the rate first comes within 1 % of its peak."""
        return int(self.steps[int(np.argmax(self.rates >= 0.99 * self.peak))])

    @cached_property
    def _areas(self) -> Array:
        """The sum of all rates before each knot, exact for a piecewise linear rate."""
        width = np.diff(self.steps)
        rise = np.diff(self.rates)
        pieces = width * self.rates[:-1] + rise * (width - 1) / 2
        return np.concatenate([[0.0], np.cumsum(pieces)])

    def at(self, step: ArrayLike) -> Array:
        """The rate of these updates."""
        return np.asarray(np.interp(np.asarray(step, dtype=np.float64), self.steps, self.rates))

    def area(self, step: ArrayLike) -> Array:
        """S(t): the sum of the rates of the first t updates."""
        t = np.asarray(step, dtype=np.float64)
        i = np.clip(np.searchsorted(self.steps, t, side="right") - 1, 0, self.steps.size - 1)
        into = np.maximum(t - self.steps[i], 0.0)
        last = i + 1 >= self.steps.size
        j = np.minimum(i + 1, self.steps.size - 1)
        width = np.where(last, 1.0, self.steps[j] - self.steps[i])
        slope = np.where(last, 0.0, (self.rates[j] - self.rates[i]) / width)
        part = into * self.rates[i] + slope * into * np.maximum(into - 1, 0) / 2
        return np.asarray(self._areas[i] + part)

    def drops(self, most: int = 300) -> Drops:
        """The changes after the warm-up, gathered into about `most` (twice that at the most).

        Updates are gathered where both the distance that the rate moved and the sum of the rates
        are small, so that a jump stays a jump.
        """
        size, width = -np.diff(self.rates), np.diff(self.steps)
        kept = (size != 0) & (self.steps[1:] > self.warmup)
        # A line of w updates is w small changes: their mean place, and the mean rate after them.
        step = (self.steps[:-1] + (width + 1) / 2)[kept]
        after = (self.rates[1:] + size * (width - 1) / (2 * width))[kept]
        size, area = size[kept], self.area(step)
        lowest = SMALLEST * self.peak
        if size.size > most:
            moved, grown = np.cumsum(np.abs(size)), area - area[0]
            place = moved / moved[-1] + grown / max(float(grown[-1]), 1e-300)
            bins = np.floor(place * most / 2.0) * 2 + (size > 0)
            _, where = np.unique(bins, return_inverse=True)
            weight = np.bincount(where, np.abs(size))
            step, area, after = (
                np.asarray(np.bincount(where, np.abs(size) * v) / weight)
                for v in (step, area, after)
            )
            size = np.asarray(np.bincount(where, size), dtype=np.float64)
        return Drops(step, size, np.maximum(after, lowest), area)

    @property
    def lowest_after_peak(self) -> float:
        """The lowest rate after the warm-up."""
        return float(self.rates[self.steps >= self.warmup].min())

    @property
    def rises_again(self) -> bool:
        """Whether the rate rises by a tenth of its peak or more after it had fallen."""
        late = self.rates[self.steps >= self.warmup]
        return bool(np.any(late - np.minimum.accumulate(late) > 0.1 * self.peak))


def from_plan(plan: Plan) -> RateCurve:
    """The learning rate of a plan, its jumps exact.

    Raises:
        ArgumentError: a plan without end, or one whose rate is zero throughout.
    """
    total = plan.total_steps
    if total is None:
        raise ArgumentError("the plan has no end; give total, the length of the run")
    steps = np.unique(np.linspace(0, total - 1, min(total, _GRID)).astype(np.int64))
    if total > _GRID:
        marks = np.asarray(plan.learning_rate.marks()[:_MARKS], dtype=np.int64)
        near = np.concatenate([marks, marks - 1])
        steps = np.union1d(steps, near[(near >= 0) & (near < total)])
    return RateCurve(steps.astype(np.float64), np.asarray(plan(steps), dtype=np.float64), total)


def from_log(steps: Array, rates: Array, total: int, start: float | None = None) -> RateCurve:
    """A rate as it was logged, every so often: lines between the entries, or steps.

    Where single entries differ from the one before while their neighbours repeat, the rate is
    taken to hold until the entry that shows the new one; elsewhere it is joined by lines. A warm-up
    that ends between two entries ends where its line meets what comes after.

    Args:
        steps: the updates of the entries, rising, shape (n,).
        rates: the rates, shape (n,).
        total: updates in the run.
        start: the rate of update 0, where the entries begin later; the first one's if None.
    """
    peak = float(np.max(rates, initial=0.0))
    moved = np.abs(np.diff(rates)) > 1e-6 * peak
    quiet = ~np.concatenate([[False], moved, [False]])
    alone = moved & quiet[:-2] & quiet[2:]
    if alone.size and rates[1] > rates[0]:
        alone[0] = False  # a warm-up between the first two entries, and no jump
    at = np.flatnonzero(alone) + 1
    before = steps[at] - 1
    new = before > steps[at - 1]
    knots = np.concatenate([steps, before[new]])
    values = np.concatenate([rates, rates[at - 1][new]])
    if knots.size and steps[0] > 0:
        knots = np.concatenate([[0.0], knots])
        values = np.concatenate([[rates[0] if start is None else start], values])
    order = np.argsort(knots, kind="stable")
    return RateCurve(*_with_corner(knots[order], values[order]), total)


def _with_corner(knots: Array, values: Array) -> tuple[Array, Array]:
    """The knots and rates, and one more where a linear warm-up ends between two of them.

    The line through the two entries before goes on until it meets the line through the two after.
    Without this the warm-up would end at the first entry after it, half an interval late.
    """
    if knots.size < 4:
        return knots, values
    i = int(np.argmax(values >= 0.99 * np.max(values)))
    i += int(i + 1 < values.size and values[i + 1] > values[i])
    if i < 2:
        return knots, values
    slopes = np.diff(values) / np.diff(knots)
    up, down = float(slopes[i - 2]), float(slopes[i]) if i < slopes.size else 0.0
    line = i < 3 or abs(float(slopes[i - 3]) / up - 1) < 0.05 if up > 0 else False
    if not line or down > 0:
        return knots, values
    meet = values[i] - values[i - 1] + up * knots[i - 1] - down * knots[i]
    at = round(float(meet) / (up - down))
    if not knots[i - 1] < at < knots[i]:
        return knots, values
    height = float(values[i]) + down * (at - float(knots[i]))
    return np.insert(knots, i, float(at)), np.insert(values, i, height)
