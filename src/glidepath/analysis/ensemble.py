"""An ensemble of laws and of the parameters that the runs allow: the level and its band."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glidepath.analysis.evidence import Evidence, gather
from glidepath.analysis.fitting import STARTS, Fit, draws, fit
from glidepath.analysis.laws import LOG_POWER, MULTI_POWER, QUICK_TISSUE, TEMPERED_POWER, expose
from glidepath.analysis.laws.law import Law, base
from glidepath.analysis.rates import Array, RateCurve
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.widths import LEVEL, SCATTERED, SEEN_AGAIN, Asked, Widths

MIXED: tuple[Law, ...] = (TEMPERED_POWER, LOG_POWER, MULTI_POWER)
"""The laws of the ensemble. Tissue's is not among them: its best schedule is degenerate."""
RESTARTED: tuple[Law, ...] = (QUICK_TISSUE, TEMPERED_POWER)
"""The laws for a policy that raises its rate again: the first leads, the second widens the band."""
DRAWS = 12
INFLATE = 0.35
"""What the draws from each fit's covariance are multiplied by. This and the constants of widths.py
were set on a part of the published curves; benchmarks/laws.py reports the coverage on both."""
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

    def curves(
        self, rates: RateCurve, moments: Array, most: int = 150, members: int | None = None
    ) -> Array:
        """The loss by every member, or by the first so many, shape (members, moments)."""
        exposure = expose(rates, moments, self.evidence.scale, most)
        return np.stack([law(parameters, exposure) for law, parameters in self.members[:members]])

    def middle_of(self, rates: RateCurve) -> float:
        """The middle of the predicted losses at the end, without what the band needs."""
        end = np.asarray([float(rates.total)])
        return float(self.centre(self.curves(rates, end, members=self.leading))[0])

    def centre(self, curves: Array) -> Array:
        """The middle of the leading fits, shape (moments,)."""
        return np.asarray(np.median(curves[: self.leading], axis=0))

    def spread(self, curves: Array, rates: RateCurve, moments: Array) -> Array:
        """The standard deviation of the predicted loss, shape (moments,).

        Args:
            curves: by every member, shape (members, moments).
            rates: the schedule they are of.
            moments: updates done.
        """
        level = self.centre(curves)
        return self._widths.level(level, self._apart(curves), self._asked(rates, moments))

    def spread_of_difference(
        self, differences: Array, level: Array, a: RateCurve, b: RateCurve
    ) -> Array:
        """The standard deviation of loss(a) − loss(b) at their ends.

        Args:
            differences: by every member, shape (members, n).
            level: about the loss itself, shape (n,).
            a: a schedule.
            b: another.
        """
        ends = [self._asked(curve, np.asarray([float(curve.total)])) for curve in (a, b)]
        return self._widths.difference(level, self._apart(differences), *ends)

    @cached_property
    def _widths(self) -> Widths:
        seen = tuple(run.rates for run in self.runs)
        _, removed, exponent = np.exp(self.fits[0].theta[:3])
        restarted = self.leading < len(self.fits)
        return Widths(seen, self.longest, float(removed), float(exponent), self.level, restarted)

    def _asked(self, rates: RateCurve, moments: Array) -> Asked:
        exposure = expose(rates, moments, self.evidence.scale, 150)
        law, parameters = self.members[0]
        gain = base(parameters, exposure) - law(parameters, exposure)
        return Asked(rates, moments, np.maximum(gain, 0))

    def _apart(self, values: Array) -> Array:
        """How far the members lie apart, as a deviation."""
        return np.asarray(values.std(axis=0))


def assemble(
    runs: tuple[LoggedRun, ...], laws: tuple[Law, ...] = MIXED, starts: int = STARTS
) -> Ensemble:
    """Fit the laws to the runs, each from so many starts at the most.

    Raises:
        RefusedError: no law comes near the runs.
    """
    evidence = gather(runs)
    fits = tuple(fit(law, evidence, starts) for law in laws)
    best = min(typical(found, evidence) for found in fits)
    if best > max(WORST, 1.5 * evidence.noise):
        raise RefusedError(
            "no_fit",
            f"no law comes closer to the runs than {best:.1%}",
            "check that the loss and the rates belong together, and log an evaluated loss",
        )
    leading = 1 if laws is RESTARTED else len(fits)
    longest = max(run.total for run in runs)
    return Ensemble(fits, evidence, runs, longest, leading, between(fits[0], evidence, runs))


def typical(found: Fit, evidence: Evidence) -> float:
    """How far the losses usually lie from a fit, relative; outliers do not count."""
    fitted = np.concatenate([found(exposure) for exposure in evidence.exposures])
    apart = np.abs(np.log(np.maximum(fitted, 1e-300)) - np.log(evidence.loss))
    return float(np.median(apart)) / 0.6745


def between(found: Fit, evidence: Evidence, runs: tuple[LoggedRun, ...]) -> float:
    """How far the level of one training lies from another's, relative, one deviation.

    One run does not tell: `usual` does. Several runs do, by how far each lies from their common
    law; the usual then counts as one more of them, and `LEVEL` as the least, for runs that share
    their beginning agree more than seeds do.
    """
    expected, count = usual(evidence, runs), len(evidence.exposures)
    if count < 2:
        return expected
    sizes = [exposure.area.size for exposure in evidence.exposures]
    parts = np.split(np.log(evidence.loss), np.cumsum(sizes)[:-1])
    residuals = [
        part - np.log(found(exposure))
        for part, exposure in zip(parts, evidence.exposures, strict=True)
    ]
    offsets = np.asarray([float(np.mean(each[each.size // 2 :])) for each in residuals])
    square = float(np.sum((offsets - offsets.mean()) ** 2))
    return max(LEVEL, float(np.sqrt((expected**2 + square) / count * (1 + 1 / count))))


def usual(evidence: Evidence, runs: tuple[LoggedRun, ...]) -> float:
    """How far seeds usually differ, relative: by the scatter, and by the size of the data.

    Nothing but a second seed tells for sure. What is known of other trainings: seeds differ more
    where neighbouring losses scatter more, and more on small data that are seen in many epochs.
    """
    again = [
        SEEN_AGAIN / np.sqrt(run.steps_per_epoch)
        for run in runs
        if run.steps_per_epoch is not None and run.total >= 1.5 * run.steps_per_epoch
    ]
    square = LEVEL**2 + (SCATTERED * evidence.noise) ** 2 + max(again, default=0.0) ** 2
    return float(np.sqrt(square))
