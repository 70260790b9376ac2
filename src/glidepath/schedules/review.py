"""What is likely to be wrong with a schedule, in plain words, before any training."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import numpy as np

from glidepath.errors import PlanError, SpecError
from glidepath.schedules.durations import Clock, Duration, EmptyPhaseError
from glidepath.schedules.origin import origins
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Policy, as_policy
from glidepath.schedules.schedule import Node, Schedule
from glidepath.schedules.shapes import Values

HIGH_END = 0.2
"""A schedule that changes its rate and ends above this share of its peak ends high."""
JUMP = 0.05
"""A change in one update of more than this share of the peak, where its neighbours change less
than a tenth of it, is a jump."""
LONGEST = 2**24
"""The longest run that is looked at update by update."""
VANISHED = 1e-8
"""Below this share of its peak a rate trains nothing."""
_LISTED = 3


def review(
    policy: Policy | Schedule, total: Duration, steps_per_epoch: int | None = None
) -> tuple[Plan, tuple[str, ...]]:
    """The plan of a policy, cut at the end of the run if need be, and what to be careful about.

    Returns:
        The plan, and warnings: phases longer than the run, a decay that never reaches its end, a
        rate that ends high or vanishes, step-wise schedules that were probably meant by epoch,
        jumps, and what frameworks take differently: drops under momentum, and weight decay.

    Raises:
        PlanError: where not even a cut plan can be made.
    """
    flown = as_policy(policy)
    plan = flown.plan(total, steps_per_epoch, strict=False)
    if plan.total_steps is None:
        raise PlanError("show: the run's length is not known; give total, e.g. '30ep' or 10000")
    if plan.total_steps > LONGEST:
        raise PlanError(
            f"show: looks at runs of up to {LONGEST} updates, got {plan.total_steps}; "
            "give a shorter total: a policy in percentages looks the same"
        )
    warnings: list[str] = []
    table = plan.table()
    warnings += _overrun(flown, plan, table)
    warnings += _by_epoch(flown, plan)
    warnings += _ending(plan, table)
    warnings += _jumps(plan, table)
    if plan.weight_decay is not None:
        warnings.append(
            "weight decay is flown: torch's SGD and Adam couple it to the gradient, AdamW and "
            "Keras's optimizers do not, so the same values train differently there"
        )
    if flown.controllers:
        names = ", ".join(str(c.node()["controller"]) for c in flown.controllers)
        warnings.append(f"{names} acts on top while training; what is shown is without it")
    return plan, tuple(warnings)


def _overrun(policy: Policy, plan: Plan, table: Values) -> Iterator[str]:
    """Phases that reach past the end of the run."""
    assert plan.total_steps is not None
    try:
        _hold(policy, plan)
    except PlanError as error:
        last, before = table[-1], table[max(-2, -table.size)]
        if isinstance(error, EmptyPhaseError):
            if origins(policy) and plan(plan.total_steps) <= last:
                return  # what holds after the end, where a ported schedule comes to its end
            yield f"a phase is left without an update: {error}"
        elif last > before:
            yield (
                f"the warm-up is longer than the run: the rate is still rising at the end, "
                f"where it has reached {last:.4g} ({error})"
            )
        else:
            yield (
                f"a phase is longer than the run, so the decay never reaches its end: the run "
                f"stops at {last:.4g} ({error})"
            )
    clock = Clock(plan.total_steps, plan.steps_per_epoch)
    for name, key, value in _stepwise(policy):
        at = clock.count(key, value)
        if at >= plan.total_steps:
            yield (
                f"{name}: {key}={value!r} is update {at}, and the run has {plan.total_steps}: the "
                "decay never reaches its end"
            )


def _hold(policy: Policy, plan: Plan) -> None:
    """PlanError where a phase does not fit into the run, of a ported schedule too."""
    clock = Clock(plan.total_steps, plan.steps_per_epoch, limit=plan.total_steps, holds_ported=True)
    for schedule in policy.schedules.values():
        schedule.resolve(clock)


def _by_epoch(policy: Policy, plan: Plan) -> Iterator[str]:
    """Periods and boundaries in updates that look like numbers of epochs."""
    per_epoch = plan.steps_per_epoch
    if per_epoch is None or per_epoch < 2:
        return
    assert plan.total_steps is not None
    epochs = Fraction(plan.total_steps, per_epoch)
    for name, key, value in _stepwise(policy):
        if isinstance(value, int) and value <= epochs and value % per_epoch:
            yield (
                f"{name}: {key}={value} is {value} updates, or {value / per_epoch:.2g} epochs; "
                f"if epochs were meant, write '{value}ep'"
            )


def _ending(plan: Plan, table: Values) -> Iterator[str]:
    """A rate that ends high, or that has vanished long before the end."""
    peak, low, last = float(table.max()), float(table.min()), float(table[-1])
    if peak == 0:
        yield "the rate is zero all the time: nothing will be trained"
        return
    if low < peak and last > HIGH_END * peak:
        yield (
            f"the rate ends high: {last:.4g}, {100 * last / peak:.0f} % of its peak; a decay or "
            "cool-down at the end usually lowers the final loss"
        )
    alive = np.flatnonzero(table > VANISHED * peak)
    idle = table.size - 1 - int(alive[-1])
    if idle > table.size // 10:
        yield (
            f"the rate has all but vanished after update {int(alive[-1])}: the last {idle} updates "
            "train nothing; was a period in updates meant in epochs?"
        )


def _jumps(plan: Plan, table: Values) -> Iterator[str]:
    """Single updates in which the rate changes much more than around them."""
    change = np.abs(np.diff(table))
    around = np.maximum(np.append(0.0, change[:-1]), np.append(change[1:], 0.0))
    jumps = np.flatnonzero((change > JUMP * table.max()) & (change > 10 * around)) + 1
    if not jumps.size:
        return
    listed = "; ".join(
        f"{table[k - 1]:.4g} to {table[k]:.4g} at update {k}{_epoch(plan, k)}"
        for k in jumps[:_LISTED].tolist()
    )
    more = f"; and {jumps.size - _LISTED} more" if jumps.size > _LISTED else ""
    yield f"the rate jumps {_times(jumps.size)}: {listed}{more}"
    if plan.momentum is not None and (table[jumps] < table[jumps - 1]).any():
        m = float(plan.momentum(int(jumps[0])))
        yield (
            f"the rate drops while momentum ({m:.4g}) is flown: in Keras the velocity goes on at "
            f"the old rate for about {1 / (1 - m):.0f} updates, in torch and Optax it does not, so "
            "the same rates train differently there"
        )


def _stepwise(policy: Policy) -> Iterator[tuple[str, str, Duration]]:
    """The period or last boundary of every step-wise recipe."""
    for schedule in policy.schedules.values():
        try:
            node = schedule.node()
        except SpecError:  # a function is code, and shows nothing to look into
            continue
        yield from _periods(node)


def _periods(node: Node) -> Iterator[tuple[str, str, Duration]]:
    name = node.get("recipe")
    if name == "step_decay" or node.get("staircase"):
        keys = ["every"]
    else:
        keys = {"cosine_restarts": ["first"], "triangular": ["half_cycle"]}.get(str(name), [])
    for key in keys:
        yield str(name), key, cast("Duration", node[key])
    edges = cast("list[Duration]", node.get("boundaries", []))
    if edges:
        yield str(name), "the last boundary", edges[-1]
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict):
                yield from _periods(child)


def _epoch(plan: Plan, k: int) -> str:
    return f" (epoch {k / plan.steps_per_epoch:.3g})" if plan.steps_per_epoch else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
