"""Schedules that come from another library: marked as such, and cut where the run ends.

A scheduler of another library knows nothing of the run: the loop stops, and what was still to come
is not flown. `Ported` keeps that, so that what was written for the native scheduler plans at the
same length, and keeps the library's name, by which adapters warn of what no table shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from glidepath.schedules import checks
from glidepath.schedules.curves import Curve
from glidepath.schedules.durations import Clock
from glidepath.schedules.policy import Policy
from glidepath.schedules.schedule import Node, Schedule

LIBRARIES = ("keras", "optax", "torch", "transformers")
"""What schedules can be ported from."""

_P = ParamSpec("_P")
_R = TypeVar("_R", bound=Schedule | Policy)


@dataclass(frozen=True)
class Ported(Schedule):
    """A schedule of another library: the run may end at any update of it.

    Phases that reach past the end of the run are cut there, and phases that would begin there are
    left out, both without an error, as the native scheduler does it; `show` still says so.
    """

    child: Schedule
    library: str

    def resolve(self, clock: Clock) -> Curve:
        return self.child.resolve(replace(clock, strict=clock.strict and clock.holds_ported))

    def node(self) -> Node:
        return {"ported": self.child.node(), "library": self.library}

    def __repr__(self) -> str:
        return f"({self.child!r} of {self.library})"


def ported(child: Schedule, library: object) -> Schedule:
    """A checked `Ported`; what is one already becomes this library's."""
    return Ported(bare(child), checks.choice("ported", "library", library, LIBRARIES))


def ported_from(library: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A decorator: what the function makes is a schedule of that library."""

    def decorate(make: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(make)
        def made(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            found: Schedule | Policy = make(*args, **kwargs)
            if isinstance(found, Schedule):
                return cast("_R", ported(found, library))
            each = {name: ported(s, library) for name, s in found.schedules.items()}
            return cast("_R", Policy(**each, controllers=found.controllers))

        return made

    return decorate


def bare(schedule: Schedule) -> Schedule:
    """A schedule without the mark, to be part of another one."""
    return schedule.child if isinstance(schedule, Ported) else schedule


def origins(policy: Policy) -> set[str]:
    """The libraries that the policy's schedules come from; empty for Glidepath's own."""
    return {library for schedule in policy.schedules.values() for library in _origins(schedule)}


def _origins(schedule: Schedule) -> Iterator[str]:
    if isinstance(schedule, Ported):
        yield schedule.library
    for value in vars(schedule).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Schedule):
                yield from _origins(part)
