"""`diagnose`: what a log says of its run, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glidepath.analysis.counsel import advice, regime
from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.findings import Finding, shape, signs
from glidepath.analysis.given import Run, as_run, as_runs
from glidepath.analysis.optimisation import Recommendation, recommend, warmup_fits
from glidepath.analysis.prediction import Difference, Prediction, difference
from glidepath.analysis.rates import RateCurve, from_plan
from glidepath.analysis.refusal import RefusedError, check_runs
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.signs import change
from glidepath.analysis.widths import NORMAL_90

_POINTS = 120


@dataclass(frozen=True)
class Decay:
    """When a decay should have begun, and how."""

    begin: int
    """The update at which the rate should have begun to fall."""
    updates: int
    """How long it should have taken."""
    shape: str
    """ "linear", "sqrt" or "cosine"."""
    floor: float
    """The last rate as a share of the peak."""


@dataclass(frozen=True)
class Diagnosis:
    """What a log says of its run."""

    run: str
    regime: str
    """Of the rate: "too small", "good or a little small" where the two lie within their error,
    "good", "at the edge", "diverging", or "unknown" where too few losses were logged."""
    evidence: str
    """Why this regime, in a sentence."""
    confidence: str
    """Of the regime: "high", "moderate" or "low"."""
    findings: tuple[Finding, ...]
    gain: Difference | None
    """loss(recommended schedule) − loss(this one) at the same length; None where it is refused."""
    saved: int | None
    """Updates by which the recommended schedule would have come to the same loss earlier."""
    recommended: Recommendation | None
    refused: str | None
    """Why no gain is given."""
    advice: str
    """What to do next, in a paragraph."""
    logged: LoggedRun
    """The run itself."""
    fitted: Prediction | None = None
    """The law's curve of this run."""
    instead: Prediction | None = None
    """The law's curve under the recommended schedule."""

    @property
    def decay(self) -> Decay | None:
        """The decay that the run should have had; None where its own is as good, or is unknown."""
        best = self.recommended
        if best is None or self.gain is None or self.gain.high >= 0:
            return None
        updates = round(best.share * self.logged.total)
        return Decay(self.logged.total - updates, updates, best.shape, best.floor)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; the curves are left out."""
        best, decay = self.recommended, self.decay
        return {
            "run": self.run,
            "updates": self.logged.total,
            "peak": self.logged.rates.peak,
            "regime": self.regime,
            "evidence": self.evidence,
            "confidence": self.confidence,
            "findings": [asdict(finding) for finding in self.findings],
            "decay": None if decay is None else asdict(decay),
            "gain": None if self.gain is None else self.gain.to_json(),
            "saved": self.saved,
            "recommended": None if best is None else best.to_json(),
            "refused": self.refused,
            "advice": self.advice,
            "warnings": list(self.logged.warnings),
        }


def diagnose(
    run: Run, steps_per_epoch: int | None = None, *, beside: Run | Sequence[Run] = ()
) -> Diagnosis:
    """Read the signs in one run: regime of the rate, spikes, plateaus, over-fitting, changes.

    Where the run has seen a decay, it also says what the best schedule of the same length and
    peak rate would have given; otherwise it refuses that part and says what to log.

    Args:
        run: a run, a record, the path of a log, what Keras's `fit` returned, or a dict of lists.
        steps_per_epoch: updates in an epoch, where the log counts epochs and does not tell.
        beside: other runs of the same task. Those of the same length and schedule at other rates
            tell the regime better than one log can.

    Raises:
        ArgumentError: none of these.
        RecordError: a log that cannot be read.
    """
    logged = as_run(run, steps_per_epoch)
    ensemble, refused = _fitted(logged)
    findings = signs(logged)
    asked: tuple[Recommendation, Difference, int | None] | None = None
    fitted = instead = None
    if ensemble is not None:
        moved = change(logged, ensemble.fits[0], ensemble.evidence.scale)
        if moved is not None:
            text = f"from update {moved[0]} on the loss lies {moved[1]:+.1%} off the fitted law"
            findings.append(Finding("change", text, moved[0]))
        rates = logged.rates
        recommended = recommend(ensemble, rates.peak, rates.warmup, logged.total)
        best = from_plan(recommended.policy.plan(logged.total))
        mean, width = difference(ensemble, best, logged.rates)
        gain = Difference(mean, mean - width, mean + width, ())
        saved = _saved(ensemble, best, logged) if gain.high < 0 else None
        asked = (recommended, gain, saved)
        findings += shape(logged, recommended, gain)
        fitted, instead = _curve(ensemble, logged.rates), _curve(ensemble, best)
    found = regime(logged, findings, ensemble, _others(beside, steps_per_epoch))
    return Diagnosis(
        logged.name,
        found.kind,
        found.evidence,
        found.confidence,
        tuple(findings),
        None if asked is None else asked[1],
        None if asked is None else asked[2],
        None if asked is None else asked[0],
        refused,
        advice(logged, found, findings, asked, refused),
        logged,
        fitted,
        instead,
    )


def _others(beside: Run | Sequence[Run], steps_per_epoch: int | None) -> tuple[LoggedRun, ...]:
    none = isinstance(beside, Sequence) and not isinstance(beside, str) and not beside
    return () if none else as_runs(beside, steps_per_epoch)


def _fitted(run: LoggedRun) -> tuple[Ensemble | None, str | None]:
    try:
        check_runs((run,))
        if not warmup_fits(run.rates.warmup, run.total):
            raise RefusedError(
                "too_few",
                f"the warm-up of {run.name} takes {run.rates.warmup} of {run.total} updates, so "
                "that no other cool-down has room after it",
                "log a run with a shorter warm-up",
            )
        return assemble((run,)), None
    except RefusedError as error:
        return None, str(error)


def _curve(ensemble: Ensemble, rates: RateCurve) -> Prediction:
    first = min(max(rates.warmup, round(0.01 * rates.total), 1), rates.total)
    step = np.unique(np.linspace(first, rates.total, _POINTS).round())
    curves = ensemble.curves(rates, step)
    mean, width = ensemble.centre(curves), NORMAL_90 * ensemble.spread(curves, rates, step)
    return Prediction(step, mean, mean - width, mean + width, ())


def _saved(ensemble: Ensemble, best: RateCurve, run: LoggedRun) -> int:
    """By how many updates the best schedule, squeezed, comes to this run's loss earlier."""
    end = np.asarray([float(run.total)])
    goal = float(ensemble.centre(ensemble.curves(run.rates, end))[0])
    low, high = 0.2, 1.0
    for _ in range(12):
        share = (low + high) / 2
        total = round(share * run.total)
        steps = np.unique((best.steps * share).round())
        squeezed = RateCurve(steps, best.at(steps / share), total)
        level = ensemble.centre(ensemble.curves(squeezed, np.asarray([float(total)])))
        low, high = (low, share) if float(level[0]) <= goal else (share, high)
    return int(run.total - round(high * run.total))
