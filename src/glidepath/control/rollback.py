"""Roll-back: after a reduction go on from the best epoch, and not from the last one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from glidepath.errors import ArgumentError

Action = Literal["keep", "restore"]


def rolls_back(controller: Any) -> bool:
    """Whether a controller was made with `restore_best=True`."""
    return bool(getattr(controller, "restore_best", False))


def rollback(controller: Any, before: Any, after: Any) -> Action | None:
    """What an adapter does with the weights after an epoch, for a controller that rolls back.

    The clock and the controllers' states never go back: only the weights and the optimizer's
    slots do.

    Args:
        controller: a controller; without `restore_best=True` nothing is ever to be done.
        before: its state before `update`, with `best` and `factor`.
        after: its state after it.

    Returns:
        "keep" where the epoch is the best so far (better than the best before by more than
        `min_delta`): copy the weights and the optimizer's slots; "restore" where the rate was
        just reduced: put the copy back; None otherwise. Before the first "keep" there is no
        "restore".
    """
    if not rolls_back(controller):
        return None
    if after.best != before.best:
        return "keep"
    if after.factor < before.factor and after.best is not None:
        return "restore"
    return None


def one_rolls_back(controllers: Iterable[Any]) -> bool:
    """Whether one of the controllers rolls back.

    Raises:
        ArgumentError: several do, and the weights can go back to one best epoch only.
    """
    found = [controller for controller in controllers if rolls_back(controller)]
    if len(found) > 1:
        names = ", ".join(repr(controller.monitor) for controller in found)
        raise ArgumentError(
            f"restore_best: {len(found)} controllers want to roll back (they monitor {names}), "
            "and the weights can go back to the best epoch of one of them; leave it to one"
        )
    return bool(found)
