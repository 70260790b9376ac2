"""`schedule` and `inject`: a policy as what Optax's users expect."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from glidepath.backends.optax.traced import LAST, evaluate
from glidepath.backends.porting import warn_of_porting
from glidepath.errors import ArgumentError
from glidepath.schedules import Duration, Flyable, Plan, Policy, Track, as_policy

TABLE = 2**24
"""Runs of up to this many updates are looked up in a table (64 MiB at the most)."""

NAMES = {
    "learning_rate": ("learning_rate",),
    "momentum": ("momentum", "b1"),
    "weight_decay": ("weight_decay",),
}
"""What Optax's factories call the hyperparameters that a policy flies."""


def schedule(
    policy: Flyable,
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
    *,
    name: str = "learning_rate",
) -> Callable[[Any], Any]:
    """One hyperparameter of a policy as an Optax schedule: a function of the update's count.

    `optax.adam(glidepath.optax.schedule(policy, total="10ep", steps_per_epoch=100))`. It traces
    under `jit`, `vmap` and `scan`, and takes an int or an array of them.

    With a length (of the run, or of the schedule itself) the values are looked up in the table
    rounded to float32: exactly `plan.table()`, and beyond the end the value that holds there.
    Without an end, or above 2**24 updates, the same formula is computed inside the step, with
    int32 steps that are exact to 2**30 (larger ones count as that). Its values are within 1e-6 of
    the peak and, while the rate is above a thousandth of it, within 1e-5 of themselves.

    Args:
        policy: a policy, a schedule, a number for a constant rate, or a plan of one.
        total: the run's length; not with a plan, which has its own.
        steps_per_epoch: updates in an epoch.
        name: "learning_rate", "momentum" or "weight_decay".

    Raises:
        ArgumentError: the policy does not fly `name`; it has controllers, which a function of the
            count cannot obey; a Python function without a length.
        PlanError: the policy does not fit the run.
    """
    plan = _without_controllers(planned(policy, total, steps_per_epoch))
    if name not in plan.tracks:
        raise ArgumentError(
            f"schedule: the policy flies {list(plan.tracks)}, got {name!r}; choose one of them"
        )
    if name == "learning_rate":
        where = {"momentum": "optax.sgd(momentum=...)", "decay": "optax.adamw and its like"}
        warn_of_porting(plan.policy, "optax", **where, coupled=False)
    return _schedule(plan.tracks[name])


def inject(
    policy: Flyable,
    optimizer: Callable[..., Any],
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
    **arguments: Any,
) -> Any:
    """An optimizer that flies all of a policy: rate, momentum (b1 in Adam's family), weight decay.

    `glidepath.optax.inject(policy, optax.adamw, total=10000, b2=0.99)` is
    `optax.inject_hyperparams(optax.adamw)` with a schedule for each. What was applied last stands
    in `state.hyperparams`, and nothing is compiled again when values change.

    Args:
        policy: a policy, a schedule, a number for a constant rate, or a plan of one.
        optimizer: a factory such as `optax.sgd`, with an argument for each flown hyperparameter.
        total: the run's length; not with a plan, which has its own.
        steps_per_epoch: updates in an epoch.
        **arguments: the factory's other arguments.

    Raises:
        ArgumentError: the factory has no such argument, or `arguments` set one that is flown.
        PlanError: the policy does not fit the run.
    """
    plan = _without_controllers(planned(policy, total, steps_per_epoch))
    flown = {name: _schedule(track) for name, track in plan.tracks.items()}
    return inject_each(optimizer, flown, arguments, plan.policy)


def inject_each(
    optimizer: Callable[..., Any],
    schedules: dict[str, Any],
    arguments: dict[str, Any],
    policy: Policy,
) -> Any:
    """The optimizer with Optax schedules for its hyperparameters, which `policy` names."""
    known = parameters_of(optimizer)
    _warn_of_porting(policy, optimizer, {**known, **arguments})
    flown = {_argument(name, known, optimizer): given for name, given in schedules.items()}
    twice = sorted(set(flown) & set(arguments))
    if twice:
        raise ArgumentError(
            f"inject: the policy flies {', '.join(twice)}, so leave it out of the arguments"
        )
    return injected(optimizer, known, flown, arguments)


