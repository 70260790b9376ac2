"""The schedules of transformers.get_scheduler, by its names and by its functions.

In the place of the optimizer stands its learning rate. Numbers of steps are optimizer updates.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from glidepath.compat._phases import begins, controlled, flat, join, ramp, whole
from glidepath.compat.torch import ReduceLROnPlateau
from glidepath.control import greedy
from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Policy,
    Schedule,
    checks,
    constant,
    cosine_decay,
    linear,
    polynomial_decay,
    power_decay,
)
from glidepath.schedules.origin import ported_from
from glidepath.schedules.ported import cosine_cycles, cosine_wave, interpolate

__all__ = [
    "get_constant_schedule",
    "get_constant_schedule_with_warmup",
    "get_cosine_schedule_with_warmup",
    "get_cosine_with_hard_restarts_schedule_with_warmup",
    "get_cosine_with_min_lr_schedule_with_warmup",
    "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
    "get_greedy_schedule",
    "get_inverse_sqrt_schedule",
    "get_linear_schedule_with_warmup",
    "get_polynomial_decay_schedule_with_warmup",
    "get_reduce_on_plateau_schedule",
    "get_scheduler",
    "get_wsd_schedule",
]

WSD_TYPES = ("linear", "cosine", "1-sqrt")


@ported_from("transformers")
def get_constant_schedule(lr: float, last_epoch: int = -1) -> Schedule:
    """`lr` for ever."""
    begins("get_constant_schedule", last_epoch)
    return constant(lr)


@ported_from("transformers")
def get_constant_schedule_with_warmup(
    lr: float, num_warmup_steps: float, last_epoch: int = -1
) -> Schedule:
    """Linear from 0, then `lr`."""
    where = "get_constant_schedule_with_warmup"
    begins(where, last_epoch)
    up = checks.number(where, "num_warmup_steps", num_warmup_steps)
    return join([*_rise(lr, up), constant(lr)])


@ported_from("transformers")
def get_linear_schedule_with_warmup(
    lr: float, num_warmup_steps: float, num_training_steps: float, last_epoch: int = -1
) -> Schedule:
    """Linear from 0, then linear to 0 at the end of training; 0 at once where it is over by then.

    Both numbers may be fractions, as natively: the peak then lies between two updates.
    """
    where = "get_linear_schedule_with_warmup"
    begins(where, last_epoch)
    up = checks.number(where, "num_warmup_steps", num_warmup_steps)
    total = checks.number(where, "num_training_steps", num_training_steps)
    first = math.ceil(up)
    if total <= first:
        return join([*_rise(lr, up), constant(0.0)])
    if up == first and total.is_integer():
        return join([*_rise(lr, up), linear(lr, 0.0, int(total) - first)])
    return join([*_rise(lr, up), interpolate([lr, 0.0], [up - first, total - first])])


@ported_from("transformers")
def get_cosine_schedule_with_warmup(
    lr: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> Schedule:
    """Linear from 0, then `num_cycles` full waves of a cosine, half a wave by default.

    At the end of training it holds; Transformers' goes on along the wave.
    """
    begins("get_cosine_schedule_with_warmup", last_epoch)
    up, down = _steps("get_cosine_schedule_with_warmup", num_warmup_steps, num_training_steps)
    return join([*ramp(0.0, lr, up), _wave(lr, down, 0.0, num_cycles)])


@ported_from("transformers")
def get_cosine_with_hard_restarts_schedule_with_warmup(
    lr: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: int = 1,
    last_epoch: int = -1,
) -> Schedule:
    """Linear from 0, then `num_cycles` equal falls of a cosine, and 0 at the end of training."""
    where = "get_cosine_with_hard_restarts_schedule_with_warmup"
    begins(where, last_epoch)
    up, down = _steps(where, num_warmup_steps, num_training_steps)
    cycles = checks.number(where, "num_cycles", num_cycles)
    falls = [cosine_cycles(lr, down / cycles).take(down)] if cycles else flat(lr, down)
    return join([*ramp(0.0, lr, up), *falls, constant(0.0)])


@ported_from("transformers")
def get_polynomial_decay_schedule_with_warmup(
    lr: float,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    last_epoch: int = -1,
) -> Schedule:
    """Linear from 0, then (lr − lr_end)·(1 − u)^power + lr_end, and lr_end after training."""
    where = "get_polynomial_decay_schedule_with_warmup"
    begins(where, last_epoch)
    up, down = _steps(where, num_warmup_steps, num_training_steps)
    whole(where, "num_training_steps", num_training_steps, least=up + 1)
    if not lr > lr_end:
        raise ArgumentError(f"{where}: lr_end must be below lr, got {lr_end!r} and {lr!r}")
    if power == 0:
        return join([*ramp(0.0, lr, up), *flat(lr, down + 1), constant(lr_end)])
    return join([*ramp(0.0, lr, up), polynomial_decay(lr, lr_end, down, power)])


@ported_from("transformers")
def get_inverse_sqrt_schedule(
    lr: float, num_warmup_steps: int, timescale: int | None = None, last_epoch: int = -1
) -> Schedule:
    """Linear from 0, then lr/√(1 + (k − num_warmup_steps)/timescale).

    `timescale` is `num_warmup_steps` if None, or 10000 without a warm-up.
    """
    where = "get_inverse_sqrt_schedule"
    begins(where, last_epoch)
    up = whole(where, "num_warmup_steps", num_warmup_steps)
    scale = (up or 10_000) if timescale is None else whole(where, "timescale", timescale, least=1)
    return join([*ramp(0.0, lr, up), power_decay(lr, scale, 0.5)])


@ported_from("transformers")
def get_cosine_with_min_lr_schedule_with_warmup(
    lr: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
) -> Schedule:
    """Linear from 0, then a cosine from lr to min_lr (or lr·min_lr_rate), which holds."""
    where = "get_cosine_with_min_lr_schedule_with_warmup"
    begins(where, last_epoch)
    up, down = _steps(where, num_warmup_steps, num_training_steps)
    lowest = _lowest(where, lr, min_lr, min_lr_rate)
    return join([*ramp(0.0, lr, up), _wave(lr, down, lowest, num_cycles)])


@ported_from("transformers")
def get_cosine_with_min_lr_schedule_with_warmup_lr_rate(
    lr: float,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> Schedule:
    """The same with a warm-up from lr/num_warmup_steps (or lr·warmup_lr_rate), one update ahead.

    The warm-up ends at update num_warmup_steps − 1 and the cosine at num_training_steps − 1.
    """
    where = "get_cosine_with_min_lr_schedule_with_warmup_lr_rate"
    begins(where, last_epoch)
    up, down = _steps(where, num_warmup_steps, num_training_steps)
    lowest = _lowest(where, lr, min_lr, min_lr_rate)
    warmup: list[Schedule] = []
    if up and warmup_lr_rate is None:
        warmup = [interpolate([0.0, lr], [-1.0, up - 1.0]).take(up)]
    elif up:
        first = lr * checks.number(where, "warmup_lr_rate", warmup_lr_rate)
        warmup = [linear(first, lr, up - 1).take(up)] if up > 1 else flat(first, 1)
    return join([*warmup, cosine_wave(lr, down, lowest, num_cycles, offset=1)])


@ported_from("transformers")
def get_wsd_schedule(  # noqa: PLR0913, PLR0917 - Transformers' own signature
    lr: float,
    num_warmup_steps: int,
    num_decay_steps: int,
    num_training_steps: int | None = None,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> Schedule:
    """Warm-up from lr·min_lr_ratio, stable, decay to lr·min_lr_ratio, which holds."""
    where = "get_wsd_schedule"
    begins(where, last_epoch)
    up = whole(where, "num_warmup_steps", num_warmup_steps)
    down = whole(where, "num_decay_steps", num_decay_steps)
    stable = _stable(up, down, num_training_steps, num_stable_steps)
    checks.choice(where, "warmup_type", warmup_type, WSD_TYPES)
    checks.choice(where, "decay_type", decay_type, WSD_TYPES)
    lowest = lr * checks.number(where, "min_lr_ratio", min_lr_ratio)
    phases: list[Schedule] = []
    if up:
        phases += {
            "linear": [linear(lowest, lr, up)],
            "cosine": [cosine_decay(lowest, up, lr)],
            "1-sqrt": [polynomial_decay(lowest, lr, up, 0.5)],
        }[warmup_type]
    phases += flat(lr, stable)
    if down:
        phases += {
            "linear": [linear(lr, lowest, down)],
            "cosine": [_wave(lr, down, lowest, num_cycles)],
            "1-sqrt": [interpolate([lr, lowest], [0.0, float(down)], "sqrt")],
        }[decay_type]
    return join([*phases, constant(lowest)])


def get_reduce_on_plateau_schedule(
    lr: float | Schedule | Policy, monitor: str = "val_loss", **kwargs: Any
) -> Policy:
    """torch's ReduceLROnPlateau; see `glidepath.compat.torch`."""
    return ReduceLROnPlateau(lr, monitor=monitor, **kwargs)


