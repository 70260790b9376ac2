"""An ensemble of laws and of the parameters that the runs allow: the level and its band."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glidepath.analysis.evidence import Evidence, gather
from glidepath.analysis.fitting import Fit, draws, fit
from glidepath.analysis.laws import LOG_POWER, MULTI_POWER, QUICK_TISSUE, TEMPERED_POWER, expose
from glidepath.analysis.laws.law import Law
from glidepath.analysis.rates import Array, RateCurve
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun

MIXED: tuple[Law, ...] = (TEMPERED_POWER, LOG_POWER, MULTI_POWER)
"""The laws of the ensemble. Tissue's is not among them: its best schedule is degenerate."""
RESTARTED: tuple[Law, ...] = (QUICK_TISSUE, TEMPERED_POWER)
"""The laws for a policy that raises its rate again: the first leads, the second widens the band."""
DRAWS = 12
INFLATE = 0.35
"""What the draws from each fit's covariance are multiplied by. This and the constants below were
set on a part of the published curves; benchmarks/laws.py reports the coverage on both parts."""
LEVEL = 0.0005
"""Relative deviation of a level that no run reveals: another seed."""
FURTHER = 0.0035
"""What the square of each doubling of the horizon adds to it."""
SHAPE = 0.0013
"""The same as `LEVEL`, for a difference between two schedules."""
SHAPE_FURTHER = 0.0003
"""What each doubling of the horizon adds to it."""
NORMAL_90 = 1.6449
WORST = 0.05
"""Fits with a larger relative error are refused, unless the losses scatter so much themselves."""


@dataclass(frozen=True)
class Ensemble:
    """Laws fitted to the same runs."""

    fits: tuple[Fit, ...]
    evidence: Evidence
    runs: tuple[LoggedRun, ...]
    longest: int
    """Updates in the longest run."""
    leading: int
    """The first so many fits give the middle; all of them the band."""
    level: float = LEVEL
    """Relative deviation of a level from one training to the next."""

    @cached_property
    def members(self) -> tuple[tuple[Law, Array], ...]:
        """Laws with parameters: the fits themselves first, then draws about each."""
        best = [(found.law, np.exp(found.theta)) for found in self.fits]
        drawn = [
            (found.law, np.exp(theta))
            for found in self.fits
            for theta in draws(found, DRAWS, INFLATE)
        ]
        return (*best, *drawn)

    def curves(self, rates: RateCurve, moments: Array, most: int = 150) -> Array:
        """The loss by every member, shape (members, moments)."""
        exposure = expose(rates, moments, self.evidence.scale, most)
        return np.stack([law(parameters, exposure) for law, parameters in self.members])

    def centre(self, curves: Array) -> Array:
        """The middle of the leading fits, shape (moments,)."""
        return np.asarray(np.median(curves[: self.leading], axis=0))

    def doublings(self, moments: Array) -> Array:
        """How many times each moment doubles the longest run; 0 inside it."""
        return np.log2(np.maximum(moments / self.longest, 1.0))

    def spread(self, curves: Array, moments: Array) -> Array:
        """The standard deviation of the predicted loss, shape (moments,)."""
        unseen = self.centre(curves) * (self.level + FURTHER * self.doublings(moments) ** 2)
        return np.asarray(np.sqrt(curves.var(axis=0) + unseen**2))

    def spread_of_difference(self, differences: Array, level: Array, total: int) -> Array:
        """The standard deviation of differences at the end of `total` updates.

        Args:
            differences: by every member, shape (members, n).
            level: about the loss itself, shape (n,).
            total: updates.
        """
        doublings = float(self.doublings(np.asarray([float(total)]))[0])
        unseen = level * (SHAPE + SHAPE_FURTHER * doublings)
        return np.asarray(np.sqrt(differences.var(axis=0) + unseen**2))


def assemble(runs: tuple[LoggedRun, ...], laws: tuple[Law, ...] = MIXED) -> Ensemble:
    """Fit the laws to the runs.

    Raises:
        RefusedError: no law comes near the runs.
    """
    evidence = gather(runs)
    fits = tuple(fit(law, evidence) for law in laws)
    best = min(typical(found, evidence) for found in fits)
    if best > max(WORST, 1.5 * evidence.noise):
        raise RefusedError(
            "no_fit",
            f"no law comes closer to the runs than {best:.1%}",
            "check that the loss and the rates belong together, and log an evaluated loss",
        )
    leading = 1 if laws is RESTARTED else len(fits)
    longest = max(run.total for run in runs)
    return Ensemble(fits, evidence, runs, longest, leading, between(fits[0], evidence))


def typical(found: Fit, evidence: Evidence) -> float:
    """How far the losses usually lie from a fit, relative; outliers do not count."""
    fitted = np.concatenate([found(exposure) for exposure in evidence.exposures])
    apart = np.abs(np.log(np.maximum(fitted, 1e-300)) - np.log(evidence.loss))
    return float(np.median(apart)) / 0.6745


def between(found: Fit, evidence: Evidence) -> float:
    """How far the level of one training lies from another's, relative, one deviation.

    One run does not tell: `LEVEL`, which is other seeds of large models on fresh data. Several runs
    do, by how far each lies from their common law; `LEVEL` then counts as one more of them, and as
    the least, for runs that share their beginning agree more than seeds do.
    """
    count = len(evidence.exposures)
    if count < 2:
        return LEVEL
    sizes = [exposure.area.size for exposure in evidence.exposures]
    parts = np.split(np.log(evidence.loss), np.cumsum(sizes)[:-1])
    residuals = [
        part - np.log(found(exposure))
        for part, exposure in zip(parts, evidence.exposures, strict=True)
    ]
    offsets = np.asarray([float(np.mean(each[each.size // 2 :])) for each in residuals])
    square = float(np.sum((offsets - offsets.mean()) ** 2))
    return max(LEVEL, float(np.sqrt((LEVEL**2 + square) / count * (1 + 1 / count))))
