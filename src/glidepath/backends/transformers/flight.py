"""Flight: a policy in a `transformers.Trainer`, from its first update to its last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import IntervalStrategy

from glidepath.backends.torch.flights import Changeable, warn_shorter
from glidepath.backends.torch.rules import Rule
from glidepath.backends.transformers.logs import unlogged
from glidepath.backends.transformers.scheduler import TrainerScheduler
from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, as_policy
from glidepath.training.resume import ON_CHANGE


class Flight(Changeable, TrainerCallback):
    """A policy in flight; made by `fly`.

    As a callback it tells the policy's controllers the metrics of every evaluation in training;
    "val_loss" is its "eval_loss", and "loss" the training loss that was logged last.
    """

    def __init__(
        self,
        trainer: Trainer,
        policy: Flyable,
        steps_per_epoch: int | None,
        groups: Mapping[Rule, Flyable] | None,
        on_change: str,
    ) -> None:
        self._trainer, self._groups = trainer, groups
        self._policy = policy if isinstance(policy, Plan) else as_policy(policy)
        self._steps_per_epoch = steps_per_epoch
        self._on_change = checks.choice("fly", "on_change", on_change, ON_CHANGE)
        self._training = False
        self._began = 0
        """The update at which this call of `train()` began."""
        self._ended: Any = None
        self.scheduler: TrainerScheduler | None = None
        """The `LRScheduler` of the training; None before the first `trainer.train()`."""

    def cooldown(self, over: Duration, end: float = 0.0, shape: str = "linear") -> Plan:
        """From the next update on, bring the rate down to `end`, and end the training there.

        Call it from a callback of your own; see `glidepath.torch.Scheduler.cooldown`.

        Raises:
            ArgumentError: the trainer has fewer updates left.
        """
        flown, state = self._flying("cooldown"), self._trainer.state
        plan = flown._main.cooled(flown.last_epoch, over, end, shape)
        left = state.max_steps - state.global_step
        if plan.total_steps is not None and plan.total_steps - flown.last_epoch > left:
            raise ArgumentError(
                f"cooldown: over={over!r} takes {plan.total_steps - flown.last_epoch} updates, and "
                f"the trainer has {left} left; it cannot train for longer than it set out to"
            )
        return super().cooldown(over, end, shape)

    def extend(self, total: Duration) -> Plan:
        """Not in flight: a `Trainer` cannot train for longer than it set out to.

        Raises:
            ArgumentError: always, with what to do.
        """
        raise ArgumentError(
            f"extend: a Trainer cannot train for longer than it set out to, got total={total!r}; "
            "resume a checkpoint in a Trainer of the new length, with fly(trainer, "
            "plan.extend(total, at=updates_done), on_change='override')"
        )

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> TrainerScheduler:
        """What `trainer.train()` calls when it knows the number of updates.

        Raises:
            ArgumentError: the optimizer does not have what the policy flies, or the policy's
                controllers want metrics and nothing is evaluated.
            PlanError: the policy does not fit the run.
        """
        self.land()
        args = self._trainer.args
        per_epoch = self._steps_per_epoch
        if per_epoch is None and not isinstance(self._policy, Plan):
            per_epoch = _steps_per_epoch(args, num_training_steps)
        scheduler = TrainerScheduler(
            self._trainer.optimizer if optimizer is None else optimizer,
            self._policy,
            num_training_steps,
            per_epoch,
            self._groups,
            self._on_change,
        )
        if scheduler.monitored and args.eval_strategy == IntervalStrategy.NO:
            scheduler.detach()
            raise ArgumentError(
                f"fly: the policy's controllers monitor {sorted(scheduler.monitored)}, and nothing "
                "is evaluated in training; give TrainingArguments(eval_strategy='epoch')"
            )
        if "loss" in scheduler.monitored and args.logging_strategy == IntervalStrategy.NO:
            scheduler.detach()
            raise ArgumentError(
                "fly: a controller monitors 'loss', the training loss that is logged, and nothing "
                "is logged; give TrainingArguments(logging_strategy='steps'), or monitor "
                "'eval_loss'"
            )
        self.scheduler = self._trainer.lr_scheduler = scheduler
        self._measure(scheduler)
        self._ended = None
        return scheduler

    def land(self) -> None:
        """Let go of the optimizer; its values stay as they are."""
        if self.scheduler is not None:
            self.scheduler.detach()
            self.scheduler = self._trainer.lr_scheduler = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """From now on evaluations are those of training.

        Raises:
            ArgumentError: a controller monitors the training loss, which is logged too late.
        """
        if self.scheduler is not None and "loss" in self.scheduler.monitored:
            wrong = unlogged(args, state, kwargs.get("train_dataloader"))
            if wrong is not None:
                self.land()
                raise ArgumentError(f"fly: {wrong}")
        self._training, self._began = True, state.global_step
        if self.scheduler is not None:
            warn_shorter(self.scheduler, state.max_steps)
        self._follow(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let the training end where a plan that was cooled down in flight does."""
        self._follow(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Warn where training stopped early with a high rate.

        Evaluations of a finished training are nothing to the controllers.
        """
        self._training = False
        if state.is_world_process_zero and state.global_step < state.max_steps:
            self._warn_unfinished()

    def _follow(self, state: Any) -> None:
        """Let the trainer end with a changed plan."""
        flown = self.scheduler
        if flown is None or flown.plan is self._ended or not flown.changed:
            return
        self._ended = flown.plan
        if flown.plan.total_steps is not None:
            left = max(flown.plan.total_steps - flown.last_epoch, 0)
            state.max_steps = min(state.max_steps, state.global_step + left)

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Tell the controllers an evaluation's metrics.

        One before the first update (`eval_on_start`) is none of an epoch.

        Raises:
            ArgumentError: a controller monitors what is not among the metrics.
        """
        if not self._training or self.scheduler is None or state.global_step == self._began:
            return
        found = _with_usual_names(metrics or {}, state.log_history)
        several = isinstance(self._trainer.eval_dataset, dict)
        if not several or self.scheduler.monitored <= found.keys():
            self.scheduler.epoch_end(found, model=self._trainer.model)


def fly(
    trainer: Trainer,
    policy: Flyable,
    *,
    steps_per_epoch: int | None = None,
    groups: Mapping[Rule, Flyable] | None = None,
    on_change: str = "strict",
) -> Flight:
    """Let a `Trainer`, or one of its subclasses, fly a policy.

    ```python
    trainer = Trainer(model, TrainingArguments("runs", num_train_epochs=3), train_dataset=data)
    fly(trainer, gp.cosine_decay(5e-5, "90%"))
    trainer.train()
    ```

    `trainer.train()` resolves the policy with its own number of updates and flies it instead of
    `lr_scheduler_type` and `learning_rate`. The clock counts the updates that the optimizer
    applied. The state is in the trainer's checkpoints.

    Args:
        trainer: a trainer that was not given a scheduler.
        policy: a policy, a schedule, a number for a constant rate, or a plan as long as the
            training.
        steps_per_epoch: updates in an epoch, for durations such as `"2ep"`; known to a trainer
            that trains for `num_train_epochs`, to be given with `max_steps`.
        groups: what single parameter groups fly instead, as in `glidepath.torch.Scheduler`.
        on_change: for a checkpoint of another plan: "strict" raises with what differs, "keep"
            flies the saved plan, "override" the new one from the saved update on.

    Returns:
        The flight, a callback that the trainer has been given; its `scheduler` and `plan` are
        there once training begins.

    Raises:
        ArgumentError: no trainer, one that has a scheduler, or one that DeepSpeed drives; no
            policy.
    """
    if not isinstance(trainer, Trainer):
        raise ArgumentError(
            f"fly: needs a transformers.Trainer, got {type(trainer).__name__}; elsewhere use "
            "glidepath.torch.Scheduler"
        )
    if getattr(trainer, "is_deepspeed_enabled", False):
        raise ArgumentError(
            "fly: DeepSpeed makes an optimizer of its own, which cannot be flown; train without it"
        )
    before = [each for each in trainer.callback_handler.callbacks if isinstance(each, Flight)]
    for each in before:
        each.land()
        trainer.remove_callback(each)
    if trainer.lr_scheduler is not None:
        raise ArgumentError(
            f"fly: the trainer has a {type(trainer.lr_scheduler).__name__} already; make it "
            "without a scheduler: optimizers=(optimizer, None)"
        )
    flight = Flight(trainer, policy, steps_per_epoch, groups, on_change)
    trainer.create_scheduler = flight.create_scheduler
    trainer.add_callback(flight)
    return flight


def _with_usual_names(metrics: Mapping[str, Any], history: Any) -> dict[str, Any]:
    """An evaluation's metrics, with "val_loss" and the training "loss" that was logged last."""
    found = dict(metrics)
    if "eval_loss" in found:
        found.setdefault("val_loss", found["eval_loss"])
    logged = next((row["loss"] for row in reversed(history) if "loss" in row), None)
    if logged is not None:
        found.setdefault("loss", logged)
    return found


def _steps_per_epoch(args: Any, total: int) -> int | None:
    """The n with ⌈epochs · n⌉ = total updates; None where epochs do not say."""
    if args.max_steps > 0 or args.num_train_epochs < 1:
        return None
    epochs: float = args.num_train_epochs
    return math.floor(total / epochs + 1e-9)
