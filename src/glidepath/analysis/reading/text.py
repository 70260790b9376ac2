"""Readers of logs in text: CSV of any columns, and JSON of the common tools."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from glidepath.analysis.reading.outliers import is_cut
from glidepath.analysis.reading.table import Table, cells, from_rows
from glidepath.errors import RecordError

_DELIMITERS = (",", ";", "\t")
_FEWEST = 2


def read_csv(path: Path, text: str) -> Table:
    """A CSV with a header: Keras's CSVLogger, Lightning's metrics.csv, Weights & Biases, others.

    Rows that have more or fewer cells than the header are left out and counted in a note, and so
    is a last line without a line end whose last cell looks cut.
    """
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
    try:
        rows = list(lines)
    except csv.Error as error:
        raise RecordError(f"{path} cannot be read as CSV: {error}") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < _FEWEST:
        raise RecordError(
            f"{path} has no rows under its first line; give a CSV with a header and one row per log"
        )
    header = [name.strip() for name in rows[0]]
    if len(set(header)) < len(header):
        raise RecordError(f"{path} names a column twice: {header}; rename one of them")
    whole = [row for row in rows[1:] if len(row) == len(header)]
    notes = _damage(len(rows) - 1 - len(whole), bool(rows) and len(rows[-1]) != len(header))
    if whole and rows[-1] is whole[-1] and not text.endswith(("\n", "\r")):
        last = [row[-1].replace(",", ".") if delimiter == ";" else row[-1] for row in whole]
        if is_cut(last):
            notes = (
                *notes,
                f"the last line has no line end, and its last cell ({last[-1]!r}) looks cut; "
                "the line is left out",
            )
            whole = whole[:-1]
    if delimiter == ";":
        whole = [[cell.replace(",", ".") for cell in row] for row in whole]
    columns = zip(*whole, strict=True) if whole else ((),) * len(header)
    numbers = {name: cells(column) for name, column in zip(header, columns, strict=True)}
    return Table(numbers, "CSV", notes)


def read_json(path: Path, text: str) -> Table:
    """JSON: a Keras `History`, a Transformers trainer_state.json, a list of rows, or JSON lines."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return _json_lines(path, text)
    if isinstance(data, dict):
        if isinstance(data.get("log_history"), list):
            return _rows(path, data["log_history"], "Transformers trainer state")
        history = data["history"] if isinstance(data.get("history"), dict) else data
        return _history(path, history)
    if isinstance(data, list):
        return _rows(path, data, "JSON rows")
    raise RecordError(f"{path} is JSON, but no log: it holds a single {type(data).__name__}")


def _history(path: Path, history: Mapping[str, object]) -> Table:
    lists = {name: values for name, values in history.items() if isinstance(values, list)}
    if not lists:
        raise RecordError(
            f"{path} is JSON, but no log: it has neither log_history nor a list per metric"
        )
    length = max(len(values) for values in lists.values())
    notes: tuple[str, ...] = ()
    if any(len(values) != length for values in lists.values()):
        notes = ("not every metric has a value for every epoch",)
    rows: list[dict[str, object]] = [
        {name: values[i] for name, values in lists.items() if i < len(values)}
        for i in range(length)
    ]
    if "epoch" not in lists:
        for epoch, row in enumerate(rows):
            row["epoch"] = epoch
    return from_rows(rows, "Keras history", notes)


def _rows(path: Path, rows: list[object], kind: str) -> Table:
    good = [cast("dict[str, object]", row) for row in rows if isinstance(row, dict)]
    if not good:
        raise RecordError(f"{path} has no rows; log at least one metric")
    return from_rows(good, kind, _damage(len(rows) - len(good), last=False))


def _json_lines(path: Path, text: str) -> Table:
    lines = [line for line in text.splitlines() if line.strip()]
    rows: list[dict[str, object]] = []
    bad, last_bad = 0, False
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        last_bad = not isinstance(row, dict)
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad += 1
    if not rows or bad > len(rows):
        raise RecordError(
            f"{path} looks like JSON and is damaged: {bad} of {len(lines)} lines cannot be read"
        )
    return from_rows(rows, "JSON lines", _damage(bad, last_bad))


def _damage(count: int, last: bool) -> tuple[str, ...]:
    if count == 0:
        return ()
    if count == 1 and last:
        return ("the last line was cut short and is left out",)
    return (f"{count} damaged rows are left out",)
