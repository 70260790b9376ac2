"""From lanes to a rate: a robust curve per rung, a cliff, the horizon, and resampling.

Positions are log2 of the peak rate throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.finding.finder.found import Lane
from glidepath.training.trainer import Array

PRIOR_SLOPE = 0.25
"""By how many octaves the best rate falls when the horizon doubles."""
_SLOPE_SPREAD = 0.15
_DRAWS = 200
_GRID = 1 / 16
"""The step of positions, in octaves."""


@dataclass(frozen=True)
class Rung:
    """The lanes of one length, by increasing rate."""

    updates: int
    positions: Array
    parts: Array
    """The probe's losses: a row per lane, a column per part; NaN in the rows that diverged."""
    worst: float
    """The probe's loss before any update: no lane counts as worse."""

    @property
    def scores(self) -> Array:
        """The mean of each lane, at worst what it began with."""
        means = self.parts.mean(axis=1)
        return np.where(np.isfinite(means), np.minimum(means, self.worst), self.worst)


@dataclass(frozen=True)
class Estimate:
    """What the lanes say about the whole budget."""

    position: float
    low: float
    high: float
    grid: Array
    loss: Array
    band: tuple[Array, Array]


def rung_of(lanes: Sequence[Lane], worst: float) -> Rung:
    """A rung of lanes of one length; the same rate from several seeds is averaged."""
    rates = sorted({lane.rate for lane in lanes})
    rows = [np.mean([lane.probe for lane in lanes if lane.rate == rate], axis=0) for rate in rates]
    return Rung(lanes[0].updates, np.log2(rates), np.array(rows), worst)


def curve(positions: Array, scores: Array, worst: float, grid: Array) -> Array:
    """A smooth loss over positions through the lanes: a quadratic near the best, else lines.

    Left of the lanes the loss goes up to `worst` at the slope it has there; right of them at once.
    """
    found = np.interp(grid, positions, scores)
    found[grid > positions[-1]] = worst
    left = grid < positions[0]
    if len(positions) > 1:
        slope = min((scores[1] - scores[0]) / (positions[1] - positions[0]), 0.0)
        found[left] = np.minimum(scores[0] + slope * (grid[left] - positions[0]), worst)
    best = int(np.argmin(scores))
    near = np.arange(max(best - 2, 0), min(best + 3, len(scores)))
    near = near[scores[near] < worst]
    if len(near) < 3:
        return found
    a, b, c = np.polyfit(positions[near], scores[near], 2)
    if a <= 0:
        return found
    inside = (grid >= positions[near[0]]) & (grid <= positions[near[-1]])
    x = grid[inside]
    found[inside] = np.minimum(a * x * x + b * x + c, worst)
    return found


def estimate(rungs: Sequence[Rung], total: int, seed: int) -> Estimate:
    """The curve after the whole budget, resampled, and the position of least expected loss."""
    rng = np.random.default_rng(seed)
    last = rungs[-1]
    positions = last.positions
    octaves = math.log2(total / last.updates)
    grid = np.arange(positions[0] - 4, positions[-1] + 1 + _GRID, _GRID)
    curves = []
    for _ in range(_DRAWS):
        chosen = rng.integers(last.parts.shape[1], size=last.parts.shape[1])
        drawn = Rung(last.updates, positions, last.parts[:, chosen], last.worst)
        slope = rng.normal(PRIOR_SLOPE, _SLOPE_SPREAD)
        moved = grid + slope * octaves
        loss = curve(positions, drawn.scores, last.worst, moved)
        curves.append(loss - loss.min())
    table = np.array(curves)
    mean = table.mean(axis=0)
    best = grid[np.argmin(table, axis=1)]
    low, high = np.quantile(best, [0.1, 0.9])
    position = float(grid[int(np.argmin(mean))])
    lower, upper = np.quantile(table, [0.1, 0.9], axis=0)
    return Estimate(
        position, min(float(low), position), max(float(high), position), grid, mean, (lower, upper)
    )
