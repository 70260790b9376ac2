"""The parameters and the optimizer's slots of the best epoch, kept to go back to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from glidepath.control.rollback import Action
from glidepath.errors import ResumeError

Arrays = list[Any]


class Best:
    """What a controller with `restore_best=True` goes back to.

    The copies share nothing with the loop's arrays, which a step may donate.
    """

    def __init__(self) -> None:
        self.arrays: Arrays = []
        """The copies, in the order of the tree's leaves; empty before the first best epoch."""

    def follow(self, action: Action | None, parameters: Any, state: Any) -> tuple[Any, Any]:
        """Keep a copy, or give the kept one back; the parameters and the state to go on with.

        Raises:
            ResumeError: there is no copy, or it is of other arrays.
        """
        if action is None:
            return parameters, state
        leaves, structure = jax.tree.flatten((parameters, state))
        goes = jax.tree.leaves((_all(parameters, True), _goes(state)))
        now = [leaf for leaf, back in zip(leaves, goes, strict=True) if back]
        if action == "keep":
            self.arrays = [_copy(leaf) for leaf in now]
            return parameters, state
        _check(self.arrays, now)
        kept = iter(self.arrays)
        found = [
            placed_as(next(kept), leaf) if back else leaf
            for leaf, back in zip(leaves, goes, strict=True)
        ]
        parameters, state = jax.tree.unflatten(structure, found)
        return parameters, state


def _goes(state: Any) -> Any:
    """The tree of the optimizer's state with True for each array that goes back.

    Of a wrapper's state (`inject_hyperparams`, `MultiSteps`, `apply_if_finite`) only what it wraps
    does: its own fields are counts, and gradients that are still being accumulated.
    """

    def part(node: Any) -> Any:
        if isinstance(node, optax.ScaleByScheduleState):
            return _all(node, False)
        if not _inner(node):
            return True
        fields = {name: getattr(node, name) for name in node._fields}
        return type(node)(
            **{
                name: _goes(field) if name in _inner(node) else _all(field, False)
                for name, field in fields.items()
            }
        )

    def whole(node: Any) -> bool:
        return isinstance(node, optax.ScaleByScheduleState) or bool(_inner(node))

    return jax.tree.map(part, state, is_leaf=whole)


def _inner(node: Any) -> list[str]:
    """The fields of a wrapper's state that hold what it wraps, by Optax's names for them."""
    return [name for name in getattr(type(node), "_fields", ()) if name.startswith("inner")]


def _all(tree: Any, value: bool) -> Any:
    return jax.tree.map(lambda _: value, tree)


def _copy(leaf: Any) -> Any:
    return jnp.array(leaf, copy=True)


def placed_as(kept: Any, leaf: Any) -> Any:
    """A copy of `kept`, of the type and on the devices of the array that it replaces."""
    copy = jnp.array(kept, jnp.result_type(leaf), copy=True)
    if not isinstance(leaf, jax.Array) or copy.sharding == leaf.sharding:
        return copy  # not committed to its device, as the other was: nothing is compiled anew
    return jax.device_put(copy, leaf.sharding)


def _check(kept: Sequence[Any], now: Sequence[Any]) -> None:
    if not kept:
        raise ResumeError(
            "restore_best: the run was resumed without the best epoch's arrays; save flight.best "
            "with the checkpoint's other arrays, and set it before training goes on"
        )
    shapes = [[jnp.shape(leaf) for leaf in leaves] for leaves in (kept, now)]
    if shapes[0] != shapes[1]:
        raise ResumeError(
            f"restore_best: the best epoch's arrays have the shapes {shapes[0]}, and the "
            f"parameters and the optimizer's slots {shapes[1]}; was flight.best set from another "
            "model's checkpoint, or in another order?"
        )
