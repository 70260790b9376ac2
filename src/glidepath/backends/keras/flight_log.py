"""Where a Flight writes what it applied: the run record and TensorBoard's event files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.schedules.plan import Plan
from glidepath.schedules.spec import VERSION
from glidepath.training.records import Evaluation, RecordWriter, RunInfo, RunRecord, read_record
from glidepath.training.resume import plan_to_fly
from glidepath.training.tensorboard import ScalarWriter
from glidepath.training.trainer import Updates


class FlightLog:
    """A record file and a TensorBoard folder, each if asked for.

    Args:
        record: the record file, or None.
        tensorboard: the folder of event files, or None.
        info: the record's first line.
        first: the update that training continues at; a record that is there must reach it, and is
            continued from it.
    """

    def __init__(
        self, record: Path | None, tensorboard: Path | None, info: RunInfo, first: int
    ) -> None:
        self._scalars = None if tensorboard is None else ScalarWriter(tensorboard)
        self._record = None if record is None else _open(record, info, first)

    def updates(self, first: int, columns: dict[str, Any]) -> None:
        """What was applied, and the losses, at the updates from `first` on."""
        if self._record is not None:
            applied = {name: column for name, column in columns.items() if name != "loss"}
            self._record.updates(Updates(columns["loss"], applied))
        if self._scalars is not None:
            self._scalars.add_many(first, columns)

    def evaluation(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """The validation's results after `step` updates."""
        if self._record is not None:
            self._record.evaluation(Evaluation(step, epoch, "validation", values))
        if self._scalars is not None:
            self._scalars.add(step, {f"validation/{name}": v for name, v in values.items()})

    def retitle(self, path: Path, info: RunInfo, first: int) -> None:
        """Go on in the same record under another first line."""
        if self._record is not None:
            self._record.close()
            self._record = _open(path, info, first)

    def close(self, *, finished: bool) -> None:
        """Close the files, and end the record where the run came to its end."""
        if self._record is not None:
            if finished:
                self._record.end("finished", {})
            self._record.close()
        if self._scalars is not None:
            self._scalars.close()


def check_record(path: Path, first: int) -> None:
    """ArgumentError where training continues at an update that the record does not reach."""
    steps = _read(path).steps if first and _there(path) else 0
    if steps < first:
        raise ArgumentError(
            f"Flight: training continues at update {first}, and the record {path} has {steps} "
            "updates; give the record of the run's first part, or fly without a record"
        )


def recorded_plan(path: Path, plan: Plan, on_change: str) -> Plan:
    """The plan to go on with under a record: by its first line and the resume contract.

    Raises:
        ResumeError: the record is of another plan, and `on_change` is "strict".
    """
    info = _read(path).info
    if info.fingerprint is None or info.spec is None or info.fingerprint == plan.fingerprint:
        return plan
    spec = {
        "version": VERSION,
        "policy": {key: value for key, value in info.spec.items() if key != "version"},
        "total_steps": info.total_steps,
        "steps_per_epoch": info.steps_per_epoch or None,
    }
    saved = {"plan": spec, "fingerprint": info.fingerprint}
    return plan_to_fly(saved, plan, on_change, f"plan, says its record {path}")


def retitle(path: Path, info: RunInfo) -> None:
    """Give a record that is there a new first line, and leave its end open."""
    if _there(path):
        _open(path, info, _read(path).steps).close()


def _open(path: Path, info: RunInfo, first: int) -> RecordWriter:
    """A new record, or one that takes over what an earlier part of the run wrote."""
    if first == 0:
        _kept(path).unlink(missing_ok=True)
        return RecordWriter(path, info)
    check_record(path, first)
    old, kept = _read(path), _kept(path)
    os.replace(path, kept)
    writer = RecordWriter(path, info)
    columns = {name: column[:first] for name, column in old.series.items()}
    losses = columns.pop("loss")
    writer.updates(Updates(losses, columns))
    for evaluation in old.evaluations:
        if evaluation.step <= first:
            writer.evaluation(evaluation)
    kept.unlink()
    return writer


def _kept(path: Path) -> Path:
    """Where the old record is while it is written anew."""
    return path.with_name(f"{path.name}.old")


def _there(path: Path) -> bool:
    return path.exists() or _kept(path).exists()


def _read(path: Path) -> RunRecord:
    """The record; where a kill cut its rewriting short, the old one."""
    if _kept(path).exists():
        os.replace(_kept(path), path)
    return read_record(path)
