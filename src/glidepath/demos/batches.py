"""Mini-batches around a minimum: a fixed rate wanders for ever, a decay settles.

A line is fitted to points by least squares. The gradient of a mini-batch is the true one plus
noise, and near the minimum only the noise is left. With residuals of variance σ² the noise has
covariance σ²·H/batch at curvature H, and the spread S of the parameters that a fixed rate keeps
solves S = (1 − rate·H)·S·(1 − rate·H) + rate²·σ²·H/batch. So the excess loss stays, in the mean, at
rate·σ²/(2·batch)·Σ h/(2 − rate·h) over the curvatures h: to first order proportional to the rate
over the batch size (as in Mandt, Hoffman and Blei 2017, arXiv:1704.04289). That batches differ in
their curvature too is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glidepath.errors import ArgumentError
from glidepath.schedules import Schedule, checks, constant, cosine_decay
from glidepath.training.trainer import Array

RATE, BATCH, STEPS = 0.3, 4, 500
HIGHEST_RATE = 0.8
"""Every single point's curvature is below 2.5, so that no batch diverges up to here."""
POINTS = 256
SEEDS = 30
START = (-0.5, 0.7)
_REACH = 1.2
_NOISE = 0.8
_TRUE = (0.7, -0.2)


@dataclass(frozen=True)
class Wander:
    """Mini-batch gradient descent under one schedule, from several seeds."""

    name: str
    """ "fixed" or "cosine"."""
    rates: Array
    """The rate of each update."""
    paths: Array
    """Seeds × (updates + 1) × (slope, intercept)."""
    excess: Array
    """Seeds × (updates + 1): the loss over all points, above the least there is."""

    @property
    def end(self) -> float:
        """The excess loss at the end, in the mean over seeds and the last tenth of the run."""
        return float(self.excess[:, -max(1, len(self.rates) // 10) :].mean())


@dataclass(frozen=True)
class Noise:
    """The same mini-batches at a fixed rate and under a decay."""

    minimum: tuple[float, float]
    curvature: Array
    """The matrix of second derivatives of the loss, 2 × 2."""
    rate: float
    batch_size: int
    floor: float
    """The excess loss that theory expects of the fixed rate."""
    runs: tuple[Wander, ...]


def noise(rate: float = RATE, batch_size: int = BATCH, steps: int = STEPS, seed: int = 0) -> Noise:
    """Fit a line by mini-batches at a fixed rate, and with a cosine from the same rate to zero.

    Both see the same batches, seed by seed.

    Args:
        rate: the fixed rate, and the decay's first one; at most 0.8.
        batch_size: points in a batch, drawn with replacement.
        steps: updates.
        seed: of the points and of the batches.

    Raises:
        ArgumentError: a number that cannot be, as the message says.
    """
    where = "noise"
    rate = checks.number(where, "rate", rate, positive=True)
    if rate > HIGHEST_RATE:
        raise ArgumentError(
            f"{where}: rate must be at most {HIGHEST_RATE:g}, got {rate:g}; above it a batch may "
            "diverge, which `glidepath demo regimes` shows"
        )
    batch_size = _within(where, "batch_size", batch_size, POINTS)
    steps = _within(where, "steps", steps, 5000)
    seed = checks.count(where, "seed", seed, least=0)
    generator = np.random.default_rng(seed)
    x = generator.uniform(-_REACH, _REACH, POINTS)
    y = _TRUE[0] * x + _TRUE[1] + generator.normal(0, _NOISE, POINTS)
    features = np.stack([x, np.ones(POINTS)], axis=1)
    curvature = features.T @ features / POINTS
    minimum = np.linalg.solve(curvature, features.T @ y / POINTS)
    chosen = generator.integers(POINTS, size=(SEEDS, steps, batch_size))
    schedules: dict[str, Schedule] = {
        "fixed": constant(rate),
        "cosine": cosine_decay(rate, "100%"),
    }
    runs = []
    for name, schedule in schedules.items():
        rates = schedule.plan(steps).table()
        paths = _fit(features, y, chosen, rates)
        off = paths - minimum
        excess = np.einsum("sti,ij,stj->st", off, curvature, off) / 2
        runs.append(Wander(name, rates, paths, excess))
    residual = float(np.mean((features @ minimum - y) ** 2))
    heights = np.linalg.eigvalsh(curvature)
    floor = rate * residual / (2 * batch_size) * float(np.sum(heights / (2 - rate * heights)))
    return Noise(
        (float(minimum[0]), float(minimum[1])), curvature, rate, batch_size, floor, tuple(runs)
    )


def _within(where: str, name: str, value: int, most: int) -> int:
    value = checks.count(where, name, value)
    if value > most:
        raise ArgumentError(f"{where}: {name} must be at most {most}, got {value}; give less")
    return value


def _fit(features: Array, y: Array, chosen: NDArray[np.int64], rates: Array) -> Array:
    """The parameters of all seeds after every update."""
    paths = np.empty((chosen.shape[0], len(rates) + 1, 2))
    weights = np.tile(np.array(START), (chosen.shape[0], 1))
    paths[:, 0] = weights
    for step, rate in enumerate(rates):
        batch = features[chosen[:, step]]  # seeds × batch × 2
        residual = np.einsum("sbi,si->sb", batch, weights) - y[chosen[:, step]]
        weights = weights - rate * np.einsum("sbi,sb->si", batch, residual) / batch.shape[1]
        paths[:, step + 1] = weights
    return paths
