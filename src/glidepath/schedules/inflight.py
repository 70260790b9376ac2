"""Plans changed in flight: lengthened, or cooled down, without a jump of the rate.

What has been flown stays as it was because the old plan is a part of the new one: `Planned` is a
schedule as one run resolved it, whatever run it is put into, and `Stretched` is a schedule whose
rest takes longer.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from glidepath.errors import ArgumentError, PlanError
from glidepath.schedules import checks, curves, recipes
from glidepath.schedules.curves import Curve
from glidepath.schedules.durations import Clock, Duration, duration, resolve_total
from glidepath.schedules.ported import interpolate
from glidepath.schedules.schedule import Node, Schedule

if TYPE_CHECKING:
    from glidepath.schedules.plan import Plan

_LONGEST = 2**31
"""Up to here a product of two lengths is exact in int64."""


_LOW = 0.1
"""A rate below this share of the plan's largest is what a decay came to."""


@dataclass(frozen=True)
class Planned(Schedule):
    """A schedule as a run of `total` updates resolved it; after them, the value that holds.

    Its percentages, epochs and "rest" are those of that run, not of the run it is now part of.
    """

    child: Schedule
    total: int | None
    steps_per_epoch: int | None

    def resolve(self, clock: Clock) -> Curve:
        own = Clock(self.total, self.steps_per_epoch, limit=self.total, strict=False)
        curve = self.child.resolve(own)
        if self.total is None:
            return curve
        return curves.Taken(curve, self.total, Fraction(self.total))

    def node(self) -> Node:
        return {
            "planned": self.child.node(),
            "total": self.total,
            "steps_per_epoch": self.steps_per_epoch,
        }

    def __repr__(self) -> str:
        return f"({self.child!r} planned for {self.total} updates)"


@dataclass(frozen=True)
class Stretched(Schedule):
    """A schedule up to the update `at`; what is left of it takes until `to`.

    With L its length, the update k > at has the value at at + (k − at)·(L − at)/(to − at), which
    is interpolated where it falls between two updates.
    """

    child: Schedule
    at: int
    to: int

    def resolve(self, clock: Clock) -> Curve:
        curve = self.child.resolve(clock)
        if curve.length is None:
            raise PlanError(
                f"{self.child!r} has no end of its own, so nothing is left of it to stretch; "
                "give it one with .take(over)"
            )
        if not self.at <= curve.length < self.to <= _LONGEST:
            raise PlanError(
                f"stretch: from update {self.at} on to {self.to}, and the schedule has "
                f"{curve.length}; 'at' must lie inside it and 'to' after it, at most {_LONGEST}"
            )
        return curves.Stretched(curve, self.at, self.to, Fraction(self.to), curve.length)

    def node(self) -> Node:
        return {"stretch": self.child.node(), "at": self.at, "to": self.to}

    def __repr__(self) -> str:
        return f"({self.child!r} stretched from {self.at} to {self.to})"


def planned(child: Schedule, total: object, steps_per_epoch: object) -> Schedule:
    """A checked `Planned`."""
    return Planned(child, *resolve_total(total, steps_per_epoch))


def stretched(child: Schedule, at: object, to: object) -> Schedule:
    """A checked `Stretched`."""
    where = "stretch"
    return Stretched(child, checks.count(where, "at", at, least=0), checks.count(where, "to", to))


def extend(plan: Plan, total: Duration, at: int) -> Plan:
    """See `Plan.extend`."""
    old = plan.total_steps
    if old is None:
        raise PlanError("extend: this plan has no end; there is nothing to lengthen")
    new, _ = resolve_total(total, plan.steps_per_epoch)
    if new is None or not old < new <= _LONGEST:
        raise PlanError(
            f"extend: total must be more than the {old} updates of this plan and at most "
            f"{_LONGEST}, got {total!r}; to end a run early use cooldown_from"
        )
    stands = checks.count("extend", "at", at, least=0)
    if stands > old:
        raise PlanError(f"extend: at={at!r} is after the end of this plan ({old}); give {old}")
    _warn_of_floor(plan, stands, old)
    return _replanned(
        plan,
        {
            name: Stretched(_old(plan, schedule), stands, new)
            for name, schedule in plan.policy.schedules.items()
        },
        new,
    )


def _warn_of_floor(plan: Plan, at: int, old: int) -> None:
    """A warning where nothing is left of a plan but the low rate that its decay came to."""
    rates = plan.tracks["learning_rate"]
    last = float(rates(at))
    peak = float(np.max(rates(np.linspace(0, old - 1, min(old, 1024)).astype(np.int64))))
    if at == old and last < _LOW * peak:
        warnings.warn(
            f"extend: the run stands at its end, and every update that is added has the rate "
            f"{last:g}; extend before the decay begins, or go on with a policy of its own: "
            "plan a new phase, and load the checkpoint with on_change='override'",
            UserWarning,
            stacklevel=4,
        )


def cooldown_from(
    plan: Plan,
    step: int,
    over: Duration,
    end: float,
    shape: str,
    rate: float | None = None,
) -> Plan:
    """See `Plan.cooldown_from`.

    Args:
        plan: what is flown until `step`.
        step: the update at which the cool-down begins.
        over: how long it takes.
        end: the rate that it comes to.
        shape: its shape.
        rate: the rate that it begins at, where controllers made another of the plan's; None: the
            plan's.
    """
    where = "cooldown_from"
    start = checks.count(where, "step", step, least=0)
    clock = Clock(plan.total_steps, plan.steps_per_epoch)
    steps = clock.count(f"{where}: over", duration(where, "over", over, rest=False))
    begins = float(plan(start)) if rate is None else rate
    ramp = _ramp(begins, checks.number(where, "end", end), steps, shape)
    cooled: dict[str, Schedule] = {}
    for name, schedule in plan.policy.schedules.items():
        if start == 0:
            held: Schedule = recipes.constant(float(plan.tracks[name](0)))
        else:
            held = _old(plan, schedule).take(start)
        cooled[name] = held
    rates = ramp if start == 0 else cooled["learning_rate"] >> ramp
    return _replanned(plan, {**cooled, "learning_rate": rates}, start + steps)


def _ramp(rate: float, end: float, steps: int, shape: str) -> Schedule:
    """From `rate` to `end` in `steps` updates."""
    where = "cooldown_from"
    kind = checks.choice(where, "shape", shape, recipes.COOLDOWNS)
    if end > rate:
        raise ArgumentError(
            f"{where}: end must not be above the rate there, {rate:.6g}, got {end!r}; lower it"
        )
    if kind == "exponential" and end == 0:
        raise ArgumentError(
            f"{where}: an exponential never reaches 0, got end={end!r}; give a small rate above 0"
        )
    if kind == "linear":
        return recipes.linear(rate, end, steps)
    if kind == "cosine":
        return recipes.cosine_decay(rate, steps, end)
    return interpolate([rate, end], [0, steps], kind)


def _old(plan: Plan, schedule: Schedule) -> Schedule:
    return Planned(schedule, plan.total_steps, plan.steps_per_epoch)


def _replanned(plan: Plan, schedules: dict[str, Schedule], total: int) -> Plan:
    from glidepath.schedules.policy import Policy

    policy = Policy(**schedules, controllers=plan.controllers)
    return policy.plan(total, plan.steps_per_epoch)
