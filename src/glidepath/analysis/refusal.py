"""RefusedError: where the laws do not hold, and what to log instead."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.evidence import fitted_from, kept
from glidepath.analysis.rates import RateCurve
from glidepath.analysis.rising import diverged, rises
from glidepath.analysis.run import LoggedRun
from glidepath.errors import GlidepathError

HORIZON = 4.0
"""No prediction reaches further than this many times the longest run."""
SAME_PEAK = 0.05
"""Peak rates within this share of each other count as one."""
DROP = 0.2
"""The share of its peak by which the rate must have dropped in a run, with losses after it."""
FEWEST = 20
"""Losses after the warm-up, over all runs."""
ALIKE = 1.5
"""A validation loss below this many times the training loss: the data are not memorised."""
AFTER_DROP = 4
"""Losses after the rate has dropped."""


class RefusedError(GlidepathError):
    """A question that the logged runs cannot answer.

    `reason` is one of "no_drop", "unseen_peak", "rising_validation", "memorised", "horizon",
    "too_short", "too_few", "mixed_losses", "diverged" and "no_fit"; `why` says what was seen,
    `instead` what to log or ask.
    """

    def __init__(self, reason: str, why: str, instead: str) -> None:
        super().__init__(f"{why}; {instead}")
        self.reason = reason
        self.why = why
        self.instead = instead

    def to_json(self) -> dict[str, str]:
        """Plain JSON data: the sentence as `refused`, and its parts."""
        return {
            "refused": str(self),
            "reason": self.reason,
            "why": self.why,
            "instead": self.instead,
        }


def check_runs(runs: tuple[LoggedRun, ...]) -> None:
    """Refuse runs from which no law can be learnt."""
    kinds = {run.of for run in runs}
    if len(kinds) > 1:
        raise RefusedError(
            "mixed_losses",
            f"the runs' losses are of different data ({', '.join(sorted(kinds))}), and one law "
            "cannot be learnt from both",
            "read them all with the same loss, e.g. loss='val_loss'",
        )
    for run in runs:
        _check_loss(run)
        _check_memory(run)
        _check_validation(run)
    count = sum(int(kept(run).sum()) for run in runs)
    if count < FEWEST:
        raise RefusedError(
            "too_few",
            f"only {count} {'loss' if count == 1 else 'losses'} after the warm-up "
            f"{'was' if count == 1 else 'were'} logged, and a law needs {FEWEST}",
            "log or evaluate more often, about 100 times in a run",
        )
    if not any(_saw_drop(run) for run in runs):
        raise RefusedError(
            "no_drop",
            "no logged run shows the loss while its rate is well below its peak, so what a decay "
            "gives is unknown",
            f"log a run with a linear cool-down over its last 20 % "
            f"(with {AFTER_DROP} losses or more in it)",
        )


def check_question(runs: tuple[LoggedRun, ...], rates: RateCurve) -> tuple[LoggedRun, ...]:
    """The runs that share the asked policy's peak rate.

    Raises:
        RefusedError: none does, or the horizon is too far or too near.
    """
    peaks = sorted({run.rates.peak for run in runs})
    same = tuple(r for r in runs if abs(r.rates.peak / rates.peak - 1) <= SAME_PEAK)
    if not same:
        seen = ", ".join(f"{peak:.4g}" for peak in peaks)
        raise RefusedError(
            "unseen_peak",
            f"the policy's peak rate is {rates.peak:.4g} and the runs' is {seen}; laws do not "
            "carry over to another peak rate",
            "log a short run at that rate, or ask for a policy with a peak that was seen",
        )
    begins = min(fitted_from(run) for run in same)
    if rates.total <= begins:
        raise RefusedError(
            "too_short",
            f"{rates.total} updates end where the logged runs had not settled yet (update "
            f"{begins:.0f})",
            "ask for a longer run, or log a run of about that length",
        )
    longest = max(run.total for run in same)
    if rates.total > HORIZON * longest:
        raise RefusedError(
            "horizon",
            f"{rates.total} updates are more than {HORIZON:g} times the longest run ({longest})",
            f"ask for at most {int(HORIZON * longest)} updates, or log a longer run",
        )
    return same


def _check_loss(run: LoggedRun) -> None:
    if run.loss.size and run.loss.min() <= 0:
        raise RefusedError(
            "no_fit",
            f"{run.name} has losses of zero or below, which no law here can describe",
            "log a loss that stays above zero, such as the cross-entropy alone",
        )
    if diverged(run):
        seen = "ends with a higher loss than it had after its warm-up"
        if run.lost is not None:
            seen = f"has no finite loss from update {run.lost} on"
        raise RefusedError(
            "diverged",
            f"{run.name} {seen}",
            "lower the rate until the loss falls, and log that run",
        )


def _check_memory(run: LoggedRun) -> None:
    instead = "use more data or augmentation, or ask about the epochs before this"
    found = run.others.get("train_accuracy")
    if found is not None and found[1].size:
        best = float(np.nanmax(found[1]))
        share = best / 100 if best > 1.5 else best
        if share > 0.985:
            raise RefusedError(
                "memorised",
                f"{run.name} reaches {share:.1%} accuracy on its training data: it has memorised "
                "them, and the laws are for learning that goes on",
                instead,
            )
    train = run.loss if run.of == "train" else run.others.get("train_loss", (None, None))[1]
    if train is None or train.size < 8:
        return
    start, end = float(np.max(train[:3])), float(np.median(train[-max(3, train.size // 50) :]))
    if end < 0.01 * start and not _generalises(run, end):
        raise RefusedError(
            "memorised",
            f"the training loss of {run.name} has fallen to {end / start:.2%} of its start: the "
            "data are memorised, and the laws do not hold near zero",
            instead,
        )


def _generalises(run: LoggedRun, train: float) -> bool:
    """Whether the validation loss ends near the training loss.

    Then both are small by nature, as in a regression of targets far from zero, and the data are not
    learnt by heart.
    """
    validation = run.others.get("validation_loss", (None, None))[1]
    known = run.loss if run.of == "validation" else validation
    if known is None or known.size == 0:
        return False
    return float(np.median(known[-max(3, known.size // 50) :])) < ALIKE * train


def _check_validation(run: LoggedRun) -> None:
    if run.of == "validation":
        step, loss = run.step, run.loss
    elif "validation_loss" in run.others:
        step, loss = run.others["validation_loss"]
    else:
        return
    after = step >= run.rates.warmup
    step, loss = step[after], loss[after]
    if loss.size < 10 or loss.min() <= 0:
        return
    if rises(step, loss, run.rates):
        raise RefusedError(
            "rising_validation",
            f"the validation loss of {run.name} rises before its end: it over-fits, and the laws "
            "know no over-fitting",
            "stop earlier, regularise, or read the run with loss='train_loss'",
        )


def _saw_drop(run: LoggedRun) -> bool:
    mask = kept(run)
    rate = run.rates.at(np.maximum(run.step[mask] - 1, 0))
    return int(np.sum(rate <= (1 - DROP) * run.rates.peak)) >= AFTER_DROP
