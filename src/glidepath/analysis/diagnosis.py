"""`diagnose`: what a log says of its run, and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.evidence import kept
from glidepath.analysis.optimisation import Recommendation, optimize
from glidepath.analysis.prediction import Difference, Run, as_runs, difference
from glidepath.analysis.rates import RateCurve, from_plan
from glidepath.analysis.refusal import RefusedError, check_runs, rises
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.signs import change, plateau, spikes


@dataclass(frozen=True)
class Finding:
    """One thing that a log shows."""

    kind: str
    """ "diverged", "spikes", "plateau", "overfitting", "change", "final_rate", "decay_short" or
    "no_decay"."""
    text: str
    """The evidence in a sentence."""
    step: int | None = None
    """The update it concerns, where there is one."""


@dataclass(frozen=True)
class Diagnosis:
    """What a log says of its run."""

    run: str
    regime: str
    """Of the rate: "too small", "good", "at the edge", "diverging", or "unknown"."""
    evidence: str
    """Why this regime, in a sentence."""
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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        best = self.recommended
        return {
            "run": self.run,
            "regime": self.regime,
            "evidence": self.evidence,
            "findings": [asdict(finding) for finding in self.findings],
            "gain": None if self.gain is None else self.gain.to_json(),
            "saved": self.saved,
            "recommended": None if best is None else best.to_json(),
            "refused": self.refused,
            "advice": self.advice,
        }


def diagnose(run: Run) -> Diagnosis:
    """Read the signs in one run: regime of the rate, spikes, plateaus, over-fitting, changes.

    Where the run has seen a decay, it also says what the best schedule of the same length and
    peak rate would have given; otherwise it refuses that part and says what to log.

    Args:
        run: a run, a record, or the path of a log.

    Raises:
        RecordError: a path that cannot be read.
    """
    logged = as_runs(run)[0]
    ensemble, refused = _fitted(logged)
    findings = _signs(logged)
    recommended, gain, saved = None, None, None
    if ensemble is not None:
        moved = change(logged, ensemble.fits[0], ensemble.evidence.scale)
        if moved is not None:
            text = f"from update {moved[0]} on the loss lies {moved[1]:+.1%} off the fitted law"
            findings.append(Finding("change", text, moved[0]))
        recommended = optimize(logged)
        best = from_plan(recommended.policy.plan(logged.total))
        mean, width = difference(ensemble, best, logged.rates)
        gain = Difference(mean, mean - width, mean + width, ())
        saved = _saved(ensemble, best, logged) if gain.high < 0 else None
        findings += _shape(logged, recommended, gain)
    regime, evidence = _regime(logged, findings, ensemble)
    advice = _advice(regime, findings, recommended, gain, refused)
    return Diagnosis(
        logged.name,
        regime,
        evidence,
        tuple(findings),
        gain,
        saved,
        recommended,
        refused,
        advice,
    )


def _fitted(run: LoggedRun) -> tuple[Ensemble | None, str | None]:
    try:
        check_runs((run,))
        return assemble((run,)), None
    except RefusedError as error:
        return None, str(error)


def _signs(run: LoggedRun) -> list[Finding]:
    """What needs no law."""
    found: list[Finding] = []
    early, late = run.loss[kept(run)][:3], run.loss[-3:]
    if early.size and float(np.median(late)) > 1.02 * float(np.max(early)):
        found.append(Finding("diverged", "the loss ends above where it was after the warm-up"))
    at = spikes(run)
    if at.size:
        text = f"{at.size} spikes of the loss, the first at update {int(at[0])}"
        found.append(Finding("spikes", text, int(at[0])))
    flat = plateau(run)
    if flat is not None:
        text = f"the loss has not fallen since update {flat}, and the rate is still high"
        found.append(Finding("plateau", text, flat))
    step, loss = run.others.get("validation_loss", (run.step, run.loss))
    if (run.of == "validation" or "validation_loss" in run.others) and loss.size >= 10:
        after = step >= run.rates.warmup
        if after.sum() >= 10 and rises(step[after], loss[after], run.rates):
            onset = int(step[after][int(np.argmin(loss[after]))])
            text = f"the validation loss is lowest at update {onset} and rises after it"
            found.append(Finding("overfitting", text, onset))
    return found


def _shape(run: LoggedRun, best: Recommendation, gain: Difference) -> list[Finding]:
    """What the schedule lacks, where the law says that it costs something."""
    if gain.high >= 0:
        return []
    found = []
    last = float(run.rates.at(run.total - 1)) / run.rates.peak
    if last > 0.8:
        found.append(Finding("no_decay", "the rate never came down for good"))
    elif last > 0.05:
        text = f"the last rate is {last:.0%} of the peak; towards zero the loss falls further"
        found.append(Finding("final_rate", text))
    share = _share(run.rates)
    if last <= 0.8 and share < 0.6 * best.share:
        text = f"the decay takes {share:.0%} of the run; {best.share:.0%} would be better"
        found.append(Finding("decay_short", text, int((1 - best.share) * run.total)))
    return found


def _share(rates: RateCurve) -> float:
    """The share of the run after the rate was last near its peak."""
    k = np.arange(rates.total, dtype=np.float64)[:: max(1, rates.total // 2000)]
    high = k[rates.at(k) >= 0.99 * rates.peak]
    return 1 - float(high[-1]) / rates.total if high.size else 1.0


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


def _regime(run: LoggedRun, findings: list[Finding], ensemble: Ensemble | None) -> tuple[str, str]:
    kinds = {finding.kind for finding in findings}
    if "diverged" in kinds:
        return "diverging", "the loss rose instead of falling"
    count = spikes(run).size
    if count >= 3:
        return "at the edge", f"{count} spikes: the training is barely stable at this rate"
    if ensemble is None:
        return "unknown", "the log cannot show what a decay gives, which tells the regimes apart"
    end = np.asarray([float(run.total)])
    flat = RateCurve(np.asarray([0.0]), np.asarray([run.rates.peak]), run.total)
    cooled = float(ensemble.centre(ensemble.curves(run.rates, end))[0])
    plain = float(ensemble.centre(ensemble.curves(flat, end))[0])
    longer = RateCurve(flat.steps, flat.rates, 2 * run.total)
    doubled = float(ensemble.centre(ensemble.curves(longer, 2 * end))[0])
    decay, more = max(plain - cooled, 0.0), max(plain - doubled, 0.0)
    words = f"the decay gave {decay:.4f}, and training on for as long again would give {more:.4f}"
    if decay < 0.1 * more:
        return "too small", words + ": noise does not hold the loss back, slowness does"
    return "good", words


def _advice(
    regime: str,
    findings: list[Finding],
    best: Recommendation | None,
    gain: Difference | None,
    refused: str | None,
) -> str:
    """What to do next, in a few plain sentences."""
    words = {
        "diverging": "Start again with a rate three to ten times smaller and a longer warm-up.",
        "at the edge": "The rate is near the largest that this training can take: halve it, or "
        "clip the gradients and warm up for longer.",
        "too small": "The rate is small for this training: try one three times larger.",
        "good": "The peak rate looks right.",
        "unknown": "",
    }[regime]
    parts = [words] if words else []
    if any(finding.kind == "overfitting" for finding in findings):
        parts.append("The model over-fits: stop earlier or regularise before tuning the rate.")
    if best is not None and gain is not None:
        width = (gain.high - gain.low) / 2
        about = f"{-gain.mean:.4f} ± {width:.4f}"
        if gain.high < 0:
            parts.append(
                f"A {best.shape} cool-down over the last {best.share:.0%} of the run would have "
                f"lowered the final loss by about {about}: use it next time."
            )
        else:
            parts.append(f"Another schedule would change the final loss by {about}: keep this one.")
    elif refused is not None:
        parts.append(f"What another schedule would give cannot be told: {refused}.")
    return " ".join(parts)
