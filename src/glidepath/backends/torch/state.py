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
    parameters = _parameters(optimizer)
    return {
        "slots": [copied(optimizer.state.get(parameter)) for parameter in parameters],
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


def _tensors(module: Any) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _parameters(optimizer: Any) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
