"""What differs between two specs: the readable half of a strict resume."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest

_LONGEST = 100
_ABSENT = object()


def diff(saved_spec: object, new_spec: object) -> str:
    """What differs between two specs, a line for each difference: where, what was, what is.

    `policy.learning_rate.then[1].rate: saved 0.1, now 0.2`. A recipe that was exchanged for
    another is one line, a phase that only one of them has another. The specs are JSON data, as
    `Plan.to_spec()` gives them; None in place of a whole spec is a Python function, which has none.

    Args:
        saved_spec: the spec that was saved.
        new_spec: the spec of now.

    Returns:
        The lines, without a newline at the end; empty where nothing differs.
    """
    return "\n".join(_lines(saved_spec, new_spec, ""))


def _lines(saved: object, new: object, path: str) -> Iterator[str]:
    if isinstance(saved, Mapping) and isinstance(new, Mapping) and _alike(saved, new):
        for key in [*saved, *(key for key in new if key not in saved)]:
            inside = f"{path}.{key}" if path else str(key)
            yield from _lines(saved.get(key, _ABSENT), new.get(key, _ABSENT), inside)
    elif isinstance(saved, list | tuple) and isinstance(new, list | tuple):
        for index, (before, after) in enumerate(zip_longest(saved, new, fillvalue=_ABSENT)):
            yield from _lines(before, after, f"{path}[{index}]")
    elif new is _ABSENT:
        yield f"{path}: saved {_short(saved)}, now absent"
    elif saved is _ABSENT:
        yield f"{path}: saved without, now {_short(new)}"
    elif _plain(saved) != _plain(new):
        before, after = (_short(value, path) for value in (saved, new))
        yield f"{path or 'plan'}: saved {before}, now {after}"


def _alike(saved: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether two nodes are the same recipe or combination, so that it is worth looking inside."""
    named = ("recipe", "controller")
    if any(name in saved or name in new for name in named):
        return all(saved.get(name) == new.get(name) for name in named)
    return not saved or not new or bool(saved.keys() & new.keys())


def _plain(value: object) -> tuple[bool, object]:
    """A value such that True and 1 differ, and 1 and 1.0 do not."""
    return isinstance(value, bool), value


def _short(value: object, path: str = "inside") -> str:
    if value is None and not path:
        return "a Python function"
    text = _said(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _said(value: object) -> str:
    """A recipe as the call that makes it, all else as JSON."""
    if isinstance(value, Mapping) and "recipe" in value:
        rest = (f"{key}={json.dumps(v)}" for key, v in value.items() if key != "recipe")
        return f"{value['recipe']}({', '.join(rest)})"
    return json.dumps(value)