_GREEDY = {
    "mode": "min",
    "factor": 0.95,
    "patience": 10,
    "threshold": 1e-6,
    "threshold_mode": "abs",
    "cooldown": 0,
    "warmup": 0,
    "min_lr": 1e-3,
    "max_lr": 1.0,
    "smooth": False,
}
_GREEDY_LEFT_OUT = ("eps", "reset_start", "verbose", "window_size")


def get_greedy_schedule(lr: float, monitor: str = "val_loss", **kwargs: Any) -> Policy:
    """Transformers' GreedyLR as `gp.greedy` on a constant rate.

    The bounds `min_lr` and `max_lr` (0.001 and 1.0 by default, as there) become bounds of the
    factor, so `lr` must lie between them. `eps`, `verbose` and the reset after `reset_start`
    reductions at `min_lr` are left out, and `smooth=True` and a relative threshold are refused.

    Args:
        lr: the rate that it begins with.
        monitor: the metric that `scheduler.step(metric)` was given.
        **kwargs: GreedyLR's own arguments.
    """
    where = "get_greedy_schedule"
    unknown = sorted(set(kwargs) - set(_GREEDY) - set(_GREEDY_LEFT_OUT))
    if unknown:
        raise ArgumentError(
            f"{where}: GreedyLR has no argument {', '.join(unknown)}; it has {', '.join(_GREEDY)}"
        )
    given: dict[str, Any] = {**_GREEDY, **kwargs}
    if given["smooth"] or given["threshold_mode"] != "abs":
        raise ArgumentError(
            f"{where}: smooth=True and threshold_mode='rel' are not there; leave them out (an "
            "epoch's metric is a mean already)"
        )
    rate = checks.number(where, "lr", lr, positive=True)
    low = checks.number(where, "min_lr", given["min_lr"], positive=True)
    high = checks.number(where, "max_lr", given["max_lr"])
    if not low <= rate <= high:
        raise ArgumentError(
            f"{where}: lr must lie between min_lr and max_lr, got {lr!r} and {low!r} to {high!r}; "
            "give bounds around it (outside of them GreedyLR itself moves the rate one way only)"
        )
    controller = greedy(
        monitor,
        given["factor"],
        whole(where, "patience", given["patience"]),
        given["mode"],
        given["threshold"],
        cooldown=whole(where, "cooldown", given["cooldown"]),
        hold=whole(where, "warmup", given["warmup"]),
        min_factor=low / rate,
        max_factor=high / rate,
    )
    return controlled(where, rate, controller, "transformers")


