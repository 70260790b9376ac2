"""GradientNoise in `model.fit`: the trace of gradients that are known, and nothing else changed."""

import keras
import numpy as np
import pytest

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError

pytestmark = pytest.mark.keras

BATCHES, BATCH = 12, 8
RNG = np.random.default_rng(3)
X = RNG.normal(size=(BATCHES * BATCH, 3)).astype(np.float32)
Y = (X.sum(axis=1, keepdims=True) + RNG.normal(size=(BATCHES * BATCH, 1))).astype(np.float32)
RATE = 1e-6
"""So small that the weights stay where they are, and the gradients with them."""


def linear(optimizer):
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(optimizer, loss="mse")
    return model


def fitted(model, *callbacks, epochs=1, rows=slice(None)):
    return model.fit(
        X[rows], Y[rows], batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0,
        callbacks=list(callbacks),
    )  # fmt: skip


def gradients():
    """Of each batch, at weights of zero: shape (batches, 3)."""
    x, y = X.reshape(BATCHES, BATCH, 3).astype(float), Y.reshape(BATCHES, BATCH, 1).astype(float)
    return -2 * np.mean(x * y, axis=1)


def variance():
    return np.mean(np.diff(gradients(), axis=0) ** 2, axis=0) / 2


def test_the_trace_of_known_gradients():
    noise = gk.GradientNoise()
    assert noise.trace() is None
    model = linear(keras.optimizers.SGD(RATE, momentum=0.9))
    fitted(model, noise, epochs=2)
    assert noise.trace() == pytest.approx(10 * RATE * variance().sum(), rel=1e-3)
    assert noise.trace(0.5) == pytest.approx(5 * variance().sum(), rel=1e-3)
    fitted(model, noise, rows=slice(0, 5 * BATCH))
    assert noise.trace() is None, "five gradients are too few"


def test_adams_trace_is_divided_by_the_root_of_its_average():
    noise, average = gk.GradientNoise(), np.zeros(3)
    fitted(linear(keras.optimizers.AdamW(RATE, beta_2=0.9, weight_decay=0.0)), noise)
    for gradient in gradients():
        average = 0.9 * average + 0.1 * gradient**2
    root = np.sqrt(average / (1 - 0.9**BATCHES)) + 1e-7
    assert noise.trace() == pytest.approx(RATE * np.sum(variance() / root), rel=1e-3)


def test_the_training_is_the_same_with_it_and_the_optimizer_is_given_back(tmp_path):
    weights, counts = [], []
    for noise in ([], [gk.GradientNoise()]):
        model = linear(keras.optimizers.Adam(0.05))
        flight = gk.Flight(gp.cosine_decay(0.05, "100%"))
        saving = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
        fitted(model, flight, *noise, saving, epochs=2)
        weights.append(np.asarray(model.get_weights()[0]))
        saved = keras.saving.load_model(tmp_path / "model.keras")
        counts.append((len(model.optimizer.variables), len(saved.optimizer.variables)))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert counts[0] == counts[1]
    assert "apply" not in vars(model.optimizer)


def test_it_reaches_the_adviser():
    noise, flight, adviser = gk.GradientNoise(), gk.Flight(gp.constant(RATE)), gp.Adviser(every=0)
    advice = gk.CooldownAdvice(adviser, flight, monitor="loss", noise=noise)
    fitted(linear(keras.optimizers.SGD(RATE)), flight, noise, advice, epochs=6)
    assert "(from the gradients' noise)" in advice.said[-1]


def test_an_optimizer_that_it_does_not_know_is_refused():
    with pytest.raises(ArgumentError, match="Lion"):
        fitted(linear(keras.optimizers.Lion(RATE)), gk.GradientNoise())
