"""What the flights of frameworks on PyTorch have in common: their plan changes in flight."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from glidepath.backends.torch.scheduler import Scheduler
from glidepath.errors import ArgumentError
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.training.wallclock import cooldown_by


def warn_shorter(scheduler: Scheduler, length: int | None) -> None:
    """A warning where a plan that a scheduler was loaded with ends before the training does."""
    plan, total = scheduler.plan, scheduler.plan.total_steps
    if scheduler.changed or total is None or length is None or total >= length:
        return
    warnings.warn(
        f"on_change='keep': the plan that was saved ends at update {total}, and the training at "
        f"{length}; the updates between have the rate {float(plan(total)):g}. Train for as long "
        "as the plan, or resume with plan.extend(...) and on_change='override'",
        UserWarning,
        stacklevel=3,
    )


class Changeable:
    """The part of a `Flight` that changes its plan while the framework trains."""

    scheduler: Any
    _budget: tuple[Any, ...] | None = None

    @property
    def plan(self) -> Plan | None:
        """What is flown, in updates; None before training."""
        return None if self.scheduler is None else self.scheduler.plan

    def cooldown(self, over: Duration, end: float = 0.0, shape: str = "linear") -> Plan:
        """From the next update on, bring the rate down to `end`, and end the training there.

        See `glidepath.torch.Scheduler.cooldown`. Call it from a callback of your own.
        """
        plan: Plan = self._flying("cooldown").cooldown(over, end, shape)
        return plan

    def extend(self, total: Duration) -> Plan:
        """Lengthen the training: what is left of the plan is stretched, without a jump.

        See `glidepath.torch.Scheduler.extend`. Call it from a callback of your own.
        """
        plan: Plan = self._flying("extend").extend(total)
        return plan

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

        See `glidepath.torch.Scheduler.cooldown_by`. Call it before training.
        """
        cooldown_by(budget, over, end, shape)  # says now what is wrong
        self._budget = (budget, over, end, shape, clock)
        if self.scheduler is not None:
            self._measure(self.scheduler)

    def _measure(self, scheduler: Scheduler) -> None:
        """Give a scheduler that was just made the budget of time, where there is one."""
        if self._budget is not None:
            *rule, clock = self._budget
            scheduler.cooldown_by(*rule, clock=clock)

    def _flying(self, where: str) -> Any:
        if self.scheduler is None:
            raise ArgumentError(
                f"{where}: nothing flies yet; call it while the framework trains, from a callback, "
                "or change the plan before: plan.cooldown_from(...), plan.extend(...)"
            )
        return self.scheduler

    def _warn_unfinished(self) -> None:
        """A warning where training stopped early with a high rate."""
        if self.scheduler is None:
            return
        text = self.scheduler.unfinished(
            "the checkpoint is resumed with the policy flight.plan.cooldown_from({done}, {over}) "
            "and on_change='override'"
        )
        if text is not None:
            warnings.warn(text, stacklevel=3)
