"""Hooks on an optimizer: one that counts the updates it applied, one after its state is loaded."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.optim import Optimizer

from glidepath.errors import ArgumentError

_FOLLOWED: weakref.WeakKeyDictionary[Optimizer, bool] = weakref.WeakKeyDictionary()
"""The optimizers whose updates are counted by a scheduler."""


def innermost(optimizer: Any) -> Any:
    """The optimizer that updates, inside the wrappers of Lightning and accelerate."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
        optimizer = inner
    return optimizer


def was_applied(optimizer: Any) -> bool:
    """Whether the update at hand changes the weights.

    A gradient scaler leaves out the call of most optimizers' `step`; fused ones are called with
    `found_inf` and skip inside. Asking a tensor on an accelerator waits for it.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is None or not float(found)


def refuse_followed(optimizer: Any) -> None:
    """ArgumentError for an optimizer whose updates a scheduler counts already."""
    if innermost(optimizer) in _FOLLOWED:
        raise ArgumentError(
            "Scheduler: another scheduler follows this optimizer; call its detach() first, or "
            "give both policies to one scheduler with groups={...}"
        )


def hook_load(optimizer: Any, scheduler: Any) -> Any:
    """Call `scheduler._reload()` after the optimizer's state was loaded; has `remove()`."""
    kept = weakref.ref(scheduler)

    def loaded(optimizer: Any) -> None:
        alive = kept()
        if alive is not None:
            alive._reload()

    return innermost(optimizer).register_load_state_dict_post_hook(loaded)


def hook_updates(optimizer: Any, scheduler: Any) -> Any:
    """Call `scheduler._advance()` after every update that was applied; has `remove()`."""

    def count(optimizer: Any) -> None:
        if was_applied(optimizer):
            scheduler._advance()

    def stepped(optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_dynamo_compiling():
            # The counter is a Python number, which a graph would be bound to.
            torch._dynamo.disable(count)(optimizer)
        else:
            count(optimizer)

    inner = innermost(optimizer)
    _FOLLOWED[inner] = True
    return _Followed(inner, inner.register_step_post_hook(stepped))


class _Followed:
    """The handle of the hook that counts."""

    def __init__(self, optimizer: Optimizer, handle: Any) -> None:
        self._optimizer, self._handle = optimizer, handle

    def remove(self) -> None:
        """Remove the hook, and let another scheduler follow."""
        self._handle.remove()
        _FOLLOWED.pop(self._optimizer, None)
