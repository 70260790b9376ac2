"""The code to paste: a policy as the calls that make it, and the fit that flies it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from glidepath.schedules import checks
from glidepath.schedules.policy import HYPERPARAMETERS, Policy, as_policy
from glidepath.schedules.ported import PARTS
from glidepath.schedules.schedule import Schedule
from glidepath.schedules.spec import CONTROLLERS, RECIPES, VERSION, from_spec

_WIDE = 88
_PRIVATE = ("one_cycle_rate", "one_cycle_momentum")
_KERAS = """\
import glidepath as gp
import glidepath.keras

policy = {policy}
{note}model.fit(
    x_train,
    y_train,
    epochs={epochs},
{batch}    validation_data=(x_validation, y_validation),
    callbacks=[glidepath.keras.Flight(policy)],
)
"""
_TORCH = """\
import glidepath as gp
import glidepath.torch

policy = {policy}
scheduler = glidepath.torch.Scheduler(
    optimizer, policy, total="{epochs}ep", steps_per_epoch=len(train_loader)
)
for epoch in range({epochs}):
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        loss_function(model(inputs), targets).backward()
        optimizer.step()
        scheduler.step()
{after}"""
_OPTAX = """\
import glidepath as gp
import glidepath.optax
import optax

policy = {policy}
# In the place of optax.sgd(...): give inject what you gave there, e.g. nesterov=True, too.
optimizer = glidepath.optax.inject(
    policy, optax.sgd, total="{epochs}ep", steps_per_epoch=steps_per_epoch
)
"""
_OPTAX_DRIVEN = """\
import glidepath as gp
import glidepath.optax

policy = {policy}
trainer = glidepath.optax.OptaxTrainer(task)
record = gp.drive(trainer, policy, total="{epochs}ep")  # tells the controllers each epoch
"""
_TORCH_EPOCH = """\
    scheduler.epoch_end({"val_loss": validate(model)})  # what the controllers monitor
"""
_METHODS = {
    "take": ".take({over!r})",
    "repeat": ".repeat({times!r})",
    "clip": ".clip({low!r}, {high!r})",
}
_NOTES = {
    "momentum": (
        "# The policy flies the momentum: compile with one, e.g. SGD(momentum=0.9), or with Adam.\n"
    ),
    "weight_decay": (
        "# The policy flies the weight decay: compile with one, e.g. weight_decay=0.0.\n"
    ),
}


def code_for(
    policy: Policy | Schedule | Mapping[str, object],
    framework: str = "keras",
    epochs: int = 30,
    batch_size: int | None = None,
) -> str:
    """The code that trains the user's `model` with a policy, ready to paste.

    Args:
        policy: a policy, a schedule, or the spec of one.
        framework: "keras", "torch" or "optax".
        epochs: the run's length.
        batch_size: examples in a batch; None leaves it out. Torch and JAX have it in their loaders.

    Raises:
        ArgumentError: another framework.
        SpecError: a policy without a spec (a Python function), or a spec that is not one.
    """
    checks.choice("code_for", "framework", framework, ("keras", "torch", "optax"))
    flown = as_policy(from_spec(policy) if isinstance(policy, Mapping) else policy)
    if framework == "torch":
        after = _TORCH_EPOCH if flown.controllers else ""
        return _TORCH.format(policy=expression(flown), epochs=epochs, after=after)
    if framework == "optax":
        text = _OPTAX_DRIVEN if flown.controllers else _OPTAX
        return text.format(policy=expression(flown), epochs=epochs)
    notes = "".join(text for name, text in _NOTES.items() if name in flown.schedules)
    batch = "" if batch_size is None else f"    batch_size={batch_size},\n"
    return _KERAS.format(policy=expression(flown), epochs=epochs, note=notes, batch=batch)


def expression(policy: Policy) -> str:
    """A policy as a Python expression of `gp` calls that makes an equal one."""
    spec = policy.node()
    parts = {name: _node(spec[name]) for name in HYPERPARAMETERS if name in spec}
    controllers = [_call(dict(item), "controller") for item in _list(spec.get("controllers", []))]
    cycle = _one_cycle(spec)
    if cycle is not None and set(parts) == {"learning_rate", "momentum"} and not controllers:
        return cycle
    if any(f"gp.{name}(" in text for text in parts.values() for name in (*_PRIVATE, *PARTS)):
        return f"gp.from_spec({policy.to_spec()!r})"
    if list(parts) == ["learning_rate"] and not controllers:
        return parts["learning_rate"]
    if controllers:
        parts["controllers"] = f"[{', '.join(controllers)}]"
    lines = "".join(f"    {name}={_indented(text)},\n" for name, text in parts.items())
    return f"gp.Policy(\n{lines})"


def _one_cycle(spec: Mapping[str, object]) -> str | None:
    """The two halves of a 1cycle as the one call that makes both."""
    rate, momentum = (_plain(spec.get(name)) for name in ("learning_rate", "momentum"))
    if (rate.pop("recipe", None), momentum.pop("recipe", None)) != _PRIVATE:
        return None
    pair = [momentum.pop("high"), momentum.pop("low")]
    if any(rate[key] != value for key, value in momentum.items()):
        return None
    if rate["start"] == cast("float", rate["peak"]) / 10:
        start = cast("float", rate.pop("start"))
        if rate["end"] == start / 100:
            del rate["end"]
    return _call({"recipe": "one_cycle", **rate, "momentum": tuple(pair)}, "recipe")


def _node(item: object) -> str:
    """A schedule's spec as an expression."""
    data = _plain(item)
    if "recipe" in data:
        return _call(data, "recipe")
    if "then" in data:
        return _then([_node(part) for part in _list(data["then"])])
    for key, call in _METHODS.items():
        if key in data:
            return _inner(data[key]) + call.format(**data)
    # Of a plan changed in flight, or of another library: no call of gp makes it.
    if data.keys() & {"planned", "stretch", "ported"}:
        return f"gp.from_spec({ {'version': VERSION, **data}!r})"
    if "scale" in data:
        return f"{data['by']!r} * {_inner(data['scale'])}"
    left, right = _list(data["product"])
    return f"{_inner(left)} * {_inner(right)}"


def _then(parts: list[str]) -> str:
    line = " >> ".join(parts)
    if len(line) <= _WIDE:
        return line
    return "(\n    " + "\n    >> ".join(_indented(part) for part in parts) + "\n)"


def _inner(item: object) -> str:
    """A schedule inside an operation: in parentheses, unless it is a single call."""
    text = _node(item)
    return text if "recipe" in _plain(item) else f"({text})"


def _call(data: dict[str, object], kind: str) -> str:
    """A recipe or controller as its call, without the arguments that are the default."""
    name = cast("str", data.pop(kind))
    build: Any = CONTROLLERS[name] if kind == "controller" else RECIPES.get(name)
    known = {} if build is None else inspect.signature(build).parameters
    given = [
        f"{key}={value!r}"
        for key, value in data.items()
        if key not in known or known[key].default != value
    ]
    return f"gp.{name}({', '.join(given)})"


def _plain(item: object) -> dict[str, object]:
    return dict(cast("Mapping[str, object]", item or {}))


def _list(items: object) -> list[Any]:
    return list(cast("list[Any]", items))


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
