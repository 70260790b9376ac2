"""`optimize`: the best schedule of a small family for a budget, and whether it is worth it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from glidepath.analysis.ensemble import MIXED, Ensemble, assemble
from glidepath.analysis.given import Run, as_runs
from glidepath.analysis.laws import TISSUE
from glidepath.analysis.laws.law import Law
from glidepath.analysis.prediction import Difference, known_epoch, remarks
from glidepath.analysis.rates import Array, RateCurve, from_plan
from glidepath.analysis.refusal import check_question, check_runs
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.widths import NORMAL_90
from glidepath.errors import ArgumentError
from glidepath.schedules import Duration, Policy, Schedule, constant, cosine_decay, linear, wsd
from glidepath.schedules.durations import Clock, resolve_total

SHARES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SHAPES = ("linear", "sqrt", "cosine")
FLOORS = (0.0, 0.03, 0.1)
SIMPLE = "linear-60 %"
"""What is returned where nothing is clearly better; a long warm-up leaves room for less."""


@dataclass(frozen=True)
class Recommendation:
    """A schedule for a budget, and what it is predicted to gain."""

    policy: Policy
    """In the user's units; `simple` where the best of the family is not clearly better."""
    share: float
    """The share of the run that cools down."""
    shape: str
    """ "linear", "sqrt" or "cosine"."""
    floor: float
    """The last rate as a share of the peak."""
    final: float
    """The loss at the end that is predicted for `policy`."""
    gains: dict[str, Difference]
    """loss(policy) − loss(baseline) for "linear-60 %", "cosine" and "WSD-20 %"; beside a warm-up
    that leaves no room for these, the longest linear one instead, and no WSD."""
    simple: bool
    """Whether the gain of the best is inside its interval, so that linear-60 % is returned."""
    message: str
    warnings: tuple[str, ...]

    @property
    def words(self) -> str:
        """The cool-down in words."""
        return _words((self.share, self.shape, self.floor))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; `policy` is a spec that `from_spec` and the commands read."""
        return {
            "policy": self.policy.to_spec(),
            "share": self.share,
            "shape": self.shape,
            "floor": self.floor,
            "final": self.final,
            "gains": {name: gain.to_json() for name, gain in self.gains.items()},
            "simple": self.simple,
            "message": self.message,
            "warnings": list(self.warnings),
        }


def optimize(
    runs: Run | Sequence[Run],
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
    peak: float | None = None,
    warmup: Duration | None = None,
) -> Recommendation:
    """The best cool-down for a budget: its share of the run, its shape and its floor.

    The family has 9 shares × 3 shapes × 3 floors; a free-form schedule is within a thousandth of
    its best. The warm-up of the runs is kept, however long, and is in epochs where the budget is;
    only one that leaves less than a tenth of the budget is shortened to a tenth, with a warning.
    Tissue's law is never optimised: its best schedule is a jump to zero.

    Args:
        runs: as in `predict`.
        total: the budget in updates, or as `"90ep"`; the longest run's length if None.
        steps_per_epoch: where `total` or `warmup` are in epochs; what the logs tell if None.
        peak: a peak rate that the runs have seen; that of the longest run if None.
        warmup: the longest run's own if None.

    Raises:
        RefusedError: the runs cannot answer this.
    """
    logged = as_runs(runs, steps_per_epoch)
    longest = max(logged, key=lambda run: run.total)
    top = longest.rates.peak if peak is None else peak
    length = longest.total if total is None else total
    if steps_per_epoch is None:
        steps_per_epoch = known_epoch(logged)
    start = longest.rates.warmup if warmup is None else warmup
    same = check_question(logged, _curve(constant(top), length, steps_per_epoch))
    check_runs(same)
    return recommend(guarded(same), top, start, length, steps_per_epoch)


def recommend(
    ensemble: Ensemble,
    peak: float,
    warmup: Duration,
    total: Duration,
    steps_per_epoch: int | None = None,
    plain: bool = False,
) -> Recommendation:
    """The best of the family by laws that are fitted already; see `optimize`.

    Args:
        ensemble: the laws.
        peak: the peak rate.
        warmup: kept, unless it leaves less than a tenth of the run.
        total: the budget.
        steps_per_epoch: where durations are in epochs.
        plain: only linear cool-downs to zero.
    """
    clock = Clock(*resolve_total(total, steps_per_epoch))
    steps = clock.total
    assert steps is not None
    start: Duration = 1 if warmup == 0 else warmup
    risen = clock.count("warmup", start)
    notes: tuple[str, ...] = ()
    if not warmup_fits(risen, steps):
        start = round(0.1 * steps)
        notes = (
            f"a warm-up of {risen} updates leaves no room for a cool-down in {steps}: it is "
            f"shortened to {start}",
        )
        risen = start
    start = _in_epochs(start, total, steps_per_epoch)
    shares = [share for share in SHARES if risen + round(share * steps) < steps]
    kinds = (("linear",), (0.0,)) if plain else (SHAPES, FLOORS)
    family = {key: _member(peak, start, *key) for key in itertools.product(shares, *kinds)}
    baselines = _baselines(peak, start, risen, steps, max(shares))
    curves = {key: _curve(s, total, steps_per_epoch) for key, s in family.items()}
    return _choose(ensemble, family, curves, baselines, (total, steps_per_epoch), notes)


def _in_epochs(warmup: Duration, total: Duration, steps_per_epoch: int | None) -> Duration:
    """A warm-up in epochs, where the budget is: the shortest number that gives its updates."""
    asked = isinstance(total, str) and total.strip().endswith("ep")
    if not asked or steps_per_epoch is None or not isinstance(warmup, int):
        return warmup
    for places in range(9):
        number = f"{warmup / steps_per_epoch:.{places}f}"
        if round(Fraction(number) * steps_per_epoch) == warmup:
            return f"{number}ep"
    return warmup


def warmup_fits(updates: int, total: int) -> bool:
    """Whether the shortest cool-down of the family has room after a warm-up."""
    return updates + round(SHARES[0] * total) < total


def guarded(runs: tuple[LoggedRun, ...], laws: tuple[Law, ...] = MIXED) -> Ensemble:
    """Fit laws whose best schedule is not degenerate; ArgumentError for Tissue's."""
    if any(law.name == TISSUE.name for law in laws):
        raise ArgumentError(
            "optimize: Tissue's law has a degenerate best schedule, a jump to zero; use it to "
            "predict, never to optimise"
        )
    return assemble(runs, laws)


