"""Policy: several hyperparameters flown together, and the controllers on top of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Real
from typing import Protocol, TypeAlias, runtime_checkable

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.durations import Clock, Duration, resolve_total
from glidepath.schedules.plan import Plan
from glidepath.schedules.recipes import (
    ANNEALS,
    constant,
    one_cycle_momentum,
    one_cycle_rate,
)
from glidepath.schedules.schedule import Node, Schedule

Flyable: TypeAlias = "Plan | Policy | Schedule | float"
"""What adapters fly: a policy, a schedule, a number for a constant rate, or a plan of one."""

HYPERPARAMETERS = ("learning_rate", "momentum", "weight_decay")
"""What a policy can fly. `momentum` is beta_1 in optimizers of Adam's family."""


@runtime_checkable
class Controller(Protocol):
    """The description of a metric-driven factor on the learning rate; see `glidepath.control`."""

    def node(self) -> Node:
        """The controller as JSON data: its name under "controller", and its arguments."""
        ...


@dataclass(frozen=True)
class Policy:
    """What to fly: a schedule per hyperparameter, and controllers that multiply the rate.

    Args:
        learning_rate: a schedule, or a number for a constant.
        momentum: the same, or None to leave the optimizer's own; beta_1 in Adam's family.
        weight_decay: the same, or None to leave the optimizer's own.
        controllers: e.g. `gp.reduce_on_plateau(...)`; each gives a factor on the learning rate.
    """

    learning_rate: Schedule
    momentum: Schedule | None = None
    weight_decay: Schedule | None = None
    controllers: tuple[Controller, ...] = field(default=())

    def __init__(
        self,
        learning_rate: Schedule | float,
        momentum: Schedule | float | None = None,
        weight_decay: Schedule | float | None = None,
        controllers: Iterable[Controller] = (),
    ) -> None:
        set_field = object.__setattr__
        set_field(self, "learning_rate", _schedule("learning_rate", learning_rate))
        for name, value in (("momentum", momentum), ("weight_decay", weight_decay)):
            set_field(self, name, None if value is None else _schedule(name, value))
        given = (controllers,) if isinstance(controllers, Controller) else tuple(controllers)
        for controller in given:
            if not isinstance(controller, Controller):
                raise ArgumentError(
                    f"Policy: controllers must be controllers, got {controller!r}; "
                    "give e.g. [gp.reduce_on_plateau(patience=3)]"
                )
        set_field(self, "controllers", given)

    @property
    def schedules(self) -> dict[str, Schedule]:
        """The schedule of each hyperparameter that is flown, the learning rate first."""
        given = {name: getattr(self, name) for name in HYPERPARAMETERS}
        return {name: schedule for name, schedule in given.items() if schedule is not None}

    def plan(
        self,
        total: Duration | None = None,
        steps_per_epoch: int | None = None,
        *,
        strict: bool = True,
    ) -> Plan:
        """Resolve every duration to integer updates for one run; see `Schedule.plan`."""
        steps, per_epoch = resolve_total(total, steps_per_epoch)
        clock = Clock(steps, per_epoch, limit=steps, strict=strict)
        curves = {name: schedule.resolve(clock) for name, schedule in self.schedules.items()}
        return Plan(self, curves, steps, per_epoch)

    def then(self, other: Policy | Schedule) -> Policy:
        """This policy, and `other` from where this one's schedules end.

        They are joined hyperparameter by hyperparameter, so both must fly the same ones. The
        controllers of both act all the time.
        """
        follower = as_policy(other)
        if set(self.schedules) != set(follower.schedules):
            raise ArgumentError(
                f"then: both policies must fly the same hyperparameters, got "
                f"{list(self.schedules)} and {list(follower.schedules)}; combine the schedules "
                "themselves: gp.Policy(learning_rate=a.learning_rate >> b.learning_rate, ...)"
            )
        joined = {
            name: schedule.then(follower.schedules[name])
            for name, schedule in self.schedules.items()
        }
        return Policy(**joined, controllers=(*self.controllers, *follower.controllers))

    def __rshift__(self, other: object) -> Policy:
        return self.then(other) if isinstance(other, Policy | Schedule) else NotImplemented

    def __rrshift__(self, other: object) -> Policy:
        return as_policy(other).then(self) if isinstance(other, Schedule) else NotImplemented

    def __mul__(self, factor: Schedule | float) -> Policy:
        """The learning rate multiplied; momentum, weight decay and controllers as they were."""
        rate = self.learning_rate.__mul__(factor)
        return NotImplemented if rate is NotImplemented else self._with(learning_rate=rate)

    __rmul__ = __mul__

    def scaled(self, *, batch_size: tuple[int, int], rule: str) -> Policy:
        """The learning rate that another batch size calls for; see `Schedule.scaled`."""
        return self._with(learning_rate=self.learning_rate.scaled(batch_size=batch_size, rule=rule))

    def clip(self, low: float = 0.0, high: float | None = None) -> Policy:
        """The learning rate kept between `low` and `high`; all else as it was."""
        return self._with(learning_rate=self.learning_rate.clip(low, high))

    def take(self, over: Duration) -> Policy:
        """The first `over` updates of every hyperparameter's schedule."""
        return self._with(**{name: s.take(over) for name, s in self.schedules.items()})

    def repeat(self, times: int) -> Policy:
        """Every hyperparameter's schedule `times` times in a row."""
        return self._with(**{name: s.repeat(times) for name, s in self.schedules.items()})

    def _with(self, **changed: Schedule) -> Policy:
        return Policy(**{**self.schedules, **changed}, controllers=self.controllers)

    def node(self) -> Node:
        """The policy as JSON data, without the version."""
        spec: Node = {name: schedule.node() for name, schedule in self.schedules.items()}
        if self.controllers:
            spec["controllers"] = [controller.node() for controller in self.controllers]
        return spec

    def to_spec(self) -> dict[str, object]:
        """This policy as JSON data with a version, which `from_spec` reads back exactly."""
        from glidepath.schedules.spec import VERSION

        return {"version": VERSION, **self.node()}

    @property
    def fingerprint(self) -> str:
        """A short hash of the spec (never of the values)."""
        from glidepath.schedules.spec import fingerprint

        return fingerprint(self.to_spec())


