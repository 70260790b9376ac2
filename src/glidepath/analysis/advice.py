"""Adviser: during a training, what a cool-down begun now would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.given import Run, as_runs
from glidepath.analysis.laws.noise import QUARTER
from glidepath.analysis.optimisation import recommend
from glidepath.analysis.prediction import Difference
from glidepath.analysis.rates import RateCurve, from_log, from_plan
from glidepath.analysis.refusal import SAME_PEAK, RefusedError, check_runs
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.widths import NORMAL_90
from glidepath.errors import ArgumentError
from glidepath.schedules import Plan

FEWEST = 5
"""Losses of the run itself before its law is asked."""
NOISE_BAND = (0.5, 2.0)
"""The noise law's quarter is a quadratic's: the interval goes from half to twice its answer."""


@dataclass(frozen=True)
class Advice:
    """What a cool-down begun now would give."""

    step: int
    """Updates done."""
    over: int
    """How long the cool-down would take."""
    gain: Difference | None
    """The loss after it minus the loss now; None where it cannot be told."""
    begin: int | None
    """The update at which the planned run should begin its cool-down, where that was asked."""
    refused: str | None
    source: str
    """ "law", or "noise" where only the gradients' noise was at hand."""

    def __str__(self) -> str:
        if self.gain is None:
            return f"what a cool-down would give cannot be told: {self.refused}"
        told = f"a cool-down now would give about {_signed(self.gain.mean)}"
        if self.source == "noise":  # its interval lies unevenly about its middle
            low, high = _signed(self.gain.low), _signed(self.gain.high)
            return f"{told}, between {low} and {high} (from the gradients' noise)"
        return f"{told} ± {self.gain.width:.1g}"

    @property
    def due(self) -> bool:
        """Whether the planned run should begin its cool-down now."""
        return self.begin is not None and self.step >= self.begin


