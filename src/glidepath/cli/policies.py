"""Policies as they are written on the command line. Parsed, never evaluated.

    one_cycle peak=0.1
    piecewise_constant rates=0.1,0.01 boundaries=30ep
    linear start=0 end=0.1 over=5% then cosine_decay rate=0.1 over=rest
    constant rate=0.1 take=5ep then exponential_decay rate=0.1 decay=0.95 every=1ep
    constant rate=0.1 with reduce_on_plateau patience=3
    policy.json

A recipe's name begins a policy; `then` joins what follows to it, `take=` ends a phase, and `with`
puts a controller on top. A value is a number, true, false or null, a list (`a,b` or `[a, b]`), and
a text otherwise, as durations are.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import glidepath.control  # noqa: F401  (enters its controllers in CONTROLLERS)
from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules import CONTROLLERS, RECIPES, Policy, as_policy, build_recipe, from_spec
from glidepath.schedules.durations import resolve_total
from glidepath.schedules.spec import VERSION

_NUMBER = re.compile(r"[+-]?(\d+(_\d+)*\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.I)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "none": None}
_LONGEST = 10_000
_LONGEST_RUN = 10_000_000
_FILE_LIMIT = 2**22
_EXAMPLE = 'e.g. "one_cycle peak=0.1", or the file of a spec such as policy.json'


@dataclass
class _Phase:
    """A recipe with its arguments as they were written."""

    name: str
    written: list[str] = field(default_factory=list)


@dataclass
class _Written:
    """A policy as it was written: a file, or phases and controllers."""

    file: str | None = None
    phases: list[_Phase] = field(default_factory=list)
    controllers: list[_Phase] = field(default_factory=list)

    @property
    def name(self) -> str:
        """A short name."""
        if self.file is not None:
            return Path(self.file).stem
        parts = [phase.name for phase in self.phases]
        return "-then-".join(parts) + "".join(f"-{item.name}" for item in self.controllers)

    @property
    def whole(self) -> str:
        """All that was written, for names that would be the same otherwise."""
        if self.file is not None:
            return self.file
        phases = " then ".join(" ".join([p.name, *p.written]) for p in self.phases)
        return phases + "".join(f" with {' '.join([c.name, *c.written])}" for c in self.controllers)


def parse_policies(texts: Sequence[str]) -> dict[str, Policy]:
    """The policies of a command line, by name.

    Raises:
        ArgumentError, SpecError: what was wrong, what was got, and what to do.
    """
    written = _read(texts)
    return dict(zip(_names(written), map(_build, written), strict=True))


def parse_requests(texts: Sequence[str], defaults: Sequence[str]) -> dict[str, Policy | None]:
    """The policies of several `--policy` options; None for a default policy, named alone.

    Args:
        texts: one policy each.
        defaults: the names of the default policies.
    """
    found: dict[str, Policy | None] = {}
    written = []
    for text in texts:
        if text.strip() in defaults:
            found[text.strip()] = None
        else:
            one = _read([text])
            if len(one) != 1:
                raise ArgumentError(
                    f"--policy takes one policy, got {len(one)} in {text!r}; repeat the option"
                )
            written += one
    for name, item in zip(_names(written, taken=found), written, strict=True):
        found[name] = _build(item, also=defaults)
    return found


def parse_total(text: str, steps_per_epoch: int | None) -> int | str:
    """The length of a run that can be shown: digits are updates, all else is a duration.

    Raises:
        PlanError: not a length; epochs without steps_per_epoch.
        ArgumentError: a run too long to look at every update of it.
    """
    stripped = text.strip()
    decimal = stripped.isdecimal() and stripped.isascii() and len(stripped) < 30
    total = int(stripped) if decimal else stripped
    steps, _ = resolve_total(total, steps_per_epoch)
    if steps is not None and steps > _LONGEST_RUN:
        raise ArgumentError(
            f"--total is {steps} updates, and show looks at every one; give {_LONGEST_RUN} at most"
        )
    return total


def parse_value(text: str) -> object:
    """A number, a truth value, null, a list of these, or text."""
    stripped = text.strip()
    if stripped.startswith("[") and stripped.endswith("]"):
        return _list(stripped[1:-1])
    if "," in stripped:
        return _list(stripped)
    if stripped.lower() in _WORDS:
        return _WORDS[stripped.lower()]
    if len(stripped) < 400 and stripped.isascii() and _NUMBER.fullmatch(stripped):
        digits = stripped.lstrip("+-").replace("_", "")
        return int(stripped) if digits.isdecimal() else float(stripped)
    return stripped.strip("\"'")


def _list(text: str) -> list[object]:
    return [parse_value(part) for part in text.split(",") if part.strip()]


def tokens(texts: Sequence[str]) -> list[str]:
    """The words of a command line; spaces inside brackets do not part them."""
    found: list[str] = []
    for text in texts:
        if len(text) > _LONGEST:
            raise ArgumentError(
                f"a policy of {len(text)} characters is too long; put it into a file of its spec"
            )
        if text.strip().endswith(".json") and "=" not in text:
            found.append(text.strip())
            continue
        found += re.findall(r"(?:\[[^\]]*\]|[^\s\[]|\[)+", text)
    return found


def _read(texts: Sequence[str]) -> list[_Written]:
    """The policies as they were written."""
    found: list[_Written] = []
    joined: str | None = None
    current: _Phase | None = None
    for token in tokens(texts):
        if token in ("then", "with"):
            if joined is not None or not found or found[-1].file is not None:
                raise ArgumentError(f"{token!r} must follow a recipe, got {_quoted(texts)}")
            joined = token
        elif "=" in token:
            if current is None or joined is not None:
                raise ArgumentError(
                    f"{token!r} must follow the name of a recipe, got {_quoted(texts)}; give "
                    f"{_EXAMPLE}"
                )
            current.written.append(token)
        elif token.endswith(".json") and joined is None:
            found.append(_Written(file=token))
            current = None
        else:
            current = _begin(found, token, joined)
            joined = None
    if joined is not None:
        raise ArgumentError(f"something must follow {joined!r}, got {_quoted(texts)}; name it")
    if not found:
        raise ArgumentError(f"a policy is missing; give {_EXAMPLE}")
    return found


def _begin(found: list[_Written], name: str, joined: str | None) -> _Phase:
    """A new phase, controller or policy."""
    phase = _Phase(name)
    if joined == "with":
        found[-1].controllers.append(phase)
    elif joined == "then":
        found[-1].phases.append(phase)
    else:
        found.append(_Written(phases=[phase]))
    return phase


def _build(written: _Written, also: Sequence[str] = ()) -> Policy:
    if written.file is not None:
        return _from_file(Path(written.file).expanduser())
    policy: Policy | None = None
    for phase in written.phases:
        made = _phase(phase, also)
        policy = made if policy is None else policy.then(made)
    assert policy is not None
    controllers = [
        {"controller": c.name, **_arguments(c, CONTROLLERS)} for c in written.controllers
    ]
    if not controllers:
        return policy
    return as_policy(from_spec({"version": VERSION, **policy.node(), "controllers": controllers}))


def _phase(phase: _Phase, also: Sequence[str]) -> Policy:
    if phase.name not in RECIPES:
        more = f"; the default policies are {', '.join(also)}" if also else ""
        raise SpecError(
            f"there is no recipe {phase.name!r}; the recipes are "
            f"{', '.join(sorted(RECIPES))}{more}; a spec's file ends in .json"
        )
    arguments = _arguments(phase, RECIPES)
    over = arguments.pop("take", None)
    policy = as_policy(build_recipe(phase.name, arguments))
    return policy if over is None else policy.take(over)  # type: ignore[arg-type]


def _arguments(phase: _Phase, known: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a recipe or controller; a single value where a list is wanted is one."""
    build = known.get(phase.name)
    parameters = inspect.signature(build).parameters if callable(build) else {}
    found: dict[str, object] = {}
    for token in phase.written:
        key, _, text = token.partition("=")
        if key in found:
            raise ArgumentError(f"{phase.name}: {key} is given twice; give it once")
        value = parse_value(text)
        wanted = str(parameters[key].annotation) if key in parameters else ""
        found[key] = [value] if "Sequence" in wanted and not isinstance(value, list) else value
    return found


def _from_file(path: Path) -> Policy:
    try:
        if path.stat().st_size > _FILE_LIMIT:
            raise SpecError(f"{path} is too large to be a policy's spec; give another file")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read as a policy's spec ({error}); check it") from error
    try:
        return as_policy(from_spec(text))
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def _names(written: Sequence[_Written], taken: Collection[str] = ()) -> list[str]:
    """A name for each: the short one, or the whole one where several have the same."""
    short = [item.name for item in written]
    names: list[str] = []
    for item in written:
        same = short.count(item.name) > 1 or item.name in taken
        name = base = item.whole[:80] if same else item.name[:80]
        number = 2
        while name in names or name in taken:
            name, number = f"{base} #{number}", number + 1
        names.append(name)
    return names


def _quoted(texts: Sequence[str]) -> str:
    text = repr(" ".join(texts))
    return text if len(text) <= 120 else text[:117] + "..."
