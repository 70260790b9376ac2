"""A module's and an optimizer's state, copied exactly and put back exactly."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, no_grad


def copied(value: Any) -> Any:
    """A deep copy in which tensors keep their place and type, and share nothing."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(copied(item) for item in value)
    return copy.deepcopy(value)


def module_state(module: Any) -> dict[str, Any]:
    """Parameters and buffers, those included that a `state_dict` leaves out."""
    return {name: copied(tensor) for name, tensor in _tensors(module).items()}


def set_module_state(module: Any, state: dict[str, Any]) -> None:
    """Put them back, in place."""
    tensors = _tensors(module)
    with no_grad():
        for name, value in state.items():
            tensors[name].copy_(value)


def optimizer_state(optimizer: Any) -> dict[str, Any]:
    """Slots by the parameter's number, and the groups' hyperparameters.

    Not `state_dict`: loading one casts slots to the parameter's type.
    """
    return {
        "slots": slots(optimizer),
        "groups": [
            {key: copied(value) for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ],
    }


def set_optimizer_state(optimizer: Any, state: dict[str, Any]) -> None:
    """Put them back; the state stays good for another time."""
    optimizer.state.clear()
    for parameter, slots in zip(_parameters(optimizer), state["slots"], strict=True):
        if slots is not None:
            optimizer.state[parameter] = copied(slots)
    for group, kept in zip(optimizer.param_groups, state["groups"], strict=True):
        group.update(copied(kept))


def slots(optimizer: Any) -> list[Any]:
    """A copy of the optimizer's slots by the parameter's number, None where it has none."""
    return [copied(optimizer.state.get(parameter)) for parameter in _parameters(optimizer)]


def set_slots(optimizer: Any, kept: list[Any]) -> None:
    """Put slots back, in place where they are tensors; parameters that are new keep theirs."""
    for parameter, values in zip(_parameters(optimizer), kept, strict=False):
        if values is None:
            optimizer.state.pop(parameter, None)
            continue
        live = optimizer.state[parameter]
        for name in live.keys() - values.keys():
            del live[name]
        for name, value in values.items():
            old = live.get(name)
            if isinstance(old, Tensor) and isinstance(value, Tensor) and old.shape == value.shape:
                with no_grad():
                    old.copy_(value)
            elif isinstance(value, Tensor) and value.shape == parameter.shape:
                live[name] = value.detach().to(parameter.device, copy=True)
            else:
                live[name] = copied(value)


def _tensors(module: Any) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _parameters(optimizer: Any) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