def as_policy(value: object) -> Policy:
    """A policy as it is; a schedule, or a number for a constant, as that of the learning rate."""
    if isinstance(value, Policy):
        return value
    if isinstance(value, Schedule | Real):
        return Policy(value)  # type: ignore[arg-type]
    raise ArgumentError(
        f"needs a policy, a schedule, or a number for a constant rate, got {value!r}; "
        "give e.g. gp.cosine_decay(0.1, '100%'), or gp.from_spec(spec) for a saved one"
    )


def one_cycle(
    peak: float,
    start: float | None = None,
    end: float | None = None,
    up: Duration = "45%",
    down: Duration = "45%",
    momentum: tuple[float, float] | None = (0.95, 0.85),
    anneal: str = "linear",
) -> Policy:
    """Smith's 1cycle: the rate up and down over most of the run, then far below its start.

    start → peak over `up`, peak → start over `down`, start → end over the rest of the run, while
    the momentum goes the other way, high → low → high, and stays. Smith and Topin 2018
    (arXiv:1708.07120); Smith 2018 (arXiv:1803.09820).

    Args:
        peak: the highest rate.
        start: the rate at the start; peak/10 if None.
        end: the rate at the end; start/100 if None.
        up: from start to peak.
        down: from peak back to start.
        momentum: (high, low); None leaves the optimizer's own.
        anneal: "linear" or "cosine", for every leg.

    Returns:
        A policy of learning rate and momentum that lasts the rest of the run.
    """
    where = "one_cycle"
    top = checks.number(where, "peak", peak)
    first = top / 10 if start is None else checks.number(where, "start", start)
    last = first / 100 if end is None else checks.number(where, "end", end)
    checks.choice(where, "anneal", anneal, ANNEALS)
    rate = one_cycle_rate(top, first, last, up, down, anneal)
    if momentum is None:
        return Policy(rate)
    pair = checks.sequence(where, "momentum", momentum)
    if len(pair) != 2:
        raise ArgumentError(
            f"{where}: momentum must be a pair (high, low), got {momentum!r}; "
            "give e.g. (0.95, 0.85), or None to leave the optimizer's own"
        )
    return Policy(rate, one_cycle_momentum(pair[0], pair[1], up, down, anneal))  # type: ignore[arg-type]


def _schedule(name: str, value: object) -> Schedule:
    if isinstance(value, Policy):
        raise ArgumentError(f"Policy: {name} must be a schedule, got a policy; use its .{name}")
    if isinstance(value, Schedule):
        return value
    return constant(checks.number("Policy", name, value))
