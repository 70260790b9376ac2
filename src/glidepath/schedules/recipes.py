"""The named schedules of practice and papers.

Each recipe checks its arguments and names a formula; `resolvers` turns it into a curve for a run.
k is the update, counted from 0 at the schedule's start.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.durations import Duration, duration
from glidepath.schedules.schedule import Recipe, Schedule, recipe

CYCLES = ("triangular", "triangular2", "exp_range")
ANNEALS = ("linear", "cosine")
COOLDOWNS = ("linear", "sqrt", "cosine", "exponential")


def constant(rate: float) -> Schedule:
    """The same rate for ever. It has no end of its own: give it one with `take`."""
    return recipe("constant", {"rate": checks.number("constant", "rate", rate)})


def linear(start: float, end: float, over: Duration) -> Schedule:
    """start + (end − start)·k/over, then `end`. The warm-up: `gp.linear(0, peak, "5%") >> ...`."""
    where = "linear"
    return recipe(
        where,
        {
            "start": checks.number(where, "start", start),
            "end": checks.number(where, "end", end),
            "over": duration(where, "over", over),
        },
    )


def exponential_decay(
    rate: float, decay: float, every: Duration, staircase: bool = False
) -> Schedule:
    """rate·decay^(k/every); with `staircase` the exponent is ⌊k/every⌋.

    Inception-v4's "0.94 every two epochs" is
    `exponential_decay(0.045, 0.94, every="2ep", staircase=True)` (Szegedy et al. 2016,
    arXiv:1602.07261); "0.95^epoch" is `exponential_decay(rate, 0.95, every="1ep",
    staircase=True)`. The same as Keras's ExponentialDecay and Optax's exponential_decay.
    """
    where = "exponential_decay"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "decay": checks.number(where, "decay", decay, positive=True),
            "every": duration(where, "every", every, rest=False),
            "staircase": checks.flag(where, "staircase", staircase),
        },
    )


def step_decay(rate: float, factor: float, every: Duration) -> Schedule:
    """rate·factor^⌊k/every⌋: ResNet's "÷ 10 every 30 epochs" (He et al. 2015, arXiv:1512.03385)."""
    where = "step_decay"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "factor": checks.number(where, "factor", factor, positive=True),
            "every": duration(where, "every", every, rest=False),
        },
    )


def inverse_time_decay(
    rate: float, decay: float, every: Duration, staircase: bool = False
) -> Schedule:
    """rate/(1 + decay·k/every); with `staircase`, ⌊k/every⌋ in place of k/every.

    Time-based decay. Keras's old `SGD(lr, decay=1e-4)` is `inverse_time_decay(lr, 1e-4, every=1)`.
    """
    where = "inverse_time_decay"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "decay": checks.number(where, "decay", decay),
            "every": duration(where, "every", every, rest=False),
            "staircase": checks.flag(where, "staircase", staircase),
        },
    )


def power_decay(rate: float, scale: Duration, exponent: float = 1.0) -> Schedule:
    """rate/(1 + k/scale)^exponent: after `scale` updates, rate/2^exponent."""
    where = "power_decay"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "scale": duration(where, "scale", scale, rest=False),
            "exponent": checks.number(where, "exponent", exponent),
        },
    )


def polynomial_decay(
    rate: float, end: float, over: Duration, power: float = 1.0, cycle: bool = False
) -> Schedule:
    """(rate − end)·(1 − k/over)^power + end, then `end`.

    With `cycle`, over becomes over·max(1, ⌈k/over⌉) and the schedule has no end of its own, as in
    Keras's PolynomialDecay.
    """
    where = "polynomial_decay"
    cycles = checks.flag(where, "cycle", cycle)
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "end": checks.number(where, "end", end),
            "over": duration(where, "over", over, rest=not cycles),
            "power": checks.number(where, "power", power, positive=True),
            "cycle": cycles,
        },
    )


def cosine_decay(rate: float, over: Duration, end: float = 0.0) -> Schedule:
    """end + (rate − end)·(1 + cos(πk/over))/2, then `end`.

    Loshchilov and Hutter 2017 (arXiv:1608.03983), one cycle. `end` is a rate; Keras's `alpha` is a
    fraction of the initial one.
    """
    where = "cosine_decay"
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "over": duration(where, "over", over),
            "end": checks.number(where, "end", end),
        },
    )


