"""Parts that schedules ported from other libraries need beyond the named recipes.

They are recipes like the others, with specs, and are reached through `glidepath.compat`: phases
whose ends fall between updates, waves and cycles of cosines, and asymmetric cycles.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial, singledispatch
from numbers import Real

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.curves import Curve, Shape
from glidepath.schedules.durations import Clock, Duration, duration
from glidepath.schedules.recipes import COOLDOWNS, CYCLES
from glidepath.schedules.schedule import Schedule, recipe
from glidepath.schedules.shapes import Steps, Values, ahead, pick

_SNAP = 1e-9
"""A cycle's start this near to an update, relative to its size, is at that update."""
_DENOMINATOR = 10**6


def interpolate(
    values: Sequence[float], positions: Sequence[float], shape: str = "linear"
) -> Schedule:
    """values[i] at positions[i], joined by `shape`; the first and the last value hold outside.

    Positions are updates and need not be whole, nor positive: torch's OneCycleLR turns at
    pct_start·total − 1. With u from 0 to 1 between two positions, and a and b their values:
    "linear" a + (b − a)·u, "cosine" b + (a − b)·(1 + cos πu)/2, "sqrt" b + (a − b)·(1 − √u),
    "exponential" a·(b/a)^u.
    """
    where = "interpolate"
    heights = tuple(
        checks.number(where, f"values[{i}]", value)
        for i, value in enumerate(checks.sequence(where, "values", values))
    )
    places = tuple(_place(where, p) for p in checks.sequence(where, "positions", positions))
    if len(heights) != len(places) or len(places) < 2:
        raise ArgumentError(
            f"{where}: needs as many values as positions, two or more, got {len(heights)} and "
            f"{len(places)}; give one value for each position"
        )
    if any(after <= before for before, after in itertools.pairwise(places)):
        raise ArgumentError(f"{where}: positions must rise, got {positions!r}; sort them")
    kind = checks.choice(where, "shape", shape, COOLDOWNS)
    if kind == "exponential" and min(heights) == 0:
        raise ArgumentError(f"{where}: an exponential needs values above 0, got {values!r}")
    return recipe(where, {"values": heights, "positions": places, "shape": kind})


def cosine_wave(
    rate: float,
    over: Duration,
    end: float = 0.0,
    cycles: float = 0.5,
    exponent: float = 1.0,
    offset: int = 0,
) -> Schedule:
    """end + (rate − end)·[(1 + cos(2π·cycles·(k + offset)/over))/2]^exponent, to k + offset = over.

    Then it holds. `cycles=0.5` is one fall from `rate` to `end`, as in Transformers' `num_cycles`;
    `exponent` is that of Optax's cosine_decay_schedule; `offset` begins later in the wave.
    """
    where = "cosine_wave"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "over": duration(where, "over", over),
            "end": checks.number(where, "end", end),
            "cycles": checks.number(where, "cycles", cycles),
            "exponent": checks.number(where, "exponent", exponent, positive=True),
            "offset": checks.count(where, "offset", offset, least=0),
        },
    )


def cosine_cycles(
    rate: float, first: float, stretch: float = 1.0, decay: float = 1.0, end: float = 0.0
) -> Schedule:
    """Cosine cycles of real length: end + (rate − end)·decay^i·(1 + cos πu)/2.

    Cycle i lasts first·stretch^i updates, which need not be whole, and u goes from 0 to 1 in it.
    The amplitude decays, not the peak, as in Keras's CosineDecayRestarts. `cosine_restarts` is the
    schedule with whole lengths. Starts are sums of lengths, never logarithms.
    """
    where = "cosine_cycles"
    longer = checks.number(where, "stretch", stretch)
    if longer < 1:
        raise ArgumentError(f"{where}: stretch must be at least 1, got {stretch!r}")
    length = checks.number(where, "first", first, positive=True)
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "first": length,
            "stretch": longer,
            "decay": checks.number(where, "decay", decay, positive=True),
            "end": checks.number(where, "end", end),
        },
    )


def cyclic(
    start: float, top: float, up: Duration, down: Duration, mode: str, gamma: float = 1.0
) -> Schedule:
    """start + (top − start)·height·scale: `triangular` with a fall of another length.

    `top` may lie below `start`, as for the momentum of a cyclical rate (Smith 2015,
    arXiv:1506.01186). The scale is that of the mode: 1, halved every cycle ("triangular2"), or
    gamma^k ("exp_range").
    """
    where = "cyclic"
    return recipe(
        where,
        {
            "start": checks.number(where, "start", start),
            "top": checks.number(where, "top", top),
            "up": duration(where, "up", up, rest=False),
            "down": duration(where, "down", down, rest=False),
            "mode": checks.choice(where, "mode", mode, CYCLES),
            "gamma": checks.number(where, "gamma", gamma, positive=True),
        },
    )


