"""The schedules of keras.optimizers.schedules, and Keras's ReduceLROnPlateau callback.

Keras computes in float32; these are the same formulas in float64.
"""

from __future__ import annotations

from collections.abc import Sequence

from glidepath.compat._phases import controlled, join, named, power_of, ramp, whole
from glidepath.control import reduce_on_plateau
from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Policy,
    Schedule,
    checks,
    constant,
    cosine_decay,
    inverse_time_decay,
    piecewise_constant,
    polynomial_decay,
)
from glidepath.schedules.origin import ported_from
from glidepath.schedules.ported import cosine_cycles

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "ReduceLROnPlateau",
]

# The names of classes are kept, and with them their spelling.
# ruff: noqa: N802


@ported_from("keras")
def ExponentialDecay(
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    name: str | None = "ExponentialDecay",
) -> Schedule:
    """initial_learning_rate·decay_rate^(k/decay_steps); `staircase` floors the exponent."""
    named("ExponentialDecay", name)
    every = whole("ExponentialDecay", "decay_steps", decay_steps, least=1)
    return power_of(initial_learning_rate, decay_rate, every, staircase)


@ported_from("keras")
def PiecewiseConstantDecay(
    boundaries: Sequence[int], values: Sequence[float], name: str | None = "PiecewiseConstant"
) -> Schedule:
    """values[i] up to and including the update boundaries[i]: it switches one update later."""
    where = "PiecewiseConstantDecay"
    named(where, name)
    return piecewise_constant(values, [whole(where, "boundaries", b) + 1 for b in boundaries])


@ported_from("keras")
def PolynomialDecay(
    initial_learning_rate: float,
    decay_steps: int,
    end_learning_rate: float = 0.0001,
    power: float = 1.0,
    cycle: bool = False,
    name: str | None = "PolynomialDecay",
) -> Schedule:
    """(initial − end)·(1 − k/decay_steps)^power + end; `cycle` stretches decay_steps."""
    named("PolynomialDecay", name)
    over = whole("PolynomialDecay", "decay_steps", decay_steps, least=1)
    if power == 0:
        return constant(initial_learning_rate)
    return polynomial_decay(initial_learning_rate, end_learning_rate, over, power, cycle)


@ported_from("keras")
def InverseTimeDecay(
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
    name: str | None = "InverseTimeDecay",
) -> Schedule:
    """initial_learning_rate/(1 + decay_rate·k/decay_steps); `staircase` floors k/decay_steps."""
    named("InverseTimeDecay", name)
    every = whole("InverseTimeDecay", "decay_steps", decay_steps, least=1)
    return inverse_time_decay(initial_learning_rate, decay_rate, every, staircase)


@ported_from("keras")
def CosineDecay(
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    name: str | None = "CosineDecay",
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Schedule:
    """A cosine from the initial rate to alpha times it; with `warmup_target`, a warm-up first.

    As in Keras, `decay_steps` excludes the warm-up, and `warmup_steps` counts for nothing unless
    `warmup_target` is given.
    """
    where = "CosineDecay"
    named(where, name)
    over = whole(where, "decay_steps", decay_steps, least=1)
    share = checks.number(where, "alpha", alpha)
    if warmup_target is None:
        return cosine_decay(initial_learning_rate, over, share * initial_learning_rate)
    up = whole(where, "warmup_steps", warmup_steps)
    return join(
        [
            *ramp(initial_learning_rate, warmup_target, up),
            cosine_decay(warmup_target, over, share * warmup_target),
        ]
    )


@ported_from("keras")
def CosineDecayRestarts(
    initial_learning_rate: float,
    first_decay_steps: int,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
    name: str | None = "SGDRDecay",
) -> Schedule:
    """Cosine cycles of first_decay_steps·t_mul^i updates whose height above alpha is m_mul^i.

    The lengths are real numbers, as in Keras; `gp.cosine_restarts` rounds them to updates and
    decays the peak.
    """
    where = "CosineDecayRestarts"
    named(where, name)
    first = whole(where, "first_decay_steps", first_decay_steps, least=1)
    end = checks.number(where, "alpha", alpha) * initial_learning_rate
    height = checks.number(where, "m_mul", m_mul, positive=True)
    if checks.number(where, "t_mul", t_mul) < 1:
        raise ArgumentError(
            f"{where}: t_mul must be at least 1, got {t_mul!r}; below 1 the cycles run out, and "
            "Keras itself gives NaN then"
        )
    return cosine_cycles(initial_learning_rate, first, t_mul, height, end)


def ReduceLROnPlateau(  # noqa: PLR0913, PLR0917 - Keras's own signature, and the rate
    learning_rate: float | Schedule | Policy,
    monitor: str = "val_loss",
    factor: float = 0.1,
    patience: int = 10,
    verbose: int | bool = 0,
    mode: str = "auto",
    min_delta: float = 0.0001,
    cooldown: int = 0,
    min_lr: float = 0.0,
) -> Policy:
    """A rate or any schedule under the plateau controller, which counts as Keras does.

    A patience of 0 is that of 1, as in Keras. `verbose` counts for nothing: what a controller did
    is in the record of the rates.
    """
    where = "ReduceLROnPlateau"
    checks.count(where, "verbose", int(verbose), least=0)
    waits = max(1, whole(where, "patience", patience))
    rests = whole(where, "cooldown", cooldown)
    controller = reduce_on_plateau(monitor, factor, waits, mode, min_delta, rests, min_lr)
    return controlled(where, learning_rate, controller, "keras")
