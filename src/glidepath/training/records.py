"""Run records: what a run applied and what it got, as a plain JSON-lines file.

The first line describes the run (`"glidepath_record": 1`), then there is one line per optimizer
update (`step`, the applied hyperparameters, `loss` and other metrics of its batch), one per
evaluation (`step`, `epoch`, `evaluation`: "validation" or "test", `loss` and metrics), and last,
where the run came to an end, `{"end": "finished" | "diverged", ...}`. Numbers that are not finite
are written as null. The file is appended and flushed as the run goes, and is readable after a kill.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from glidepath.errors import RecordError
from glidepath.training.open_file import OpenFile
from glidepath.training.trainer import Array, Updates

VERSION = 1


@dataclass(frozen=True)
class RunInfo:
    """What identifies a run."""

    task: str
    policy: str
    """The policy's name."""
    spec: Mapping[str, Any] | None
    """The policy's spec; None where it has none (a Python function)."""
    seed: int
    total_steps: int
    steps_per_epoch: int
    metric: str
    rising: bool
    """Whether a larger metric is better."""
    fingerprint: str | None = None
    """The plan's."""


@dataclass(frozen=True)
class Evaluation:
    """The loss and metrics on a split after `step` updates."""

    step: int
    epoch: int
    """Epochs begun by then; the first evaluation of a run has 1."""
    split: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class RunRecord:
    """A run as it was: the series per update, the evaluations, and how it ended."""

    info: RunInfo
    series: Mapping[str, Array]
    """Per update: "learning_rate" and the other applied hyperparameters, "loss", batch metrics."""
    evaluations: tuple[Evaluation, ...]
    outcome: str
    """"finished", "diverged", or "interrupted" where the file has no end."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Where the time went: "steps", "evaluation", "other", "startup"."""

    @property
    def steps(self) -> int:
        """How many updates were applied."""
        return len(self.series["loss"]) if "loss" in self.series else 0

    def curve(self, split: str, name: str) -> tuple[Array, Array]:
        """The updates and the values of a metric on a split, for plotting."""
        found = [(e.step, e.values[name]) for e in self.evaluations if e.split == split]
        steps, values = zip(*found, strict=True) if found else ((), ())
        return np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)

    def final(self, split: str, name: str) -> float:
        """A metric's last value on a split; NaN for a run that diverged or never got there."""
        if self.outcome != "finished":
            return math.nan
        values = self.curve(split, name)[1]
        return float(values[-1]) if values.size else math.nan


class RecordWriter(OpenFile):
    """Appends a run to a record file; what is written stays, whatever happens to the process."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")
        self._step = 0
        self._write([{"glidepath_record": VERSION, **vars(info)}])

    def updates(self, updates: Updates) -> None:
        """One line per update."""
        columns = {**updates.applied, "loss": updates.losses, **updates.metrics}
        lists = [np.asarray(column, dtype=np.float64).tolist() for column in columns.values()]
        first, self._step = self._step, self._step + len(updates.losses)
        rows = zip(range(first, self._step), *lists, strict=True)
        if all(math.isfinite(sum(values)) for values in lists):
            # repr of a finite float is JSON; a template is four times as quick as json.dumps.
            keys = [json.dumps(name).replace("%", "%%") for name in columns]
            line = '{"step": %d, ' + ", ".join(f"{key}: %r" for key in keys) + "}\n"
            self._file.writelines(line % row for row in rows)
            self._file.flush()
        else:
            names = ("step", *columns)
            self._write([dict(zip(names, row, strict=True)) for row in rows])

    def evaluation(self, evaluation: Evaluation) -> None:
        """One line for an evaluation."""
        self._write(
            [
                {
                    "step": evaluation.step,
                    "epoch": evaluation.epoch,
                    "evaluation": evaluation.split,
                    **evaluation.values,
                }
            ]
        )

    def end(self, outcome: str, seconds: Mapping[str, float]) -> None:
        """The last line."""
        self._write([{"end": outcome, "step": self._step, "seconds": dict(seconds)}])

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self._file.writelines(_line(row) for row in rows)
        self._file.flush()


def read_record(path: Path | str) -> RunRecord:
    """Read a run record; a last line that a kill cut short is left out.

    Raises:
        RecordError: not a record, of another version, or damaged before its last line.
    """
    where = Path(path)
    rows = list(_rows(where))
    if not rows or "glidepath_record" not in rows[0]:
        raise RecordError(f"{where} is not a run record: its first line does not say so")
    head = rows[0]
    if head.pop("glidepath_record") != VERSION:
        raise RecordError(f"{where} is a record of another version; this reads {VERSION}")
    try:
        info = RunInfo(**head)
    except TypeError as error:
        raise RecordError(
            f"{where}: the first line lacks a key or has one too many: {error}"
        ) from error
    return _assemble(where, info, rows[1:])


def _assemble(where: Path, info: RunInfo, rows: list[dict[str, Any]]) -> RunRecord:
    columns: dict[str, list[float]] = {}
    evaluations: list[Evaluation] = []
    outcome, seconds = "interrupted", {}
    for row in rows:
        if "end" in row:
            outcome, seconds = row["end"], row.get("seconds", {})
        elif "evaluation" in row:
            rest = {k: v for k, v in row.items() if k not in ("step", "epoch", "evaluation")}
            evaluations.append(
                Evaluation(
                    int(row["step"]),
                    int(row["epoch"]),
                    row["evaluation"],
                    {k: math.nan if v is None else float(v) for k, v in rest.items()},
                )
            )
        else:
            for key, value in row.items():
                if key != "step":
                    columns.setdefault(key, []).append(math.nan if value is None else value)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise RecordError(f"{where}: not every update has the same columns; was it edited?")
    series = {key: np.asarray(column, dtype=np.float64) for key, column in columns.items()}
    return RunRecord(info, series, tuple(evaluations), outcome, seconds)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read as a run record: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return
            raise RecordError(f"{path}: line {number} is not JSON ({error})") from error
        if not isinstance(row, dict):
            raise RecordError(f"{path}: line {number} is not a JSON object")
        yield cast("dict[str, Any]", row)


def _line(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, allow_nan=False) + "\n"
    except ValueError:
        mended = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()
        }
        return json.dumps(mended, allow_nan=False) + "\n"
