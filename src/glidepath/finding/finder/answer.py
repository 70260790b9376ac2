"""From a prediction to the answer: rate, interval, bounds for cyclical rates, warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from glidepath.finding.finder.evidence import Evidence
from glidepath.finding.finder.found import Curve
from glidepath.finding.finder.law import Prediction, least_expected
from glidepath.training.trainer import Array

_INSIDE = (0.1, 0.9)
_ALSO = 1.0
"""Octaves by which the interval is widened at either end for what no law knows; with it, it held
the best rate of the grid in three quarters, and a rate as good as that in nine tenths, of the rows
that the law was made on."""
_AT_EDGE = 0.5
"""Octaves to a bound within which a rate counts as at the edge."""
_HARMLESS = 0.01
"""An expected loss above the best, in shares, that does not matter."""
_BASE, _TOP = 0.1, 0.02
"""The same at the base and at the top of cyclical rates."""
_FLAT, _NOISY, _CERTAIN, _LIKELY = 4.0, 5.0, 3.5, 5.0
"""Octaves: of harmless rates to be called flat; of an interval to be called noisy, high confidence
and medium confidence."""


@dataclass(frozen=True)
class Answer:
    """Positions, log2 of rates, and what to say about them."""

    position: float
    low: float
    high: float
    base: float
    top: float
    curve: Curve
    confidence: str
    warnings: tuple[str, ...]


def answer(prediction: Prediction, evidence: Evidence, bounds: tuple[float, float]) -> Answer:
    """What a prediction says, kept inside the bounds."""
    position = _inside(least_expected(prediction), bounds)
    grid, expected = prediction.grid, prediction.weights @ prediction.excess
    optima = grid[np.argmin(prediction.excess, axis=1)]
    low, high = (_quantile(optima, prediction.weights, share) for share in _INSIDE)
    low = _inside(min(low, position) - _ALSO, bounds)
    high = _inside(max(high, position) + _ALSO, bounds)
    harmless = _around(grid, expected - expected.min(), position, _HARMLESS)
    base = _around(grid, expected - expected.min(), position, _BASE)[0]
    top = _around(grid, expected - expected.min(), position, _TOP)[1]
    base = min(base, top - 2)
    warnings = [*_edges(position, bounds), *_doubts(low, high, harmless)]
    return Answer(
        position, low, high, base, top, _curve(prediction, expected, evidence.scale),
        _confidence(high - low), tuple(warnings),
    )  # fmt: skip


def no_answer(stand_in: float, bounds: tuple[float, float]) -> Answer:
    """Where no lane learnt anything: a rate that stands in, and a warning."""
    rates = tuple(np.exp2(bounds).tolist())
    none = (math.nan, math.nan)
    warning = (
        f"no lane learnt anything on the probe, so nothing can be read off and {2.0**stand_in:.2g} "
        "only stands in: raise the effort, widen low and high, or check the model and its data"
    )
    curve = Curve(rates, none, none, none)
    return Answer(stand_in, *bounds, stand_in - 3, stand_in, curve, "low", (warning,))


def _inside(position: float, bounds: tuple[float, float]) -> float:
    return min(max(position, bounds[0]), bounds[1])


def _quantile(values: Array, weights: Array, share: float) -> float:
    order = np.argsort(values)
    at = int(np.searchsorted(np.cumsum(weights[order]), share))
    return float(values[order][min(at, len(order) - 1)])


def _around(grid: Array, excess: Array, position: float, limit: float) -> tuple[float, float]:
    """The ends of the rates around a position whose expected loss stays below a limit."""
    at = int(np.argmin(np.abs(grid - position)))
    over = np.flatnonzero(excess > limit)
    below, above = over[over < at], over[over > at]
    first = int(below[-1]) + 1 if below.size else 0
    last = int(above[0]) - 1 if above.size else len(grid) - 1
    return float(grid[min(first, at)]), float(grid[max(last, at)])


def _curve(prediction: Prediction, expected: Array, scale: float) -> Curve:
    excess = np.ascontiguousarray(prediction.excess.T)
    order = np.argsort(excess, axis=1)
    reached = np.cumsum(prediction.weights[order], axis=1)
    rows = np.arange(len(excess))
    ends = [excess[rows, order[rows, np.argmax(reached >= share, axis=1)]] for share in _INSIDE]
    rates = tuple(np.exp2(prediction.grid).tolist())
    loss, low, high = (tuple((scale * part).tolist()) for part in (expected, *ends))
    return Curve(rates, loss, low, high)


def _confidence(width: float) -> str:
    return "high" if width <= _CERTAIN else "medium" if width <= _LIKELY else "low"


def _edges(position: float, bounds: tuple[float, float]) -> list[str]:
    if position <= bounds[0] + _AT_EDGE:
        return ["the best rate lies at the lowest rate that was considered: lower low"]
    if position >= bounds[1] - _AT_EDGE:
        return ["the best rate lies at the highest rate that was considered: raise high"]
    return []


def _doubts(low: float, high: float, harmless: tuple[float, float]) -> list[str]:
    first, last = (f"{2.0**end:.2g}" for end in harmless)
    if harmless[1] - harmless[0] >= _FLAT:
        return [f"flat: any rate from {first} to {last} should do as well within 1 %"]
    if high - low > _NOISY:
        return [
            f"the lanes leave the best rate open between {2.0**low:.2g} and {2.0**high:.2g}: raise "
            "the effort"
        ]
    return []
