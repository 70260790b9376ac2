"""The search: which lanes are flown, rung by rung."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.finding.finder.effort import SHORTEST, Effort
from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.lanes import Flyer, Start

_COARSE = 2.0
"""Octaves between the lanes of the first rung."""
_LEARNT = 1e-3
"""A loss that fell by less than this share of its size has not moved."""
_NEAR = 0.4
"""Octaves to the next lane within which no lane is flown at a bound."""
CHECKS = 3
"""How often an answer is checked where the rate comes back up."""
_KEPT = 0.25
"""The share of the best lane's gain that a check must reach."""
_RESERVED = 4
"""One part in so many of what may be spent is kept for the checks."""
_WIDER = 4
"""So many lanes at most are added to a rung whose best lies at its edge."""
_TAIL = 0.2
"""The share of a lane, at its end, whose batches show whether training went wrong."""
_BEYOND = 4.0
"""So many standard deviations of a healthy lane's batches count as their noise."""


class Search:
    """Successive halving on a contiguous window of rates, widened where the best is at its edge."""

    def __init__(self, flyer: Flyer, effort: Effort, bounds: tuple[float, float]) -> None:
        self.flyer, self.effort, self.bounds = flyer, effort, bounds
        self.allowed = effort.allowed(flyer.shape.total)
        self.checked = self.allowed // (CHECKS * _RESERVED) if flyer.shape.returns else 0
        """Updates of one check."""
        self.allowed -= CHECKS * self.checked
        self.rungs: list[dict[float, Lane]] = []
        self._endings: dict[int, tuple[float, float]] = {}
        """Of lanes, which the rungs keep alive, by their identity."""
        self.start: Start

    def run(self, seed: int | None) -> None:
        """All rungs.

        Raises:
            ArgumentError: the model's loss is not finite before any training.
        """
        self.start = self.flyer.start(seed)
        if not math.isfinite(self.worst):
            raise ArgumentError(
                f"find: the validation loss is {self.worst} before any training, so no rate can be "
                "judged; check the model's initial weights and the data"
            )
        shape = self.flyer.shape
        plan = self.effort.plan(shape.total, shape.steady)
        best = self.bracket(plan[0][0])
        for length, count in plan[1:]:
            best = self.halve(best, length, count, look=(length, count) == plan[-1])

    @cached_property
    def worst(self) -> float:
        """The probe's loss before any update: no lane counts as worse."""
        return float(self.start.probe.mean())

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lane, rung by rung, by increasing rate."""
        return tuple(rung[position] for rung in self.rungs for position in sorted(rung))

    def cost(self, position: float, length: int) -> int:
        """The lane-updates of a lane there."""
        return self.flyer.cost(self.start, 2.0**position, length)

    def clear(self, taken: Iterable[float], position: float) -> float | None:
        """Where a lane would be flown; None where one is.

        What lies outside the bounds is flown at the bound, unless a lane is near it.
        """
        inside = min(max(position, self.bounds[0]), self.bounds[1])
        near = 1e-9 if inside == position else _NEAR
        return None if any(abs(inside - other) < near for other in taken) else inside

    def fly(
        self, rung: dict[float, Lane], position: float, length: int, *, look: bool = False
    ) -> bool:
        """A lane at a position, where it can be afforded; whether it was flown."""
        place = self.clear(rung, position)
        if place is None or self.flyer.updates + self.cost(place, length) > self.allowed:
            return False
        length = self.fitting([place], length)
        if not length:
            return False
        rung[place] = self.flyer.fly(self.start, 2.0**place, length, look=look)
        return True

    def fitting(self, positions: Sequence[float], length: int) -> int:
        """The length at which lanes, and what a trial of them took, cost no more than they may.

        The lanes that would be the last are so much shorter: left out, they would change the
        answer. 0 where hardly anything would be left of them.
        """
        cost = sum(self.cost(position, length) for position in positions)
        over = self.flyer.updates + self.flyer.tried + cost - self.allowed
        if over <= 0:
            return length
        length -= math.ceil(over / len(positions))
        least = min(self.cost(position, length) for position in positions)
        return length if least >= SHORTEST else 0

    def survives(self, position: float) -> bool:
        """Whether the whole run's hottest part can be flown there; yes where nothing is checked."""
        if not self.checked:
            return True
        least = min(self.score(lane) for lane in self.lanes)
        kept = self.worst - self.flyer.hot(self.start, 2.0**position, self.checked)
        return kept > _KEPT * (self.worst - least)

    def score(self, lane: Lane) -> float:
        """A lane's loss, at worst the start's; infinite where it diverged or went wrong."""
        fallen = lane.diverged or self.wrong(lane)
        return math.inf if fallen else min(lane.score, self.worst)

    def wrong(self, lane: Lane) -> bool:
        """Whether the batches at a lane's end lie further above the start than any lane gained.

        Such a lane can have a low loss on the probe by chance: weights that have run away classify
        with certainty, and a small probe may happen to be classified right.
        """
        if lane.diverged or len(lane.losses) < 2 or self._ending(lane)[0] <= self.worst:
            return False
        healthy = [mine for mine in self.lanes if not mine.diverged]
        noise = min(self._ending(mine)[1] for mine in healthy)
        gained = max(self.worst - min(mine.score for mine in healthy), 0.0)
        return self._ending(lane)[0] > self.worst + gained + _BEYOND * noise

    def _ending(self, lane: Lane) -> tuple[float, float]:
        """The mean and the standard deviation of the losses of a lane's last batches."""
        if id(lane) not in self._endings:
            tail = np.array(lane.losses[-max(round(_TAIL * len(lane.losses)), 2) :])
            found = -math.inf, math.inf
            if len(tail) > 1:
                with np.errstate(over="ignore"):
                    found = float(tail.mean()), float(tail.std(ddof=1))
            self._endings[id(lane)] = found
        return self._endings[id(lane)]

    def judged(self) -> tuple[Lane, ...]:
        """Every lane, with those that went wrong as diverged."""
        return tuple(
            replace(lane, diverged=True) if self.wrong(lane) else lane for lane in self.lanes
        )

    def best(self, rung: dict[float, Lane]) -> float:
        """The position of the best lane, the lowest of equals."""
        return min(rung, key=lambda position: (self.score(rung[position]), position))

    def bracket(self, length: int) -> float:
        """Lanes two octaves apart from the middle on, until two are worse on either side.

        One is enough below. Above, a lane that diverged ends it; where nothing has moved the loss
        yet, the search goes on in both directions.
        """
        rung: dict[float, Lane] = {}
        self.rungs.append(rung)
        middle = sum(self.bounds) / 2
        self.fly(rung, middle, length)
        while rung:
            best, top, bottom = self.best(rung), max(rung), min(rung)
            fall = self.worst - self.score(rung[best])
            still = fall <= _LEARNT * max(abs(self.worst), fall)
            higher = (top - best < 2 * _COARSE or still) and not rung[top].diverged
            lower = best - bottom < _COARSE or still
            if higher and self.fly(rung, top + _COARSE, length):
                continue
            if not (lower and self.fly(rung, bottom - _COARSE, length)):
                break
        return self.best(rung) if rung else middle

    def halve(self, best: float, length: int, count: int, *, look: bool = False) -> float:
        """So many lanes an octave apart around the best so far; more where the best is at an edge.

        The nearest are flown first, so that what can be afforded is where it matters.
        """
        rung: dict[float, Lane] = {}
        window = np.arange(count) - count // 2
        near = np.unique(np.clip(best + window, *self.bounds))
        self.flyer.consider(self.start, [2.0**place for place in near.tolist()], length)
        chosen: list[float] = []
        left = self.allowed - self.flyer.updates
        for step in sorted(window.tolist(), key=lambda step: (abs(step), step)):
            position = self.clear(chosen, best + step)
            cost = 0 if position is None else self.cost(position, length)
            if position is not None and cost <= left:
                chosen.append(position)
                left -= cost
        length = self.fitting(chosen, length) if chosen else 0
        if not length:
            return best
        rates = [2.0**position for position in chosen]
        lanes = self.flyer.fly_all(self.start, rates, length, look=look)
        rung.update(zip(chosen, lanes, strict=True))
        self.rungs.append(rung)
        for _ in range(_WIDER):
            now = self.best(rung)
            edges = {min(rung): -1.0, max(rung): 1.0}
            if now not in edges or not self.fly(rung, now + edges[now], length, look=look):
                break
        return self.best(rung)
