"""How far the validation loss falls behind the training loss, and will at the whole budget.

What is learnt by heart grows with the sum of the rates η·n, once examples are seen again:

    G(η, n) = k·(η·n)^q·(1 − E/n),  n > E, the updates of an epoch; before that it is nothing

Short lanes show its beginning long before the validation loss turns up, so it is fitted to their
last batches, apart from the law of how far the training has come. On more data than the whole
training sees there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.finding.finder.found import Lane
from glidepath.training.trainer import Array

_TAIL = 0.2
"""The share of a lane, at its end, over which the loss of its batches is averaged."""
_POWERS = (0.5, 0.75, 1.0)
_HEALTHY = 0.5
"""Shares above the best lane beyond which a lane's gap is not looked at."""
_NOISE, _LEVEL, _LARGEST = 0.05, 0.03, 1.0
"""In shares: a gap's own noise, by how much the data of one split may be harder, and how large a
gap can be at the lanes' end if nothing they see is new. The last keeps the gap of lanes that have
only just come past their first epoch from being divided by next to nothing."""
_SURE = 2.0
"""Standard errors of k at which a fifth of it is taken off for doubt, as k²/(k² + s²)."""
_TAKEN = 0.5
"""How much of it is believed: all of it would be too much where the loss is noisy."""


@dataclass(frozen=True)
class Gap:
    """The gap in shares; one entry per power q."""

    size: Array
    power: Array
    weight: Array
    origin: float
    per_epoch: float

    def at(self, positions: Array, updates: Array) -> Array:
        """The gap of trainings at log2 of their peak rates and of so many updates."""
        grown = np.exp2(self.power[:, None] * (positions + np.log2(updates) - self.origin))
        seen = _seen_again(updates, self.per_epoch)
        result: Array = (self.weight * self.size) @ grown * seen
        return result


NONE = Gap(np.zeros(1), np.ones(1), np.ones(1), 0.0, 1.0)
"""No gap at all."""


def gap_of(lanes: Sequence[Lane], scale: float, per_epoch: int | None) -> Gap:
    """The gap that lanes show.

    Args:
        lanes: those that learnt.
        scale: the loss of a share.
        per_epoch: updates in an epoch; None where that is not known.
    """
    lowest = min(lane.score for lane in lanes)
    lanes = [
        lane
        for lane in lanes
        if len(lane.losses) == lane.updates and lane.score < lowest + _HEALTHY * scale
    ]
    lengths = np.array([lane.updates for lane in lanes], np.float64)
    if per_epoch is None or len(lanes) < 4 or lengths.max() <= per_epoch:
        return NONE
    gaps, noise = np.array([_measured(lane) for lane in lanes]).T / scale
    sums = np.log2([lane.rate * lane.updates for lane in lanes])
    seen = _seen_again((1 - _TAIL / 2) * lengths, per_epoch)
    # Lanes of one length share their last batches, and with them those batches' noise.
    own = lengths[:, None] == np.unique(lengths)
    shared = np.array([max(float(noise[rung].mean()), 1e-3) for rung in own.T])
    ridge = np.diag((_NOISE / np.array([_LARGEST, _LEVEL, *shared])) ** 2)
    sizes, misfits = [], []
    for power in _POWERS:
        grown = np.exp2(power * (sums - sums.max())) * seen
        columns = np.column_stack([grown, np.ones(len(grown)), own])
        normal = columns.T @ columns + ridge
        found = np.linalg.solve(normal, columns.T @ gaps)
        left = gaps - columns @ found
        misfit = float(left @ left + found @ ridge @ found) / _NOISE**2
        variance = max(misfit / len(left), 1.0) * np.linalg.inv(normal)[0, 0] * _NOISE**2
        size = max(float(found[0]), 0.0)
        sizes.append(_TAKEN * size**3 / (size**2 + _SURE**2 * variance))
        misfits.append(misfit)
    weight = np.exp(-0.5 * (np.array(misfits) - min(misfits)))
    powers = np.array(_POWERS)
    return Gap(np.array(sizes), powers, weight / weight.sum(), float(sums.max()), per_epoch)


def _seen_again(updates: Array, per_epoch: float) -> Array:
    """The share of a training's updates whose examples it had seen before."""
    result: Array = np.maximum(1 - per_epoch / updates, 0.0)
    return result


def _measured(lane: Lane) -> tuple[float, float]:
    """The probe's loss above that of the last batches, and those batches' standard error."""
    tail = np.array(lane.losses[-max(round(_TAIL * lane.updates), 2) :])
    return lane.score - float(tail.mean()), float(tail.std(ddof=1)) / math.sqrt(len(tail))
