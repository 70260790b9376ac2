"""What changes the plan of a scheduler while it flies: cool-downs, extensions, budgets of time."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from glidepath.backends.torch import ranks
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.training.flown import FlownPlan
from glidepath.training.unfinished import unfinished
from glidepath.training.wallclock import WallClock, cooldown_by

_EVERY = 16
"""Several processes agree on the wall clock after so many updates."""


class InFlight:
    """The part of `Scheduler` that changes its plan in flight."""

    last_epoch: int
    _length: tuple[Duration | None, int | None]
    """The length that the run's policies are resolved over, before it was changed in flight."""
    _changes: Sequence[Mapping[str, Any]] = ()
    """What was changed in flight, for groups that are added later."""
    _main: FlownPlan
    _ruled: Mapping[Any, FlownPlan]
    _wall: WallClock | None
    _reload: Callable[[], None]
    _saved_wall: Mapping[str, Any] | None = None

    @property
    def plan(self) -> Plan:
        """The plan of the groups that no rule names."""
        return self._main.plan

    @property
    def changed(self) -> bool:
        """Whether the plan is not the one the program made: extended, or cooled down."""
        return self._main.plan is not self._main.made

    def cooldown(self, over: Duration, end: float = 0.0, shape: str = "linear") -> Plan:
        """From the next update on, bring the rate down to `end`, and end the run there.

        There is no jump: the next update still has the rate that it would have had, and `end` is
        what the rate comes to, whatever controllers made of it before. All parameter groups take
        the same number of updates. The run's new end is `plan.total_steps`; train until `done`.
        The changed plan is in `state_dict()`, and the same program resumes it.

        Args:
            over: how long it takes: updates, epochs, or a percentage of the plan's length.
            end: the rate that every group comes to.
            shape: "linear", "sqrt", "cosine" or "exponential"; see `Plan.cooldown_from`.

        Returns:
            The plan that is flown from now on.
        """
        k = self.last_epoch
        main = self._main.cooled(k, over, end, shape)
        assert main.total_steps is not None
        steps = main.total_steps - k
        ruled = [flown.cooled(k, steps, end, shape) for flown in self._ruled.values()]
        change = {"at": k, "over": steps, "end": float(end), "shape": shape}
        return self._change([main, *ruled], change)

    def extend(self, total: Duration) -> Plan:
        """Lengthen the run: what is left of the plan is stretched, without a jump.

        Args:
            total: the new length in all, more than the old; see `Plan.extend`.

        Returns:
            The plan that is flown from now on.
        """
        plans = [flown.plan.extend(total, at=self.last_epoch) for flown in self._every()]
        return self._change(plans, {"at": self.last_epoch, "total": plans[0].total_steps})

    @property
    def done(self) -> bool:
        """Whether the plan's last update has been made; never for a plan without an end."""
        total = self.plan.total_steps
        return total is not None and self.last_epoch >= total

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

        Call it before training, and again in a program that resumes. The speed is measured as the
        run goes, evaluation included; when what is left is what the cool-down takes, it begins, as
        by `cooldown`. Train until `done`. A run that reaches its planned end in time is left
        alone. Where several processes train, the clock of the first decides for all.

        Args:
            budget: the training time in all, e.g. "90min", "1h30min", or seconds. The time before
                a resume counts up to its checkpoint.
            over: how long the cool-down takes: a percentage of the budget, or updates, or epochs.
            end: the rate that every group comes to.
            shape: "linear", "sqrt", "cosine" or "exponential".
            clock: seconds since whenever; for tests.

        Raises:
            ArgumentError: what is no time, no duration, or no shape.
        """
        rule = cooldown_by(budget, over, end, shape)
        self._wall = WallClock(rule, self.plan.steps_per_epoch, clock)
        self._resume_wall()

    def finish(self) -> None:
        """Say that training is over: a warning where the run stops early with a high rate."""
        text = self.unfinished("scheduler.cooldown({over})")
        if text is not None:
            warnings.warn(text, stacklevel=2)

    def unfinished(self, how: str) -> str | None:
        """What `finish` warns of; see `glidepath.training.unfinished`."""
        texts = (unfinished(flown, self.last_epoch, how) for flown in self._every())
        return next((text for text in texts if text is not None), None)

    def _every(self) -> list[FlownPlan]:
        return [self._main, *self._ruled.values()]

    def _joined(self, plan: Plan) -> FlownPlan:
        """What a group that is added now flies: its plan, changed as the run's has been."""
        flown = FlownPlan(plan)
        for change in self._changes:
            k = change["at"]
            if "total" in change:
                flown.change(flown.plan.extend(change["total"], at=k))
            elif flown.values("learning_rate", k, k + 1)[0] > change["end"]:
                flown.change(flown.cooled(k, change["over"], change["end"], change["shape"]))
            else:  # a rate that is down stays
                flown.change(flown.cooled(k, change["over"], flown.plan(k)))
        return flown

    def _follow_main(self, saved: Mapping[str, Any], own: Plan) -> None:
        """After a load: later groups are resolved and changed as the plan that is flown was.

        Args:
            saved: the scheduler's state.
            own: the plan that the program made.
        """
        self._changes = tuple(saved.get("changes", ())) if self.changed else ()
        base = self._main.made if self._changes else self._main.plan
        if base is not own:
            self._length = (base.total_steps, base.steps_per_epoch)

    def _change(self, plans: Sequence[Plan], change: Mapping[str, Any]) -> Plan:
        """Fly other plans from the next update on."""
        for flown, plan in zip(self._every(), plans, strict=True):
            flown.change(plan)
        self._changes = (*self._changes, change)
        self._reload()
        return self.plan

    def _watch(self, k: int) -> None:
        """Tell the wall clock an update, and cool down where it says so."""
        wall = self._wall
        if wall is None or wall.begun:
            return
        if ranks.several() and k % _EVERY:
            return
        own = wall.tick(k, self.plan.total_steps) if ranks.first() else None
        steps = ranks.of_first(own)
        if steps is None:
            return
        wall.begun = True
        plans = [wall.rule.cooled(flown, k, steps) for flown in self._every()]
        rule = wall.rule
        self._change(plans, {"at": k, "over": steps, "end": rule.end, "shape": rule.shape})

    def _wall_state(self) -> dict[str, Any]:
        return {} if self._wall is None else {"wall_clock": self._wall.state_dict()}

    def _load_wall(self, saved: Mapping[str, Any]) -> None:
        self._saved_wall = saved.get("wall_clock")
        self._resume_wall()

    def _resume_wall(self) -> None:
        """Count on from the checkpoint; a cool-down that is not flown (override) has not begun."""
        if self._wall is not None and self._saved_wall is not None:
            self._wall.load_state_dict(self._saved_wall)
            self._wall.begun &= self._main.plan is not self._main.made