_FUNCTIONS: dict[str, Callable[..., Schedule | Policy]] = {
    "linear": get_linear_schedule_with_warmup,
    "cosine": get_cosine_schedule_with_warmup,
    "cosine_with_restarts": get_cosine_with_hard_restarts_schedule_with_warmup,
    "polynomial": get_polynomial_decay_schedule_with_warmup,
    "constant": get_constant_schedule,
    "constant_with_warmup": get_constant_schedule_with_warmup,
    "inverse_sqrt": get_inverse_sqrt_schedule,
    "reduce_lr_on_plateau": get_reduce_on_plateau_schedule,
    "greedy": get_greedy_schedule,
    "cosine_with_min_lr": get_cosine_with_min_lr_schedule_with_warmup,
    "cosine_warmup_with_min_lr": get_cosine_with_min_lr_schedule_with_warmup_lr_rate,
    "warmup_stable_decay": get_wsd_schedule,
}
_WARM_UP_ONLY = ("constant_with_warmup", "inverse_sqrt")
_WITHOUT_STEPS = ("constant", "reduce_lr_on_plateau", "greedy")


def get_scheduler(
    name: str,
    lr: float,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
) -> Schedule | Policy:
    """The schedule that `transformers.get_scheduler(name, optimizer, ...)` makes."""
    where = "get_scheduler"
    kind = checks.choice(where, "name", getattr(name, "value", name), _FUNCTIONS)
    given = {} if kind.startswith("constant") else dict(scheduler_specific_kwargs or {})
    function, steps = _FUNCTIONS[kind], dict[str, int | None]()
    if kind != "constant" and kind not in _WITHOUT_STEPS:
        if num_warmup_steps is None:
            raise ArgumentError(f"{where}: {kind!r} needs num_warmup_steps; give it")
        steps["num_warmup_steps"] = num_warmup_steps
    if steps and kind not in _WARM_UP_ONLY:
        if num_training_steps is None and kind != "warmup_stable_decay":
            raise ArgumentError(f"{where}: {kind!r} needs num_training_steps; give it")
        steps["num_training_steps"] = num_training_steps
    try:
        inspect.signature(function).bind(lr, **steps, **given)
    except TypeError as error:
        raise ArgumentError(
            f"{where}: {kind!r}: {error}; give scheduler_specific_kwargs={{...}} with what it takes"
        ) from error
    return function(lr, **steps, **given)


