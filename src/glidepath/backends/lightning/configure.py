"""configure: what a LightningModule's `configure_optimizers` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer
from torch.optim import Optimizer

from glidepath.backends.lightning.length import scheduler_for
from glidepath.backends.torch.rules import Rule
from glidepath.errors import ArgumentError
from glidepath.schedules.policy import Flyable


def configure(
    optimizer: Optimizer,
    policy: Flyable,
    trainer: Trainer,
    *,
    groups: Mapping[Rule, Flyable] | None = None,
    on_change: str = "strict",
) -> dict[str, Any]:
    """The optimizer with a policy, as `configure_optimizers` has to return them.

    ```python
    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        return glidepath.lightning.configure(optimizer, gp.one_cycle(peak=0.1), self.trainer)
    ```

    The interval is the step, and the clock counts the updates that the optimizer applied. The
    state is in the trainer's checkpoints.

    Args:
        optimizer: the optimizer to fly.
        policy: a policy, a schedule, a number for a constant rate, or a plan as long as the
            training; one with controllers needs `Flight`, which tells them the metrics.
        trainer: the module's trainer, which knows how long it trains.
        groups: what single parameter groups fly instead, as in `glidepath.torch.Scheduler`.
        on_change: for a checkpoint of another plan: "strict" raises with what differs, "keep"
            flies the saved plan, "override" the new one from the saved update on.

    Raises:
        ArgumentError: the optimizer does not have what the policy flies, no trainer, or a policy
            with controllers.
        PlanError: the policy does not fit the run.
    """
    if not isinstance(trainer, Trainer):
        raise ArgumentError(
            f"configure: needs the module's trainer, got {type(trainer).__name__}; call it in "
            "configure_optimizers with self.trainer"
        )
    scheduler = scheduler_for(trainer, optimizer, policy, groups, on_change)
    if scheduler.monitored:
        scheduler.detach()
        raise ArgumentError(
            f"configure: the policy's controllers monitor {sorted(scheduler.monitored)}, and "
            "nobody would tell them; give the trainer callbacks=[glidepath.lightning.Flight("
            "policy)] and return the optimizer alone"
        )
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step", "frequency": 1},
    }
