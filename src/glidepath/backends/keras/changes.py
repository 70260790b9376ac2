"""What changes the plan of a Keras flight: cool-downs, extensions, a budget of time."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from glidepath.backends.keras import processes
from glidepath.errors import ArgumentError
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.training.flown import FlownPlan
from glidepath.training.unfinished import unfinished
from glidepath.training.wallclock import CooldownBy, WallClock, cooldown_by


class Changeable(ABC):
    """The part of a `Flight` that changes its plan while it flies."""

    plan: Plan | None
    _flown: FlownPlan | None
    _start: int
    _budget: tuple[CooldownBy, Callable[[], float]] | None = None
    _wall: WallClock | None = None

    def cooldown(self, over: Duration, end: float = 0.0, shape: str = "linear") -> Plan:
        """Go from the rate of now down to `end` over `over` updates, and end the training there.

        Call it from a callback while `fit` runs, or between two fits, which then fly on with this
        flight. From a signal handler set a flag, and call it at the epoch's end. There is no jump
        and no compilation; see `Plan.cooldown_from`. The training ends with the epoch in which
        the cool-down does. The changed plan is in `state`, and the same program resumes it.

        Args:
            over: how long it takes: updates, epochs ("5ep"), or a share of the plan ("10%").
            end: the rate that it comes to.
            shape: "linear", "sqrt", "cosine", or "exponential".

        Returns:
            The plan that is flown from now on.
        """
        _, k = self._flying("cooldown")
        assert self._flown is not None
        return self._change(self._flown.cooled(k, over, end, shape))

    def extend(self, total: Duration) -> Plan:
        """Make the run longer: what is left of the plan takes until `total`, without a jump.

        Between two fits, of which the second is asked for more epochs, or from a callback; `fit`
        itself stops at its own number of epochs. See `Plan.extend`.

        Returns:
            The plan that is flown from now on.
        """
        plan, k = self._flying("extend")
        assert plan.total_steps is not None
        return self._change(plan.extend(total, min(k, plan.total_steps)))

    def cooldown_by(
        self,
        budget: str | float | timedelta,
        over: Duration = "20%",
        end: float = 0.0,
        shape: str = "linear",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """End the training within a budget of wall-clock time, with a cool-down begun in time.

        Call it before `fit`, and again in a program that resumes. The speed is measured from
        epoch to epoch, evaluation included, so the budget has to be longer than the first epoch.
        A run that ends in time anyway is left alone. Where several processes train, the clock of
        the first decides for all.

        Args:
            budget: the training time in all, e.g. "90min", "1h30min", or seconds. The time before
                a resume counts up to its checkpoint.
            over: how long the cool-down takes: a percentage of the budget, or updates, or epochs.
            end: the rate that it comes to.
            shape: "linear", "sqrt", "cosine" or "exponential".
            clock: seconds since whenever; for tests.

        Raises:
            ArgumentError: what is no time, no duration, or no shape.
        """
        self._budget, self._wall = (cooldown_by(budget, over, end, shape), clock), None

    def _begin_wall(self, saved: Mapping[str, Any] | None, steps_per_epoch: int | None) -> None:
        """At take-off: a clock for the budget of time, which goes on from a checkpoint's."""
        if self._budget is None or self._wall is not None:
            return
        rule, clock = self._budget
        self._wall = WallClock(rule, steps_per_epoch, clock)
        if saved is not None and saved.get("wall_clock"):
            self._wall.load_state_dict(saved["wall_clock"])
            self._wall.begun &= self._flown is not None and self._flown.plan is not self._flown.made

    def _watch(self, now: int, updates: int) -> None:
        """Before an epoch of so many updates: change the plan if its cool-down begins in it."""
        wall, plan = self._wall, self.plan
        if wall is None or plan is None or wall.begun:
            return
        k = max(now - self._start, 0)
        due = processes.of_first(wall.due(k, plan.total_steps))
        if due is None or due[0] >= k + updates:
            return
        wall.begun = True
        assert self._flown is not None
        self._change(wall.rule.cooled(self._flown, max(due[0], k), due[1]))

    def _done(self, updates: int) -> bool:
        """Whether a plan that was changed in flight is at its end; others end with their fit."""
        flown = self._flown
        if flown is None or flown.plan is flown.made or flown.plan.total_steps is None:
            return False
        return updates - self._start >= flown.plan.total_steps

    def _warn_unfinished(self, updates: int) -> None:
        """A warning where training was stopped early with a high rate."""
        if self._flown is None or self.plan is None:
            return
        how = "flight.cooldown({over}), with fit(..., callbacks=[flight])"
        text = unfinished(self._flown, updates - self._start, how)
        if text is not None:
            warnings.warn(text, stacklevel=3)

    def _flying(self, where: str) -> tuple[Plan, int]:
        """The plan that flies, and its update of now."""
        if self.plan is None:
            raise ArgumentError(
                f"{where}: changes the plan of a flight that has begun, and this one has none yet; "
                "change the plan itself (plan.cooldown_from, plan.extend) and give it to Flight, "
                "with on_change='override' to go on from a checkpoint"
            )
        return self.plan, max(self._updates() - self._start, 0)

    @abstractmethod
    def _updates(self) -> int:
        """The optimizer's count of updates."""

    @abstractmethod
    def _change(self, plan: Plan) -> Plan:
        """Fly another plan from the update of now on."""
