"""Reader of TensorBoard event folders, without TensorBoard.

An event file is a chain of records: a length (8 bytes), its masked CRC-32C, the data, their masked
CRC-32C. The data are a protocol buffer, of which only the step and the scalars are looked at.
Nothing in it is trusted: lengths are checked against what is left, and no field can loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from glidepath.analysis.reading.clock import OWN_EVENTS
from glidepath.analysis.reading.table import Table, from_rows, read_bytes
from glidepath.errors import RecordError

_PATTERN = "*tfevents*"
_OWN = ".glidepath"
"""What the names of Glidepath's own event files end in."""
_CHECKED = 4096
"""Data of up to this many bytes, which scalars are, have their check sum verified."""
_MOST_FILES = 1000
_MOST_FIELDS = 20_000
"""Fields in one message; no summary of scalars has so many."""
_DOUBLE, _FLOAT = 2, 1
"""TensorFlow's numbers of these types."""


class _DamagedError(Exception):
    """A protocol buffer or record that is not well-formed."""


def read_events(path: Path) -> Table:
    """The scalars of an event file, or of all event files in a folder and its subfolders.

    The name of a subfolder comes before the tag: `validation/epoch_loss`. Files are read in the
    order of their names, which begin with the time, so that a resumed run comes last.

    Raises:
        RecordError: no event file, or none with scalars.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob(_PATTERN) if p.is_file())
    if not files:
        raise RecordError(f"{path} has no TensorBoard event file in it; give a run's folder")
    if len(files) > _MOST_FILES:
        raise RecordError(f"{path} holds {len(files)} event files; give the folder of one run")
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    for file in files:
        folder = "" if file == path else file.parent.relative_to(path).as_posix()
        prefix = "" if folder in ("", ".") else folder + "/"
        found, note = _scalars(read_bytes(file))
        rows += [{"step": step, prefix + tag: value} for step, tag, value in found]
        if note:
            notes.append(f"{file.name}: {note}")
    if not rows:
        damage = f" ({'; '.join(notes)})" if notes else ""
        raise RecordError(f"{path} has no scalars in its event files{damage}")
    own = all(file.name.endswith(_OWN) for file in files)
    return from_rows(_merged(rows), OWN_EVENTS if own else "TensorBoard events", tuple(notes))


def _merged(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Scalars of one step that were logged one after the other become one row."""
    merged: list[dict[str, object]] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last is not None and last["step"] == row["step"] and len(last.keys() & row.keys()) == 1:
            last.update(row)
        else:
            merged.append(row)
    return merged


def _scalars(data: bytes) -> tuple[list[tuple[int, str, float]], str]:
    """(step, tag, value) of every scalar, and a word on the damage if there was any."""
    found: list[tuple[int, str, float]] = []
    damaged, at, note = 0, 0, ""
    while at < len(data):
        if len(data) - at < 12:
            note = "it is cut short at its end"
            break
        head = data[at : at + 8]
        (size,) = struct.unpack("<Q", head)
        if _masked(head) != struct.unpack_from("<I", data, at + 8)[0]:
            note = f"it is damaged from byte {at} on; what comes after is left out"
            break
        if size > len(data) - at - 16:
            note = "it is cut short at its end"
            break
        body = data[at + 12 : at + 12 + size]
        (check,) = struct.unpack_from("<I", data, at + 12 + size)
        at += 16 + size
        if size <= _CHECKED and _masked(body) != check:
            damaged += 1
            continue
        try:
            found += _event(body)
        except _DamagedError:
            damaged += 1
    words = [note] if note else []
    if damaged:
        words.append(f"{damaged} damaged records are left out")
    return found, "; ".join(words)


def _event(body: bytes) -> list[tuple[int, str, float]]:
    step, values = 0, []
    for field, value in _fields(body):
        if field == 2 and isinstance(value, int):
            step = value - 2**64 if value >= 2**63 else value
        elif field == 5 and isinstance(value, bytes):
            values += [v for f, v in _fields(value) if f == 1 and isinstance(v, bytes)]
    scalars = []
    for value in values:
        found = _value(value)
        if found is not None:
            scalars.append((step, *found))
    return scalars


def _value(body: bytes) -> tuple[str, float] | None:
    """The tag and the number of a summary's value; None where it is no scalar."""
    tag, found = "", None
    for field, value in _fields(body):
        if field == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif field == 2 and isinstance(value, bytes) and len(value) == 4:
            found = struct.unpack("<f", value)[0]
        elif field == 8 and isinstance(value, bytes):
            found = _tensor(value)
    return None if found is None or not tag else (tag, float(found))


def _tensor(body: bytes) -> float | None:
    """The number in a tensor of one number; None for any other tensor."""
    kind, packed = 0, b""
    for field, value in _fields(body):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field in (4, 5, 6) and isinstance(value, bytes):
            packed = value
    if kind == _FLOAT and len(packed) == 4:
        return float(struct.unpack("<f", packed)[0])
    if kind == _DOUBLE and len(packed) == 8:
        return float(struct.unpack("<d", packed)[0])
    return None


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer: numbers as int, everything else as bytes."""
    at = count = 0
    while at < len(body):
        count += 1
        if count > _MOST_FIELDS:
            raise _DamagedError
        key, at = _varint(body, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(body, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, at = _varint(body, at)
        if size is None or size > len(body) - at:
            raise _DamagedError
        yield key >> 3, body[at : at + size]
        at += size


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            raise _DamagedError
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise _DamagedError


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def _masked(data: bytes) -> int:
    """CRC-32C (Castagnoli, RFC 3720), rotated and offset as record files store it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
