"""TensorBoard event files of scalars, written without TensorFlow or torch and at little cost.

The format is TensorFlow's record file: per event the length, its masked CRC-32C, the serialised
`Event` message and its masked CRC-32C. The messages are TensorBoard's own.
"""

from __future__ import annotations

import itertools
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glidepath.errors import ArgumentError, MissingExtraError
from glidepath.training.open_file import OpenFile
from glidepath.training.trainer import Array

_SUFFIX = ".glidepath"
_COUNTER = itertools.count()
_FOOT = struct.Struct("<I")


class ScalarWriter(OpenFile):
    """Writes scalars for `tensorboard --logdir`; all values of one update share one event.

    Args:
        directory: the run's folder, made if it is not there. Each writer adds a file to it.
        replace: remove what earlier writers of this kind left in the folder, for a run that is
            done again from its start.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self, directory: Path | str, *, replace: bool = False) -> None:
        self._event, self._crc = _protocol()
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        if replace:
            for old in folder.glob(f"events.out.tfevents.*{_SUFFIX}"):
                old.unlink()
        self._time = time.time()
        name = f"{self._time:017.6f}.{os.getpid()}.{next(_COUNTER)}{_SUFFIX}"
        self._file = (folder / f"events.out.tfevents.{name}").open("wb")
        self._templates: dict[tuple[str, ...], tuple[Any, list[Any]]] = {}
        self._heads: dict[int, bytes] = {}
        first = self._event(wall_time=self._time, file_version="brain.Event:2")
        self._write([self._record(first.SerializeToString())])

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Scalars by tag at one step, which may be anything that TensorBoard can order."""
        self._time = max(self._time, time.time())
        event, slots = self._template(tuple(values))
        event.step, event.wall_time = step, self._time
        for slot, value in zip(slots, values.values(), strict=True):
            slot.simple_value = value
        self._write([self._record(event.SerializeToString())])

    def add_many(self, first_step: int, series: Mapping[str, Array]) -> None:
        """Series by tag, one entry per step from `first_step` on.

        Their wall times are spread evenly from the previous event to now.

        Raises:
            ArgumentError: series of different lengths.
        """
        lengths = {name: len(values) for name, values in series.items()}
        if len(set(lengths.values())) > 1:
            raise ArgumentError(
                f"ScalarWriter.add_many: all series must have one length, got {lengths}; "
                "give one entry per step"
            )
        count = next(iter(lengths.values()), 0)
        if count == 0:
            return
        event, slots = self._template(tuple(series))
        began, now = self._time, max(self._time, time.time())
        pause, records = (now - began) / count, []
        columns = [np.asarray(values, np.float64).tolist() for values in series.values()]
        for at, row in enumerate(zip(*columns, strict=True)):
            event.step, event.wall_time = first_step + at, began + pause * (at + 1)
            for slot, value in zip(slots, row, strict=True):
                slot.simple_value = value
            records.append(self._record(event.SerializeToString()))
        self._time = now
        self._write(records)

    def _template(self, tags: tuple[str, ...]) -> tuple[Any, list[Any]]:
        """An event for these tags and its values, which every event of theirs reuses."""
        if tags not in self._templates:
            event = self._event()
            slots = [event.summary.value.add(tag=tag) for tag in tags]
            self._templates[tags] = (event, slots)
        return self._templates[tags]

    def _record(self, data: bytes) -> bytes:
        """The length, its check sum, the data, their check sum."""
        size = len(data)
        head = self._heads.get(size)
        if head is None:
            length = struct.pack("<Q", size)
            head = self._heads[size] = length + _FOOT.pack(_masked(self._crc(length)))
        return head + data + _FOOT.pack(_masked(self._crc(data)))

    def _write(self, records: list[bytes]) -> None:
        self._file.write(b"".join(records))
        self._file.flush()


def _masked(crc: int) -> int:
    """The check sum as record files store it: rotated right by 15 bits, plus a constant."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _protocol() -> tuple[Any, Any]:
    """TensorBoard's Event message and CRC-32C; neither imports a framework."""
    try:
        from google_crc32c import value
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError as error:
        raise MissingExtraError("tensorboard", "tensorboard") from error
    return Event, value
