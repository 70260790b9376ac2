"""Drawn schedules of Keras, called step by step; they compute in float32."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
from hypothesis import strategies as st
from keras import ops
from parity import RATES, SHARES, Pair, case

import glidepath as gp

ours = gp.compat.keras
native = keras.optimizers.schedules
STEPS = 40
JAX = keras.backend.backend() == "jax"
COUNTS = st.integers(2 if JAX else 1, 30)
"""Steps of a period: with one step every update is a boundary, and JAX misplaces boundaries."""


def pair(name, **arguments):
    schedule = getattr(native, name)(**arguments)
    if JAX:  # eager, it would compile a condition at every call
        import jax

        schedule = jax.jit(schedule)
    values = [float(ops.convert_to_numpy(schedule(k))) for k in range(STEPS)]
    found = Pair(getattr(ours, name)(**arguments), np.array(values, np.float32))
    if JAX and (arguments.get("staircase") or arguments.get("cycle")):
        # XLA multiplies by 1/decay_steps and misplaces steps; see docs/divergences.md.
        found.compared = np.arange(STEPS) % arguments["decay_steps"] != 0
    return found


@case("keras", "ExponentialDecay")
def exponential(draw):
    return pair(
        "ExponentialDecay",
        initial_learning_rate=draw(RATES),
        decay_steps=draw(COUNTS),
        decay_rate=draw(st.just(0.0) | st.floats(0.5, 1.2)),
        staircase=draw(st.booleans()),
    )


@case("keras", "PiecewiseConstantDecay")
def piecewise(draw):
    edges = sorted(draw(st.sets(COUNTS, min_size=1, max_size=4)))
    values = [draw(RATES) for _ in range(len(edges) + 1)]
    return pair("PiecewiseConstantDecay", boundaries=edges, values=values)


@case("keras", "PolynomialDecay")
def polynomial(draw):
    over, cycle = draw(COUNTS), draw(st.booleans())
    found = pair(
        "PolynomialDecay",
        initial_learning_rate=draw(RATES),
        decay_steps=over,
        end_learning_rate=draw(st.floats(1e-5, 0.1)),
        power=draw(st.floats(1.0, 3.0)),
        cycle=cycle,
    )
    if JAX:  # by the same reciprocal the rate may be NaN from the end on
        found.compared = np.arange(STEPS) % over != 0 if cycle else np.arange(STEPS) < over
    return found


@case("keras", "InverseTimeDecay")
def inverse_time(draw):
    return pair(
        "InverseTimeDecay",
        initial_learning_rate=draw(RATES),
        decay_steps=draw(COUNTS),
        decay_rate=draw(st.floats(0.0, 3.0)),
        staircase=draw(st.booleans()),
    )


@case("keras", "CosineDecay")
def cosine(draw):
    return pair(
        "CosineDecay",
        initial_learning_rate=draw(RATES),
        decay_steps=draw(COUNTS),
        alpha=draw(SHARES),
        warmup_target=draw(st.none() | RATES),
        warmup_steps=draw(st.integers(0, 20)),
    )


@case("keras", "CosineDecayRestarts")
def cosine_restarts(draw):
    first, stretch = draw(st.integers(2, 12)), draw(st.sampled_from([1.0, 1.5, 2.0, 3.0]))
    found = pair(
        "CosineDecayRestarts",
        initial_learning_rate=draw(RATES),
        first_decay_steps=first,
        t_mul=stretch,
        m_mul=draw(st.floats(0.5, 1.2)),
        alpha=draw(SHARES),
    )
    # The native logarithm misplaces restarts; see docs/divergences.md.
    starts = np.cumsum([0.0] + [first * stretch**i for i in range(20)])
    near = np.abs(np.arange(STEPS)[:, None] - starts).min(axis=1) < 1e-3
    found.compared = ~(near & (stretch != 1.0))
    return found


@case("keras", "ReduceLROnPlateau")
def reduce_lr_on_plateau(draw):
    lr, metrics = draw(RATES), draw(st.lists(st.floats(0.1, 3.0), min_size=12, max_size=30))
    arguments = {
        "factor": draw(st.floats(0.1, 0.9)),
        "patience": draw(st.integers(0, 5)),
        "min_delta": draw(st.floats(0.0, 0.2)),
        "cooldown": draw(st.integers(0, 4)),
        "min_lr": draw(st.floats(0.0, 0.1)) * lr,
    }
    optimizer = keras.optimizers.SGD(lr)
    callback = keras.callbacks.ReduceLROnPlateau(**arguments)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    controller = ours.ReduceLROnPlateau(lr, **arguments).controllers[0]
    state, mine, theirs = controller.init(), [], []
    for epoch, metric in enumerate(metrics):
        callback.on_epoch_end(epoch, {"val_loss": metric})
        state = controller.update(state, metric, controller.apply(state, lr))
        theirs.append(float(ops.convert_to_numpy(optimizer.learning_rate)))
        mine.append(controller.apply(state, lr))
    return Pair(gp.from_function(mine.__getitem__).take(len(mine) - 1), np.float32(theirs))
