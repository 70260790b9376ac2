"""A saddle: how long gradient descent stays near it, at fixed and at cyclical rates.

The loss is f(x, y) = (x² − s·y² + s·y⁴/2)/2: a valley across (curvature 1 in x, so the stability
edge is a rate of 2), and along it a saddle at the origin that falls away slowly (curvature −s in
y) to minima at y = ±1. Near the saddle a step at rate r multiplies y by 1 + r·s, so leaving it
takes about log(1/|y at the start|)/(r·s) steps: a low rate stays for long. Cyclical rates (Smith
2015, arXiv:1506.01186) cross saddles quickly because they spend half of the time at high rates.
A fixed rate of the cycle's mean crosses as quickly; what only the cycle can do is to visit rates
above the edge for a few steps without going astray.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.schedules import Schedule, checks, constant, triangular
from glidepath.training.trainer import Array

LOW, HIGH, HALF_CYCLE, STEPS = 0.2, 2.2, 12, 400
HIGHEST_RATE = 5.0
START = (1.0, 0.001)
SLOPE = 0.1
"""The curvature along the valley, with the sign turned."""
ESCAPED = 0.5
"""Escaped: half of the way from the saddle to a minimum."""
EDGE = 2.0
"""The stability edge of a fixed rate."""
_GONE = 100.0


@dataclass(frozen=True)
class Escape:
    """Gradient descent from near the saddle under one schedule."""

    name: str
    """ "fixed, low", "fixed, mean", "fixed, high" or "triangular"."""
    rates: Array
    """The rate of each step."""
    path: Array
    """Steps + 1 rows of (x, y); it ends where the descent has diverged."""
    losses: Array
    """The loss at each row of the path; the saddle's is 0, the minima's −s/4."""
    steps: int | None
    """Steps until it had escaped; None if it did not in time, or diverged."""
    diverged: bool
    """Whether it was thrown out of the valley."""


@dataclass(frozen=True)
class Saddle:
    """The same saddle at fixed rates and at cyclical ones."""

    low: float
    high: float
    escapes: tuple[Escape, ...]


def saddle(
    low: float = LOW, high: float = HIGH, half_cycle: int = HALF_CYCLE, steps: int = STEPS
) -> Saddle:
    """Leave a saddle at a low, a middle and a high fixed rate, and at rates that cycle.

    Args:
        low: the lowest rate; 2 is the stability edge of a fixed rate.
        high: the highest one, at most 5.
        half_cycle: steps from the one to the other.
        steps: how long to try.

    Raises:
        ArgumentError: rates that are not finite, not positive or not in order; no steps.
    """
    where = "saddle"
    low = checks.number(where, "low", low, positive=True)
    high = checks.number(where, "high", high, positive=True)
    if not low < high <= HIGHEST_RATE:
        raise ArgumentError(
            f"{where}: high must lie above low and be at most {HIGHEST_RATE:g}, got low {low:g} "
            f"and high {high:g}"
        )
    half_cycle = checks.count(where, "half_cycle", half_cycle)
    steps = checks.count(where, "steps", steps)
    if max(steps, half_cycle) > 10_000:
        raise ArgumentError(
            f"{where}: steps and half_cycle must be at most 10000, got {steps} and {half_cycle}"
        )
    schedules: dict[str, Schedule] = {
        "fixed, low": constant(low),
        "fixed, mean": constant((low + high) / 2),
        "fixed, high": constant(high),
        "triangular": triangular(low, high, half_cycle),
    }
    escapes = [_leave(name, schedule.plan(steps).table()) for name, schedule in schedules.items()]
    return Saddle(low, high, tuple(escapes))


def height(x: Array, y: Array) -> Array:
    """The loss at (x, y)."""
    return np.asarray((x**2 - SLOPE * y**2 + SLOPE * y**4 / 2) / 2)


def _leave(name: str, rates: Array) -> Escape:
    x, y = START
    path, escaped, diverged = [(x, y)], None, False
    for step, rate in enumerate(rates.tolist(), start=1):
        x, y = x - rate * x, y - rate * SLOPE * (y**3 - y)
        path.append((x, y))
        if max(abs(x), abs(y)) > _GONE:
            escaped, diverged = None, True
            break
        if escaped is None and abs(y) > ESCAPED:
            escaped = step
    places = np.array(path)
    return Escape(name, rates, places, height(*places.T), escaped, diverged)