def cosine_restarts(
    rate: float, first: Duration, stretch: float = 2.0, decay: float = 1.0, end: float = 0.0
) -> Schedule:
    """SGDR: cosine cycles with warm restarts (Loshchilov and Hutter 2017, arXiv:1608.03983).

    Cycle i has round(first·stretch^i) updates and falls from rate·decay^i to `end`. The cycle of
    an update is found by summing whole lengths, never by a logarithm, so no restart is misplaced.

    Args:
        rate: the peak of the first cycle.
        first: the length of the first cycle.
        stretch: how much longer each cycle is than the one before; at least 1.
        decay: what each restart multiplies the peak by.
        end: the rate at the end of each cycle; a decayed peak stays at or above it.
    """
    where = "cosine_restarts"
    longer = checks.number(where, "stretch", stretch)
    if longer < 1:
        raise ArgumentError(
            f"{where}: stretch must be at least 1, got {stretch!r}; cycles that shrink would "
            "end at length zero"
        )
    return recipe(
        where,
        {
            "rate": checks.number(where, "rate", rate),
            "first": duration(where, "first", first, rest=False),
            "stretch": longer,
            "decay": checks.number(where, "decay", decay, positive=True),
            "end": checks.number(where, "end", end),
        },
    )


def piecewise_constant(rates: Sequence[float], boundaries: Sequence[Duration]) -> Schedule:
    """rates[i] on the updates [boundaries[i−1], boundaries[i]).

    The new rate is used at the boundary itself, as in torch's MultiStepLR and in Optax; Keras's
    PiecewiseConstantDecay switches one update later.

    Args:
        rates: one more than there are boundaries.
        boundaries: rising durations since the schedule's start.
    """
    where = "piecewise_constant"
    values = tuple(
        checks.number(where, f"rates[{i}]", rate)
        for i, rate in enumerate(checks.sequence(where, "rates", rates))
    )
    edges = tuple(
        duration(where, f"boundaries[{i}]", edge, rest=False)
        for i, edge in enumerate(checks.sequence(where, "boundaries", boundaries))
    )
    if len(values) != len(edges) + 1:
        raise ArgumentError(
            f"{where}: needs one rate more than boundaries, got {len(values)} rates and "
            f"{len(edges)} boundaries; give {len(edges) + 1} rates"
        )
    for before, after in itertools.pairwise(edges):
        if _comparable(before, after) and _amount(before) >= _amount(after):
            raise ArgumentError(
                f"{where}: boundaries must rise, got {before!r} before {after!r}; sort them"
            )
    return recipe(where, {"rates": values, "boundaries": edges})


def triangular(
    low: float,
    high: float,
    half_cycle: Duration,
    mode: str = "triangular",
    gamma: float = 1.0,
) -> Schedule:
    """Smith's cyclical learning rate (Smith 2015, arXiv:1506.01186).

    low + (high − low)·(height of the triangle)·scale, where scale is 1 in mode "triangular", halved
    after every cycle in "triangular2", and gamma^k in "exp_range".

    Args:
        low: the base rate, where each cycle starts.
        high: the rate at the top of the first cycle.
        half_cycle: from low to high; the paper advises 2 to 8 epochs.
        mode: "triangular", "triangular2" or "exp_range".
        gamma: the factor per update of "exp_range"; 1 elsewhere.
    """
    where = "triangular"
    lowest, highest = checks.number(where, "low", low), checks.number(where, "high", high)
    if highest < lowest:
        raise ArgumentError(
            f"{where}: high must not be below low, got low={low!r}, high={high!r}; swap them"
        )
    chosen = checks.choice(where, "mode", mode, CYCLES)
    factor = checks.number(where, "gamma", gamma, positive=True)
    if chosen != "exp_range" and factor != 1.0:
        raise ArgumentError(
            f"{where}: gamma is used by mode 'exp_range' only, got gamma={gamma!r} with "
            f"mode={mode!r}; leave gamma out or change the mode"
        )
    return recipe(
        where,
        {
            "low": lowest,
            "high": highest,
            "half_cycle": duration(where, "half_cycle", half_cycle, rest=False),
            "mode": chosen,
            "gamma": factor,
        },
    )


