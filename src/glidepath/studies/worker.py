"""What runs in a worker: one trainer per process, opened once, and jobs flown on it.

Every function here can be sent to another process. Each says how long it spent on what.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from glidepath.errors import MissingExtraError, StudyError
from glidepath.finding import RangeTest, find, range_test
from glidepath.finding.finder import Found, probe
from glidepath.schedules import Policy, constant
from glidepath.studies.task import StudyTask
from glidepath.training import Metric, Outputs, Progress, RunRecord, Trainer, Updates, drive
from glidepath.training.blame import blamed
from glidepath.training.trainer import Array

_WARM_UP_RATE = 1e-8
_EVERY = 0.1
"""Seconds between messages of one worker."""


@dataclass(frozen=True)
class Job:
    """One run: a policy on a seed, and where its files go."""

    name: str
    policy: Policy
    seed: int
    epochs: int
    record: Path
    board: Path | None


@dataclass(frozen=True)
class Message:
    """How far a run is."""

    name: str
    seed: int
    step: int
    total_steps: int


@dataclass(frozen=True)
class Described:
    """What a study has to know of a task's trainer."""

    steps_per_epoch: int
    metric: Metric
    hyperparameters: tuple[str, ...]
    batch_size: int | None = None
    """Examples in a batch, where the trainer says so."""


@dataclass(frozen=True)
class Spent:
    """Where the seconds of a job went."""

    startup: float
    steps: float
    overhead: float
    updates: int


@dataclass(frozen=True)
class Flown:
    """A run's record, which is on disk as well."""

    record: RunRecord
    spent: Spent


class _Process:
    """The state of this process: the open trainer, and whom to tell of progress."""

    key: str = ""
    trainer: Trainer | None = None
    tell: Callable[[Message], None] | None = None
    told: float = 0.0
    born: float | None = None
    """When this process was started, by the clock on the wall; None where it was there before."""


def connect(tell: Callable[[Message], None] | None, born: float | None = None) -> None:
    """Say whom to tell of progress in this process, and when it was started."""
    _Process.tell, _Process.born = tell, born


def close() -> None:
    """Let go of the trainer."""
    _Process.key, _Process.trainer, _Process.tell = "", None, None


def describe(key: str, task: StudyTask) -> tuple[Described, Spent]:
    """Open the task and warm its trainer up; what it is like."""
    with _Timer() as timer:
        trainer, startup = _opened(key, task)
        found = Described(
            trainer.steps_per_epoch,
            trainer.metric,
            tuple(sorted(trainer.hyperparameters)),
            getattr(trainer, "batch_size", None),
        )
    return found, timer.spent(startup, 0.0, 0)


def sweep(
    key: str, task: StudyTask, sweeps: int, options: Mapping[str, Any]
) -> tuple[RangeTest, Spent]:
    """The range test, from seeds 0, 1, ..."""
    with _Timer() as timer:
        trainer, startup = _opened(key, task)
        timed = _Timed(trainer)
        found = range_test(cast("Trainer", timed), sweeps=sweeps, seed=0, **options)
    return found, timer.spent(startup, timed.seconds, found.updates)


def search(
    key: str, task: StudyTask, policy: Policy, budget: str, effort: str
) -> tuple[Found, Spent]:
    """The finder's rate for the shape of a policy over a whole run."""
    with _Timer() as timer:
        trainer, startup = _opened(key, task)
        timed = _Timed(trainer)
        found = find(cast("Trainer", timed), policy, budget, effort=effort)
    return found, timer.spent(startup, timed.seconds, found.cost.lane_updates)


def fly(key: str, task: StudyTask, job: Job) -> Flown:
    """One run, into its files."""
    with _Timer() as timer:
        trainer, startup = _opened(key, task)
        _tell(Message(job.name, job.seed, 0, job.epochs * trainer.steps_per_epoch), now=True)

        def on_epoch(progress: Progress) -> None:
            _tell(Message(job.name, job.seed, progress.step, progress.total_steps))

        record = drive(
            trainer,
            job.policy,
            f"{job.epochs}ep",
            seed=job.seed,
            task=task.name,
            name=job.name,
            outputs=Outputs(job.record, job.board, on_epoch),
        )
    return Flown(record, timer.spent(startup, record.seconds.get("steps", 0.0), record.steps))


class _Timer:
    """Times a job, and makes its errors fit to cross to another process."""

    def __enter__(self) -> _Timer:
        self._began = time.perf_counter()
        self._whole = 0.0
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._whole = time.perf_counter() - self._began
        if isinstance(error, MissingExtraError):
            raise StudyError(str(error)) from error

    def spent(self, startup: float, steps: float, updates: int) -> Spent:
        """All that is not start-up or steps is overhead."""
        born = 0.0
        if startup and _Process.born is not None:
            born = max(0.0, time.time() - _Process.born - self._whole)
            _Process.born = None
        return Spent(startup + born, steps, max(0.0, self._whole - startup - steps), updates)


class _Timed:
    """A trainer whose training steps are timed."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._trainer, name)
        return self._timed(found) if name in ("advance_lanes", "try_lanes") else found

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """The trainer's own, timed."""
        updates: Updates = self._timed(self._trainer.advance)(values)
        return updates

    def _timed(self, steps: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            began = time.perf_counter()
            found = steps(*given)
            self.seconds += time.perf_counter() - began
            return found

        return timed


def _opened(key: str, task: StudyTask) -> tuple[Trainer, float]:
    """This process's trainer, and the seconds that opening it took just now."""
    if _Process.trainer is not None and _Process.key == key:
        return _Process.trainer, 0.0
    began = time.perf_counter()
    _Process.trainer = None
    with blamed(f"opening the task {task.name!r}"):
        trainer = task.open()
    if not isinstance(trainer, Trainer):
        raise StudyError(
            f"the task {task.name!r} must open as a Trainer, got {type(trainer).__name__}; see "
            "glidepath.training.Trainer"
        )
    with blamed(f"a first epoch of the task {task.name!r}"):
        _warm_up(trainer)
    _Process.key, _Process.trainer = key, trainer
    return trainer, time.perf_counter() - began


def _warm_up(trainer: Trainer) -> None:
    """A run of one epoch, thrown away: what is compiled or imported once, is so now."""
    with TemporaryDirectory() as folder:
        board = Path(folder) / "board" if has_board() else None
        drive(trainer, constant(_WARM_UP_RATE), "1ep", outputs=Outputs(f"{folder}/record", board))
    probe(trainer)


def has_board() -> bool:
    """Whether TensorBoard's event files can be written."""
    return importlib.util.find_spec("tensorboard") is not None


def _tell(message: Message, *, now: bool = False) -> None:
    """Tell of progress, not too often."""
    if _Process.tell is None:
        return
    clock = time.monotonic()
    last = message.step >= message.total_steps
    if now or last or clock - _Process.told >= _EVERY:
        _Process.told = clock
        _Process.tell(message)
