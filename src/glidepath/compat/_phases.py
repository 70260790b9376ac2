"""What the ported schedulers share: whole numbers, phases that may be empty, and joins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Controller,
    Policy,
    Schedule,
    checks,
    constant,
    exponential_decay,
    linear,
    piecewise_constant,
)
from glidepath.schedules.origin import bare, ported


def whole(where: str, name: str, value: object, *, least: int = 0) -> int:
    """A number of updates: an int, or a float that is one, as native arguments often are."""
    if isinstance(value, Real) and not isinstance(value, bool | Integral):
        value = int(float(value)) if float(value).is_integer() else value
    if isinstance(value, Integral):
        return checks.count(where, name, value, least=least)
    raise ArgumentError(
        f"{where}: {name} must be a whole number of updates of at least {least}, got {value!r}; "
        "round it"
    )


def begins(where: str, last_epoch: object) -> None:
    """ArgumentError for a `last_epoch` other than -1, by which the natives resume."""
    if last_epoch != -1:
        raise ArgumentError(
            f"{where}: last_epoch must be -1, got {last_epoch!r}; a policy always counts from the "
            "run's first update: leave it out, and resume with the adapter's state or its seek()"
        )


def alone(where: str, name: str, value: object) -> Any:
    """`value`, or the only entry of a list of values for each parameter group."""
    if not isinstance(value, list | tuple):
        return value
    if len(value) != 1:
        raise ArgumentError(
            f"{where}: {name} must be one value, got {value!r}; a policy is for one parameter "
            "group: make one for each, and fly them with Scheduler(..., groups={0: ..., 1: ...})"
        )
    return value[0]


def named(where: str, name: object) -> None:
    """ArgumentError for a name that is none; a policy's name is its study's or record's."""
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"{where}: name must be text or None, got {name!r}; leave it out")


def power_of(rate: float, factor: float, every: int | str, staircase: bool) -> Schedule:
    """rate·factor^(k/every), with the exponent floored for a staircase; `factor` may be 0."""
    if factor == 0:
        return piecewise_constant([rate, 0.0], [every if staircase else 1])
    return exponential_decay(rate, factor, every, staircase)


def ramp(start: float, end: float, over: int) -> list[Schedule]:
    """A linear phase, or none where it has no updates."""
    return [linear(start, end, over)] if over > 0 else []


def flat(rate: float, over: int) -> list[Schedule]:
    """A constant phase, or none where it has no updates."""
    return [constant(rate).take(over)] if over > 0 else []


def join(phases: Sequence[Schedule]) -> Schedule:
    """The phases one after the other; there is at least one."""
    joined = bare(phases[0])
    for phase in phases[1:]:
        joined = joined.then(bare(phase))
    return joined


def at_boundaries(
    where: str,
    schedules: Sequence[Schedule],
    boundaries: Sequence[int],
    name: str = "boundaries",
) -> Schedule:
    """Each schedule from its boundary on, counted from there."""
    given = list(checks.sequence(where, "schedules", schedules))
    for schedule in given:
        if not isinstance(schedule, Schedule):
            raise ArgumentError(
                f"{where}: needs schedules, got {type(schedule).__name__}; of a policy give its "
                ".learning_rate"
            )
    if len(boundaries) != len(given) - 1:
        raise ArgumentError(
            f"{where}: needs one boundary less than schedules, got {len(boundaries)} and "
            f"{len(given)}; give {len(given) - 1}"
        )
    edges = [0, *(whole(where, name, b, least=1) for b in boundaries)]
    for before, after in itertools.pairwise(edges):
        if after <= before:
            raise ArgumentError(f"{where}: {name} must rise, got {list(boundaries)}; sort them")
    cut = [
        bare(schedule).take(after - before)
        for schedule, before, after in zip(schedules, edges, edges[1:], strict=False)
    ]
    return join([*cut, schedules[-1]])


def controlled(
    where: str, lr: float | Schedule | Policy, controller: Controller, library: str
) -> Policy:
    """A rate of the library, or any schedule or policy, under one controller more."""
    if isinstance(lr, Policy):
        return Policy(**lr.schedules, controllers=(*lr.controllers, controller))
    if not isinstance(lr, Schedule):
        lr = ported(constant(checks.number(where, "the learning rate", lr)), library)
    return Policy(lr, controllers=[controller])


def steps_at(rate: float, factors: Sequence[tuple[int, float]]) -> Schedule:
    """`rate`, multiplied by each factor from its update on; updates may repeat or be 0."""
    rates: list[float] = [rate]
    edges: list[int] = []
    for at, factor in sorted(factors):
        if at <= 0 or (edges and edges[-1] == at):
            rates[-1] *= factor
        else:
            edges.append(at)
            rates.append(rates[-1] * factor)
    return piecewise_constant(rates, edges) if edges else constant(rates[0])