def wsd(
    peak: float, warmup: Duration, cooldown: Duration, end: float = 0.0, shape: str = "linear"
) -> Schedule:
    """Warm-up, stable, decay: it lasts the rest of the run (Hu et al. 2024, arXiv:2404.06395).

    Linear from 0 to `peak` over `warmup`, then `peak`, then down to `end` over the last `cooldown`
    with u from 0 to 1: "linear" peak + (end − peak)·u, "sqrt" end + (peak − end)·(1 − √u)
    (Hägele et al. 2024, arXiv:2405.18392), "cosine", or "exponential" peak·(end/peak)^u.
    """
    where = "wsd"
    top, last = checks.number(where, "peak", peak), checks.number(where, "end", end)
    kind = checks.choice(where, "shape", shape, COOLDOWNS)
    if kind == "exponential":
        _geometric(where, "peak", top, "end", last)
    return recipe(
        where,
        {
            "peak": top,
            "warmup": duration(where, "warmup", warmup, rest=False),
            "cooldown": duration(where, "cooldown", cooldown, rest=False),
            "end": last,
            "shape": kind,
        },
    )


def inverse_sqrt(peak: float, warmup: Duration) -> Schedule:
    """Linear from 0 to `peak` over `warmup`, then peak·√(warmup/k).

    The Transformer's schedule (Vaswani et al. 2017, arXiv:1706.03762), with its peak as argument.
    """
    where = "inverse_sqrt"
    return recipe(
        where,
        {
            "peak": checks.number(where, "peak", peak),
            "warmup": duration(where, "warmup", warmup, rest=False),
        },
    )


def exponential_ramp(start: float, end: float, over: Duration) -> Schedule:
    """start·(end/start)^(k/over), then `end`: the sweep of the exponential range test."""
    where = "exponential_ramp"
    first, last = checks.number(where, "start", start), checks.number(where, "end", end)
    _geometric(where, "start", first, "end", last)
    return recipe(where, {"start": first, "end": last, "over": duration(where, "over", over)})


def one_cycle_rate(
    peak: float, start: float, end: float, up: Duration, down: Duration, anneal: str
) -> Recipe:
    """The learning rate of `one_cycle`, to the end of the run: start → peak → start → end."""
    where = "one_cycle"
    return recipe(
        "one_cycle_rate",
        {
            "peak": checks.number(where, "peak", peak),
            "start": checks.number(where, "start", start),
            "end": checks.number(where, "end", end),
            "up": duration(where, "up", up, rest=False),
            "down": duration(where, "down", down, rest=False),
            "anneal": checks.choice(where, "anneal", anneal, ANNEALS),
        },
    )


def one_cycle_momentum(
    high: float, low: float, up: Duration, down: Duration, anneal: str
) -> Recipe:
    """The momentum of `one_cycle`: high → low → high, then high for the rest of the run."""
    where = "one_cycle"
    values = [checks.number(where, f"momentum[{i}]", value) for i, value in enumerate((high, low))]
    for value in values:
        if value >= 1:
            raise ArgumentError(
                f"{where}: momentum must be below 1, got {value!r}; give a pair such as "
                "(0.95, 0.85)"
            )
    return recipe(
        "one_cycle_momentum",
        {
            "high": values[0],
            "low": values[1],
            "up": duration(where, "up", up, rest=False),
            "down": duration(where, "down", down, rest=False),
            "anneal": checks.choice(where, "anneal", anneal, ANNEALS),
        },
    )


def _geometric(where: str, first: str, start: float, last: str, end: float) -> None:
    """Refuse an exponential between rates of which one is zero, or whose ratio overflows."""
    for name, value in ((first, start), (last, end)):
        if value == 0:
            raise ArgumentError(
                f"{where}: an exponential needs {name} above 0, got {value!r}; "
                "give a small positive rate"
            )
    ratio = end / start
    if not 0 < ratio < float("inf"):
        raise ArgumentError(
            f"{where}: {last}/{first} must be a number that float64 can hold, got "
            f"{end!r}/{start!r}; bring them closer together"
        )


def _comparable(before: Duration, after: Duration) -> bool:
    return _unit(before) == _unit(after)


def _unit(value: Duration) -> str:
    return "" if isinstance(value, int) else value.lstrip("0123456789.")


def _amount(value: Duration) -> float:
    return value if isinstance(value, int) else float(value.rstrip("ep%"))
