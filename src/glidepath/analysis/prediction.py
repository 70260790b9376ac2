"""`predict` and `predict_difference`: the loss under a schedule that was not run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glidepath.analysis.ensemble import MIXED, RESTARTED, Ensemble, assemble
from glidepath.analysis.evidence import fitted_from
from glidepath.analysis.given import Run, as_runs
from glidepath.analysis.rates import Array, RateCurve, from_plan
from glidepath.analysis.refusal import RefusedError, check_question, check_runs
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.widths import KNOWN, NORMAL_90
from glidepath.errors import ArgumentError
from glidepath.schedules import Duration, Policy, Schedule, as_policy
from glidepath.schedules.durations import resolve_total

MOMENTS = 150
BEGIN = 0.01
"""The share of the run after which a curve is predicted; the first updates follow no law."""
NEAR_ZERO = 0.03
"""Shares of the peak that differ by less are not worth a word."""


@dataclass(frozen=True)
class Prediction:
    """A predicted loss curve with its 90 % interval."""

    step: Array
    """Updates done, shape (n,), the last being the end of the run."""
    mean: Array
    low: Array
    high: Array
    warnings: tuple[str, ...]

    @property
    def final(self) -> float:
        """The predicted loss at the end."""
        return float(self.mean[-1])

    @property
    def interval(self) -> tuple[float, float]:
        """The 90 % interval of the loss at the end."""
        return float(self.low[-1]), float(self.high[-1])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data: step, mean, low, high, final, warnings."""
        return {
            "step": [int(step) for step in self.step],
            "mean": self.mean.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "final": self.final,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Difference:
    """The predicted loss at the end under policy a minus that under b, with its 90 % interval."""

    mean: float
    low: float
    high: float
    warnings: tuple[str, ...]

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def width(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data: mean, low, high, warnings."""
        data = {"mean": self.mean, "low": self.low, "high": self.high}
        return {**data, "warnings": list(self.warnings)}


def predict(
    runs: Run | Sequence[Run],
    policy: Policy | Schedule,
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
) -> Prediction:
    """The whole loss curve under a policy, from one run or a few that were logged.

    Laws of the loss (`glidepath.analysis.laws`) are fitted to the runs and mixed. One run with a
    linear cool-down over its last 20 % is enough; a lone cosine is worse.

    Args:
        runs: one or more: as `read_run` gives them, records, paths of logs, what Keras's `fit`
            returned, or dicts of lists. Those whose peak rate is not the policy's are left aside.
        policy: what to fly; its momentum and its controllers are not looked at.
        total: the run's length in updates, or as `"90ep"`; that of the longest run if None.
        steps_per_epoch: where durations are in epochs; what the runs' logs tell if None.

    Returns:
        The loss after each of some 150 numbers of updates, from where the logged runs had settled
        on (the end of the warm-up, or a tenth of the run).

    Raises:
        RefusedError: the runs cannot answer this; it says why, and what to log instead.
        RecordError: a log that cannot be read.
    """
    logged = as_runs(runs, steps_per_epoch)
    rates = resolve(policy, total, steps_per_epoch, logged)
    ensemble = prepare(logged, rates, rates.rises_again)
    settled = math.ceil(min(fitted_from(run) for run in ensemble.runs))
    first = min(max(rates.warmup, round(BEGIN * rates.total), settled, 1), rates.total)
    step = np.unique(np.linspace(first, rates.total, MOMENTS).round())
    curves = ensemble.curves(rates, step)
    mean = ensemble.centre(curves)
    width = NORMAL_90 * ensemble.spread(curves, rates, step)
    if width[-1] >= mean[-1]:
        raise RefusedError(
            "no_fit",
            f"the interval of the end would reach below zero ({mean[-1]:.3g} ± {width[-1]:.3g}): "
            "the runs, or the laws that fit them, contradict each other",
            "look at the logs: are they of the same loss, data and model?",
        )
    notes = remarks(ensemble, rates, as_policy(policy))
    return Prediction(step, mean, mean - width, mean + width, notes)


def predict_difference(
    runs: Run | Sequence[Run],
    a: Policy | Schedule,
    b: Policy | Schedule,
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
) -> Difference:
    """By how much the loss at the end under `a` differs from that under `b`.

    What all predictions have wrong together cancels out, so its interval is tighter than that of
    either loss.

    Args:
        runs: as in `predict`.
        a: a policy.
        b: another, with the same peak rate.
        total: the length of both runs, as in `predict`.
        steps_per_epoch: where durations are in epochs.

    Returns:
        loss(a) − loss(b) at the end: negative where `a` is better.

    Raises:
        RefusedError: the runs cannot answer this.
    """
    logged = as_runs(runs, steps_per_epoch)
    first = resolve(a, total, steps_per_epoch, logged)
    second = resolve(b, total, steps_per_epoch, logged)
    ensemble = prepare(logged, first, first.rises_again or second.rises_again)
    if [id(run) for run in check_question(logged, second)] != [id(run) for run in ensemble.runs]:
        raise ArgumentError(
            f"predict_difference: both policies need the same peak rate, got {first.peak:.4g} "
            f"and {second.peak:.4g}; compare two predictions instead"
        )
    notes = dict.fromkeys(
        (*remarks(ensemble, first, as_policy(a)), *remarks(ensemble, second, as_policy(b)))
    )
    mean, width = difference(ensemble, first, second)
    return Difference(mean, mean - width, mean + width, tuple(notes))


def difference(ensemble: Ensemble, a: RateCurve, b: RateCurve) -> tuple[float, float]:
    """The mean and half the 90 % interval of loss(a) − loss(b) at the end."""
    ends = [ensemble.curves(r, np.asarray([float(r.total)])) for r in (a, b)]
    apart = ends[0] - ends[1]
    same = a.total == b.total and np.array_equal(a.rates, b.rates)
    spread = ensemble.spread_of_difference(apart, ensemble.centre(ends[1]), a, b)
    return float(ensemble.centre(apart)[0]), 0.0 if same else NORMAL_90 * float(spread[0])


def resolve(
    policy: Policy | Schedule,
    total: Duration | None,
    steps_per_epoch: int | None,
    runs: tuple[LoggedRun, ...],
) -> RateCurve:
    """The rates of a policy over `total`, or over the longest run's length."""
    per_epoch = known_epoch(runs) if steps_per_epoch is None else steps_per_epoch
    return from_plan(as_policy(policy).plan(length_of(total, per_epoch, runs), per_epoch))


def length_of(
    total: Duration | None, steps_per_epoch: int | None, runs: tuple[LoggedRun, ...]
) -> int:
    """The updates in `total`, or in the longest run.

    Raises:
        PlanError: no length, or epochs that no run knows.
    """
    if total is None:
        return max(run.total for run in runs)
    per_epoch = known_epoch(runs) if steps_per_epoch is None else steps_per_epoch
    updates = resolve_total(total, per_epoch)[0]
    assert updates is not None
    return updates


def known_epoch(runs: tuple[LoggedRun, ...]) -> int | None:
    """Updates in an epoch, where the runs tell and agree."""
    found = {run.steps_per_epoch for run in runs} - {None}
    return found.pop() if len(found) == 1 else None


def prepare(runs: tuple[LoggedRun, ...], rates: RateCurve, restarts: bool) -> Ensemble:
    """The laws fitted to the runs that can answer for `rates`; RefusedError where none can."""
    same = check_question(runs, rates)
    check_runs(same)
    return assemble(same, RESTARTED if restarts else MIXED)


def said_of(runs: Sequence[LoggedRun]) -> list[str]:
    """What was mended or guessed in reading the runs, with their names where they are several."""
    if len(runs) == 1:
        return list(runs[0].warnings)
    return [f"{run.name}: {word}" for run in runs for word in run.warnings]


def remarks(ensemble: Ensemble, rates: RateCurve, policy: Policy) -> tuple[str, ...]:
    """What the reader of a prediction should know."""
    notes = said_of(ensemble.runs)
    lowest = min(run.rates.lowest_after_peak for run in ensemble.runs)
    if rates.lowest_after_peak < lowest - NEAR_ZERO * rates.peak:
        notes.append(
            f"the policy goes down to {rates.lowest_after_peak:.3g}, below the lowest rate that "
            f"a run has seen ({lowest:.3g})"
        )
    if rates.rises_again and not any(run.rates.rises_again for run in ensemble.runs):
        notes.append("the policy raises its rate again, which no run has done: trust it less")
    if rates.total > 2 * ensemble.longest:
        notes.append(f"{rates.total} updates are far beyond the longest run ({ensemble.longest})")
    if len(ensemble.runs) == 1 and ensemble.level > KNOWN:
        notes.append(
            f"one run does not tell how far seeds differ; the interval counts {ensemble.level:.1%} "
            "for it, as trainings like this one usually do: log two or three seeds to know"
        )
    if policy.momentum is not None or policy.weight_decay is not None or policy.controllers:
        notes.append("only the learning rate counts here, not momentum, decay or controllers")
    return tuple(notes)