Key = tuple[float, str, float]


def _choose(
    ensemble: Ensemble,
    family: dict[Key, Schedule],
    curves: dict[Key, RateCurve],
    baselines: dict[str, Schedule],
    length: tuple[Duration, int | None],
    warned: tuple[str, ...],
) -> Recommendation:
    plain = _simple(max(key[0] for key in family))
    simplest = _named(plain[0])
    others = {name: _curve(s, *length) for name, s in baselines.items()}
    middle = {key: ensemble.middle_of(rates) for key, rates in curves.items()}
    best = min(middle, key=lambda key: middle[key])
    ends = {name: _end(ensemble, rates) for name, rates in others.items()}
    gain = _difference(ensemble, _end(ensemble, curves[best]), ends[simplest])
    simple = gain.high >= 0
    chosen = plain if simple else best
    ended = _end(ensemble, curves[chosen])
    gains = {name: _difference(ensemble, ended, end) for name, end in ends.items()}
    policy = Policy(family[chosen])
    message = _message(best, chosen, gain, simplest)
    notes = (*warned, *remarks(ensemble, curves[chosen], policy))
    return Recommendation(policy, *chosen, middle[chosen], gains, simple, message, notes)


def _simple(longest: float) -> Key:
    """A linear cool-down to zero over 60 % of the run, or over what a long warm-up leaves."""
    return (min(0.6, longest), "linear", 0.0)


def _named(share: float) -> str:
    return f"linear-{share * 100:g} %"


