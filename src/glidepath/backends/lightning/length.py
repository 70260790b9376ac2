"""The length of a Lightning training, in optimizer updates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from glidepath.backends.torch.flights import warn_shorter
from glidepath.backends.torch.rules import Rule
from glidepath.backends.torch.scheduler import Scheduler
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable


def length(trainer: Any) -> tuple[int | None, int | None]:
    """Updates in all and in an epoch, as far as a trainer knows them."""
    total = trainer.estimated_stepping_batches
    batches = trainer.num_training_batches
    per_epoch = None
    if math.isfinite(batches):
        per_epoch = math.ceil(batches / trainer.accumulate_grad_batches)
    known = math.isfinite(total) and total > 0
    return (int(total) if known else None), per_epoch


class FitScheduler(Scheduler):
    """A `Scheduler` over a trainer's length, whatever the length of its plan."""

    length: int | None = None
    """The training's updates, where they are known."""

    def load_state_dict(self, state_dict: dict[str, Any], on_change: str | None = None) -> None:
        """Continue from a checkpoint; warn where a plan is kept that ends before the training."""
        super().load_state_dict(state_dict, on_change)
        warn_shorter(self, self.length)


def scheduler_for(
    trainer: Any,
    optimizer: Any,
    policy: Flyable,
    groups: Mapping[Rule, Flyable] | None,
    on_change: str,
) -> FitScheduler:
    """A scheduler that follows the optimizer, over a trainer's length."""
    total, per_epoch = length(trainer)
    if isinstance(policy, Plan):
        per_epoch = policy.steps_per_epoch
    made = FitScheduler(
        optimizer, policy, total, per_epoch, groups=groups, follow=True, on_change=on_change
    )
    made.length = total
    return made
