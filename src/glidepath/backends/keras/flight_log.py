"""Where a Flight writes what it applied: the run record and TensorBoard's event files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.training.records import Evaluation, RecordWriter, RunInfo, read_record
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
    steps = read_record(path).steps if first and path.exists() else 0
    if steps < first:
        raise ArgumentError(
            f"Flight: training continues at update {first}, and the record {path} has {steps} "
            "updates; give the record of the run's first part, or fly without a record"
        )


def _open(path: Path, info: RunInfo, first: int) -> RecordWriter:
    """A new record, or one that takes over what an earlier part of the run wrote."""
    if first == 0:
        return RecordWriter(path, info)
    check_record(path, first)
    old = read_record(path)
    writer = RecordWriter(path, info)
    columns = {name: column[:first] for name, column in old.series.items()}
    losses = columns.pop("loss")
    writer.updates(Updates(losses, columns))
    for evaluation in old.evaluations:
        if evaluation.step <= first:
            writer.evaluation(evaluation)
    return writer