def _message(best: Key, chosen: Key, gain: Difference, simplest: str) -> str:
    if best == _simple(best[0]) and _named(best[0]) == simplest:
        return f"{simplest} is itself the best of the family"
    width = (gain.high - gain.low) / 2
    if chosen == best:
        return f"{_words(best)} gains {-gain.mean:.4f} ± {width:.4f} over {simplest}"
    return (
        f"the best of the family ({_words(best)}) would gain {-gain.mean:.4f} ± {width:.4f} over "
        f"{simplest}, which is not clear: take the simple one"
    )


def _words(key: Key) -> str:
    share, shape, floor = key
    return f"a {shape} cool-down over the last {share:.0%} to {floor:g} of the peak"


def _difference(
    ensemble: Ensemble, a: tuple[RateCurve, Array], b: tuple[RateCurve, Array]
) -> Difference:
    """loss(a) − loss(b), each a schedule with its losses at the end by every member."""
    apart = (a[1] - b[1])[:, None]
    if not np.any(apart):
        return Difference(0.0, 0.0, 0.0, ())
    mean = float(ensemble.centre(apart)[0])
    spread = ensemble.spread_of_difference(apart, ensemble.centre(b[1][:, None]), a[0], b[0])
    width = NORMAL_90 * float(spread[0])
    return Difference(mean, mean - width, mean + width, ())


def _end(ensemble: Ensemble, rates: RateCurve) -> tuple[RateCurve, Array]:
    """A schedule, and the loss at its end by every member, shape (members,)."""
    return rates, ensemble.curves(rates, np.asarray([float(rates.total)]))[:, 0]


def _curve(schedule: Schedule, total: Duration, steps_per_epoch: int | None) -> RateCurve:
    return from_plan(schedule.plan(total, steps_per_epoch))


def _member(peak: float, warmup: Duration, share: float, shape: str, floor: float) -> Schedule:
    return wsd(peak, warmup, f"{share * 100:g}%", floor * peak, shape)


def _baselines(
    peak: float, warmup: Duration, risen: int, steps: int, longest: float
) -> dict[str, Schedule]:
    """The usual cool-downs that have room after the warm-up of `risen` updates."""
    share = _simple(longest)[0]
    found = {
        _named(share): _member(peak, warmup, share, "linear", 0.0),
        "cosine": linear(0, peak, risen) >> cosine_decay(peak, steps - risen),
    }
    if longest >= 0.2:
        found["WSD-20 %"] = _member(peak, warmup, 0.2, "linear", 0.0)
    return found


def recommend_probe(
    budget: Duration, peak: float | None = None, steps_per_epoch: int | None = None
) -> tuple[Policy, int, str]:
    """Which short run to make before asking `predict` or `optimize` about a budget.

    A quarter of the budget (the furthest that is predicted is four times a run) with a linear
    cool-down over its last 20 %: the one run that tells most. A constant run tells nothing of
    decays, a lone cosine little.

    Args:
        budget: the run that is planned, in updates or epochs.
        peak: its peak rate, which the probe must share. None gives the probe in shares of the peak:
            its highest rate is 1, and `policy.learning_rate * peak` is what to fly.
        steps_per_epoch: where the budget is in epochs.

    Returns:
        The policy, the number of updates to fly it for, and why, in a sentence.
    """
    steps = resolve_total(budget, steps_per_epoch)[0]
    if steps is None or steps < 400:
        raise ArgumentError(
            f"recommend_probe: a budget of {budget!r} is too short to probe; make the run itself"
        )
    if peak is not None:
        constant(peak)
    length = max(100, -(-steps // 2) if steps <= 2000 else -(-steps // 4))
    why = (
        f"{length} updates at the same peak rate, the last 20 % a linear cool-down to zero, with "
        "about 100 evaluations: it shows the stable loss and what a decay gives, and reaches to "
        f"{steps} updates; for a tighter interval make it twice as long"
    )
    if peak is None:
        why += (
            "; its rates are shares of the peak, so multiply them by the run's peak rate "
            "(policy.learning_rate * peak) or give peak="
        )
    return Policy(wsd(1.0 if peak is None else peak, "2%", "20%")), length, why
