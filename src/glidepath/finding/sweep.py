"""One sweep of the learning rate: each rate with the loss that it caused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from glidepath.finding.rules import EXPONENTIAL
from glidepath.finding.smoothing import noise, smooth
from glidepath.schedules import exponential_ramp, linear
from glidepath.training.trainer import Array, Trainer

_CHUNK = 10
"""Updates between two looks at whether the run has diverged."""
_RISE = 10.0
"""Standard deviations of the early losses that the smoothed loss must rise above its best."""


@dataclass(frozen=True)
class Sweep:
    """What one sweep measured; the loss at i is the first that rates[i] could have caused."""

    rates: Array
    losses: Array
    smoothed: Array
    metrics: Mapping[str, Array] = field(default_factory=dict)
    diverged_at: float | None = None
    updates: int = 0


def sweep_rates(low: float, high: float, steps: int, kind: str) -> Array:
    """The rates of the updates: `steps` from low to high, both ends included, and high again.

    The last update is there to measure what the highest rate did.
    """
    shape = exponential_ramp if kind == EXPONENTIAL else linear
    plan = shape(low, high, steps - 1).plan(total=steps)
    return plan(np.arange(steps + 1))


def run_sweep(trainer: Trainer, rates: Array, beta: float) -> Sweep:
    """Train through the rates, in small chunks, until their end or divergence.

    The loss of update i + 1 is paired with the rate of update i: the loss of an update is measured
    before that update is applied.
    """
    applied, losses = np.empty(0), np.empty(0)
    metrics: dict[str, Array] = {}
    for start in range(0, len(rates), _CHUNK):
        updates = trainer.advance({"learning_rate": rates[start : start + _CHUNK]})
        applied = np.concatenate([applied, updates.applied["learning_rate"]])
        losses = np.concatenate([losses, updates.losses])
        for name, values in updates.metrics.items():
            metrics[name] = np.concatenate([metrics.get(name, np.empty(0)), values])
        edge = _divergence(losses[1:], losses[0], len(rates) - 1, beta)
        if edge is not None:
            break
    measured = losses[1:]
    diverged_at = None if edge is None else float(applied[edge])
    # A loss that is not finite is no point of a curve; one that has merely risen is.
    bad = np.flatnonzero(~np.isfinite(measured))
    count = len(measured) if edge is None else edge + 1
    count = min(count, int(bad[0])) if bad.size else count
    return Sweep(
        applied[:count],
        measured[:count],
        smooth(measured[:count], beta),
        {name: values[1 : count + 1] for name, values in metrics.items()},
        diverged_at,
        len(losses),
    )


def _divergence(losses: Array, first: float, steps: int, beta: float) -> int | None:
    """The index of the loss by which the sweep has diverged; None where it has not.

    Diverged is a loss that is not finite, or a smoothed loss above

        best + max(10·spread, 2·(start − best))

    with best the lowest smoothed loss so far, start the smoothed loss after the first tenth, and
    spread the noise of the losses of that tenth. Nothing is multiplied by a loss, so that the test
    does the same whatever constant is added to the losses: it works where they are negative.
    """
    if not np.isfinite(first):
        return 0
    bad = np.flatnonzero(~np.isfinite(losses))
    finite = losses[: bad[0]] if bad.size else losses
    early = max(10, steps // 10)
    if len(finite) > early:
        smoothed = smooth(finite, beta)
        start, spread = smoothed[early - 1], noise(finite[:early])
        best = np.minimum.accumulate(smoothed)
        limit = best + np.maximum(_RISE * spread, 2 * np.maximum(start - best, 0.0))
        # Where a curve is smooth and flat, rounding is no divergence.
        limit += 1e-6 * abs(start)
        above = np.flatnonzero(smoothed[early:] > limit[early:])
        if above.size:
            return early + int(above[0])
    return int(bad[0]) if bad.size else None
