"""An ensemble of laws and of the parameters that the runs allow: the level and its band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.evidence import Evidence, gather
from glidepath.analysis.fitting import Fit, fit, members
from glidepath.analysis.laws import LOG_POWER, MULTI_POWER, expose
from glidepath.analysis.laws.law import Law
from glidepath.analysis.rates import Array, RateCurve
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun

MIXED: tuple[Law, ...] = (LOG_POWER, MULTI_POWER)
"""The laws of the ensemble. Tissue's is not among them: its best schedule is degenerate."""
DRAWS = 16
INFLATE = 4.0
"""How much wider than from independent errors the parameters may lie."""
LEVEL = 0.002
"""Relative error of a level that no run reveals: another seed, another law."""
FURTHER = 0.004
"""What each doubling of the horizon adds to it."""
SHAPE = 0.0012
"""The same, for a difference between two schedules."""
SHAPE_FURTHER = 0.001
NORMAL_90 = 1.6449
WORST = 0.05
"""Fits with a larger relative error are refused."""


@dataclass(frozen=True)
class Ensemble:
    """Laws fitted to the same runs."""

    fits: tuple[Fit, ...]
    evidence: Evidence
    runs: tuple[LoggedRun, ...]
    longest: int
    """Updates in the longest run."""

    def curves(self, rates: RateCurve, moments: Array, most: int = 300) -> Array:
        """The loss by every member, shape (members, moments)."""
        exposure = expose(rates, moments, self.evidence.scale, most)
        rows = [
            found.law(np.exp(theta), exposure)
            for found in self.fits
            for theta in members(found, DRAWS, INFLATE)
        ]
        return np.stack(rows)

    def doublings(self, moments: Array) -> Array:
        """How many times each moment doubles the longest run; 0 inside it."""
        return np.log2(np.maximum(moments / self.longest, 1.0))

    def spread(self, curves: Array, moments: Array, mean: Array) -> Array:
        """The standard deviation of the predicted loss, shape (moments,)."""
        unseen = mean * (LEVEL + FURTHER * self.doublings(moments))
        return np.asarray(np.sqrt(curves.var(axis=0) + unseen**2))

    def spread_of_difference(self, differences: Array, level: float, total: int) -> float:
        """The standard deviation of a difference, from each member's own."""
        doublings = float(self.doublings(np.asarray([float(total)]))[0])
        unseen = level * (SHAPE + SHAPE_FURTHER * doublings)
        return float(np.sqrt(differences.var() + unseen**2))


def assemble(runs: tuple[LoggedRun, ...], laws: tuple[Law, ...] = MIXED) -> Ensemble:
    """Fit the laws to the runs.

    Raises:
        RefusedError: no law comes near the runs.
    """
    evidence = gather(runs)
    fits = tuple(fit(law, evidence) for law in laws)
    best = min(found.residual for found in fits)
    if best > WORST:
        raise RefusedError(
            "no_fit",
            f"no law comes closer to the runs than {best:.1%}",
            "check that the loss and the rates belong together, and log an evaluated loss",
        )
    return Ensemble(fits, evidence, runs, max(run.total for run in runs))


def centre(curves: Array) -> Array:
    """The middle of an ensemble's members, shape (moments,)."""
    return np.asarray(np.median(curves, axis=0))
