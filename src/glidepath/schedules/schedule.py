"""Schedule: a hyperparameter as a function of the optimizer update, and the ways to combine it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

from glidepath.errors import ArgumentError, PlanError
from glidepath.schedules import checks
from glidepath.schedules.curves import (
    Clipped,
    Curve,
    Multiplied,
    Repeated,
    Scaled,
    Taken,
    join,
)
from glidepath.schedules.durations import Clock, Duration, EmptyPhaseError, duration
from glidepath.schedules.rescaling import batch_factor

if TYPE_CHECKING:
    from glidepath.schedules.plan import Plan

_COPIES = 100_000

Node = dict[str, object]
"""A schedule as plain JSON data, without the version."""


class Schedule(ABC):
    """A hyperparameter's value as a pure function of the optimizer update k, counted from 0.

    Schedules are frozen, compare by value, and combine: `a >> b` (or `a.then(b)`), `0.5 * a`,
    `a * b`, `a.clip(low, high)`, `a.repeat(times)`, `a.take(over)`. Durations stay in the user's
    units until `plan` resolves them for a run.
    """

    @abstractmethod
    def resolve(self, clock: Clock) -> Curve:
        """The curve of this schedule for a run; PlanError where the run cannot hold it."""

    @abstractmethod
    def node(self) -> Node:
        """This schedule as JSON data, without the version; SpecError where it has none."""

    def then(self, other: Schedule) -> Schedule:
        """This schedule, and `other` from where this one's length ends.

        What has no end of its own (a constant, an exponential) is given one by `take`.
        """
        _must_be_schedule("then", other)
        return Then((*_parts(self), *_parts(other)))

    def __rshift__(self, other: Schedule) -> Schedule:
        return self.then(other) if isinstance(other, Schedule) else NotImplemented

    def take(self, over: Duration) -> Schedule:
        """The first `over` updates of this schedule; `over` becomes its length.

        Inside, `"rest"` means `over`; a percentage is still a share of the whole run.
        """
        return Take(self, duration("take", "over", over))

    def repeat(self, times: int) -> Schedule:
        """This schedule `times` times, one after the other. It must have a length."""
        return Repeat(self, checks.count("repeat", "times", times))

    def clip(self, low: float = 0.0, high: float | None = None) -> Schedule:
        """This schedule kept between `low` and `high` (None: no upper bound)."""
        lowest = checks.number("clip", "low", low)
        highest = None if high is None else checks.number("clip", "high", high)
        if highest is not None and highest < lowest:
            raise ArgumentError(
                f"clip: high must not be below low, got low={low!r}, high={high!r}; swap them"
            )
        return Clip(self, lowest, highest)

    def scaled(self, *, batch_size: tuple[int, int], rule: str) -> Schedule:
        """This schedule with the rate that another batch size calls for.

        A multiple of the batch size calls for the same multiple of the rate (Goyal et al. 2017,
        arXiv:1706.02677) or for its square root (Krizhevsky 2014, arXiv:1404.5997): "linear" for
        SGD, "sqrt" for Adam and its like (Malladi et al. 2022, arXiv:2205.10287, who scale the
        betas as well: κ times the batch, κ times 1 − beta).

        A raised rate needs a warm-up, or the first updates diverge: Goyal et al. climb for five
        epochs, from the unscaled rate. Beyond some batch size both rules fail, and the rate wants
        finding anew. Write durations in epochs or percentages: 1000 updates of a larger batch are
        more samples.

        `gp.linear(0.1, 0.4, "5ep") >> gp.cosine_decay(0.1, "rest").scaled(batch_size=(256, 1024),
        rule="linear")`

        Args:
            batch_size: (the one that the rate was tuned at, the one to train with), each over all
                processes and accumulated batches.
            rule: "linear" or "sqrt".
        """
        return batch_factor(batch_size, rule) * self

    def __mul__(self, other: Schedule | float) -> Schedule:
        if isinstance(other, Schedule):
            return Product(self, other)
        if not _is_number(other):
            return NotImplemented
        return Scale(self, checks.number("multiplication", "the factor", other))

    __rmul__ = __mul__

    def plan(
        self,
        total: Duration | None = None,
        steps_per_epoch: int | None = None,
        *,
        strict: bool = True,
    ) -> Plan:
        """Resolve every duration to integer updates for one run.

        Args:
            total: the run's length in updates, or in epochs as `"90ep"`; None for a run without
                end, whose plan has no table.
            steps_per_epoch: optimizer updates in an epoch, the partial last batch included.
            strict: refuse phases that are longer than the run; False cuts them off at its end.

        Raises:
            PlanError: a percentage without a total, epochs without steps_per_epoch, phases
                longer than the run, empty phases.
        """
        from glidepath.schedules.policy import Policy

        return Policy(self).plan(total, steps_per_epoch, strict=strict)

    def to_spec(self) -> dict[str, object]:
        """This schedule as JSON data with a version, which `from_spec` reads back exactly."""
        from glidepath.schedules.spec import VERSION

        return {"version": VERSION, **self.node()}

    @property
    def fingerprint(self) -> str:
        """A short hash of the spec (never of the values).

        A schedule and a policy of nothing but that schedule have different specs, and so different
        fingerprints; the plans of both are equal, and so are the plans' fingerprints.
        """
        from glidepath.schedules.spec import fingerprint

        return fingerprint(self.to_spec())


@dataclass(frozen=True)
class Recipe(Schedule):
    """A named schedule: the recipe's name and its checked arguments."""

    name: str
    arguments: tuple[tuple[str, object], ...]

    def resolve(self, clock: Clock) -> Curve:
        from glidepath.schedules.resolvers import RESOLVERS

        return RESOLVERS[self.name](clock, **dict(self.arguments))

    def node(self) -> Node:
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in self.arguments}
        return {"recipe": self.name, **plain}

    def __repr__(self) -> str:
        inside = ", ".join(
            f"{key}={list(value) if isinstance(value, tuple) else value!r}"
            for key, value in self.arguments
        )
        return f"{self.name}({inside})"


