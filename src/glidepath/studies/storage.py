"""A study on disk: what identifies it, what is done, what it took. Any session can go on from it.

    study.json                    the study: task, length, seeds, policies, range test
    records/<policy>-seed<k>.jsonl
    tensorboard/<policy>/seed<k>/ event files
    sessions.json                 what each session took
    summary.json                  the result

JSON files are replaced whole, so a kill leaves the old one or the new one.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from glidepath.errors import RecordError, StudyError
from glidepath.training.records import RunRecord, read_record

FORMAT = 1
_STUDY, _SESSIONS, _SUMMARY, _LOCK = "study.json", "sessions.json", "summary.json", ".lock"
_WORDS = {
    "epochs": "--epochs",
    "seeds": "--seeds",
    "policies": "--policy",
    "fingerprint": "task file",
    "engine": "KERAS_BACKEND",
    "task": "task",
    "range_test": "command (compare or tune)",
    "glidepath": "version of glidepath",
}


@dataclass(frozen=True)
class Folder:
    """The folder of a study."""

    path: Path

    def record(self, policy: str, seed: int) -> Path:
        """Where a run's record is."""
        return self.path / "records" / f"{slug(policy)}-seed{seed}.jsonl"

    def board(self, policy: str, seed: int) -> Path:
        """Where a run's event files are."""
        return self.path / "tensorboard" / slug(policy) / f"seed{seed}"

    def open(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """What `study.json` holds, or will hold where the folder is new.

        Raises:
            StudyError: the folder holds another study or something else.
        """
        stored = self._stored()
        if stored is None:
            return {"glidepath_study": FORMAT, "identity": dict(identity)}
        _same_study(self.path, stored["identity"], identity)
        return stored

    @property
    def begun(self) -> bool:
        """Whether the study is there to be resumed."""
        return (self.path / _STUDY).is_file()

    def write_study(self, data: Mapping[str, Any]) -> None:
        """Replace `study.json`."""
        write_json(self.path / _STUDY, data)

    def write_summary(self, data: Mapping[str, Any]) -> None:
        """Replace `summary.json`."""
        write_json(self.path / _SUMMARY, data)

    def finished(self, policy: str, seed: int, fingerprint: str) -> RunRecord | None:
        """The record of a run that came to its end; None where it has to be done (again)."""
        path = self.record(policy, seed)
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except RecordError:
            return None
        same = record.info.fingerprint == fingerprint and record.info.seed == seed
        return record if same and record.outcome in ("finished", "diverged") else None

    def sessions(self) -> list[dict[str, float]]:
        """What the sessions so far took."""
        try:
            found = json.loads((self.path / _SESSIONS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return cast("list[dict[str, float]]", found)

    def write_sessions(self, sessions: list[dict[str, float]]) -> None:
        """Replace what the sessions took; not worth waiting for the disk."""
        write_json(self.path / _SESSIONS, sessions, safely=False)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other sessions out of the folder, where the system can."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StudyError(
                f"{self.path} cannot be used as a folder ({error.strerror}); give another one"
            ) from error
        try:
            _lock(lock, self.path)
            yield
        finally:
            os.close(lock)

    def _stored(self) -> dict[str, Any] | None:
        path = self.path / _STUDY
        if not path.exists():
            if any(not entry.name.startswith(".") for entry in self.path.iterdir()):
                raise StudyError(
                    f"{self.path} is not empty and holds no study; give an empty or a new folder"
                )
            return None
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            known = stored["glidepath_study"] == FORMAT and isinstance(stored["identity"], dict)
        except (OSError, ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise StudyError(
                f"{path} cannot be read, or is of another version; give another folder, or remove "
                "this one to begin again"
            )
        return cast("dict[str, Any]", stored)


def slug(name: str) -> str:
    """A policy's name as it is fit for a file."""
    return re.sub(r"[^A-Za-z0-9._=+-]+", "_", name).strip("._") or "policy"


def write_json(path: Path, data: object, *, safely: bool = True) -> None:
    """Write JSON to a file beside it and put it in place whole; numbers not finite become null.

    `safely` waits until it is on the disk, so that it outlives a failure of the power.
    """
    write_whole(path, json.dumps(plain(data), indent=1, allow_nan=False) + "\n", safely=safely)


def write_whole(path: Path, text: str, *, safely: bool = True) -> None:
    """Write a text to a file beside it and put it in place whole; `safely` as in `write_json`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            if safely:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StudyError(
            f"{path} cannot be written ({error.strerror}); make room or give another folder"
        ) from error


def plain(data: object) -> object:
    """JSON data of mappings, sequences, arrays and numbers; what is not finite becomes null."""
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, np.ndarray):
        return plain(data.tolist())
    if isinstance(data, list | tuple | set | frozenset):
        return [plain(value) for value in data]
    if isinstance(data, np.generic):
        return plain(data.item())
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data


def _same_study(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """StudyError naming the first difference between the stored study and the wanted one."""
    fresh = cast("dict[str, Any]", plain(wanted))
    for key in [*fresh, *(key for key in stored if key not in fresh)]:
        there, here = stored.get(key), fresh.get(key)
        if there != here:
            what, there, here = _difference(key, there, here)
            raise StudyError(
                f"{path} holds another study: its {what} {_short(there)}, and this one's "
                f"{_short(here)}; give another folder, or use the same {_WORDS.get(key, key)} to "
                "resume it"
            )


def _difference(key: str, there: Any, here: Any) -> tuple[str, Any, Any]:
    """What differs, and its two values; of two sets of policies, the first policy that does."""
    if isinstance(there, dict) and isinstance(here, dict):
        if there.keys() != here.keys():
            return f"{key} are", ", ".join(there), ", ".join(here)
        name = next(name for name in there if there[name] != here[name])
        return f"policy {name} is", there[name], here[name]
    return f"{key} {'are' if key.endswith('s') else 'is'}", there, here


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _lock(lock: int, path: Path) -> None:
    """Take the lock; where the system has none, go on without."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StudyError(
            f"another glidepath is at work in {path}; wait for it, or give another folder"
        ) from error
