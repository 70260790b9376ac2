"""What differs between two specs: the readable half of a strict resume."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from glidepath.schedules.spec import CONTROLLERS

_WIDE = 110
"""A difference whose line would be longer takes three."""
_FEW = 3
"""So many differences of one list of numbers have a line each; the others are counted."""
_EACH_END = 3
"""So many entries are shown of each end of a long list."""
_ABSENT = object()
_KINDS = ("recipe", "controller")
_JOINED = {"then": " >> ", "product": " * "}


def diff(saved_spec: object, new_spec: object) -> str:
    """What differs between two specs, a line for each difference: where, what was, what is.

    `policy.learning_rate.then[1].rate: saved 0.1, now 0.2`. What was exchanged for something
    else, added, or left out is one difference, written as the call that makes it; of a controller
    that has its monitor and whatever is not the default. The specs are JSON data, as
    `Plan.to_spec()` gives them; None in place of a whole spec is a Python function, which has none.

    Args:
        saved_spec: the spec that was saved.
        new_spec: the spec of now.

    Returns:
        The lines, without a newline at the end; empty where nothing differs. Of a long list of
        numbers the first few differences have a line.
    """
    return "\n".join(_lines(saved_spec, new_spec, ""))


def _lines(saved: object, new: object, path: str) -> Iterator[str]:
    if isinstance(saved, Mapping) and isinstance(new, Mapping) and _alike(saved, new):
        for key in [*saved, *(key for key in new if key not in saved)]:
            inside = f"{path}.{key}" if path else str(key)
            yield from _lines(saved.get(key, _ABSENT), new.get(key, _ABSENT), inside)
    elif isinstance(saved, list | tuple) and isinstance(new, list | tuple):
        yield from _lists(saved, new, path)
    elif new is _ABSENT:
        yield f"{path}: saved {said(saved)}, now absent"
    elif saved is _ABSENT:
        yield f"{path}: saved without, now {said(new)}"
    elif _plain(saved) != _plain(new):
        before, after = (_of_whole(v) if not path else said(v) for v in (saved, new))
        line = f"{path or 'plan'}: saved {before}, now {after}"
        if len(line) > _WIDE:
            line = f"{path or 'plan'}:\n  saved {before}\n  now   {after}"
        yield line


def _lists(saved: Sequence[object], new: Sequence[object], path: str) -> Iterator[str]:
    """The differences of two lists, of which like is held against like."""
    found = [
        list(_lines(before, after, f"{path}[{index}]"))
        for index, before, after in _matched(saved, new)
    ]
    differ = [lines for lines in found if lines]
    numbers = not any(isinstance(each, Mapping) for each in (*saved, *new))
    shown = differ[:_FEW] if numbers else differ
    for lines in shown:
        yield from lines
    if len(shown) < len(differ):
        yield f"{path}: {len(differ) - len(shown)} more of {len(found)} entries differ"


def _matched(
    saved: Sequence[object], new: Sequence[object]
) -> Iterator[tuple[int, object, object]]:
    """Pairs of entries with the index of now; _ABSENT where one has no like in the other list."""
    if len(saved) == len(new) and all(map(_alike, saved, new)):
        yield from ((i, *pair) for i, pair in enumerate(zip(saved, new, strict=True)))
        return
    matcher = SequenceMatcher(None, [*map(_key, saved)], [*map(_key, new)], autojunk=False)
    for _, start, stop, begin, end in matcher.get_opcodes():
        for step in range(max(stop - start, end - begin)):
            before = saved[start + step] if start + step < stop else _ABSENT
            after = new[begin + step] if begin + step < end else _ABSENT
            yield (start if after is _ABSENT else begin) + step, before, after


def _key(entry: object) -> str:
    """What an entry of a list is found again by: a recipe's or controller's name, else itself."""
    if isinstance(entry, Mapping):
        return next((str(entry[kind]) for kind in _KINDS if kind in entry), " ".join(entry))
    return repr(entry)


def _alike(saved: object, new: object) -> bool:
    """Whether two nodes are the same recipe or combination, so that it is worth looking inside."""
    if not (isinstance(saved, Mapping) and isinstance(new, Mapping)):
        return not isinstance(saved, Mapping) and not isinstance(new, Mapping)
    if any(name in saved or name in new for name in _KINDS):
        return all(saved.get(name) == new.get(name) for name in _KINDS)
    return not saved or not new or bool(saved.keys() & new.keys())


def _plain(value: object) -> tuple[bool, object]:
    """A value such that True and 1 differ, and 1 and 1.0 do not."""
    return isinstance(value, bool), value


def said(value: object) -> str:
    """A part of a spec in words: a node as the call that makes it, all else as JSON."""
    if isinstance(value, Mapping) and value:
        first, *rest = value
        if first in _KINDS:
            return f"{value[first]}({_arguments(_told(value))})"
        if first in _JOINED and isinstance(value[first], list | tuple):
            return _JOINED[first].join(map(_within, value[first]))
        if isinstance(value[first], Mapping) and rest:
            return f"{_within(value[first])}.{first}({_arguments({k: value[k] for k in rest})})"
        return f"{{{', '.join(f'{json.dumps(key)}: {said(v)}' for key, v in value.items())}}}"
    if isinstance(value, list | tuple):
        entries = [said(entry) for entry in value]
        if len(entries) > 2 * _EACH_END + 2:
            left_out = f"... ({len(entries)} in all) ..."
            entries = [*entries[:_EACH_END], left_out, *entries[-_EACH_END:]]
        return f"[{', '.join(entries)}]"
    return json.dumps(value)


def _of_whole(spec: object) -> str:
    return "a Python function" if spec is None else said(spec)


def _arguments(found: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={said(value)}" for key, value in found.items())


def _within(node: object) -> str:
    """A node as a part of an expression."""
    text = said(node)
    return f"({text})" if isinstance(node, Mapping) and node.keys() & _JOINED else text


def _told(node: Mapping[str, object]) -> dict[str, object]:
    """A node's arguments; of a controller those that are not the defaults, and its monitor."""
    found = {key: value for key, value in node.items() if key not in _KINDS}
    made = CONTROLLERS.get(str(node.get("controller")))
    if made is None:
        return found
    usual = {key: each.default for key, each in inspect.signature(made).parameters.items()}
    return {k: v for k, v in found.items() if k == "monitor" or v != usual.get(k, _ABSENT)}
