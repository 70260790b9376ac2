"""Curves: schedules resolved to integer updates, ready to be evaluated.

A curve gives its values for a block of consecutive updates, counted from its own start. Past its
length it holds the value of its formula at k = length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from glidepath.schedules.shapes import Steps, Values

_FEW = 64
_MARKS = 1000


class Curve(ABC):
    """A resolved schedule."""

    length: int | None
    """Its own number of updates; None where it has no end of its own."""
    exact: Fraction | None
    """The length before rounding, for placing what comes after."""

    @abstractmethod
    def block(self, start: int, stop: int) -> Values:
        """Its values at the updates start, …, stop − 1."""

    def marks(self, stop: int) -> set[int]:
        """The updates before `stop` at which a new piece begins, for showing the curve.

        Of a piece that repeats more than a thousand times, only the first thousand.
        """
        return {0} if self.length is None else {m for m in (0, self.length) if m < stop}


@dataclass(frozen=True)
class Constant(Curve):
    """One value for ever."""

    value: float
    length: None = None
    exact: None = None

    def block(self, start: int, stop: int) -> Values:
        return np.full(stop - start, self.value)


@dataclass(frozen=True)
class Shape(Curve):
    """A formula of the step; with a length it ends in `final` and stays there."""

    formula: Callable[[Steps], Values]
    length: int | None = None
    exact: Fraction | None = None
    final: float = 0.0
    pieces: Callable[[int], set[int]] | None = field(default=None, compare=False)

    def block(self, start: int, stop: int) -> Values:
        if self.length is None or stop <= self.length:
            return self.formula(np.arange(start, stop))
        values = np.full(stop - start, self.final)
        if start < self.length:
            values[: self.length - start] = self.formula(np.arange(start, self.length))
        return values

    def marks(self, stop: int) -> set[int]:
        found = Curve.marks(self, stop)
        return found | self.pieces(stop) if self.pieces else found


@dataclass(frozen=True)
class Joined(Curve):
    """Curves one after the other; each counts from its own start, the last one goes on."""

    starts: tuple[int, ...]
    parts: tuple[Curve, ...]
    length: int | None
    exact: Fraction | None

    def block(self, start: int, stop: int) -> Values:
        first = bisect_right(self.starts, start) - 1
        if first + 1 == len(self.parts) or stop <= self.starts[first + 1]:
            return self.parts[first].block(start - self.starts[first], stop - self.starts[first])
        values = np.empty(stop - start)
        for begin, end, part in zip(
            self.starts[first:], (*self.starts[first + 1 :], stop), self.parts[first:], strict=True
        ):
            if begin >= stop:
                break
            low, high = max(begin, start), min(end, stop)
            values[low - start : high - start] = part.block(low - begin, high - begin)
        return values

    def marks(self, stop: int) -> set[int]:
        ends = (*self.starts[1:], stop)
        return {
            begin + mark
            for begin, end, part in zip(self.starts, ends, self.parts, strict=True)
            if begin < stop
            for mark in part.marks(min(end, stop) - begin)
        }


@dataclass(frozen=True)
class Taken(Curve):
    """The first `length` updates of a curve; then its value at k = length."""

    child: Curve
    length: int
    exact: Fraction

    def block(self, start: int, stop: int) -> Values:
        if stop <= self.length:
            return self.child.block(start, stop)
        values = np.full(stop - start, self.child.block(self.length, self.length + 1)[0])
        if start < self.length:
            values[: self.length - start] = self.child.block(start, self.length)
        return values

    def marks(self, stop: int) -> set[int]:
        return self.child.marks(min(stop, self.length)) | Curve.marks(self, stop)


@dataclass(frozen=True)
class Repeated(Curve):
    """The same curve several times; at the end, its value at k = its length."""

    child: Curve
    unit: int
    length: int
    exact: Fraction

    def block(self, start: int, stop: int) -> Values:
        values = np.empty(stop - start)
        inside = min(stop, self.length)
        if start < inside:
            self._fill(values[: inside - start], start, inside)
        if stop > self.length:
            held = self.child.block(self.unit, self.unit + 1)[0]
            values[max(self.length - start, 0) :] = held
        return values

    def _fill(self, out: Values, start: int, stop: int) -> None:
        if (stop - start) // self.unit > _FEW:
            cycle = self.child.block(0, self.unit)
            out[:] = cycle[np.arange(start, stop) % self.unit]
            return
        at = start
        while at < stop:
            within = at % self.unit
            many = min(self.unit - within, stop - at)
            out[at - start : at - start + many] = self.child.block(within, within + many)
            at += many

    def marks(self, stop: int) -> set[int]:
        return multiples(min(stop, self.length + 1), self.unit)


@dataclass(frozen=True)
class Scaled(Curve):
    """A curve times a number."""

    child: Curve
    factor: float
    length: int | None
    exact: Fraction | None

    def block(self, start: int, stop: int) -> Values:
        return self.factor * self.child.block(start, stop)

    def marks(self, stop: int) -> set[int]:
        return self.child.marks(stop)


@dataclass(frozen=True)
class Multiplied(Curve):
    """The product of two curves that start together; without end where one of them is."""

    left: Curve
    right: Curve
    length: int | None
    exact: Fraction | None

    def block(self, start: int, stop: int) -> Values:
        return self.left.block(start, stop) * self.right.block(start, stop)

    def marks(self, stop: int) -> set[int]:
        return self.left.marks(stop) | self.right.marks(stop)


@dataclass(frozen=True)
class Clipped(Curve):
    """A curve kept between two values."""

    child: Curve
    low: float
    high: float
    length: int | None
    exact: Fraction | None

    def block(self, start: int, stop: int) -> Values:
        return np.clip(self.child.block(start, stop), self.low, self.high)

    def marks(self, stop: int) -> set[int]:
        return self.child.marks(stop)


@dataclass(frozen=True)
class Stretched(Curve):
    """A curve up to `at`; what follows until its end, `span`, takes until `length` instead.

    Between two of the child's updates values are interpolated. Where the second begins a new
    piece, the first piece is continued instead, as far as it stays between the two values, so
    that a jump stays a jump. (Of pieces that repeat, this is known of the first thousand.)
    """

    child: Curve
    at: int
    length: int
    exact: Fraction
    span: int

    def block(self, start: int, stop: int) -> Values:
        if stop <= self.at:
            return self.child.block(start, stop)
        values = np.empty(stop - start)
        first = max(start, self.at)
        if start < first:
            values[: first - start] = self.child.block(start, first)
        since = np.arange(first - self.at, stop - self.at).clip(max=self.length - self.at)
        values[first - start :] = self._later(since)
        return values

    def _later(self, since: Steps) -> Values:
        """The values at updates counted from `at`."""
        left = Fraction(self.span - self.at, self.length - self.at)
        whole, over = np.divmod(since * left.numerator, left.denominator)
        low = max(self.at + int(whole[0]) - 1, 0)
        known = self.child.block(low, self.at + int(whole[-1]) + 2)
        index = self.at - low + whole
        here, after = known[index], known[index + 1]
        slope = after - here
        before = known[np.maximum(index - 1, 0)]
        slope = np.where(self._begins(low + index + 1), here - before, slope)
        slope = np.where(self._begins(low + index) & self._begins(low + index + 1), 0.0, slope)
        reached = here + slope * (over / left.denominator)
        inside: Values = np.clip(reached, np.minimum(here, after), np.maximum(here, after))
        return inside

    def _begins(self, k: Steps) -> NDArray[np.bool_]:
        """Whether a piece of the child begins at the update."""
        return np.isin(k, self._marks)

    @cached_property
    def _marks(self) -> Steps:
        return np.asarray(sorted(self.child.marks(self.span + 1)), dtype=np.int64)

    def marks(self, stop: int) -> set[int]:
        left, ahead = self.span - self.at, self.length - self.at
        found = {
            mark if mark <= self.at else self.at - (self.at - mark) * ahead // left
            for mark in self._marks.tolist()
        }
        return {mark for mark in found | {self.length} if mark < stop}


def multiples(stop: int, every: int) -> set[int]:
    """The first thousand multiples of `every` before `stop`."""
    return set(range(0, min(stop, _MARKS * every), every))


def join(parts: list[Curve]) -> Curve:
    """Curves one after the other; all but the last have a length."""
    starts, exact = [0], Fraction(0)
    for part in parts[:-1]:
        assert part.length is not None and part.exact is not None
        starts.append(starts[-1] + part.length)
        exact += part.exact
    last = parts[-1]
    if last.length is None or last.exact is None:
        return Joined(tuple(starts), tuple(parts), None, None)
    return Joined(tuple(starts), tuple(parts), starts[-1] + last.length, exact + last.exact)
