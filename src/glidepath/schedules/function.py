"""A user's own function as a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glidepath.errors import ArgumentError, PlanError, SpecError
from glidepath.schedules import checks
from glidepath.schedules.curves import Curve, Shape
from glidepath.schedules.durations import Clock
from glidepath.schedules.schedule import Node, Schedule
from glidepath.schedules.shapes import Steps, Values


@dataclass(frozen=True)
class FromFunction(Schedule):
    """A schedule computed by a Python function of the step or of the epoch."""

    function: Callable[[int], float]
    by: str

    def resolve(self, clock: Clock) -> Curve:
        if self.by == "epoch":
            if clock.steps_per_epoch is None:
                raise PlanError(
                    "from_function: by='epoch' needs steps_per_epoch; give it to plan()"
                )
            return Shape(self._by_epoch(clock.steps_per_epoch))
        return Shape(lambda k: np.asarray([self._value(step) for step in k.tolist()]))

    def _by_epoch(self, steps: int) -> Callable[[Steps], Values]:
        def formula(k: Steps) -> Values:
            epochs = k // steps
            first = int(epochs[0])
            values = [self._value(epoch) for epoch in range(first, int(epochs[-1]) + 1)]
            return np.asarray(values)[epochs - first]

        return formula

    def _value(self, at: int) -> float:
        value = self.function(at)
        try:
            result = float(value)
        except (TypeError, ValueError):
            result = math.nan
        if not math.isfinite(result) or result < 0:
            raise ArgumentError(
                f"from_function: the function must return a finite number, 0 or above, got "
                f"{value!r} for {self.by} {at}; mend the function or clip what it returns"
            )
        return result

    def node(self) -> Node:
        name = getattr(self.function, "__qualname__", repr(self.function))
        raise SpecError(
            f"from_function({name}) has no spec, because a spec holds data and no code; "
            "write the schedule with the named recipes to save, share or fingerprint it"
        )


def from_function(f: Callable[[int], float], by: str = "step") -> Schedule:
    """f(k) for the update k; with `by="epoch"`, f(epoch) with the epoch counted from 0.

    The function is called with a Python int and must return a finite number, 0 or above. It has
    no end of its own, and no spec: it cannot be written to disk or fingerprinted.
    """
    if not callable(f):
        raise ArgumentError(f"from_function: needs a function of an integer, got {f!r}; give one")
    return FromFunction(f, checks.choice("from_function", "by", by, ("step", "epoch")))
