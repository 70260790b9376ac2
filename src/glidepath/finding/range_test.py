"""The classic learning-rate range tests, on any trainer, with its state restored exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.finding.result import RangeTest
from glidepath.finding.rules import (
    EXPONENTIAL,
    KINDS,
    LINEAR,
    RULES,
    cyclical_bounds,
    falls,
    visible,
)
from glidepath.finding.smoothing import smooth
from glidepath.finding.sweep import Sweep, run_sweep, sweep_rates
from glidepath.schedules import checks
from glidepath.training.trainer import Array, Trainer

_WHERE = "range_test"
_BOUNDS = ("low", "high")
RANGES = {EXPONENTIAL: (1e-6, 10.0), LINEAR: (1e-3, 1.0)}
"""The first and the last rate of each kind of test, where none are given."""
_APART = 4.0
"""Sweeps whose suggestions differ by more than this factor disagree."""


def range_test(
    trainer: Trainer,
    low: float | None = None,
    high: float | None = None,
    steps: int = 100,
    *,
    kind: str = "exponential",
    smoothing: float = 0.98,
    sweeps: int = 1,
    seed: int | None = None,
) -> RangeTest:
    """Sweep the learning rate from low to high, and read off which rates the model can take.

    Smith 2015 (arXiv:1506.01186) for the linear test, Gugger 2018 and fastai for the exponential
    one. The trainer's state (weights, optimizer slots, statistics, seeds, data position) is
    restored afterwards whatever happens, so that training after the test is training without it.
    The sweep stops where the loss diverges, which is judged by differences, so that losses may be
    negative.

    Args:
        trainer: what to train; see `glidepath.training.Trainer`.
        low: the first rate, above 0; None: 1e-6, and 0.001 in a linear test.
        high: the last rate; None: 10, and 1 in a linear test, whose first rates would else pass
            over all that the model can take.
        steps: how many rates, 10 at the least; each takes one update, and one more in all.
        kind: "exponential" (equal factors between rates) or "linear" (equal differences).
        smoothing: weight of the past in the exponential moving average; 0 for none.
        sweeps: repetitions, whose median is reported. From the trainer's present state each
            repetition first passes over some batches at a rate of 0, so that every rate meets
            other batches; with a seed each has a seed of its own.
        seed: reset the trainer with seed, seed + 1, ... for the sweeps; None starts every sweep
            from the trainer's present state.

    Returns:
        The curves and what they suggest. Where nothing can be read off, a suggestion is None and
        `warnings` says why.

    Raises:
        ArgumentError: an argument that cannot be right.
    """
    if not isinstance(trainer, Trainer):
        raise ArgumentError(
            f"{_WHERE}: needs a trainer, got {type(trainer).__name__}; give e.g. "
            "glidepath.torch.Task(...).open(), or what follows glidepath.training.Trainer"
        )
    checks.choice(_WHERE, "kind", kind, KINDS)
    usual = RANGES[kind]
    first = checks.number(_WHERE, "low", usual[0] if low is None else low, positive=True)
    last = checks.number(_WHERE, "high", usual[1] if high is None else high, positive=True)
    if first >= last:
        raise ArgumentError(
            f"{_WHERE}: low must be below high, got {first!r} and {last!r}; swap them"
        )
    checks.count(_WHERE, "steps", steps, least=10)
    beta = checks.number(_WHERE, "smoothing", smoothing)
    if beta >= 1:
        raise ArgumentError(f"{_WHERE}: smoothing must be below 1, got {smoothing!r}; give 0.98")
    checks.count(_WHERE, "sweeps", sweeps)
    if seed is not None:
        checks.count(_WHERE, "seed", seed, least=0)
    rates, began = sweep_rates(first, last, int(steps), kind), time.perf_counter()
    state = trainer.snapshot()
    try:
        done, skipped = _sweeps(trainer, state, rates, beta, int(sweeps), seed)
    finally:
        trainer.restore(state)
    return _read_off(
        done,
        kind=kind,
        rates=rates[:-1],
        beta=beta,
        updates=skipped + sum(sweep.updates for sweep in done),
        seconds=time.perf_counter() - began,
    )


def _sweeps(
    trainer: Trainer, state: object, rates: Array, beta: float, sweeps: int, seed: int | None
) -> tuple[list[Sweep], int]:
    """The sweeps, and how many updates at a rate of 0 went before them."""
    done, skipped = [], 0
    for number in range(sweeps):
        if seed is not None:
            trainer.reset(seed + number)
        elif number > 0:
            trainer.restore(state)
            skip = number * math.ceil(len(rates) / sweeps)
            trainer.advance({"learning_rate": np.zeros(skip)})
            skipped += skip
        done.append(run_sweep(trainer, rates, beta))
    return done, skipped


def _read_off(
    sweeps: list[Sweep], *, kind: str, rates: Array, beta: float, updates: int, seconds: float
) -> RangeTest:
    """What the sweeps say together."""
    common, steps = _common(sweeps), len(rates)
    applied = max((sweep.rates for sweep in sweeps), key=len)[:common]
    losses = _median([sweep.losses for sweep in sweeps], common)
    smoothed = smooth(losses, beta)
    edge = _agreed(sweep.diverged_at for sweep in sweeps)
    readings = [_reading(sweep, kind, steps) for sweep in sweeps]
    found = {name: _agreed(reading[name] for reading in readings) for name in (*RULES, *_BOUNDS)}
    suggested, low, high = (found[name] for name in ("minimum/10", *_BOUNDS))
    if suggested is None or low is None or high is None:
        (low, suggested, high), notes = _nothing(rates, edge)
    else:
        notes = _edge_notes(smoothed[visible(common, steps)], edge)
        notes += _spread_notes([reading["minimum/10"] for reading in readings])
    suggested = _inside(suggested, rates)
    notes += _moved_notes({name: found[name] for name in RULES}, rates)
    return RangeTest(
        kind=kind,
        rates=applied,
        losses=losses,
        smoothed=smoothed,
        suggestions={
            name: None if (rate := found[name]) is None else _inside(rate, rates) for name in RULES
        },
        low=min(_inside(low, rates), suggested),
        high=max(_inside(high, rates), suggested),
        suggested=suggested,
        diverged_at=edge,
        metrics={
            name: _median([sweep.metrics[name] for sweep in sweeps], common)
            for name in sweeps[0].metrics
        },
        sweeps=tuple(sweep.losses for sweep in sweeps),
        updates=updates,
        seconds=seconds,
        warnings=tuple(notes),
    )


def _reading(sweep: Sweep, kind: str, steps: int) -> dict[str, float | None]:
    """What each rule reads off one sweep, and the bounds for cyclical schedules."""
    if not falls(sweep.losses, steps):
        return dict.fromkeys((*RULES, *_BOUNDS))
    part = visible(len(sweep.losses), steps)
    rates, smoothed = sweep.rates[part], sweep.smoothed[part]
    found = {name: rule(rates, smoothed, kind) for name, rule in RULES.items()}
    return found | dict(zip(_BOUNDS, cyclical_bounds(rates, smoothed), strict=True))


def _common(sweeps: list[Sweep]) -> int:
    """How many points more than half of the sweeps have."""
    counts = sorted((len(sweep.losses) for sweep in sweeps), reverse=True)
    return counts[len(counts) // 2]


def _median(columns: list[Array], count: int) -> Array:
    """The median over sweeps at each of the first `count` points; one that ended counts as worst.

    More than half of the sweeps reach each point, so the median is finite.
    """
    padded = np.full((len(columns), count), np.inf)
    for row, column in zip(padded, columns, strict=True):
        known = column[:count]
        row[: len(known)] = known
    return np.asarray(np.median(padded, axis=0), dtype=np.float64)


def _agreed(rates: Iterable[float | None]) -> float | None:
    """The median, in log, of the rates that more than half found; None where fewer did."""
    listed = list(rates)
    found = [rate for rate in listed if rate is not None]
    if len(found) * 2 <= len(listed):
        return None
    middle = sorted(found)[(len(found) - 1) // 2 : len(found) // 2 + 1]
    return middle[0] if len(middle) == 1 else math.sqrt(middle[0]) * math.sqrt(middle[1])


def _nothing(rates: Array, edge: float | None) -> tuple[tuple[float, float, float], list[str]]:
    """Base, the one rate, top, and a warning, where the loss never falls."""
    low, high = float(rates[0]), float(rates[-1])
    if edge is None:
        middle = math.sqrt(low) * math.sqrt(high)
        return (low, middle, high), [
            "the loss does not fall by more than its noise anywhere, so nothing can be read off; "
            "the middle of the sweep stands in: raise high, take more steps or sweeps, or check "
            "the model and its data"
        ]
    if edge < rates[len(rates) // 4]:
        return (low, low, low), [
            f"the loss rose from the start and diverged at {edge:.3g}, so nothing can be read "
            "off; the lowest rate stands in: lower low"
        ]
    return (edge / 100, edge / 30, edge / 10), [
        f"the loss does not fall by more than its noise before it diverges at {edge:.3g}, so "
        "nothing can be read off; a thirtieth of that rate stands in: take more steps or sweeps"
    ]


def _edge_notes(smoothed: Array, edge: float | None) -> list[str]:
    """Warnings where the minimum lies at an end of what was seen."""
    lowest = int(np.argmin(smoothed))
    if lowest == len(smoothed) - 1 and edge is None:
        return ["the loss still fell at the highest rate, so the best may lie above: raise high"]
    if lowest <= 2:
        return ["the loss is lowest at the lowest rates, so the best may lie below: lower low"]
    return []


def _spread_notes(rates: list[float | None]) -> list[str]:
    """A warning where the sweeps disagree."""
    found = [rate for rate in rates if rate is not None]
    if len(found) > 1 and max(found) > _APART * min(found):
        return [
            f"the sweeps disagree: minimum/10 lies between {min(found):.3g} and {max(found):.3g}; "
            "take more sweeps, or larger batches"
        ]
    return []


def _moved_notes(found: dict[str, float | None], rates: Array) -> list[str]:
    """A warning for each suggestion that lies outside the sweep."""
    return [
        f"the suggestion {name!r} is {rate:.3g}, outside the sweep, and was moved to its edge: "
        "widen the sweep"
        for name, rate in found.items()
        if rate is not None and rate != _inside(rate, rates)
    ]


def _inside(rate: float, rates: Array) -> float:
    """The rate kept inside the sweep."""
    return min(max(rate, float(rates[0])), float(rates[-1]))
