"""The scheduler that `Trainer` steps and logs, on the optimizer's own clock."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer

from glidepath.backends.torch.rules import Rule
from glidepath.backends.torch.scheduler import Scheduler
from glidepath.schedules.durations import Duration
from glidepath.schedules.policy import Flyable


class TrainerScheduler(Scheduler):
    """A `Scheduler` that follows the optimizer, and whose last rate is what `Trainer` logs.

    `Trainer` asks for the last rate after `optimizer.step()` and before `scheduler.step()`. Until
    that call the rate is the one that was applied, although the optimizer has the next one.

    Args:
        optimizer: the optimizer to fly, prepared by accelerate or not.
        policy: a policy, a schedule, a number for a constant rate, or a plan of one.
        total: the run's length.
        steps_per_epoch: optimizer updates in an epoch.
        groups: what single parameter groups fly instead.
        on_change: what to do with a checkpoint of another plan.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        policy: Flyable,
        total: Duration,
        steps_per_epoch: int | None = None,
        groups: Mapping[Rule, Flyable] | None = None,
        on_change: str = "strict",
    ) -> None:
        self._applied: list[float | Tensor] | None = None
        super().__init__(
            optimizer, policy, total, steps_per_epoch, groups, follow=True, on_change=on_change
        )

    def step(self, epoch: int | None = None) -> None:
        """What `Trainer` calls after each update, which has been counted already."""
        self._applied = None
        super().step(epoch)

    def seek(self, step: int) -> None:
        """Go to an update, counted from 0."""
        self._applied = None
        super().seek(step)

    def get_last_lr(self) -> list[float | Tensor]:
        """The rates of the update at hand: until `step()` is called, those it applied."""
        return super().get_last_lr() if self._applied is None else list(self._applied)

    def _advance(self) -> None:
        self._applied = super().get_last_lr()
        super()._advance()
