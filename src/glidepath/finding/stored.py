"""Results as JSON text and back: what a range test's and a finder's have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from glidepath.errors import RecordError

Result = TypeVar("Result")


def plain(value: Any) -> Any:
    """Arrays and tuples as lists, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def read(
    text: str,
    mark: tuple[str, int],
    wanted: Iterable[str],
    parse: Callable[[Mapping[str, Any]], Result],
    words: tuple[str, str],
) -> Result:
    """The result that a JSON text holds.

    Args:
        text: what was written.
        mark: the key that says of which kind it is, and its version.
        wanted: the names of all other keys.
        parse: makes the result of them.
        words: what it is and what to run again, for errors: ("a range test", "the range test").

    Raises:
        RecordError: not JSON, of another version, or with missing, unknown or unfit values.
    """
    what, again = words
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not {what}: not JSON ({error}); was it cut off?") from error
    key, version = mark
    if not isinstance(data, dict) or data.pop(key, None) != version:
        raise RecordError(f"not {what} of version {version}; run {again} again to write one")
    names = set(wanted)
    if set(data) != names:
        raise RecordError(
            f"{what} has missing or unknown keys: {sorted(names ^ set(data))}; run {again} again"
        )
    try:
        return parse(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(
            f"{what} has a value of the wrong kind ({error}); run {again} again"
        ) from error
