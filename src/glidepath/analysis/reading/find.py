"""Which logs of runs lie in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from glidepath.errors import RecordError

MOST = 200
"""Logs that are looked at in one folder."""
_DEEPEST = 6
_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
_SPLITS = {"train", "training", "validation", "valid", "val", "eval", "test"}
_CHECKPOINT = re.compile(r"(.*checkpoint\D*)(\d+)")


def find_runs(path: Path | str) -> list[Path]:
    """The logs in a folder and its subfolders; a file is itself the only one.

    Of a study of Glidepath's the records are taken, of a folder with a CSV and event files the
    CSV, of the checkpoints that Transformers leaves the last one, since each repeats the ones
    before. Whether a JSON or CSV is a log at all shows when it is read.

    Raises:
        RecordError: nothing there, nothing that could be a log, or too many.
    """
    where = Path(path)
    if where.is_file():
        return [where]
    if not where.is_dir():
        raise RecordError(f"{where} cannot be read: there is no such file or folder")
    found: list[Path] = []
    for folder, files in _walk(where):
        found += _logs(folder, files)
        if len(found) > MOST:
            raise RecordError(f"{where} holds more than {MOST} logs; give a folder further in")
    if not found:
        raise RecordError(
            f"{where} holds no log: no record, CSV, JSON or TensorBoard event file; give the "
            "folder or file that the training wrote"
        )
    return _last_checkpoints(sorted(dict.fromkeys(found)))


def _walk(top: Path) -> Iterable[tuple[Path, list[str]]]:
    """Every folder with its files; of a study, only the folder of its records."""
    for name, folders, files in os.walk(top):
        folder = Path(name)
        depth = len(folder.relative_to(top).parts)
        if "study.json" in files and "records" in folders:
            folders[:] = ["records"]
            continue
        deep = depth >= _DEEPEST
        folders[:] = [] if deep else sorted(f for f in folders if not f.startswith("."))
        yield folder, sorted(f for f in files if not f.startswith("."))


def _logs(folder: Path, files: list[str]) -> list[Path]:
    texts = [folder / name for name in files if name.lower().endswith(_SUFFIXES)]
    tables = [path for path in texts if path.suffix.lower() in (".csv", ".tsv")]
    events = any("tfevents" in name for name in files)
    if not events:
        return texts
    if tables:
        return tables
    return [folder.parent if folder.name.lower() in _SPLITS else folder]


def _last_checkpoints(found: list[Path]) -> list[Path]:
    """Of files of one name in numbered folders side by side, the one with the highest number."""
    last: dict[tuple[str, str], tuple[int, Path]] = {}
    kept = []
    for path in found:
        match = _CHECKPOINT.fullmatch(str(path.parent))
        if match is None or path.name != "trainer_state.json":
            kept.append(path)
            continue
        key, number = (match[1], path.name), int(match[2])
        if key not in last or number > last[key][0]:
            last[key] = (number, path)
    return sorted([*kept, *(path for _, path in last.values())])
