"""The one fit behind every law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glidepath.analysis.evidence import Evidence
from glidepath.analysis.laws.law import Exposure, Law
from glidepath.analysis.rates import Array

STARTS = 8
"""How many of the most promising starts are refined at the most."""
_DRAWN = 40
_REACH = 2.5
"""How far from its centre, in logarithms, any parameter may go at the least."""
_AGREE = 3
"""The search ends when this many starts have come to the same cost."""
_TINY = 1e-9


@dataclass(frozen=True)
class Fit:
    """A law fitted to some runs."""

    law: Law
    theta: Array
    """The logarithms of the parameters, shape (p,)."""
    covariance: Array
    """Of theta, as if the binned losses scattered independently, shape (p, p)."""
    residual: float
    """The root mean square of the relative errors on the runs it was fitted to."""
    cost: float
    """What the fit made small: Huber's loss of relative errors and of the pull to the prior."""

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name, in scaled units."""
        return dict(zip(self.law.parameters, np.exp(self.theta).tolist(), strict=True))

    def __call__(self, exposure: Exposure) -> Array:
        """The loss at each moment."""
        return self.law(np.exp(self.theta), exposure)


def fit(law: Law, evidence: Evidence, starts: int = STARTS, pull: float = 1.0) -> Fit:
    """Fit a law to binned losses by Huber's loss of the logarithm, from several starts.

    The threshold of Huber's loss is the measured noise, at least 0.001. Each start draws the
    exponents, solves for the linear parameters, and is refined if it is among the best. All
    draws are seeded: the same runs give the same fit.

    Args:
        law: the law.
        evidence: the binned losses.
        starts: how many starts to refine.
        pull: the weight of the law's prior; 0 fits the runs alone.
    """
    level = float(np.median(evidence.loss))
    noise = max(1e-3, evidence.noise)
    centre, spread = _prior(law, level)
    observed = np.log(evidence.loss)

    def residuals(theta: Array) -> Array:
        predicted = _predict(law, theta, evidence.exposures)
        return np.asarray(np.log(np.maximum(predicted, _TINY)) - observed)

    def weighed(theta: Array) -> Array:
        prior = pull * (theta - centre) / spread
        return np.concatenate([residuals(theta) / noise, prior])

    best = _search(weighed, _starts(law, evidence, centre, spread)[:starts], centre, spread)
    apart = residuals(best.x)
    rms, typical = float(np.sqrt(np.mean(apart**2))), float(np.median(np.abs(apart))) / 0.6745
    curvature = best.jac.T @ best.jac
    scale = max(1.0, typical / noise) ** 2
    covariance = np.linalg.pinv(curvature + np.diag(1e-6 / spread**2)) * scale
    return Fit(law, best.x, covariance, rms, float(best.cost))


def _search(
    weighed: Callable[[Array], Array], starts: list[Array], centre: Array, spread: Array
) -> Any:
    """scipy's result for the best of the starts; the rest is spared once some have agreed."""
    from scipy.optimize import least_squares

    reach = np.maximum(6 * spread, _REACH)
    best, agreed = None, 0
    for theta in starts:
        found = least_squares(
            weighed,
            theta,
            loss="huber",
            f_scale=1.0,
            bounds=(centre - reach, centre + reach),
            x_scale=spread,
            max_nfev=60,
            ftol=1e-7,
            xtol=1e-7,
        )
        if best is None or found.cost < best.cost:
            agreed = 0 if best is None or found.cost < 0.9999 * best.cost else agreed
            best = found
        agreed += int(found.cost <= 1.0001 * best.cost)
        if agreed >= _AGREE:
            break
    assert best is not None
    return best


def _prior(law: Law, level: float) -> tuple[Array, Array]:
    """Centre and spread of theta; what is a loss, relative to the runs' median loss."""
    centre = np.asarray(law.centre, dtype=np.float64).copy()
    losses = [i for i in (0, 1, 3) if i < centre.size]
    centre[losses] += np.log(level)
    return centre, np.asarray(law.spread, dtype=np.float64)


def _predict(law: Law, theta: Array, exposures: tuple[Exposure, ...]) -> Array:
    parameters = np.exp(theta)
    return np.concatenate([law(parameters, exposure) for exposure in exposures])


def _starts(law: Law, evidence: Evidence, centre: Array, spread: Array) -> list[Array]:
    """Starts, the most promising first: drawn exponents, and the best linear parameters."""
    from scipy.optimize import nnls

    linear = [i for i in (0, 1, 3) if i < len(law.parameters)]
    draws = np.random.default_rng(0).normal(size=(_DRAWN, centre.size))
    draws[0] = 0
    found = []
    for draw in draws:
        theta = centre + spread * np.clip(draw, -2, 2)
        columns = []
        for i in linear:
            alone = np.exp(theta)
            alone[linear] = 0.0
            alone[i] = 1.0
            columns.append(
                np.concatenate([law(alone, exposure) for exposure in evidence.exposures])
            )
        matrix = np.column_stack(columns)
        solution, error = nnls(matrix, evidence.loss)
        usual = np.exp(centre[linear])
        theta[linear] = np.log(np.maximum(solution, 0.02 * usual))
        low, high = centre - 5.9 * spread, centre + 5.9 * spread
        found.append((error, np.clip(theta, low, high)))
    return [theta for _, theta in sorted(found, key=lambda pair: pair[0])]


def draws(found: Fit, count: int, inflate: float, seed: int = 0) -> list[Array]:
    """Vectors of theta that the runs allow: pairs mirrored about the fit.

    Args:
        found: the fit.
        count: how many, even.
        inflate: what the standard deviations are multiplied by.
        seed: of the draws.
    """
    values, vectors = np.linalg.eigh(found.covariance)
    spread = np.asarray(found.law.spread)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    half = np.random.default_rng(seed).normal(size=(count // 2, found.theta.size))
    steps = np.clip(inflate * (half @ root.T), -2 * spread, 2 * spread)
    return [found.theta + sign * step for step in steps for sign in (1, -1)]
