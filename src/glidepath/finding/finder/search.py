"""The search: which lanes are flown, rung by rung."""

from __future__ import annotations

import math

import numpy as np

from glidepath.finding.finder.effort import Effort
from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.lanes import Flyer, Start

_COARSE = 2.0
"""Octaves between the lanes of the first rung."""


class Search:
    """Successive halving on a contiguous window of rates, widened where the best is at its edge."""

    def __init__(self, flyer: Flyer, effort: Effort, bounds: tuple[float, float]) -> None:
        self.flyer, self.effort, self.bounds = flyer, effort, bounds
        self.rungs: list[list[Lane]] = []
        self.start: Start

    def run(self, seed: int | None) -> None:
        """All rungs."""
        self.start = self.flyer.start(seed, 0)
        lengths = self.effort.lengths(self.flyer.shape.total)
        best = self.bracket(lengths[0])
        for length, count in zip(lengths[1:], self.effort.lanes[1:], strict=False):
            best = self.halve(best, length, count)

    def fly(self, lanes: dict[float, Lane], position: float, length: int) -> float:
        """The score of the lane at a position, flown unless it has been; infinite if diverged."""
        if position not in lanes:
            lanes[position] = self.flyer.fly(self.start, 2.0**position, length)
        lane = lanes[position]
        return math.inf if lane.diverged else lane.score

    def inside(self, position: float) -> bool:
        """Whether a position is in the window."""
        return self.bounds[0] - 1e-9 <= position <= self.bounds[1] + 1e-9

    def bracket(self, length: int) -> float:
        """Lanes two octaves apart, from the middle up and down, until the loss rises twice."""
        lanes: dict[float, Lane] = {}
        middle = sum(self.bounds) / 2
        for direction in (_COARSE, -_COARSE):
            position, worse, best = middle, 0, math.inf
            while self.inside(position) and worse < 2:
                score = self.fly(lanes, position, length)
                worse = worse + 1 if score >= best else 0
                if math.isinf(score) and direction > 0:
                    break
                best = min(best, score)
                position += direction
        return self.done(lanes)

    def halve(self, best: float, length: int, count: int) -> float:
        """So many lanes an octave apart around the best of the last rung; more at an edge."""
        lanes: dict[float, Lane] = {}
        first = best - count // 2
        for position in np.arange(first, first + count):
            if self.inside(position):
                self.fly(lanes, float(position), length)
        for _ in range(3):
            scores = {position: self.fly(lanes, position, length) for position in lanes}
            lowest = min(scores, key=lambda position: scores[position])
            if lowest == min(scores) and self.inside(lowest - 1):
                self.fly(lanes, lowest - 1, length)
            elif lowest == max(scores) and self.inside(lowest + 1):
                self.fly(lanes, lowest + 1, length)
            else:
                break
        return self.done(lanes)

    def done(self, lanes: dict[float, Lane]) -> float:
        """Keep a rung; the position of its best lane."""
        self.rungs.append([lanes[position] for position in sorted(lanes)])
        scores = {p: math.inf if lane.diverged else lane.score for p, lane in lanes.items()}
        return min(scores, key=lambda position: scores[position])
