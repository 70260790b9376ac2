"""Glidepath's own records as logged runs."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.rates import RateCurve
from glidepath.analysis.reading import mend
from glidepath.analysis.reading.columns import ENOUGH
from glidepath.analysis.reading.table import Table
from glidepath.analysis.run import LoggedRun
from glidepath.errors import RecordError
from glidepath.training.records import RunRecord


def from_record(record: RunRecord, name: str, loss: str | None = None) -> LoggedRun:
    """A record's validation loss where there is enough of it, its training loss where not.

    Args:
        record: the record.
        name: what to call the run.
        loss: "loss" for the training loss, "val_loss" for the validation loss; None chooses.

    Raises:
        RecordError: no update was recorded, or the asked loss was not.
    """
    rates = np.asarray(record.series.get("learning_rate", np.zeros(0)), dtype=np.float64)
    losses = np.asarray(record.series.get("loss", np.zeros(0)), dtype=np.float64)
    if rates.size == 0 or not np.any(rates > 0) or not np.all(np.isfinite(rates)):
        raise RecordError(f"{name}: the record has no update with a learning rate")
    train = mend.series(np.arange(losses.size, dtype=np.float64), losses, "training loss")
    validation = mend.series(*_validation(record), "validation loss")
    if loss is None:
        loss = "val_loss" if validation[0].size >= ENOUGH else "loss"
    if loss not in ("loss", "val_loss"):
        raise RecordError(f"{name}: a record has 'loss' and 'val_loss', got loss={loss!r}")
    chosen, other = (train, validation) if loss == "loss" else (validation, train)
    if chosen[0].size == 0:
        raise RecordError(f"{name}: the record has no {loss}; evaluate during the run")
    others = {"validation_loss" if loss == "loss" else "train_loss": other[:2]}
    for key in ("accuracy", "train_accuracy"):
        if key in record.series:
            values = np.asarray(record.series[key], dtype=np.float64)
            others["train_accuracy"] = _smoothed(values, record.info.steps_per_epoch)
    return LoggedRun(
        name,
        chosen[0],
        chosen[1],
        RateCurve(np.arange(rates.size, dtype=np.float64), rates, rates.size),
        "train" if loss == "loss" else "validation",
        others,
        tuple(chosen[2]),
        record.info.steps_per_epoch or None,
        _lost(losses),
    )


def as_table(record: RunRecord) -> Table:
    """A record's updates and evaluations as rows, to be joined with another part of the run."""
    validation = _validation(record)
    count, length = validation[0].size, record.steps
    blank = np.full(count, np.nan)
    series = {
        name: np.concatenate([np.asarray(record.series[name], dtype=np.float64), blank])
        for name in ("learning_rate", "loss")
        if name in record.series
    }
    step = np.concatenate([np.arange(length, dtype=np.float64), validation[0]])
    seen = np.concatenate([np.full(length, np.nan), validation[1]])
    return Table({"step": step, **series, "val_loss": seen}, "Glidepath record")


def _lost(losses: np.ndarray) -> int | None:
    """The update after which no training loss is finite; None where the last one is."""
    if losses.size == 0 or np.isfinite(losses[-1]):
        return None
    return int(np.max(np.flatnonzero(np.isfinite(losses)), initial=0))


def _validation(record: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    found = [
        (e.step, e.values["loss"])
        for e in record.evaluations
        if e.split == "validation" and "loss" in e.values
    ]
    pairs = np.asarray(found, dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _smoothed(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each epoch: the accuracy of a single batch is often 1 by chance."""
    count = max(values.size // max(width, 1), 1)
    parts = np.array_split(values, count)
    ends = np.cumsum([part.size for part in parts]).astype(np.float64)
    return ends, np.asarray([float(np.mean(part)) if part.size else np.nan for part in parts])