class Adviser:
    """Fed with a run's losses as they come, says what a cool-down begun now would give.

    A run that was only at one rate does not show what a decay gives. The adviser needs one of
    three: an earlier run with a cool-down at the same peak rate (`runs`), a drop of the rate in
    this run, or the noise of the gradients (`noise`). Otherwise it says so.

    Args:
        runs: earlier runs at the same peak rate, as `predict` takes them.
        share: the cool-down's share of the run that it would end, above 0 and below 1.
        every: how often to answer, as a share of the updates done at the last answer.

    Raises:
        ArgumentError: a share outside of its range.
        RecordError: a path that cannot be read.
    """

    def __init__(
        self, runs: Run | Sequence[Run] = (), *, share: float = 0.2, every: float = 0.05
    ) -> None:
        if not 0 < share < 1 or not every >= 0:
            raise ArgumentError(
                f"Adviser: share must lie between 0 and 1, and every be 0 or more, got share="
                f"{share!r} and every={every!r}"
            )
        given = isinstance(runs, Sequence) and not isinstance(runs, str) and not runs
        self.runs = () if given else as_runs(runs)
        self.share, self.every = share, every
        self._seen: list[tuple[int, float, float]] = []
        self._noise: float | None = None
        self._answered = 0
        self._refused = ""

    def saw(self, step: int, loss: float, rate: float) -> None:
        """Take note of a loss.

        Args:
            step: updates done.
            loss: measured then; of one kind throughout, and of the kind of the earlier runs.
            rate: of the last update.
        """
        if np.isfinite(loss) and np.isfinite(rate) and (
            not self._seen or step > self._seen[-1][0]
        ):  # fmt: skip
            self._seen.append((int(step), float(loss), float(rate)))

    def noisy(self, trace: float) -> None:
        """Take the gradients' noise, for where no decay was seen.

        Args:
            trace: Tr(P^−½ΣP^−½) with P^−1 including the rate; see `noise_gain`.
        """
        if not (np.isfinite(trace) and trace >= 0):
            raise ArgumentError(f"Adviser.noisy: a trace is finite and 0 or more, got {trace!r}")
        self._noise = -QUARTER * float(trace)

    def advise(self, plan: Plan | None = None, *, ahead: bool = False) -> Advice | None:
        """The answer, where one is due; None between answers, and while the rate comes down.

        Args:
            plan: what is flown; the rates that were seen if None.
            ahead: also work out when the planned run should begin its cool-down, a linear one to
                zero; once that time has come, the answer is of a cool-down until the plan's end.
        """
        if len(self._seen) < FEWEST:
            return None
        step = self._seen[-1][0]
        rates = self._rates(plan, step)
        falling = float(rates.at(step - 1)) < 0.95 * rates.peak or step <= rates.warmup
        if falling or step < (1 + self.every) * self._answered:
            return None
        self._answered = step
        planned = plan.total_steps if ahead and plan is not None else None
        over = max(1, round(step * self.share / (1 - self.share)))
        try:
            ensemble = self._fit(rates)
        except RefusedError as error:
            return self._without_law(step, over, error)
        begin = None
        if planned is not None:
            best = recommend(ensemble, rates.peak, rates.warmup, planned, plain=True)
            begin = round((1 - best.share) * planned)
            if begin <= step < planned:
                over = planned - step
        return Advice(step, over, _gain(ensemble, rates, step, over), begin, None, "law")

    def _rates(self, plan: Plan | None, step: int) -> RateCurve:
        if plan is not None and plan.total_steps is not None:
            return cut(from_plan(plan), step)
        steps = np.asarray([max(s - 1, 0) for s, _, _ in self._seen], dtype=np.float64)
        rates = np.asarray([r for _, _, r in self._seen])
        return from_log(steps, rates, step)

    def _fit(self, rates: RateCurve) -> Ensemble:
        step = np.asarray([s for s, _, _ in self._seen], dtype=np.float64)
        loss = np.asarray([v for _, v, _ in self._seen])
        same = tuple(r for r in self.runs if abs(r.rates.peak / rates.peak - 1) <= SAME_PEAK)
        kind = same[0].of if same else "train"
        runs = (*same, LoggedRun("this run", step, loss, rates, kind))
        check_runs(runs)
        return assemble(runs)

    def _without_law(self, step: int, over: int, error: RefusedError) -> Advice | None:
        """By the gradients' noise; else the reason why it cannot be told, once."""
        if error.reason in ("no_drop", "too_few") and self._noise is not None:
            ends = sorted(self._noise * share for share in NOISE_BAND)
            gain = Difference(self._noise, ends[0], ends[1], ())
            return Advice(step, over, gain, None, None, "noise")
        if error.reason == self._refused:
            return None
        self._refused = error.reason
        return Advice(step, over, None, None, str(error), "law")


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")


def cut(rates: RateCurve, step: int) -> RateCurve:
    """The rates of the first `step` updates."""
    last = float(step - 1)
    knots = np.append(rates.steps[rates.steps < last], last)
    return RateCurve(knots, rates.at(knots), step)


def _gain(ensemble: Ensemble, rates: RateCurve, step: int, over: int) -> Difference:
    """The loss after a linear cool-down to zero minus the loss now."""
    down = np.unique(np.linspace(0, over, min(over, 300) + 1).round())
    after = float(rates.at(step - 1)) * (1 - down / over)
    keep = rates.steps < step
    cooled = RateCurve(
        np.concatenate([rates.steps[keep], step + down]),
        np.concatenate([rates.rates[keep], after]),
        step + over,
    )
    now = ensemble.curves(rates, np.asarray([float(step)]))
    then = ensemble.curves(cooled, np.asarray([float(step + over)]))
    mean = float(ensemble.centre(then - now)[0])
    spread = ensemble.spread_of_difference(then - now, ensemble.centre(now), cooled, rates)
    width = NORMAL_90 * float(spread[0])
    return Difference(mean, mean - width, mean + width, ())