def _steps(where: str, num_warmup_steps: int, num_training_steps: int) -> tuple[int, int]:
    """The updates of the warm-up, and those after it: 1 where there are none, as natively."""
    up = whole(where, "num_warmup_steps", num_warmup_steps)
    return up, max(1, whole(where, "num_training_steps", num_training_steps, least=1) - up)


def _rise(lr: float, up: float) -> list[Schedule]:
    """A linear warm-up from 0 to update `up`, which may be a fraction."""
    if up.is_integer():
        return ramp(0.0, lr, int(up))
    return [interpolate([0.0, lr], [0.0, up]).take(math.ceil(up))]


def _wave(lr: float, over: int, lowest: float, num_cycles: float) -> Schedule:
    if num_cycles == 0.5:
        return cosine_decay(lr, over, lowest)
    return cosine_wave(lr, over, lowest, num_cycles)


def _lowest(where: str, lr: float, min_lr: float | None, min_lr_rate: float | None) -> float:
    if (min_lr is None) == (min_lr_rate is None):
        raise ArgumentError(
            f"{where}: needs min_lr or min_lr_rate and not both, got {min_lr!r} and "
            f"{min_lr_rate!r}; give one of them"
        )
    if min_lr is not None:
        return checks.number(where, "min_lr", min_lr)
    return lr * checks.number(where, "min_lr_rate", min_lr_rate)


def _stable(
    up: int, down: int, num_training_steps: int | None, num_stable_steps: int | None
) -> int:
    where = "get_wsd_schedule"
    if num_stable_steps is not None:
        return whole(where, "num_stable_steps", num_stable_steps)
    if num_training_steps is None:
        raise ArgumentError(f"{where}: needs num_training_steps or num_stable_steps; give one")
    return whole(where, "num_training_steps", num_training_steps, least=up + down) - up - down
