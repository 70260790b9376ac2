"""How each recipe becomes a curve: durations resolved by the clock, formulas from `shapes`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import numpy as np

from glidepath.errors import PlanError
from glidepath.schedules import shapes
from glidepath.schedules.curves import Constant, Curve, Shape, join, multiples
from glidepath.schedules.durations import REST, Clock, Duration, Span
from glidepath.schedules.ported import PORTED
from glidepath.schedules.shapes import Steps, Values


def _constant(clock: Clock, rate: float) -> Curve:
    return Constant(rate)


def _linear(clock: Clock, start: float, end: float, over: Duration) -> Curve:
    return _ramp(clock.span("linear: over", over), start, end, "linear")


def _exponential_decay(
    clock: Clock, rate: float, decay: float, every: Duration, staircase: bool
) -> Curve:
    n = clock.count("exponential_decay: every", every)
    formula = partial(shapes.exponential, rate=rate, decay=decay, every=n, staircase=staircase)
    return Shape(formula, pieces=partial(multiples, every=n) if staircase else None)


def _step_decay(clock: Clock, rate: float, factor: float, every: Duration) -> Curve:
    n = clock.count("step_decay: every", every)
    formula = partial(shapes.exponential, rate=rate, decay=factor, every=n, staircase=True)
    return Shape(formula, pieces=partial(multiples, every=n))


def _inverse_time_decay(
    clock: Clock, rate: float, decay: float, every: Duration, staircase: bool
) -> Curve:
    n = clock.count("inverse_time_decay: every", every)
    formula = partial(shapes.inverse_time, rate=rate, decay=decay, every=n, staircase=staircase)
    return Shape(formula, pieces=partial(multiples, every=n) if staircase else None)


def _power_decay(clock: Clock, rate: float, scale: Duration, exponent: float) -> Curve:
    n = clock.count("power_decay: scale", scale)
    return Shape(partial(shapes.power, rate=rate, scale=n, exponent=exponent))


def _polynomial_decay(
    clock: Clock, rate: float, end: float, over: Duration, power: float, cycle: bool
) -> Curve:
    if cycle:
        n = clock.count("polynomial_decay: over", over)
        formula = partial(shapes.polynomial_cycle, rate=rate, end=end, over=n, power=power)
        return Shape(formula, pieces=partial(multiples, every=n))
    span = clock.span("polynomial_decay: over", over)
    formula = partial(shapes.polynomial, rate=rate, end=end, over=span.steps, power=power)
    return Shape(formula, span.steps, span.exact, end)


def _cosine_decay(clock: Clock, rate: float, over: Duration, end: float) -> Curve:
    return _ramp(clock.span("cosine_decay: over", over), rate, end, "cosine")


def _cosine_restarts(
    clock: Clock, rate: float, first: Duration, stretch: float, decay: float, end: float
) -> Curve:
    cycles = _Cycles(clock.count("cosine_restarts: first", first), stretch)
    floor = min(rate, end)

    def formula(k: Steps) -> Values:
        index, since, lengths = cycles.of(k)
        peaks = np.maximum(rate * np.power(decay, index), floor)
        return shapes.cosine(since, peaks, end, lengths)

    return Shape(formula, pieces=cycles.starts)


class _Cycles:
    """SGDR's cycles: whole lengths, summed as far as they are asked for."""

    def __init__(self, first: int, stretch: float) -> None:
        self._first, self._stretch = first, stretch
        self._starts = [0]

    def of(self, k: Steps) -> tuple[Steps, Steps, Steps | int]:
        """For each step: its cycle, the steps since that cycle began, and the cycle's length."""
        if self._stretch == 1.0:
            return k // self._first, k % self._first, self._first
        starts = self.until(int(k[-1]) + 1)
        lengths, begins = shapes.ahead(np.diff(starts)), starts[:-1]
        index = np.searchsorted(begins, k, side="right") - 1
        return index, k - shapes.pick(begins, index), shapes.pick(lengths, index)

    def starts(self, stop: int) -> set[int]:
        """The starts before `stop`; of cycles that are all alike, the first thousand."""
        if self._stretch == 1.0:
            return multiples(stop, self._first)
        return set(self.until(stop)[:-1].tolist())

    def until(self, stop: int) -> Steps:
        """All starts before `stop`, and the first at or after it."""
        if self._stretch == 1.0:
            return np.arange(0, stop + self._first, self._first)
        while self._starts[-1] < stop:
            exponent = len(self._starts) - 1
            try:
                length = round(self._first * self._stretch**exponent)
            except OverflowError:
                length = stop
            self._starts.append(self._starts[-1] + min(length, 2**62 - self._starts[-1]))
        return np.asarray(self._starts, dtype=np.int64)


