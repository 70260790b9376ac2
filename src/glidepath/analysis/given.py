"""What can be given as a run: read already, recorded, the path of a log, or a log in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glidepath.analysis.reading import read_run
from glidepath.analysis.reading.live import HistoryLike
from glidepath.analysis.reading.records import from_record
from glidepath.analysis.run import LoggedRun
from glidepath.errors import ArgumentError, RecordError
from glidepath.training.records import RunRecord

Run = LoggedRun | RunRecord | Path | str | Mapping[str, Sequence[float]] | HistoryLike
"""What can stand for a run: read, recorded, the path of a log, what Keras's `fit` returned, or a
dict of lists."""

_TAKES = (
    "a run is what gp.read_run returns, a record, the path of a log, what Keras's fit returned, or "
    "a dict of lists"
)


def as_runs(runs: Run | Sequence[Run], steps_per_epoch: int | None = None) -> tuple[LoggedRun, ...]:
    """One run or several, read where they are paths, records or histories.

    Args:
        runs: one or several.
        steps_per_epoch: updates in an epoch, for logs that count epochs and do not tell.

    Raises:
        ArgumentError: none, or something that is no run.
        RecordError: a log that cannot be read.
    """
    given: list[Any] = [runs] if _one(runs) else _several(runs)
    if not given:
        raise ArgumentError("runs: needs at least one run; give what gp.read_run returns")
    return tuple(as_run(run, steps_per_epoch) for run in given)


def as_run(run: Run, steps_per_epoch: int | None = None) -> LoggedRun:
    """One run; see `as_runs`."""
    if isinstance(run, LoggedRun):
        return run
    if isinstance(run, RunRecord):
        return from_record(run, run.info.policy)
    if not _one(run):
        raise ArgumentError(f"{_TAKES}, got {type(run).__name__}")
    try:
        return read_run(run, steps_per_epoch=steps_per_epoch)
    except RecordError as error:
        if "=" not in str(error):
            raise
        raise RecordError(
            f"{error} (what only you know, the columns or the policy that was flown, is given to "
            "gp.read_run, whose run then stands here)"
        ) from error


def _one(given: object) -> bool:
    history = isinstance(getattr(given, "history", None), Mapping)
    return history or isinstance(given, LoggedRun | RunRecord | Path | str | Mapping)


def _several(given: object) -> list[Any]:
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise ArgumentError(f"runs: {_TAKES}, or a list of such; got {type(given).__name__}")
    return list(given)
