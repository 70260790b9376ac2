"""Specs: policies and plans as plain JSON data. They are parsed, never evaluated.

A schedule is `{"version": 1, "recipe": "cosine_decay", "rate": 0.1, "over": "100%"}`, and a policy
`{"version": 1, "learning_rate": {...}, "momentum": {...}, "controllers": [...]}`. Combinations are
nested: `{"then": [...]}`, `{"take": ..., "over": ...}`, `{"scale": ..., "by": ...}`,
`{"product": [..., ...]}`, `{"clip": ..., "low": ..., "high": ...}` and
`{"repeat": ..., "times": ...}`; what a plan changed in flight is made of,
`{"planned": ..., "total": ..., "steps_per_epoch": ...}` and
`{"stretch": ..., "at": ..., "to": ...}`; and what `glidepath.compat` makes,
`{"ported": ..., "library": "torch"}`, which the end of the run may cut.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import cast

from glidepath.errors import SpecError
from glidepath.schedules import ported, recipes
from glidepath.schedules.durations import Duration
from glidepath.schedules.inflight import planned, stretched
from glidepath.schedules.origin import ported as of_library
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import HYPERPARAMETERS, Controller, Policy, one_cycle
from glidepath.schedules.schedule import Schedule

VERSION = 1
_DEEPEST = 64

RECIPES: dict[str, Callable[..., Schedule | Policy]] = {
    "constant": recipes.constant,
    "linear": recipes.linear,
    "exponential_decay": recipes.exponential_decay,
    "step_decay": recipes.step_decay,
    "inverse_time_decay": recipes.inverse_time_decay,
    "power_decay": recipes.power_decay,
    "polynomial_decay": recipes.polynomial_decay,
    "cosine_decay": recipes.cosine_decay,
    "cosine_restarts": recipes.cosine_restarts,
    "piecewise_constant": recipes.piecewise_constant,
    "triangular": recipes.triangular,
    "one_cycle": one_cycle,
    "wsd": recipes.wsd,
    "inverse_sqrt": recipes.inverse_sqrt,
    "exponential_ramp": recipes.exponential_ramp,
}
"""The recipes by the names that specs and the command line use."""

_PARTS: dict[str, Callable[..., Schedule]] = {
    "one_cycle_rate": recipes.one_cycle_rate,
    "one_cycle_momentum": recipes.one_cycle_momentum,
    **ported.PARTS,
}

CONTROLLERS: dict[str, Callable[..., Controller]] = {}
"""The controllers by name; the control room enters its own here."""


def fingerprint(spec: Mapping[str, object]) -> str:
    """A short hash of a spec's canonical JSON."""
    import hashlib  # loads OpenSSL, which importing this package need not

    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def from_spec(spec: Mapping[str, object] | str) -> Schedule | Policy:
    """The schedule or policy of a spec: a dictionary, or its JSON text.

    Raises:
        SpecError: not JSON, another version, unknown or missing keys, an unknown recipe.
        ArgumentError: a value that its recipe refuses.
    """
    data = _versioned(spec)
    if any(name in data for name in HYPERPARAMETERS):
        return _policy(data)
    return _node(data, 0)


def plan_to_spec(plan: Plan) -> dict[str, object]:
    """A plan as JSON data: the policy's spec, and the length of the run."""
    return {
        "version": VERSION,
        "policy": plan.policy.node(),
        "total_steps": plan.total_steps,
        "steps_per_epoch": plan.steps_per_epoch,
    }


def plan_from_spec(spec: Mapping[str, object] | str) -> Plan:
    """The plan that `Plan.to_spec` wrote."""
    data = _versioned(spec)
    _only(data, {"policy", "total_steps", "steps_per_epoch"}, "a plan", needed=True)
    policy = _policy(_mapping(data["policy"], "policy"))
    return policy.plan(
        cast("int | None", data["total_steps"]),
        cast("int | None", data["steps_per_epoch"]),
        strict=False,
    )


def build_recipe(name: object, arguments: Mapping[str, object]) -> Schedule | Policy:
    """A named recipe with its arguments; SpecError where name or arguments are not known."""
    known = {**_PARTS, **RECIPES}
    if not isinstance(name, str) or name not in known:
        raise SpecError(
            f"there is no recipe {name!r}; the recipes are {', '.join(sorted(RECIPES))}"
        )
    return cast("Schedule | Policy", _call(name, known[name], arguments))


def _versioned(spec: Mapping[str, object] | str) -> dict[str, object]:
    """The spec's data without its version, which must be ours."""
    data: object = spec
    if isinstance(spec, str | bytes):
        try:
            data = json.loads(spec, object_pairs_hook=_once)
        except SpecError:
            raise
        except (ValueError, RecursionError) as error:
            raise SpecError(f"the spec is not JSON ({error}); was it cut off?") from error
    found = dict(_mapping(data, "a spec"))
    if "version" not in found:
        raise SpecError(f'the spec has no version; add "version": {VERSION} to {_short(found)}')
    version = found.pop("version")
    if type(version) is not int or version != VERSION:
        raise SpecError(
            f"the spec is of version {version!r}, and this Glidepath reads version {VERSION}; "
            "write it again with to_spec(), or use the Glidepath that wrote it"
        )
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object whose keys are all different: of two values for one key, which was meant?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"the spec has the key {twice!r} twice in one object; remove one of them")
    return found