def _piecewise_constant(
    clock: Clock, rates: Sequence[float], boundaries: Sequence[Duration]
) -> Curve:
    label = "piecewise_constant: boundaries"
    edges = [
        round(clock.start + clock.exact(label, boundary)) - clock.begin for boundary in boundaries
    ]
    for before, after in itertools.pairwise((0, *edges)):
        if after <= before:
            raise PlanError(
                f"piecewise_constant: boundaries {list(boundaries)!r} are the updates {edges} "
                "here, which do not rise; move them apart"
            )
    formula = partial(shapes.piecewise, rates=rates, boundaries=edges)
    return Shape(formula, pieces=lambda stop: {edge for edge in edges if edge < stop})


def _triangular(
    clock: Clock, low: float, high: float, half_cycle: Duration, mode: str, gamma: float
) -> Curve:
    n = clock.count("triangular: half_cycle", half_cycle)
    formula = partial(shapes.triangular, low=low, high=high, half=n, mode=mode, gamma=gamma)
    return Shape(formula, pieces=partial(multiples, every=n))


def _wsd(
    clock: Clock, peak: float, warmup: Duration, cooldown: Duration, end: float, shape: str
) -> Curve:
    whole = clock.span("wsd: the whole of it", REST)
    up = clock.span("wsd: warmup", warmup)
    down = clock.count("wsd: cooldown", cooldown)
    stable = whole.steps - up.steps - down
    if stable < 1:
        raise PlanError(
            f"wsd: warmup={warmup!r} and cooldown={cooldown!r} take {up.steps} and {down} of "
            f"{whole.steps} updates and leave no stable phase; shorten them, or put two phases "
            "together: gp.linear(0, peak, ...) >> gp.linear(peak, 0, 'rest')"
        )
    return join(
        [
            _ramp(up, 0.0, peak, "linear"),
            _ramp(Span(stable, whole.exact - up.exact - down), peak, peak, "linear"),
            _ramp(Span(down, Fraction(down)), peak, end, shape),
        ]
    )


def _inverse_sqrt(clock: Clock, peak: float, warmup: Duration) -> Curve:
    up = clock.span("inverse_sqrt: warmup", warmup)

    def falling(k: Steps) -> Values:
        return shapes.inverse_sqrt(k + up.steps, peak, up.steps)

    return join([_ramp(up, 0.0, peak, "linear"), Shape(falling)])


def _exponential_ramp(clock: Clock, start: float, end: float, over: Duration) -> Curve:
    return _ramp(clock.span("exponential_ramp: over", over), start, end, "exponential")


def _one_cycle_rate(
    clock: Clock,
    peak: float,
    start: float,
    end: float,
    up: Duration,
    down: Duration,
    anneal: str,
) -> Curve:
    rise, fall, tail = _one_cycle_spans(clock, up, down)
    return join(
        [
            _ramp(rise, start, peak, anneal),
            _ramp(fall, peak, start, anneal),
            _ramp(tail, start, end, anneal),
        ]
    )


def _one_cycle_momentum(
    clock: Clock, high: float, low: float, up: Duration, down: Duration, anneal: str
) -> Curve:
    rise, fall, tail = _one_cycle_spans(clock, up, down)
    return join(
        [
            _ramp(rise, high, low, anneal),
            _ramp(fall, low, high, anneal),
            _ramp(tail, high, high, "linear"),
        ]
    )


def _one_cycle_spans(clock: Clock, up: Duration, down: Duration) -> tuple[Span, Span, Span]:
    rise = clock.span("one_cycle: up", up)
    after = clock.after(rise)
    fall = after.span("one_cycle: down", down)
    left = None if clock.limit is None else clock.limit - clock.begin - rise.steps - fall.steps
    if left is not None and left < 1:
        raise PlanError(
            f"one_cycle: up={up!r} and down={down!r} take {rise.steps} and {fall.steps} of "
            f"{clock.limit} updates and leave an empty phase for the last leg; shorten them"
        )
    return rise, fall, after.after(fall).span("one_cycle: what is left after up and down", REST)


def _ramp(span: Span, start: float, end: float, shape: str) -> Curve:
    """From `start` to `end` over a resolved phase."""
    n = span.steps
    formulas: dict[str, Callable[[Steps], Values]] = {
        "linear": lambda k: shapes.linear(k, start, end, n),
        "cosine": lambda k: shapes.cosine(k, start, end, n),
        "sqrt": lambda k: shapes.square_root(k, start, end, n),
        "exponential": lambda k: shapes.geometric(k, start, end, n),
    }
    return Shape(formulas[shape], n, span.exact, end)


RESOLVERS: dict[str, Callable[..., Curve]] = {
    "constant": _constant,
    "linear": _linear,
    "exponential_decay": _exponential_decay,
    "step_decay": _step_decay,
    "inverse_time_decay": _inverse_time_decay,
    "power_decay": _power_decay,
    "polynomial_decay": _polynomial_decay,
    "cosine_decay": _cosine_decay,
    "cosine_restarts": _cosine_restarts,
    "piecewise_constant": _piecewise_constant,
    "triangular": _triangular,
    "wsd": _wsd,
    "inverse_sqrt": _inverse_sqrt,
    "exponential_ramp": _exponential_ramp,
    "one_cycle_rate": _one_cycle_rate,
    "one_cycle_momentum": _one_cycle_momentum,
    **PORTED,
}
