"""An ensemble of laws and of the parameters that the runs allow: the level and its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glidepath.analysis.evidence import Evidence, gather
from glidepath.analysis.fitting import STARTS, Fit, draws, fit
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
LEVEL = 0.0008
"""Relative deviation of a level that no run reveals: another seed of a large model on fresh data.
Ten runs of nanoGPT differ by 0.0004, 124M models by 0.0007."""
SCATTERED = 0.4
"""What the scatter of neighbouring losses adds to it, as a share of the scatter. Seeds of ResNet-50
differ by a fifth of it, of ViT by 0.9, training losses of small tasks by 0.2 to 0.4."""
SEEN_AGAIN = 0.2
"""What data add that are seen again and again: this, over the root of the updates in an epoch.
Five seeds of ImageNet give 0.1 (ResNet-50) and 0.35 (ViT), ten of small tasks 0.1 to 0.3."""
FURTHER = 0.005
"""What the doublings of the horizon add, to the power 1.5; where seeds differ by more than `LEVEL`,
so much more."""
NEARER = 0.005
"""What each halving of it adds where the rate is at zero, and less above: a decay that comes
earlier than any that was seen."""
MIDDLE = 0.005
"""What is added while the rate is at half of its peak on its way down, where the laws promise too
much; less on both sides of that, and more with the doublings (`GROWTH`)."""
GROWTH = 0.8
SHAPE = 0.0012
"""The same as `LEVEL`, for a difference between two schedules."""
SHAPE_FURTHER = 0.0003
"""What each doubling of the horizon adds to it."""
SHAPE_NEARER = 0.0015
"""What each halving adds to it."""
SURE = 0.7
"""The share of the members' deviation that counts for large models on fresh data, on which the laws
were made; all of it where the rate rises again, or where seeds differ by more than `KNOWN`."""
KNOWN = 0.005
PAIRED = 0.4
"""The share of what seeds differ by that a difference between schedules has: most is common."""
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

    def doublings(self, moments: Array) -> Array:
        """How many times each moment doubles the longest run; below 0 inside it."""
        return np.asarray(np.log2(np.maximum(moments, 1.0) / self.longest))

    def middle(self, rates: RateCurve, moments: Array) -> Array:
        """The relative deviation of what the laws have wrong in the middle of a decay."""
        share = share_of(rates, moments)
        grown = MIDDLE * 2 ** (GROWTH * self.doublings(moments))
        return np.asarray(4 * share * (1 - share) * grown)

    def spread(self, curves: Array, rates: RateCurve, moments: Array) -> Array:
        """The standard deviation of the predicted loss, shape (moments,).

        Args:
            curves: by every member, shape (members, moments).
            rates: the schedule they are of.
            moments: updates done.
        """
        doublings = self.doublings(moments)
        further = (FURTHER + self.level - LEVEL) * np.maximum(doublings, 0) ** 1.5
        nearer = NEARER * np.maximum(-doublings, 0) * (1 - share_of(rates, moments))
        square = self.level**2 + further**2 + nearer**2 + self.middle(rates, moments) ** 2
        return np.asarray(np.sqrt(self._apart(curves) + self.centre(curves) ** 2 * square))

    def _apart(self, values: Array) -> Array:
        """How far the members lie apart, as a variance."""
        sure = self.leading == len(self.fits) and self.level <= KNOWN
        share = SURE if sure else 1.0
        return np.asarray(share**2 * values.var(axis=0))

    def spread_of_difference(
        self, differences: Array, level: Array, total: int, rates: Sequence[RateCurve] = ()
    ) -> Array:
        """The standard deviation of differences at the end of `total` updates.

        Args:
            differences: by every member, shape (members, n).
            level: about the loss itself, shape (n,).
            total: updates.
            rates: the schedules, where they may end with a rate between zero and their peak.
        """
        end = np.asarray([float(total)])
        doublings = float(self.doublings(end)[0])
        shape = SHAPE + SHAPE_FURTHER * max(doublings, 0) + SHAPE_NEARER * max(-doublings, 0)
        middle = sum(float(self.middle(curve, end)[0]) ** 2 for curve in rates)
        square = shape**2 + (PAIRED * self.level) ** 2 + middle
        return np.asarray(np.sqrt(self._apart(differences) + level**2 * square))


def share_of(rates: RateCurve, moments: Array) -> Array:
    """The rate of the update before each moment, as a share of the peak."""
    return np.asarray(np.clip(rates.at(np.maximum(moments - 1, 0)) / rates.peak, 0, 1))


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
