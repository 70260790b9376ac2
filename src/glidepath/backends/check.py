"""`check`: one line in any training loop that raises where the plan is not what is applied."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.schedules.plan import Plan

_CHECKS = {
    "torch": "glidepath.backends.torch.check",
    "keras": "glidepath.backends.keras.check",
    "optax": "glidepath.backends.optax.check",
}
"""Where the check for a framework's optimizers is, by the package that they come from."""


def check(
    optimizer: Any,
    plan: Plan,
    *,
    start: int = 0,
    tolerance: float = 1e-6,
    groups: Mapping[int | str, Plan] | None = None,
) -> AbstractContextManager[Any]:
    """Watch a training loop, whoever sets the rate in it, and hold it to a plan.

    `with gp.check(optimizer, plan): train()` raises at the first update whose learning rate,
    momentum or weight decay is not the plan's, before it is applied, and names the likely cause:
    a scheduler that is stepped per epoch, twice, per process, per accumulated batch or never.

    In PyTorch and in Keras on torch it raises in the loop. Where Keras compiles the step (on JAX,
    on TensorFlow) training stops soon after, and the block raises; it has to be there before the
    step is compiled. An Optax optimizer cannot be watched from outside: give each new state to
    the block, `with gp.check(optimizer, plan) as checked: ...; checked.saw(state)`, which compares
    what that update applied.

    Args:
        optimizer: the optimizer of the loop: PyTorch's, Keras's, or an Optax transformation made
            with `inject_hyperparams`.
        plan: what should be applied; what it does not fly is not looked at.
        start: the update that comes first; above 0 for a run that is resumed.
        tolerance: the largest relative difference that is no difference.
        groups: the plans of single parameter groups, as `glidepath.torch.Scheduler` takes them;
            in PyTorch alone.

    Raises:
        ArgumentError: an optimizer that cannot be watched; a plan with controllers, whose rates
            depend on metrics.
        CheckError: while the block runs, where another value is about to be applied; at its end,
            where no update was seen.
    """
    for kind in type(optimizer).__mro__:
        module = _CHECKS.get(kind.__module__.partition(".")[0])
        if module is not None:
            watch = importlib.import_module(module).OptimizerCheck
            watching: AbstractContextManager[Any] = watch(
                optimizer, plan, start=start, tolerance=tolerance, groups=groups
            )
            return watching
    raise ArgumentError(
        f"check: watches optimizers of {', '.join(_CHECKS)}, got {type(optimizer).__name__}; give "
        "the optimizer whose step the loop makes, or compare what you log with plan.table()"
    )


def no_groups(framework: str, groups: object) -> None:
    """ArgumentError where plans of parameter groups are given, and there are none."""
    if groups:
        raise ArgumentError(
            f"check: {framework} has no parameter groups, got groups={groups!r}; leave them out, "
            "and check each optimizer by itself"
        )
