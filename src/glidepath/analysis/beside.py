"""The regime of the rate from other runs of the same task, at other rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glidepath.analysis.ensemble import usual
from glidepath.analysis.evidence import EARLY, gather
from glidepath.analysis.refusal import SAME_PEAK
from glidepath.analysis.regimes import Regime
from glidepath.analysis.rising import diverged
from glidepath.analysis.run import LoggedRun

ALIKE = 0.05
"""Schedules count as one shape where their rates, as shares of their peaks, differ by less on
average."""
LENGTHS = 0.1
"""And the runs' lengths by less than this share."""
STARTS = 0.25
"""And their first training losses, where both have some."""
LOW = 0.2
"""A run had its decay where its last rate is this share of its peak or less."""
SURELY = 2.0
"""Standard deviations of the difference of two seeds by which a run is worse."""


def by_others(run: LoggedRun, others: Sequence[LoggedRun]) -> Regime | None:
    """The regime of a run beside others of its task; None where none of them flew another rate.

    Only runs of the same length, schedule and kind of loss are compared. A run is worse where its
    loss comes less low by more than twice what two seeds usually differ by. While the rate is high,
    its noise holds the loss up, so that a larger rate ends higher though it would be better after a
    decay: of runs that never came down only a smaller rate can be told from a larger one.
    """
    same = [run, *(other for other in others if _comparable(run, other))]
    ends: dict[float, list[float]] = {}
    for each in same:
        rate = next((r for r in ends if _near(r, each.rates.peak)), each.rates.peak)
        ends.setdefault(rate, []).append(_end(each))
    if len(ends) < 2:
        return None
    level = {rate: float(np.mean(values)) for rate, values in ends.items()}
    own = next(rate for rate in level if _near(rate, run.rates.peak))
    best = min(level, key=lambda rate: level[rate])
    if not np.isfinite(level[best]) or not np.isfinite(level[own]):
        return None
    good = next(each for each in same if _near(best, each.rates.peak))
    differ = min(usual(gather((each,)), (each,)) for each in (run, good))
    seeds = differ * np.sqrt(1 / len(ends[own]) + 1 / len(ends[best]))
    return _judged(run, own, level, SURELY * float(seeds))


def _near(a: float, b: float) -> bool:
    return abs(a / b - 1) <= SAME_PEAK


def _comparable(run: LoggedRun, other: LoggedRun) -> bool:
    if other is run or other.of != run.of or abs(other.total / run.total - 1) > LENGTHS:
        return False
    shares = np.linspace(0, 1, 200)
    a, b = (each.rates.at(shares * (each.total - 1)) / each.rates.peak for each in (run, other))
    if float(np.mean(np.abs(a - b))) > ALIKE:
        return False
    starts = [_start(each) for each in (run, other)]
    return None in starts or abs(np.log(starts[0] / starts[1])) < STARTS  # type: ignore[operator]


def _start(run: LoggedRun) -> float | None:
    """The first training losses, where they were logged from the run's beginning on."""
    step, loss = (run.step, run.loss) if run.of == "train" else run.others.get(
        "train_loss", (run.step[:0], run.loss[:0])
    )  # fmt: skip
    if loss.size < 20 or float(step[0]) > 0.01 * run.total:
        return None
    first = float(loss[0])
    return first if first > 0 else None


def _end(run: LoggedRun) -> float:
    """The loss at the end, or the lowest where it over-fits; infinite where the run diverged."""
    if diverged(run) or run.loss.size < 3:
        return float("inf")
    if run.of == "validation":
        three = np.median(np.lib.stride_tricks.sliding_window_view(run.loss, 3), axis=1)
        return float(np.min(three))
    late = run.loss[run.step > (1 - EARLY / 2) * run.total]
    return float(np.median(late if late.size >= 3 else run.loss[-3:]))


def _judged(run: LoggedRun, own: float, level: dict[float, float], surely: float) -> Regime | None:
    """The regime of a rate among several, by their losses."""
    best = min(level, key=lambda rate: level[rate])
    words = (
        f"at {own:.3g} the loss comes to {level[own]:.4g}; of {len(level)} rates of this task the "
        f"best, {best:.3g}, comes to {level[best]:.4g}"
    )
    worse = level[own] > level[best] * (1 + surely)
    if worse and own < best:
        return Regime("too small", words, "high")
    if float(run.rates.at(run.total - 1)) > LOW * run.rates.peak:
        more = f"{words}, while the rate is high; after a decay a larger one may be better"
        return Regime("good or a little small", more, "moderate") if own == best else None
    if worse:
        return Regime("at the edge", words, "high")
    if own == max(level):
        return Regime("good or a little small", f"{words}, and none is higher", "moderate")
    return Regime("good", words, "high")