def injected(
    optimizer: Callable[..., Any],
    known: dict[str, Any],
    flown: dict[str, Any],
    arguments: dict[str, Any],
) -> Any:
    """The optimizer with `flown` in its state; everything else is as the factory has it."""
    static = [name for name in known if name not in flown]
    make = optax.inject_hyperparams(optimizer, static, hyperparam_dtype=jnp.float32)
    return make(**flown, **arguments)


def parameters_of(optimizer: Callable[..., Any]) -> dict[str, Any]:
    """The named arguments of an optimizer's factory with their defaults."""
    if not callable(optimizer) or isinstance(optimizer, tuple):
        raise ArgumentError(
            f"needs an optimizer's factory, got {type(optimizer).__name__}; give e.g. optax.sgd, "
            "functools.partial(optax.sgd, momentum=0.9), or a function of learning_rate"
        )
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: parameter.default
        for name, parameter in inspect.signature(optimizer).parameters.items()
        if parameter.kind not in kinds
    }


def _schedule(track: Track) -> Callable[[Any], Any]:
    curve, end = track.curve, track.total_steps
    length = curve.length if end is None else end
    if length is not None and length <= TABLE:
        rounded = curve.block(0, length + 1) if end is None else track.block(0, length + 1)
        with jax.ensure_compile_time_eval():
            table = jnp.asarray(rounded, jnp.float32)
        return lambda count: table[jnp.minimum(_count(count), length)]
    last = LAST if length is None else min(length, LAST)

    def formula(count: Any) -> Any:
        return evaluate(curve, jnp.minimum(_count(count), last))

    jax.eval_shape(formula, jax.ShapeDtypeStruct((), jnp.int32))  # what cannot be, is said now
    return formula


def _count(count: Any) -> Any:
    """The count as int32, not negative."""
    if isinstance(count, int | np.integer):
        count = min(int(count), LAST)
    return jnp.maximum(jnp.asarray(count).astype(jnp.int32), 0)


def planned(policy: Flyable, total: Duration | None, steps_per_epoch: int | None) -> Plan:
    """The plan that was given, or that of a policy over `total`."""
    if isinstance(policy, Plan):
        if total is not None or steps_per_epoch is not None:
            raise ArgumentError("a plan has its own length; leave total and steps_per_epoch out")
        return policy
    return as_policy(policy).plan(total, steps_per_epoch)


def _without_controllers(plan: Plan) -> Plan:
    if plan.controllers:
        raise ArgumentError(
            "the policy has controllers, which need metrics, and an Optax schedule knows only the "
            "count; fly it with glidepath.optax.Flight, or leave them out"
        )
    return plan


def _warn_of_porting(policy: Policy, optimizer: Any, given: dict[str, Any]) -> None:
    """Warn of what the optimizer makes of rates from another framework."""
    kind = getattr(optimizer, "__name__", "this optimizer")
    flown = policy.schedules

    def used(name: str) -> str | None:
        has = name in given and (name in flown or given[name] not in (None, 0.0))
        return f"optax.{kind}" if has else None

    warn_of_porting(
        policy, "optax", momentum=used("momentum"), decay=used("weight_decay"), coupled=False
    )


def _argument(name: str, known: dict[str, Any], optimizer: Any) -> str:
    """What the factory calls a hyperparameter."""
    for argument in NAMES[name]:
        if argument in known:
            return argument
    raise ArgumentError(
        f"inject: the policy flies {name}, and {getattr(optimizer, '__name__', optimizer)} has no "
        f"argument {' or '.join(NAMES[name])}; leave it out of the policy, or use another optimizer"
    )
