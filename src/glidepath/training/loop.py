"""The one loop that trains: a plan flown on a trainer, epoch by epoch, into a record."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules import Duration, Flyable, Plan, as_policy
from glidepath.training.divergence import DivergenceTest
from glidepath.training.flown import FlownPlan
from glidepath.training.records import Evaluation, RecordWriter, RunInfo, RunRecord
from glidepath.training.tensorboard import ScalarWriter
from glidepath.training.trainer import Array, Trainer, Updates
from glidepath.training.wallclock import CooldownBy, WallClock


@dataclass(frozen=True)
class Progress:
    """How far a run is, as `Outputs.on_epoch` is told after each epoch."""

    epoch: int
    """Epochs done, the last partial one included."""
    step: int
    """Updates done."""
    total_steps: int
    values: Mapping[str, float]
    """The epoch's mean "loss" and batch metrics, and the validation's "val_loss" and metrics."""


@dataclass(frozen=True)
class Outputs:
    """Where a run goes while it runs, besides the record that `drive` returns."""

    record: Path | str | None = None
    """The record file to write, JSON lines; see `glidepath.training.records`."""
    board: Path | str | None = None
    """The folder for TensorBoard's event file."""
    on_epoch: Callable[[Progress], None] | None = None
    """Called after each epoch."""


def drive(
    trainer: Trainer,
    policy: Flyable,
    total: Duration | CooldownBy | None = None,
    *,
    seed: int = 0,
    task: str = "",
    name: str = "",
    outputs: Outputs | None = None,
    evaluate_test: bool = True,
) -> RunRecord:
    """Train once from `seed` under a policy, and return the record of it.

    The trainer is reset from the seed. After each epoch it is evaluated on "validation" and the
    policy's controllers are told; at the end it is evaluated on "test", unless the trainer says
    that it has no such data (`has_test`, where it has that attribute). A run that diverges ends
    there, with the outcome "diverged": that is a result, not an error. An interrupt (Ctrl-C)
    passes through, and what was recorded stays on disk.

    Where a controller has `restore_best=True`, each reduction restores the trainer's snapshot of
    the best epoch: weights, optimizer slots, and the order of the data and random numbers, so
    that the batches after the best epoch come again at the lower rate. The updates count on.

    Args:
        trainer: what to train; see `glidepath.training.Trainer`.
        policy: a policy, a schedule, a number for a constant rate, or a plan for this trainer.
        total: the run's length, `"10ep"` or updates; not with a plan, which has its own. With a
            plan a budget of time, `cooldown_by("90min")`: the run ends by then, with a cool-down
            that begins in time by the speed of the epochs so far, or with the plan. The record's
            length and spec are the plan's, its series what was flown.
        seed: for the trainer's weights and data order.
        task: the task's name, for the record.
        name: the policy's name, for the record.
        outputs: the files to write and whom to tell.
        evaluate_test: False leaves the test split untouched.

    Returns:
        The record, equal to what `read_record` reads from the record file.

    Raises:
        ArgumentError: no length; the trainer cannot fly what the policy flies; a controller
            monitors what there is not.
        PlanError: the policy does not fit the run.
        MissingExtraError: `outputs.board` is given and tensorboard is not installed.
    """
    plan = _planned(trainer, policy, total)
    info = _info(trainer, plan, seed, task, name)
    with ExitStack() as files:
        run = _Run(trainer, plan, info, outputs or Outputs(), files)
        if isinstance(total, CooldownBy):
            run.wall = WallClock(total, trainer.steps_per_epoch)
        return run.fly(evaluate_test)


