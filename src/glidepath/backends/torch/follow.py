"""Hooks on an optimizer: before each update, after those it applied, after its state is loaded.

Only the one that counts keeps the scheduler alive: an optimizer that is followed has its rates
from nowhere else. The others hold it weakly, and go when it goes.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.optim import Optimizer

from glidepath.errors import ArgumentError

_TWO = (
    "what each sets the other would set anew; let one fly it all, gp.Policy(rate, momentum=..., "
    "weight_decay=...) and groups={...}, or call"
)
_FLOWN: weakref.WeakKeyDictionary[Optimizer, weakref.ref[Any]] = weakref.WeakKeyDictionary()
"""The scheduler that flies each optimizer, until it is detached or gone."""


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
    """ArgumentError for an optimizer whose updates a scheduler counts and sets by itself."""
    other = flier(optimizer)
    if other is not None and other._follow:
        raise ArgumentError(
            f"Scheduler: another scheduler follows this optimizer, and {_TWO} its detach() when "
            "its part of the training is over"
        )


def refuse_superseded(scheduler: Any) -> None:
    """ArgumentError for a scheduler that is stepped beside one that was made after it."""
    if flier(scheduler.optimizer) not in (None, scheduler):
        raise ArgumentError(
            "Scheduler.step: a Scheduler that was made later flies this optimizer, and "
            f"{_TWO} the later one's step() alone"
        )


def take(optimizer: Any, scheduler: Any) -> Any:
    """Note who flies an optimizer, whose last scheduler lets go of it; has `remove()`."""
    other = flier(optimizer)
    if other is not None and other is not scheduler:
        other.detach()
        other._superseded = True
    return _Flown(innermost(optimizer), scheduler)


def flier(optimizer: Any) -> Any:
    """The scheduler that flies an optimizer; None where none does."""
    return _FLOWN.get(innermost(optimizer), _nobody)()


def _nobody() -> None:
    return None


def hook_load(optimizer: Any, scheduler: Any) -> Any:
    """Call `scheduler._reload()` after the optimizer's state was loaded; has `remove()`."""
    kept = weakref.ref(scheduler)

    def loaded(optimizer: Any) -> None:
        alive = kept()
        if alive is not None:
            alive._reload()

    handle = innermost(optimizer).register_load_state_dict_post_hook(loaded)
    return _while_alive(scheduler, handle)


def hook_before(optimizer: Any, scheduler: Any) -> Any:
    """Before every update, let the scheduler take in parameter groups that are new; `remove()`."""
    kept = weakref.ref(scheduler)

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        alive = kept()
        if alive is not None:
            alive._moved = True
            groups = optimizer.param_groups
            if groups is alive._groups and len(groups) == len(alive._bound):
                return
            if torch.compiler.is_dynamo_compiling():
                torch._dynamo.disable(alive._take_in)()
            else:
                alive._take_in()

    return _while_alive(scheduler, innermost(optimizer).register_step_pre_hook(before))


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

    return innermost(optimizer).register_step_post_hook(stepped)


def _while_alive(scheduler: Any, handle: Any) -> Any:
    """The handle of a hook, which is removed when the scheduler goes."""
    weakref.finalize(scheduler, handle.remove).atexit = False
    return handle


class _Flown:
    """That a scheduler flies an optimizer."""

    def __init__(self, optimizer: Optimizer, scheduler: Any) -> None:
        self._optimizer = weakref.ref(optimizer)
        self._mine = _FLOWN[optimizer] = weakref.ref(scheduler)

    def remove(self) -> None:
        """Let another scheduler fly it."""
        optimizer = self._optimizer()
        if optimizer is not None and _FLOWN.get(optimizer) is self._mine:
            del _FLOWN[optimizer]