def _policy(data: Mapping[str, object]) -> Policy:
    _only(data, {*HYPERPARAMETERS, "controllers"}, "a policy")
    if "learning_rate" not in data:
        raise SpecError(f"a policy needs a learning_rate, got {_short(data)}; add one")
    schedules: dict[str, Schedule] = {}
    for name in HYPERPARAMETERS:
        if name in data:
            schedule = _node(data[name], 0)
            if isinstance(schedule, Policy):
                raise SpecError(
                    f"{name} must be a schedule, got a whole policy ({_short(data[name])}); "
                    "put the recipe at the top of the spec"
                )
            schedules[name] = schedule
    listed = data.get("controllers", [])
    if not isinstance(listed, list):
        raise SpecError(f"controllers must be a list, got {_short(listed)}; give a list")
    return Policy(**schedules, controllers=[_controller(item) for item in listed])


def _controller(item: object) -> Controller:
    data = dict(_mapping(item, "a controller"))
    name = data.pop("controller", None)
    if not isinstance(name, str) or name not in CONTROLLERS:
        raise SpecError(
            f"there is no controller {name!r}; the controllers are {', '.join(sorted(CONTROLLERS))}"
        )
    return cast("Controller", _call(name, CONTROLLERS[name], data))


def _node(item: object, depth: int) -> Schedule | Policy:
    data = _mapping(item, "a schedule")
    if depth > _DEEPEST:
        raise SpecError(f"the spec nests more than {_DEEPEST} levels deep; flatten it")
    if "recipe" in data:
        return build_recipe(data["recipe"], {k: v for k, v in data.items() if k != "recipe"})
    for key, build in _COMBINATIONS.items():
        if key in data:
            return build(data, depth + 1)
    raise SpecError(
        f"a schedule needs one of 'recipe', {', '.join(map(repr, _COMBINATIONS))}, got "
        f"{_short(data)}; see the spec's documentation"
    )


def _child(item: object, depth: int) -> Schedule:
    schedule = _node(item, depth)
    if isinstance(schedule, Policy):
        raise SpecError(
            f"{_short(item)} is a whole policy and cannot be part of a schedule; "
            "combine 'one_cycle_rate' and 'one_cycle_momentum' per hyperparameter"
        )
    return schedule


def _then(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"then"}, "then", needed=True)
    return reduce(Schedule.then, _children(data, "then", depth))


def _product(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"product"}, "product", needed=True)
    left, right = _children(data, "product", depth)
    return left * right


def _children(data: Mapping[str, object], key: str, depth: int) -> list[Schedule]:
    listed = data[key]
    if not isinstance(listed, list) or len(listed) < 2 or (key == "product" and len(listed) != 2):
        raise SpecError(f"{key!r} needs a list of two schedules or more, got {_short(listed)}")
    return [_child(item, depth) for item in listed]


def _take(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"take", "over"}, "take", needed=True)
    return _child(data["take"], depth).take(cast("Duration", data["over"]))


def _scale(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"scale", "by"}, "scale", needed=True)
    factor = data["by"]
    if isinstance(factor, bool) or not isinstance(factor, int | float):
        raise SpecError(f"'by' must be a number, got {_short(factor)}; give one")
    return factor * _child(data["scale"], depth)


def _clip(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"clip", "low", "high"}, "clip", needed=True)
    low, high = cast("float", data["low"]), cast("float | None", data["high"])
    return _child(data["clip"], depth).clip(low, high)


def _repeat(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"repeat", "times"}, "repeat", needed=True)
    return _child(data["repeat"], depth).repeat(cast("int", data["times"]))


def _planned(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"planned", "total", "steps_per_epoch"}, "planned", needed=True)
    return planned(_child(data["planned"], depth), data["total"], data["steps_per_epoch"])


def _stretch(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"stretch", "at", "to"}, "stretch", needed=True)
    return stretched(_child(data["stretch"], depth), data["at"], data["to"])


def _ported(data: Mapping[str, object], depth: int) -> Schedule:
    _only(data, {"ported", "library"}, "ported", needed=True)
    return of_library(_child(data["ported"], depth), data["library"])


_COMBINATIONS: dict[str, Callable[[Mapping[str, object], int], Schedule]] = {
    "then": _then,
    "take": _take,
    "scale": _scale,
    "product": _product,
    "clip": _clip,
    "repeat": _repeat,
    "planned": _planned,
    "stretch": _stretch,
    "ported": _ported,
}


def _call(name: str, build: Callable[..., object], arguments: Mapping[str, object]) -> object:
    """Call a recipe with arguments from outside: unknown and missing ones get a SpecError."""
    signature = inspect.signature(build)
    unknown = [key for key in arguments if key not in signature.parameters]
    if unknown:
        raise SpecError(
            f"{name} has no argument {', '.join(map(repr, unknown))}; "
            f"its arguments are {', '.join(signature.parameters)}"
        )
    missing = [
        key
        for key, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and key not in arguments
    ]
    if missing:
        raise SpecError(
            f"{name} needs {', '.join(map(repr, missing))}; "
            f"its arguments are {', '.join(signature.parameters)}"
        )
    return build(**arguments)


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise SpecError(f"{what} must be a JSON object, got {_short(value)}; give an object")
    return value


def _only(data: Mapping[str, object], keys: set[str], what: str, *, needed: bool = False) -> None:
    unknown = sorted(set(data) - keys)
    if unknown:
        raise SpecError(
            f"{what} has no key {', '.join(map(repr, unknown))}; its keys are "
            f"{', '.join(sorted(keys))}"
        )
    missing = sorted(keys - set(data)) if needed else []
    if missing:
        raise SpecError(f"{what} needs the key {', '.join(map(repr, missing))}; was it cut off?")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
