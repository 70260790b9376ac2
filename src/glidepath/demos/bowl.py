"""Gradient descent in a bowl: too slow, good, best, oscillating, diverging.

The bowl is f(x, y) = (a·x² + b·y²)/2. One step at rate r multiplies x by 1 − r·a and y by 1 − r·b,
so descent converges where |1 − r·a| < 1 and |1 − r·b| < 1: below the stability edge r = 2/a, with a
the largest curvature. Rates are given in units of that edge: 1 is the edge, whatever the problem.
The best rate in the long run is 2/(a + b), where both factors are the same but for their sign; in
units of the edge it is c/(c + 1), with the condition number c = a/b (Polyak 1964; Goh 2017, "Why
momentum really works", distill.pub).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.training.trainer import Array

RATES = (0.01, 0.1, 0.7, 0.99, 1.01)
"""The five that every article shows, in units of the stability edge."""
CONDITION = 2.5
CONVERGED = 1e-6
"""Converged: the loss is below this share of the loss at the start."""
START = (-0.8, 1.9)
LONGEST = 20_000
MOST_RATES = 8
HIGHEST_RATE = 10.0
_GONE = 1e6
"""Gone: the loss is above this many times the loss at the start."""
_NEAR_BEST = 1.5
_SLOW = 25.0

REGIMES = ("too slow", "good", "best", "oscillating", "at the edge", "diverging")


@dataclass(frozen=True)
class Descent:
    """Gradient descent at one rate."""

    scale: float
    """The rate in units of the stability edge."""
    rate: float
    path: Array
    """Where it was at the start and after each step, until it has converged or is gone."""
    losses: Array
    """The loss at each row of the path."""
    steps: int | None
    """Steps until the loss was below a millionth of its start; None if that never happened."""
    regime: str
    """One of `REGIMES`."""


@dataclass(frozen=True)
class Regimes:
    """The same bowl at several rates."""

    curvatures: tuple[float, float]
    """Of x and of y, per unit of distance squared."""
    best_scale: float
    """The best rate in the long run, in units of the edge: c/(c + 1), c the condition number."""
    best_steps: int
    """Steps to converge at that rate; from a given start another may be a little quicker."""
    descents: tuple[Descent, ...]


def regimes(rates: Sequence[float] = RATES, condition: float = CONDITION) -> Regimes:
    """Gradient descent in a bowl at several rates, from the same place.

    A descent is "diverging" above the edge, "at the edge" on it; "best" within 1.5 times the steps
    of the best rate; "oscillating" above the best rate; below it "too slow" where it takes more
    than 25 times the best's steps, "good" otherwise.

    Args:
        rates: in units of the stability edge, 2/(the largest curvature); up to 8, each up to 10.
        condition: the largest curvature over the smallest, 1 or above.

    Raises:
        ArgumentError: rates that are not finite, negative or zero, too high or too many.
    """
    where = "regimes"
    checked = _rates(where, rates)
    condition = checks.number(where, "condition", condition)
    if not 1 <= condition <= 1000:
        raise ArgumentError(
            f"{where}: condition must be between 1 and 1000, got {condition:g}; it is the largest "
            "curvature over the smallest"
        )
    curvatures = (1.0 / condition, 1.0)
    best_scale = condition / (condition + 1)
    _, _, best_steps = _descend(best_scale, curvatures)
    assert best_steps is not None
    found = []
    for scale in checked:
        path, losses, steps = _descend(scale, curvatures)
        regime = _regime(scale, steps, best_scale, best_steps)
        found.append(Descent(scale, 2 * scale / max(curvatures), path, losses, steps, regime))
    return Regimes(curvatures, best_scale, best_steps, tuple(found))


def bowl(x: Array, y: Array, curvatures: tuple[float, float]) -> Array:
    """The loss at (x, y)."""
    return np.asarray((curvatures[0] * x**2 + curvatures[1] * y**2) / 2)


def _rates(where: str, rates: Sequence[float]) -> list[float]:
    given = list(checks.sequence(where, "rates", rates))
    if len(given) > MOST_RATES:
        raise ArgumentError(
            f"{where}: at most {MOST_RATES} rates fit on the sheet, got {len(given)}; give fewer"
        )
    found = [checks.number(where, "rates", rate, positive=True) for rate in given]
    for rate in found:
        if rate > HIGHEST_RATE:
            raise ArgumentError(
                f"{where}: rates are in units of the stability edge and at most "
                f"{HIGHEST_RATE:g}, got {rate:g}; above 1 all of them diverge"
            )
    return found


def _descend(scale: float, curvatures: tuple[float, float]) -> tuple[Array, Array, int | None]:
    """The path, its losses, and the steps to converge."""
    a, b = curvatures
    rate = 2 * scale / max(a, b)
    x, y = START
    path, losses = [(x, y)], [(a * x * x + b * y * y) / 2]
    converged = None
    for step in range(1, LONGEST + 1):
        x, y = x - rate * a * x, y - rate * b * y
        path.append((x, y))
        losses.append((a * x * x + b * y * y) / 2)
        if losses[-1] < CONVERGED * losses[0]:
            converged = step
            break
        if losses[-1] > _GONE * losses[0]:
            break
    return np.array(path), np.array(losses), converged


def _regime(scale: float, steps: int | None, best_scale: float, best_steps: int) -> str:
    if scale > 1:
        return "diverging"
    if scale == 1:
        return "at the edge"
    if steps is not None and steps <= _NEAR_BEST * best_steps:
        return "best"
    if scale > best_scale:
        return "oscillating"
    return "good" if steps is not None and steps <= _SLOW * best_steps else "too slow"
