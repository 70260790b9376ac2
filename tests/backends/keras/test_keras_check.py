"""`check` around fit and around loops of one's own, on each engine."""

import keras
import numpy as np
import pytest
from keras_models import BATCH, STEPS, X, Y, number, optimizer, regressor

import glidepath as gp
import glidepath.keras as gk
from glidepath.backends.check import check
from glidepath.errors import CheckError

pytestmark = pytest.mark.keras
EPOCHS = 3
TOTAL = EPOCHS * STEPS
CYCLE = gp.one_cycle(peak=0.05)
COSINE = gp.cosine_decay(0.05, "100%").plan(TOTAL, STEPS)
ENGINE = keras.backend.backend()


def fit(model, *callbacks, epochs=EPOCHS, batch_size=BATCH):
    options = {"batch_size": batch_size, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, callbacks=[*callbacks], **options)


def native():
    """Keras's own schedule, computed in float32."""
    return keras.optimizers.schedules.CosineDecay(0.05, TOTAL)


def test_fit_under_a_flight_and_under_keras_own_schedule_is_quiet():
    model = regressor()
    kind = type(model.optimizer)
    with check(model.optimizer, CYCLE.plan(TOTAL, STEPS)) as checked:
        fit(model, gk.Flight(CYCLE))
    assert checked.updates == TOTAL
    assert type(model.optimizer) is kind
    model = regressor(keras.optimizers.Adam(native()))
    with check(model.optimizer, COSINE) as checked:
        fit(model)
    assert checked.updates == TOTAL
    fit(model, epochs=1)  # past the end, and watched by nobody


class Rates(keras.callbacks.Callback):
    """Sets the rate before every batch, by the updates done."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.done = rate, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = float(self.rate(self.done))
        self.done += 1


def accumulating():
    """Keras hands its schedules the count of batches: 12 of them are an epoch of 4 updates."""
    return regressor(keras.optimizers.SGD(native(), gradient_accumulation_steps=3))


MISTAKES = {
    r"once per epoch \(4 updates\)": (
        regressor,
        [lambda: keras.callbacks.LearningRateScheduler(lambda epoch: float(COSINE(epoch)))],
        {},
        1,
    ),
    "stepped twice per update": (
        regressor,
        [lambda: Rates(lambda k: COSINE(2 * k))],
        {},
        1,
    ),
    "once per batch under accumulation: 3 batches": (accumulating, [], {"batch_size": 5}, 0),
    "never stepped: give the optimizer glidepath.keras": (
        lambda: regressor(keras.optimizers.SGD(0.05)),
        [],
        {},
        1,
    ),
}


@pytest.mark.parametrize("cause", MISTAKES)
def test_each_mistake_is_named(cause):
    make, callbacks, how, first = MISTAKES[cause]
    model = make()
    kind = type(model.optimizer)
    with pytest.raises(CheckError, match=cause) as caught, check(model.optimizer, COSINE) as seen:
        fit(model, *(each() for each in callbacks), **how)
    assert str(caught.value).startswith(f"update {first} applies the learning_rate")
    assert seen.updates == first
    assert type(model.optimizer) is kind


def step_of(model):
    """A user's own step, compiled as the engine's users compile it; the weights go on in it."""
    if ENGINE == "jax":
        import jax

        def loss(weights, x, y):
            outputs, _ = model.stateless_call(weights, [], x)
            return keras.ops.mean((outputs - y) ** 2)

        @jax.jit
        def compiled(weights, slots, x, y):
            gradients = jax.grad(loss)(weights, x, y)
            return model.optimizer.stateless_apply(slots, gradients, weights)

        state = [[v.value for v in model.trainable_variables]]
        model.optimizer.build(model.trainable_variables)
        state.append([v.value for v in model.optimizer.variables])

        def step(x, y):
            state[:] = compiled(*state, x, y)

        return step
    if ENGINE == "tensorflow":
        import tensorflow as tf

        @tf.function
        def compiled(x, y):
            with tf.GradientTape() as tape:
                loss = keras.ops.mean((model(x) - y) ** 2)
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)

        return compiled

    def plain(x, y):
        model.zero_grad()
        keras.ops.mean((model(x) - y) ** 2).backward()
        variables = model.trainable_variables
        model.optimizer.apply([v.value.grad for v in variables], variables)

    return plain


def test_a_loop_of_ones_own():
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([TOTAL], [0.03, 0.03])
    model = regressor(keras.optimizers.Adam(native()))
    step = step_of(model)
    x, y = (keras.ops.convert_to_tensor(part[:BATCH]) for part in (X, Y))
    with check(model.optimizer, COSINE) as checked:
        for _ in range(TOTAL):
            step(x, y)
    assert checked.updates == TOTAL
    model = regressor(keras.optimizers.Adam(rates))
    step = step_of(model)

    def train():
        for _ in range(TOTAL):
            step(x, y)

    with (
        pytest.raises(CheckError, match=r"^update 0 .* \(it is 0\.6 times the plan"),
        check(model.optimizer, COSINE),
    ):
        train()


def test_what_was_compiled_before_is_not_seen_and_said():
    model = regressor(keras.optimizers.SGD(native()))
    fit(model, epochs=1)
    if ENGINE == "torch":  # nothing is compiled there
        with check(model.optimizer, COSINE, start=STEPS) as checked:
            fit(model, epochs=2)
        assert checked.updates == 2 * STEPS
        return
    with (
        pytest.raises(CheckError, match=r"make_train_function\(force=True\)"),
        check(model.optimizer, COSINE, start=STEPS),
    ):
        fit(model, epochs=1)
    with check(model.optimizer, COSINE, start=2 * STEPS) as checked:
        model.make_train_function(force=True)
        fit(model, epochs=1)
    assert checked.updates == STEPS
    assert number(model.optimizer.iterations) == 3 * STEPS


def test_what_cannot_be_checked_is_refused():
    chosen = optimizer("sgd")
    with pytest.raises(gp.ArgumentError, match="Keras has no parameter groups"):
        check(chosen, COSINE, groups={0: COSINE})
    with pytest.raises(gp.ArgumentError, match="keeps no velocity"):
        check(keras.optimizers.SGD(0.1), CYCLE.plan(TOTAL))
    with check_twice(chosen), pytest.raises(gp.ArgumentError, match="checked already"):
        check(chosen, COSINE).__enter__()
    assert np.isfinite(number(chosen.learning_rate))


def check_twice(chosen):
    """A block that is allowed to see nothing."""

    class Open:
        def __enter__(self):
            self.block = check(chosen, COSINE)
            self.block.__enter__()

        def __exit__(self, *error):
            with pytest.raises(CheckError, match="no update was seen"):
                self.block.__exit__(None, None, None)

    return Open()
