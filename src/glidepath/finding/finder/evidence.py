"""What the lanes say, in numbers that a law can be fitted to.

Positions are log2 of the peak rate. Losses are shares: 0 is the best lane's, 1 the start's. So
neither the unit of the loss nor what is added to it matters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.gap import Gap, gap_of
from glidepath.training.trainer import Array

STEP_DOWN = 1.0
"""Octaves below a rate that a check found too high."""


@dataclass(frozen=True)
class Evidence:
    """The lanes that learnt, and where others diverged; every array has one entry per lane."""

    positions: Array
    lengths: Array
    losses: Array
    resampled: Array
    """The losses anew from resampled parts of the probe: a row per draw."""
    errors: Array
    """The standard error of each loss's difference to the best."""
    last_good: float
    """The highest position, below the cliff, of a lane that learnt."""
    cliff: float | None
    """The lowest position above the best at which a lane diverged or learnt nothing."""
    scale: float
    """The loss between the best lane and the start, in the task's unit."""
    longest: int
    """Updates of the longest lanes."""
    gap: Gap
    """How far the validation loss falls behind the training loss."""

    def below(self, position: float) -> Evidence:
        """The same with a cliff at a position, or where it was if that is lower."""
        cliff = position if self.cliff is None else min(position, self.cliff)
        return replace(self, cliff=cliff, last_good=min(self.last_good, cliff - STEP_DOWN))


def gather(
    lanes: Sequence[Lane], start: Array, draws: int, seed: int, per_epoch: int | None = None
) -> Evidence | None:
    """The evidence of lanes; None where none of them learnt anything.

    Args:
        lanes: of all lengths.
        start: the probe's losses by part before any update.
        draws: how often the probe's parts are resampled.
        seed: of the resampling.
        per_epoch: updates in an epoch; None where that is not known.
    """
    worst = float(start.mean())
    lanes = with_looks(lanes)
    healthy = [lane for lane in lanes if not lane.diverged and lane.score < worst]
    if not healthy:
        return None
    longest = max(lane.updates for lane in lanes)
    final = [lane for lane in healthy if lane.updates == longest] or healthy
    best = min(final, key=lambda lane: lane.score)
    scale = worst - min(lane.score for lane in healthy)
    positions = np.log2([lane.rate for lane in healthy])
    parts = np.array([lane.probe for lane in healthy])
    lowest = parts[int(np.argmin([lane.score for lane in healthy]))]
    shares = (parts - lowest) / scale
    count = parts.shape[1]
    chosen = np.random.default_rng(seed).integers(count, size=(draws, count))
    resampled = shares[:, chosen].mean(axis=2).T if count > 1 else shares.mean(axis=1)[None]
    errors = shares.std(axis=1, ddof=1) / math.sqrt(count) if count > 1 else 0 * positions
    above = math.log2(best.rate)
    fallen = [
        math.log2(lane.rate)
        for lane in lanes
        if lane not in healthy and not _outlived(lane, healthy)
    ]
    cliff = min((x for x in fallen if x > above), default=None)
    below = positions if cliff is None else positions[positions < cliff]
    return Evidence(
        positions=positions,
        lengths=np.array([lane.updates for lane in healthy], np.float64),
        losses=shares.mean(axis=1),
        resampled=resampled,
        errors=errors,
        last_good=float(below.max()) if below.size else above,
        cliff=cliff,
        scale=scale,
        longest=longest,
        gap=gap_of(healthy, scale, per_epoch),
    )


def with_looks(lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes, and every look at one on its way as a lane of its own."""
    taken = {(lane.rate, lane.updates) for lane in lanes}
    return [
        *lanes,
        *(
            replace(
                lane,
                updates=look.updates,
                score=float(np.mean(look.probe)),
                probe=look.probe,
                losses=lane.losses[: look.updates],
                looks=(),
            )
            for lane in lanes
            for look in lane.looks
            if not lane.diverged and (lane.rate, look.updates) not in taken
        ),
    ]


def _outlived(fallen: Lane, healthy: Sequence[Lane]) -> bool:
    """Whether a longer lane learnt at that rate or a higher one: a longer warm-up takes more."""
    return any(lane.updates > fallen.updates and lane.rate >= fallen.rate for lane in healthy)
