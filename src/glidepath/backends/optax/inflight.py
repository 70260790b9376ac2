"""What changes the plan of an Optax flight: cool-downs, extensions, a budget of time."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from glidepath.backends.optax.processes import of_first
from glidepath.schedules import Duration, Plan
from glidepath.training.flown import FlownPlan
from glidepath.training.unfinished import unfinished
from glidepath.training.wallclock import WallClock, cooldown_by


class InFlight(ABC):
    """The part of a `Flight` that changes its plan while it flies."""

    _flown: FlownPlan
    _wall: WallClock | None = None
    _saved_wall: Mapping[str, Any] | None = None
    _resumed = False
    _ticked: int | None = None

    @property
    def plan(self) -> Plan:
        """The plan that is flown."""
        return self._flown.plan

    @abstractmethod
    def step(self, state: Any) -> int:
        """The update that comes next, read from the optimizer's state."""

    @abstractmethod
    def into(self, state: Any) -> Any:
        """The optimizer's state with the values of this flight; the count stays as it is."""

    def done(self, state: Any) -> bool:
        """Whether the plan's last update has been made; it waits for the step that is running."""
        total = self.plan.total_steps
        return total is not None and self.step(state) >= total

    def cooldown(self, state: Any, over: Duration, end: float = 0.0, shape: str = "linear") -> Any:
        """The state with a cool-down from the applied rate of now; see `Plan.cooldown_from`.

        `flight.plan.total_steps` is where the run ends then. The changed plan is in
        `state_dict()`, and the same program resumes it.
        """
        return self._replan(state, self._flown.cooled(self.step(state), over, end, shape))

    def extend(self, state: Any, total: Duration) -> Any:
        """The state with what is left of the plan stretched until `total`; see `Plan.extend`.

        Up to twice the length nothing is compiled again; beyond it the step is, once.
        """
        at = min(self.step(state), self.plan.total_steps or 0)
        return self._replan(state, self.plan.extend(total, at))

    def cooldown_by(
        self,
        budget: str | float | timedelta,
        over: Duration = "20%",
        end: float = 0.0,
        shape: str = "linear",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a cool-down in time for the run to end within a budget of wall-clock time.

        Call it before training, and again in a program that resumes. The speed is measured, and
        the cool-down begun, in `epoch_end`, or in `tick` where there are no epochs. Train until
        `done(state)`. A run that reaches its planned end in time is left alone. Where several
        processes train, the clock of the first decides for all.

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
        rule = cooldown_by(budget, over, end, shape)
        self._wall = WallClock(rule, self.plan.steps_per_epoch, clock)
        self._ticked = None
        if self._resumed:
            self._resume_wall()
        else:
            self._wall.due(0, self.plan.total_steps)
            self._ticked = 0

    def tick(self, state: Any) -> Any:
        """Tell the budget of time how far the run is; `epoch_end` does it too.

        Call it after an epoch, or every few updates: it waits for the step that is running, and
        of several processes each has to. A
        cool-down whose time comes before the next call, which is taken to be as many updates away
        as the last one was, is put into the state.

        Returns:
            The state to go on with.
        """
        wall = self._wall
        if wall is None or wall.begun:
            return state
        k = self.step(state)
        ahead = 0 if self._ticked is None else k - self._ticked
        self._ticked = k
        due = of_first(wall.due(k, self.plan.total_steps))
        if due is None or due[0] >= k + max(ahead, 1):
            return state
        wall.begun = True
        return self._replan(state, wall.rule.cooled(self._flown, max(due[0], k), due[1]))

    def finish(self, state: Any) -> None:
        """Say that training is over: a warning where the run stops early with a high rate."""
        how = "state = flight.cooldown(state, {over})"
        text = unfinished(self._flown, self.step(state), how)
        if text is not None:
            warnings.warn(text, stacklevel=2)

    def _replan(self, state: Any, plan: Plan) -> Any:
        self._flown.change(plan)
        return self.into(state)

    def _wall_state(self) -> dict[str, Any]:
        return {} if self._wall is None else {"wall_clock": self._wall.state_dict()}

    def _load_wall(self, saved: Mapping[str, Any]) -> None:
        self._saved_wall, self._resumed, self._ticked = saved.get("wall_clock"), True, None
        self._resume_wall()

    def _resume_wall(self) -> None:
        """Count on from the checkpoint; a cool-down that is not flown (override) has not begun."""
        if self._wall is not None:
            fresh = {"elapsed": 0.0, "pace": None, "begun": False}
            self._wall.load_state_dict(self._saved_wall or fresh)
            self._wall.begun &= self._flown.plan is not self._flown.made

    def _measure_from(self, k: int) -> None:
        """At the beginning of a resumed run: time is measured from the update `k`."""
        if self._wall is not None and self._resumed and self._ticked is None:
            self._wall.due(k, self.plan.total_steps)
            self._ticked = k
