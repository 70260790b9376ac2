"""Flight: a callback that flies a policy in a module that knows nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from glidepath.backends.lightning.length import scheduler_for
from glidepath.backends.torch.flights import Changeable
from glidepath.backends.torch.rules import Rule
from glidepath.backends.torch.scheduler import Scheduler
from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, as_policy
from glidepath.training.resume import ON_CHANGE


class Flight(Changeable, Callback):
    """Flies a policy with the optimizer that the module's `configure_optimizers` returns.

    ```python
    trainer = Trainer(max_epochs=10, callbacks=[Flight(gp.one_cycle(peak=0.1))])
    trainer.fit(model)
    ```

    The policy is resolved with the trainer's own number of updates. The clock counts the updates
    that the optimizer applied, whatever is accumulated or skipped, also where the module steps it
    by hand. The policy's controllers are told the metrics of every validation but the sanity
    check, averaged over the processes. The state is in the trainer's checkpoints.

    Args:
        policy: a policy, a schedule, a number for a constant rate, or a plan as long as the
            training.
        optimizer: which of the module's optimizers, where it has several.
        groups: what single parameter groups fly instead, as in `glidepath.torch.Scheduler`.
        on_change: for a checkpoint of another plan: "strict" raises with what differs, "keep"
            flies the saved plan, "override" the new one from the saved update on.

    Raises:
        ArgumentError: no policy; at the start of `fit`, too: the module schedules this optimizer
            itself, it does not have what the policy flies, or controllers monitor and nothing is
            validated.
        PlanError: at the start of `fit`: the policy does not fit the run.
        ResumeError: at the start of `fit`: a checkpoint of another plan.
    """

    def __init__(
        self,
        policy: Flyable,
        *,
        optimizer: int = 0,
        groups: Mapping[Rule, Flyable] | None = None,
        on_change: str = "strict",
    ) -> None:
        self._policy = policy if isinstance(policy, Plan) else as_policy(policy)
        self._groups = groups
        self._index = checks.count("Flight", "optimizer", optimizer, least=0)
        self._on_change = checks.choice("Flight", "on_change", on_change, ON_CHANGE)
        self._saved: dict[str, Any] | None = None
        self._ended: Any = None
        self._limits: tuple[int | None, int] | None = None
        self.scheduler: Scheduler | None = None
        """What sets the optimizer's values; None before `fit`."""

    @property
    def state_key(self) -> str:
        """The name of the state in a checkpoint."""
        return f"glidepath.Flight[{self._index}]"

    def state_dict(self) -> dict[str, Any]:
        """The counter, the plan and the controllers' states, as plain JSON data."""
        return {} if self.scheduler is None else self.scheduler.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the state until the optimizer is there."""
        self._saved = state_dict or None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over the optimizer, which Lightning has made by now."""
        if self.scheduler is not None:
            self.scheduler.detach()
        optimizer = self._optimizer(trainer)
        self.scheduler = scheduler_for(
            trainer, optimizer, self._policy, self._groups, self._on_change
        )
        if self.scheduler.monitored and not trainer.enable_validation:
            raise ArgumentError(
                f"Flight: the policy's controllers monitor {sorted(self.scheduler.monitored)}, "
                "and nothing is validated; give the trainer validation data"
            )
        if self._saved is not None:
            self.scheduler.load_state_dict(self._saved)
            self._saved = None
        self._measure(self.scheduler)
        self._ended = None
        if self.scheduler.changed and len(trainer.optimizers) == 1:
            self._limit(trainer, -1)  # until the updates done are known

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let a training whose plan was changed before it was resumed end where its plan does."""
        self._follow(trainer)

    def on_train_batch_end(self, trainer: Trainer, *args: Any, **kwargs: Any) -> None:
        """Let the training end where a plan that was changed in flight does."""
        self._follow(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn where the training stopped early with a high rate."""
        if trainer.is_global_zero and trainer.should_stop:
            self._warn_unfinished()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the trainer its own length back."""
        if self._limits is not None:
            trainer.fit_loop.max_epochs, trainer.fit_loop.epoch_loop.max_steps = self._limits
            self._limits = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Tell the controllers the metrics that they monitor, the same in every process.

        Raises:
            ArgumentError: a controller monitors what is not logged.
        """
        if trainer.sanity_checking or self.scheduler is None or trainer.state.fn != "fit":
            return
        logged = trainer.callback_metrics
        if not self.scheduler.monitored <= logged.keys():
            self.scheduler.epoch_end(logged, model=pl_module)
        self.scheduler.epoch_end(
            {
                name: float(trainer.strategy.reduce(torch.as_tensor(logged[name]).float()))
                for name in sorted(self.scheduler.monitored)
            },
            model=pl_module,
        )

    def _follow(self, trainer: Trainer) -> None:
        """Let the trainer end with a changed plan, where it trains with this optimizer alone."""
        flown = self.scheduler
        if flown is None or flown.plan is self._ended or not flown.changed:
            return
        self._ended = flown.plan
        if len(trainer.optimizers) == 1 and flown.plan.total_steps is not None:
            left = flown.plan.total_steps - flown.last_epoch
            self._limit(trainer, trainer.global_step + max(left, 0))

    def _limit(self, trainer: Trainer, steps: int) -> None:
        """Let the trainer make so many steps, whatever its epochs; -1 for no limit."""
        loop = trainer.fit_loop
        if self._limits is None:
            self._limits = loop.max_epochs, loop.epoch_loop.max_steps
        loop.max_epochs, loop.epoch_loop.max_steps = -1, steps

    def _optimizer(self, trainer: Trainer) -> Any:
        optimizers = trainer.optimizers
        if self._index >= len(optimizers):
            raise ArgumentError(
                f"Flight: optimizer={self._index}, and configure_optimizers returns "
                f"{len(optimizers)} of them; they are counted from 0"
            )
        optimizer = optimizers[self._index]
        for config in trainer.lr_scheduler_configs:
            if config.scheduler.optimizer is optimizer:
                raise ArgumentError(
                    f"Flight: configure_optimizers returns a {type(config.scheduler).__name__} "
                    "for this optimizer already; return the optimizer alone"
                )
        return optimizer
