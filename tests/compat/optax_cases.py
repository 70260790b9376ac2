"""Drawn schedules of Optax, called under vmap; they compute in float32."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from hypothesis import assume
from hypothesis import strategies as st
from parity import COUNTS, RATES, SHARES, STEPS, Pair, case

import glidepath as gp

ours = gp.compat.optax


def table(schedule):
    return np.asarray(jax.vmap(lambda k: jnp.asarray(schedule(k), jnp.float32))(jnp.arange(STEPS)))


def pair(name, **arguments):
    native = getattr(optax.schedules, name)(**arguments)
    return Pair(getattr(ours, name)(**arguments), table(native))


@case("optax", "constant_schedule")
def constant(draw):
    return pair("constant_schedule", value=draw(RATES))


@case("optax", "polynomial_schedule")
def polynomial(draw):
    return pair(
        "polynomial_schedule",
        init_value=draw(RATES),
        end_value=draw(RATES),
        power=draw(st.floats(1.0, 3.0)),
        transition_steps=draw(st.integers(-1, 90)),
        transition_begin=draw(st.integers(-3, 30)),
    )


@case("optax", "linear_schedule")
def linear(draw):
    return pair(
        "linear_schedule",
        init_value=draw(RATES),
        end_value=draw(RATES),
        transition_steps=draw(st.integers(-1, 90)),
        transition_begin=draw(st.integers(-3, 30)),
    )


def scales(draw):
    return draw(st.dictionaries(st.integers(0, 100), st.floats(0.1, 2.0), max_size=5))


@case("optax", "piecewise_constant_schedule")
def piecewise_constant(draw):
    given = draw(st.none() | st.just(scales(draw)))
    return pair("piecewise_constant_schedule", init_value=draw(RATES), boundaries_and_scales=given)


def late(every):
    """Whether k·(1/every) in float32, which a compiled k/every is, misses a whole number."""
    steps = np.arange(STEPS, dtype=np.float32)
    return (np.floor(steps * (np.float32(1) / np.float32(every))) != steps // every).any()


LATE = {every for every in range(1, STEPS) if late(every)}
"""Periods at which a compiled staircase of Optax's steps late (docs/divergences.md)."""


def bases(largest):
    """Decay rates that float32 holds: one that it rounds is 119 × 6e-8 off at the power of 119."""
    return st.floats(float(np.float32(0.3)), float(np.float32(largest)), width=32)


def stairs(draw, periods):
    """A period, and whether the decay is a staircase; not where Optax's own is misplaced."""
    every = draw(periods)
    return {"transition_steps": every, "staircase": every not in LATE and draw(st.booleans())}


@case("optax", "exponential_decay")
def exponential(draw):
    init = draw(RATES)
    rate = draw(st.just(0.0) | bases(1.5))
    return pair(
        "exponential_decay",
        init_value=init,
        **stairs(draw, st.integers(0, 90)),
        decay_rate=rate,
        transition_begin=draw(st.integers(-3, 30)),
        end_value=draw(st.none() | st.just(init * (0.5 if rate < 1 else 1.7))),
    )


@case("optax", "cosine_decay_schedule")
def cosine(draw):
    return pair(
        "cosine_decay_schedule",
        init_value=draw(RATES),
        decay_steps=draw(COUNTS),
        alpha=draw(SHARES),
        exponent=draw(st.just(1.0) | st.floats(1.0, 3.0)),
    )


@case("optax", "piecewise_interpolate_schedule")
def piecewise_interpolate(draw):
    return pair(
        "piecewise_interpolate_schedule",
        interpolate_type=draw(st.sampled_from(["linear", "cosine"])),
        init_value=draw(RATES),
        boundaries_and_scales=draw(st.none() | st.just(scales(draw))),
    )


def finite(name, **arguments):
    """A pair, where this Optax has values: older ones divide by a phase that has no update."""
    found = pair(name, **arguments)
    assume(bool(np.isfinite(found.native).all()))
    return found


@case("optax", "linear_onecycle_schedule")
def linear_onecycle(draw):
    return finite(
        "linear_onecycle_schedule",
        transition_steps=draw(COUNTS),
        peak_value=draw(RATES),
        pct_start=draw(st.floats(0.0, 0.5)),
        pct_final=draw(st.floats(0.5, 1.0)),
        div_factor=draw(st.floats(2.0, 40.0)),
        final_div_factor=draw(st.floats(2.0, 1e3)),
    )


@case("optax", "cosine_onecycle_schedule")
def cosine_onecycle(draw):
    return finite(
        "cosine_onecycle_schedule",
        transition_steps=draw(COUNTS),
        peak_value=draw(RATES),
        pct_start=draw(SHARES),
        div_factor=draw(st.floats(2.0, 40.0)),
        final_div_factor=draw(st.floats(2.0, 1e3)),
    )


@case("optax", "warmup_constant_schedule")
def warmup_constant(draw):
    values = {"init_value": draw(RATES), "peak_value": draw(RATES)}
    return pair("warmup_constant_schedule", **values, warmup_steps=draw(st.integers(0, 90)))


def warmup_cosine(draw):
    up = draw(st.integers(0, 30))
    return {
        "init_value": draw(RATES),
        "peak_value": draw(RATES),
        "warmup_steps": up,
        "decay_steps": up + draw(COUNTS),
        "end_value": draw(st.floats(0.0, 0.1)),
        "exponent": draw(st.just(1.0) | st.floats(1.0, 3.0)),
    }


@case("optax", "warmup_cosine_decay_schedule")
def warmup_cosine_decay(draw):
    return pair("warmup_cosine_decay_schedule", **warmup_cosine(draw))


@case("optax", "warmup_exponential_decay_schedule")
def warmup_exponential_decay(draw):
    return pair(
        "warmup_exponential_decay_schedule",
        init_value=draw(RATES),
        peak_value=draw(RATES),
        warmup_steps=draw(st.integers(0, 30)),
        **stairs(draw, COUNTS),
        decay_rate=draw(bases(1.2)),
        transition_begin=draw(st.integers(0, 20)),
        end_value=draw(st.none() | st.just(1e-3)),
    )


@case("optax", "sgdr_schedule")
def sgdr(draw):
    cycles = [warmup_cosine(draw) for _ in range(draw(st.integers(1, 3)))]
    return pair("sgdr_schedule", cosine_kwargs=cycles)


@case("optax", "join_schedules")
def join(draw):
    first = {"init_value": draw(RATES), "end_value": draw(RATES), "transition_steps": draw(COUNTS)}
    then = {"init_value": draw(RATES), "decay_steps": draw(COUNTS)}
    at = [draw(COUNTS)]
    native = [optax.linear_schedule(**first), optax.cosine_decay_schedule(**then)]
    mine = [ours.linear_schedule(**first), ours.cosine_decay_schedule(**then)]
    return Pair(ours.join_schedules(mine, at), table(optax.join_schedules(native, at)))