def recipe(name: str, arguments: Mapping[str, object]) -> Recipe:
    """A `Recipe` from a mapping of checked arguments."""
    return Recipe(name, tuple(arguments.items()))


@dataclass(frozen=True)
class Then(Schedule):
    """Schedules one after the other."""

    parts: tuple[Schedule, ...]

    def resolve(self, clock: Clock) -> Curve:
        curves: list[Curve] = []
        at = clock
        for index, part in enumerate(self.parts):
            curve = part.resolve(at)
            curves.append(curve)
            if index + 1 == len(self.parts):
                break
            if curve.exact is None:
                raise PlanError(
                    f"{part!r} has no end of its own, so nothing can follow it; "
                    "give it one with .take(over)"
                )
            at = replace(at, start=at.start + curve.exact)
            if not clock.strict and at.limit is not None and at.begin > at.limit:
                break  # what would follow lies past the end
            if clock.strict and at.limit is not None and at.begin >= at.limit:
                raise EmptyPhaseError(
                    f"{self.parts[index + 1]!r} would begin at update {at.begin}, where the run "
                    f"has ended ({at.limit}); shorten what comes before, or lengthen total"
                )
        return join(curves)

    def node(self) -> Node:
        return {"then": [part.node() for part in self.parts]}

    def __repr__(self) -> str:
        return " >> ".join(repr(part) for part in self.parts)


@dataclass(frozen=True)
class Take(Schedule):
    """The first updates of a schedule."""

    child: Schedule
    over: Duration

    def resolve(self, clock: Clock) -> Curve:
        span = clock.span(f"take: over of {self.child!r}", self.over)
        inside = replace(clock, limit=clock.begin + span.steps, strict=False)
        return Taken(self.child.resolve(inside), span.steps, span.exact)

    def node(self) -> Node:
        return {"take": self.child.node(), "over": self.over}

    def __repr__(self) -> str:
        return f"({self.child!r}).take({self.over!r})"


@dataclass(frozen=True)
class Repeat(Schedule):
    """A schedule several times in a row."""

    child: Schedule
    times: int

    def resolve(self, clock: Clock) -> Curve:
        curve = self.child.resolve(clock)
        if curve.exact is None or curve.length is None:
            raise PlanError(
                f"{self.child!r} has no end of its own, so it cannot repeat; "
                "give it one with .take(over)"
            )
        end = round(clock.start + curve.exact * self.times)
        if clock.strict and clock.limit is not None and end > clock.limit:
            raise PlanError(
                f"({self.child!r}).repeat({self.times}) is longer than the run: it ends at "
                f"update {end} of {clock.limit}; repeat it less often, or lengthen total"
            )
        if curve.exact.denominator == 1 and clock.start.denominator == 1:
            exact = curve.exact * self.times
            return Repeated(curve, curve.length, curve.length * self.times, exact)
        if self.times > _COPIES:
            raise PlanError(
                f"({self.child!r}).repeat({self.times}): more than {_COPIES} copies of a phase "
                "that is no whole number of updates here; give its length in updates"
            )
        return Then((self.child,) * self.times).resolve(clock)

    def node(self) -> Node:
        return {"repeat": self.child.node(), "times": self.times}

    def __repr__(self) -> str:
        return f"({self.child!r}).repeat({self.times})"


@dataclass(frozen=True)
class Scale(Schedule):
    """A schedule times a number."""

    child: Schedule
    factor: float

    def resolve(self, clock: Clock) -> Curve:
        curve = self.child.resolve(clock)
        return Scaled(curve, self.factor, curve.length, curve.exact)

    def node(self) -> Node:
        return {"scale": self.child.node(), "by": self.factor}

    def __repr__(self) -> str:
        return f"{self.factor!r} * ({self.child!r})"


@dataclass(frozen=True)
class Product(Schedule):
    """Two schedules multiplied, update by update; without end where one of them is."""

    left: Schedule
    right: Schedule

    def resolve(self, clock: Clock) -> Curve:
        left, right = self.left.resolve(clock), self.right.resolve(clock)
        if left.length is None or right.length is None:
            return Multiplied(left, right, None, None)
        longer = left if left.length >= right.length else right
        return Multiplied(left, right, longer.length, longer.exact)

    def node(self) -> Node:
        return {"product": [self.left.node(), self.right.node()]}

    def __repr__(self) -> str:
        return f"({self.left!r}) * ({self.right!r})"


@dataclass(frozen=True)
class Clip(Schedule):
    """A schedule kept between two values."""

    child: Schedule
    low: float
    high: float | None

    def resolve(self, clock: Clock) -> Curve:
        curve = self.child.resolve(clock)
        high = float("inf") if self.high is None else self.high
        return Clipped(curve, self.low, high, curve.length, curve.exact)

    def node(self) -> Node:
        return {"clip": self.child.node(), "low": self.low, "high": self.high}

    def __repr__(self) -> str:
        return f"({self.child!r}).clip({self.low!r}, {self.high!r})"


def _parts(schedule: Schedule) -> tuple[Schedule, ...]:
    return schedule.parts if isinstance(schedule, Then) else (schedule,)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _must_be_schedule(where: str, value: object) -> None:
    if not isinstance(value, Schedule):
        raise ArgumentError(
            f"{where}: needs a schedule, got {value!r}; for a fixed value use gp.constant(value)"
        )