def _place(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ArgumentError(f"{where}: positions must be finite numbers of updates, got {value!r}")
    return float(value)


def _interpolate(
    clock: Clock, values: Sequence[float], positions: Sequence[float], shape: str
) -> Curve:
    span = clock.span("interpolate: the last position", max(1, math.ceil(positions[-1])))
    whole = np.floor(positions).astype(np.int64)
    part = np.asarray(positions) - whole
    heights, lengths, ends = np.asarray(values), np.diff(positions), ahead(whole[1:])

    def formula(k: Steps) -> Values:
        # A phase ends with the update at its last position: whole < k where position < k.
        at = np.clip(np.searchsorted(whole, k, side="left") - 1, 0, len(lengths) - 1)
        over = pick(lengths, at)
        u = ((k - pick(whole, at)) - pick(part, at)) / over
        left = ((pick(ends, at) - k) + pick(part, at + 1)) / over
        return between(u, left, pick(heights[:-1], at), pick(heights[1:], at), shape)

    turns = {max(0, math.ceil(place)) for place in positions}
    return Shape(
        formula,
        span.steps,
        span.exact,
        values[-1],
        pieces=lambda stop: {turn for turn in turns if turn < stop},
    )


@singledispatch
def between(u: Values, left: Values, a: Values, b: Values, shape: str) -> Values:
    """From a to b by `shape` at the share u of the way; `left` is 1 − u, unrounded."""
    return _BETWEEN[shape](a, b, np.clip(u, 0.0, 1.0))


_BETWEEN: dict[str, Callable[[Values, Values, Values], Values]] = {
    "linear": lambda a, b, u: a + (b - a) * u,
    "cosine": lambda a, b, u: b + (a - b) * (1.0 + np.cos(math.pi * u)) / 2.0,
    "sqrt": lambda a, b, u: b + (a - b) * (1.0 - np.sqrt(u)),
    "exponential": lambda a, b, u: a * np.power(b / a, u),
}


def _cosine_wave(
    clock: Clock,
    rate: float,
    over: Duration,
    end: float,
    cycles: float,
    exponent: float,
    offset: int,
) -> Curve:
    whole = clock.count("cosine_wave: over", over)
    span = clock.span("cosine_wave: over less offset", max(1, whole - offset))

    def formula(k: Steps) -> Values:
        return wave(k + offset, rate, end, whole, cycles, exponent)

    return Shape(formula, span.steps, span.exact, float(formula(np.asarray(whole - offset))))


@singledispatch
def wave(k: Steps, rate: float, end: float, over: int, cycles: float, exponent: float) -> Values:
    """end + (rate − end)·[(1 + cos(2π·cycles·k/over))/2]^exponent."""
    height: Values = (1.0 + np.cos(2.0 * math.pi * cycles * (k / over))) / 2.0
    return end + (rate - end) * height**exponent


def _cosine_cycles(
    clock: Clock, rate: float, first: float, stretch: float, decay: float, end: float
) -> Curve:
    find = _equal_cycles(first) if stretch == 1.0 else _growing_cycles(first, stretch)

    def formula(k: Steps) -> Values:
        index, u, left = find(k)
        values: Values = end + (rate - end) * np.power(decay, index) * fall(u, left)
        return values

    return Shape(formula)


@singledispatch
def fall(u: Values, left: Values) -> Values:
    """(1 + cos πu)/2: half a cosine at the share u of the way; `left` is 1 − u, unrounded."""
    height: Values = (1.0 + np.cos(math.pi * u)) / 2.0
    return height


def _equal_cycles(first: float) -> Callable[[Steps], tuple[Steps, Values, Values]]:
    """Cycle and place in it, by integers: `first` is taken as the fraction that it stands for."""
    length = Fraction(first).limit_denominator(_DENOMINATOR)
    return lambda k: equal_cycle(k, length)


@singledispatch
def equal_cycle(k: Steps, length: Fraction) -> tuple[Steps, Values, Values]:
    """The cycle of an update, the share of it that is over, and the share that is left."""
    p, q = length.numerator, length.denominator
    index = k * q // p
    since = k * q - index * p
    return index, since / p, (p - since) / p


def _growing_cycles(
    first: float, stretch: float
) -> Callable[[Steps], tuple[Steps, Values, Values]]:
    starts, lengths = [0.0], [first]

    def find(k: Steps) -> tuple[Steps, Values, Values]:
        while starts[-1] <= int(k[-1]):
            start = starts[-1] + lengths[-1]
            near = round(start)
            starts.append(float(near) if abs(start - near) < _SNAP * start else start)
            lengths.append(lengths[-1] * stretch)
        whole = np.floor(starts).astype(np.int64)
        part = np.asarray(starts) - whole
        begins, ends = np.ceil(starts[:-1]).astype(np.int64), ahead(whole[1:])
        index = np.searchsorted(begins, k, side="right") - 1
        over = pick(np.asarray(lengths), index)
        since = (k - pick(whole, index)) - pick(part, index)
        left = (pick(ends, index) - k) + pick(part, index + 1)
        return index, since / over, left / over

    return find


def _cyclic(
    clock: Clock, start: float, top: float, up: Duration, down: Duration, mode: str, gamma: float
) -> Curve:
    rise, fall = clock.count("cyclic: up", up), clock.count("cyclic: down", down)
    return Shape(
        partial(triangles, start=start, top=top, up=rise, down=fall, mode=mode, gamma=gamma),
        pieces=lambda stop: {
            turn
            for begin in range(0, stop, rise + fall)
            for turn in (begin, begin + rise)
            if turn < stop
        },
    )


@singledispatch
def triangles(
    k: Steps, start: float, top: float, up: int, down: int, mode: str, gamma: float
) -> Values:
    """See `cyclic`."""
    cycle = k // (up + down)
    within = k - cycle * (up + down)
    height = np.minimum(within / up, (up + down - within) / down)
    if mode == "triangular2":
        height = height * np.power(2.0, -cycle)
    elif mode == "exp_range":
        height = height * np.power(gamma, k)
    values: Values = start + (top - start) * height
    return values


PARTS: dict[str, Callable[..., Schedule]] = {
    "interpolate": interpolate,
    "cosine_wave": cosine_wave,
    "cosine_cycles": cosine_cycles,
    "cyclic": cyclic,
}
"""What specs may name besides the recipes."""

PORTED: dict[str, Callable[..., Curve]] = {
    "interpolate": _interpolate,
    "cosine_wave": _cosine_wave,
    "cosine_cycles": _cosine_cycles,
    "cyclic": _cyclic,
}