class _Run:
    """One run: the trainer, its files, what has been recorded, and where the time went."""

    def __init__(
        self, trainer: Trainer, plan: Plan, info: RunInfo, outputs: Outputs, files: ExitStack
    ) -> None:
        self.began = time.perf_counter()
        self.trainer, self.info = trainer, info
        self.wall: WallClock | None = None
        self.flown = FlownPlan(plan)
        self.best: Any = None
        """The trainer's state after the best epoch, where a controller rolls back."""
        self.seconds = {"steps": 0.0, "evaluation": 0.0}
        self.updates: list[Updates] = []
        self.evaluations: list[Evaluation] = []
        self.diverged = DivergenceTest(info.steps_per_epoch)
        self.on_epoch = outputs.on_epoch
        self.board = (
            None
            if outputs.board is None
            else files.enter_context(ScalarWriter(outputs.board, replace=True))
        )
        self.writer = (
            None
            if outputs.record is None
            else files.enter_context(RecordWriter(Path(outputs.record), info))
        )

    def fly(self, evaluate_test: bool) -> RunRecord:
        """From reset to the end."""
        self.trainer.reset(self.info.seed)
        epoch, start, outcome = 0, 0, "finished"
        while outcome == "finished" and start < self.total(start):
            stop = min(start + self.info.steps_per_epoch, self.total(start))
            steps, epoch = np.arange(start, stop), epoch + 1
            asked = {name: track(steps) for name, track in self.flown.plan.tracks.items()}
            if self.epoch(epoch, start, asked):
                outcome = "diverged"
            start = stop
        if outcome == "finished" and evaluate_test and getattr(self.trainer, "has_test", True):
            values = self.evaluate("test", start, epoch)
            outcome = "finished" if self.healthy(values) else "diverged"
        return self.end(outcome)

    def total(self, start: int) -> int:
        """The run's length as an epoch begins: with a budget of time, maybe cooled down by now."""
        if self.wall is not None and not self.wall.begun:
            due = self.wall.due(start, self.flown.plan.total_steps)
            if due is not None and due[0] < start + self.info.steps_per_epoch:
                self.wall.begun = True
                at = max(due[0], start)
                self.flown.change(self.wall.rule.cooled(self.flown, at, due[1]))
        total = self.flown.plan.total_steps
        assert total is not None
        return total

    def epoch(self, epoch: int, start: int, asked: dict[str, Array]) -> bool:
        """One epoch and its evaluation; whether the run has diverged."""
        stop = start + len(asked["learning_rate"])
        asked["learning_rate"] = np.array(self.flown.values("learning_rate", start, stop))
        with self.clock("steps"):
            updates = self.trainer.advance(asked)
        self.updates.append(updates)
        if self.writer is not None:
            self.writer.updates(updates)
        if self.board is not None:
            self.board.add_many(start, _columns(updates))
        values = {"loss": float(updates.losses.mean())}
        values |= {name: float(column.mean()) for name, column in updates.metrics.items()}
        diverged, step = self.diverged(updates.losses), start + len(updates.losses)
        if not diverged:
            judged = self.evaluate("validation", step, epoch)
            values |= {f"val_{name}": value for name, value in judged.items()}
            diverged = not self.healthy(judged)
            self.control(values, step)
        if self.on_epoch is not None:
            self.on_epoch(Progress(epoch, step, self.info.total_steps, values))
        return diverged

    def control(self, values: Mapping[str, float], step: int) -> None:
        """Tells the controllers an epoch's metrics, and rolls back where one asks for it."""
        match self.flown.epoch_end(values, step):
            case "keep":
                self.best = self.trainer.snapshot()
            case "restore":
                self.trainer.restore(self.best)

    def evaluate(self, split: str, step: int, epoch: int) -> dict[str, float]:
        """The loss and metrics on a split, recorded."""
        with self.clock("evaluation"):
            values = {name: float(v) for name, v in self.trainer.evaluate(split).items()}
        evaluation = Evaluation(step, epoch, split, {n: _finite(v) for n, v in values.items()})
        self.evaluations.append(evaluation)
        if self.writer is not None:
            self.writer.evaluation(evaluation)
        if self.board is not None:
            self.board.add(step, {f"{split}/{name}": value for name, value in values.items()})
        return values

    def healthy(self, values: Mapping[str, float]) -> bool:
        """Whether an evaluation is finite where it counts."""
        return all(math.isfinite(values.get(name, 0.0)) for name in ("loss", self.info.metric))

    def end(self, outcome: str) -> RunRecord:
        """The record in memory, and the last line on disk."""
        whole = time.perf_counter() - self.began
        self.seconds["other"] = whole - sum(self.seconds.values())
        if self.writer is not None:
            self.writer.end(outcome, self.seconds)
        columns = [_columns(updates) for updates in self.updates]
        series = {
            name: _finite_array(np.concatenate([part[name] for part in columns]))
            for name in columns[0]
        }
        return RunRecord(self.info, series, tuple(self.evaluations), outcome, self.seconds)

    @contextmanager
    def clock(self, what: str) -> Iterator[None]:
        """Adds the time spent inside to `seconds[what]`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - start


def _planned(trainer: Trainer, policy: Flyable, total: Duration | CooldownBy | None) -> Plan:
    """The plan to fly, of which the trainer can do everything."""
    if isinstance(total, CooldownBy):
        if not isinstance(policy, Plan):
            raise ArgumentError(
                "drive: a budget of time shortens a plan, and a policy has no length; give "
                "policy.plan(total=..., steps_per_epoch=trainer.steps_per_epoch), at its longest"
            )
        total = None
    if isinstance(policy, Plan):
        plan = policy
        if total is not None and total != plan.total_steps:
            raise ArgumentError(
                f"drive: the plan has its own length, {plan.total_steps} updates, got "
                f"total={total!r}; leave total out, or give the policy instead of the plan"
            )
        if plan.steps_per_epoch not in (None, trainer.steps_per_epoch):
            raise ArgumentError(
                f"drive: the plan has {plan.steps_per_epoch} updates per epoch, and the trainer "
                f"{trainer.steps_per_epoch}; plan with the trainer's steps_per_epoch"
            )
    else:
        plan = as_policy(policy).plan(total, trainer.steps_per_epoch)
    if plan.total_steps is None:
        raise ArgumentError("drive: the run has no length; give total, e.g. total='10ep'")
    lacking = [name for name in plan.tracks if name not in trainer.hyperparameters]
    if lacking:
        raise ArgumentError(
            f"drive: the policy flies {', '.join(lacking)}, which this trainer's optimizer does "
            f"not have (it has {', '.join(sorted(trainer.hyperparameters))}); leave it out of the "
            "policy (one_cycle: momentum=None), or use an optimizer that has it"
        )
    return plan


def _info(trainer: Trainer, plan: Plan, seed: int, task: str, name: str) -> RunInfo:
    try:
        spec, fingerprint = plan.policy.to_spec(), plan.fingerprint
    except SpecError:  # a Python function has none
        spec, fingerprint = None, None
    assert plan.total_steps is not None
    return RunInfo(
        task=task,
        policy=name,
        spec=json.loads(json.dumps(spec)),
        seed=seed,
        total_steps=plan.total_steps,
        steps_per_epoch=trainer.steps_per_epoch,
        metric=trainer.metric.name,
        rising=trainer.metric.rising,
        fingerprint=fingerprint,
    )


def _columns(updates: Updates) -> dict[str, Array]:
    """The series of a record in its order."""
    return {**updates.applied, "loss": updates.losses, **updates.metrics}


def _finite(value: float) -> float:
    """NaN for what a record cannot hold."""
    return value if math.isfinite(value) else math.nan


def _finite_array(values: Array) -> Array:
    return np.where(np.isfinite(values), values, math.nan)
