"""The schedules of optax.schedules. Optax computes in float32; these are float64."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glidepath.compat._phases import at_boundaries, flat, join, ramp, steps_at, whole
from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Schedule,
    checks,
    constant,
    cosine_decay,
    linear,
    polynomial_decay,
)
from glidepath.schedules import exponential_decay as _exponential
from glidepath.schedules.origin import ported_from
from glidepath.schedules.ported import cosine_wave

__all__ = [
    "constant_schedule",
    "cosine_decay_schedule",
    "cosine_onecycle_schedule",
    "exponential_decay",
    "join_schedules",
    "linear_onecycle_schedule",
    "linear_schedule",
    "piecewise_constant_schedule",
    "piecewise_interpolate_schedule",
    "polynomial_schedule",
    "sgdr_schedule",
    "warmup_constant_schedule",
    "warmup_cosine_decay_schedule",
    "warmup_exponential_decay_schedule",
]


@ported_from("optax")
def constant_schedule(value: float) -> Schedule:
    """`value` for ever."""
    return constant(value)


@ported_from("optax")
def polynomial_schedule(
    init_value: float,
    end_value: float,
    power: float,
    transition_steps: int,
    transition_begin: int = 0,
) -> Schedule:
    """init_value, and from transition_begin on (init − end)·(1 − k/transition_steps)^power + end.

    As in Optax, no transition steps mean `init_value` for ever, and a negative beginning is 0.
    """
    where = "polynomial_schedule"
    if transition_steps <= 0:
        return constant(init_value)
    over = whole(where, "transition_steps", transition_steps)
    begin = whole(where, "transition_begin", max(0, transition_begin))
    if power == 0:
        return constant(init_value)
    return join([*flat(init_value, begin), polynomial_decay(init_value, end_value, over, power)])


@ported_from("optax")
def linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """The polynomial of power 1."""
    return polynomial_schedule(init_value, end_value, 1.0, transition_steps, transition_begin)


@ported_from("optax")
def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """init_value, multiplied by each scale from its boundary on."""
    return steps_at(init_value, list(_scales(boundaries_and_scales).items()))


@ported_from("optax")
def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """init_value·decay_rate^((k − begin)/transition_steps), bounded by `end_value`.

    The bound is from below where the rate decays and from above where it grows. As in Optax, no
    transition steps or no decay rate mean `init_value` for ever.
    """
    where = "exponential_decay"
    if transition_steps <= 0 or decay_rate == 0:
        return constant(init_value)
    every = whole(where, "transition_steps", transition_steps)
    begin = whole(where, "transition_begin", max(0, transition_begin))
    decayed = join(
        [*flat(init_value, begin), _exponential(init_value, decay_rate, every, staircase)]
    )
    if end_value is None:
        return decayed
    return decayed.clip(low=end_value) if decay_rate < 1 else decayed.clip(high=end_value)


@ported_from("optax")
def cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Schedule:
    """init_value·[(1 − alpha)·((1 + cos(πk/decay_steps))/2)^exponent + alpha]."""
    where = "cosine_decay_schedule"
    over = whole(where, "decay_steps", decay_steps, least=1)
    end = checks.number(where, "alpha", alpha) * init_value
    if exponent == 1.0:
        return cosine_decay(init_value, over, end)
    return cosine_wave(init_value, over, end, exponent=exponent)


@ported_from("optax")
def piecewise_interpolate_schedule(
    interpolate_type: str,
    init_value: float,
    boundaries_and_scales: Mapping[int, float] | None = None,
) -> Schedule:
    """Ramps ("linear" or "cosine") between values that each scale multiplies at its boundary."""
    where = "piecewise_interpolate_schedule"
    checks.choice(where, "interpolate_type", interpolate_type, ("linear", "cosine"))
    phases: list[Schedule] = []
    value, begin = checks.number(where, "init_value", init_value), 0
    for end, scale in sorted(_scales(boundaries_and_scales).items()):
        if end > begin and interpolate_type == "linear":
            phases.append(linear(value, value * scale, end - begin))
        elif end > begin:
            phases.append(cosine_decay(value, end - begin, value * scale))
        value, begin = value * scale, max(begin, end)
    return join([*phases, constant(value)])


@ported_from("optax")
def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Linear up to the peak, back to its start, and down to start/final_div_factor."""
    total = whole("linear_onecycle_schedule", "transition_steps", transition_steps, least=1)
    return piecewise_interpolate_schedule(
        "linear",
        peak_value / div_factor,
        {
            int(pct_start * total): div_factor,
            int(pct_final * total): 1.0 / div_factor,
            total: 1.0 / final_div_factor,
        },
    )


@ported_from("optax")
def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Cosines up to the peak, and down to peak/div_factor/final_div_factor."""
    total = whole("cosine_onecycle_schedule", "transition_steps", transition_steps, least=1)
    return piecewise_interpolate_schedule(
        "cosine",
        peak_value / div_factor,
        {int(pct_start * total): div_factor, total: 1.0 / (div_factor * final_div_factor)},
    )


@ported_from("optax")
def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    """Linear to the peak, which holds."""
    return linear_schedule(init_value, peak_value, warmup_steps)


@ported_from("optax")
def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """Linear to the peak and a cosine down; `decay_steps` includes the warm-up."""
    where = "warmup_cosine_decay_schedule"
    up = whole(where, "warmup_steps", warmup_steps)
    over = whole(where, "decay_steps", decay_steps, least=up + 1) - up
    alpha = 0.0 if peak_value == 0 else end_value / peak_value
    return join(
        [
            *ramp(init_value, peak_value, up),
            cosine_decay_schedule(peak_value, over, alpha, exponent),
        ]
    )


@ported_from("optax")
def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """Linear to the peak, and `exponential_decay` from there."""
    up = whole("warmup_exponential_decay_schedule", "warmup_steps", warmup_steps)
    decay = exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return join([*ramp(init_value, peak_value, up), decay])


@ported_from("optax")
def sgdr_schedule(cosine_kwargs: Iterable[Mapping[str, Any]]) -> Schedule:
    """A warm-up and a cosine for each dict of arguments, one after the other."""
    where = "sgdr_schedule"
    given = [dict(kwargs) for kwargs in cosine_kwargs]
    boundaries, step = [], 0
    for kwargs in given:
        if "decay_steps" not in kwargs:
            raise ArgumentError(f"{where}: each dict needs decay_steps, got {kwargs!r}; add it")
        step += kwargs["decay_steps"]
        boundaries.append(step)
    cycles = [warmup_cosine_decay_schedule(**kwargs) for kwargs in given]
    return at_boundaries(where, cycles, boundaries[:-1])


@ported_from("optax")
def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Each schedule from its boundary on, counting from 0 there."""
    return at_boundaries("join_schedules", schedules, boundaries)


def _scales(given: Mapping[int, float] | None) -> dict[int, float]:
    where = "boundaries_and_scales"
    return {
        whole(where, "a boundary", boundary): checks.number(where, "a scale", scale)
        for boundary, scale in (given or {}).items()
    }
