"""What a Flight flies in one fit: the plan of now, or by the resume contract a saved one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glidepath.control.protocol import MetricController
from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, Policy, as_policy
from glidepath.schedules.recipes import constant
from glidepath.training.flown import FlownPlan

Given = Policy | Plan


class OwnRate(FlownPlan):
    """Controllers alone, on whatever rate the optimizer has; its plan is the constant 1.

    `rate` is what the optimizer applied last, the controllers' factors included.
    """

    rate: float = 0.0

    def values(self, name: str, start: int, stop: int) -> list[float]:
        """The rate that was applied: the plan does not know it."""
        return [self.rate] * (stop - start)

    def bounds(self) -> Any:
        """Each controller's factor and smallest rate."""
        pairs = [
            (state.factor, getattr(controller, "min_rate", 0.0))
            for controller, state in zip(self.controllers, self.states, strict=True)
        ]
        return np.asarray(pairs, np.float32)


def given(policy: Flyable | None, controllers: Any) -> Given:
    """The policy or plan with all its controllers; one of a constant 1 for the own rate."""
    more = (controllers,) if isinstance(controllers, MetricController) else tuple(controllers)
    if policy is None and not more:
        raise ArgumentError(
            "Flight: needs a policy or controllers, got neither; give e.g. "
            "Flight(gp.one_cycle(peak=0.1))"
        )
    plan = policy if isinstance(policy, Plan) else None
    base = (
        plan.policy if plan is not None else as_policy(constant(1.0) if policy is None else policy)
    )
    if not more:
        return base if plan is None else plan
    _check(more)
    whole = Policy(**base.schedules, controllers=(*base.controllers, *more))
    return whole if plan is None else rebuilt(plan, whole)


def rebuilt(plan: Plan, policy: Policy) -> Plan:
    """The plan with another policy of the same schedules."""
    curves = {name: track.curve for name, track in plan.tracks.items()}
    return Plan(policy, curves, plan.total_steps, plan.steps_per_epoch)


def flown(plan: Plan) -> FlownPlan:
    """The plan in flight; one without a length stands for the optimizer's own rate."""
    return OwnRate(plan) if plan.total_steps is None else FlownPlan(plan)


def resumed(now: FlownPlan, saved: Mapping[str, Any], on_change: str) -> FlownPlan:
    """What a checkpoint's state and the plan of now make by the resume contract."""
    loaded = now.loaded(saved, on_change)
    found = flown(loaded.plan)
    found.states, found.made, found.cooling = loaded.states, loaded.made, loaded.cooling
    return found


def resumed_start(asked: int | None, saved: Mapping[str, Any], on_change: str) -> int:
    """The update at which the policy began: what was saved, unless another was asked for."""
    began = int(saved.get("start", 0))
    if asked is None or asked == began or on_change == "keep":
        return began
    if on_change == "override":
        return asked
    raise ResumeError(
        f"Flight: the policy began at update {began} in the checkpoint, and start={asked}; leave "
        "start out, or choose on_change='keep' or 'override'"
    )


def warn_of_fresh_controllers(update: int) -> None:
    """Say that a run goes on and nothing is known of its controllers."""
    warnings.warn(
        f"Flight: training continues at update {update}, and the policy's controllers begin anew; "
        "give what they were: Flight(..., state='the-checkpoint.keras')",
        stacklevel=2,
    )


def warn_past_the_end(plan: Plan, update: int, start: int) -> None:
    """Say that a run goes on where its plan is over."""
    total = plan.total_steps
    if total is None or update - start < total or not np.ptp(plan.table()):
        return
    warnings.warn(
        f"Flight: training begins at update {update} of the optimizer, and the plan, which is "
        f"{total} updates long and began at {start}, is over; every update has its last rate, "
        f"{float(plan(total)):g}. For a policy that begins now give Flight(..., start={update}), "
        "for a longer run flight.extend(...)",
        stacklevel=2,
    )


def warn_of_an_unseen_epoch() -> None:
    """Say that a checkpoint is written before the controllers saw the epoch's metrics."""
    warnings.warn(
        "Flight: a checkpoint is saved before the controllers saw the epoch that just ended, and "
        "a run resumed from it would miss that epoch; put the Flight before the callback that "
        "saves: callbacks=[flight, saver]",
        stacklevel=2,
    )


def _check(controllers: Iterable[Any]) -> None:
    for controller in controllers:
        if not isinstance(controller, MetricController):
            raise ArgumentError(
                f"Flight: controllers must be controllers, got {controller!r}; give e.g. "
                "[gp.reduce_on_plateau(patience=3)]"
            )
