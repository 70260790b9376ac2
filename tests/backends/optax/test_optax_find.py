"""The finder on Optax."""

import numpy as np
import pytest

pytest.importorskip("optax", reason="Optax is not installed")

import jax
import jax.numpy as jnp
import optax

import glidepath as gp
import glidepath.optax
from glidepath.training import Prober

COSINE = gp.linear(0, 1, "10%") >> gp.cosine_decay(1, "90%")


def trainer(optimizer=optax.adam):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = np.sin(x[:, 0]) + 0.1 * x[:, 1]

    def loss(parameters, x, y):
        hidden = jnp.tanh(x @ parameters["a"])
        return ((hidden @ parameters["b"] - y) ** 2).mean()

    def parameters(key):
        one, two = jax.random.split(key)
        return {"a": jax.random.normal(one, (5, 8)), "b": 0.1 * jax.random.normal(two, (8,))}

    parts = [(x[cut], y[cut]) for cut in (slice(250), slice(250, 330), slice(330, 400))]
    return glidepath.optax.Task(loss, parameters, optimizer, *parts, batch_size=32).open()


def test_fit_after_find_is_fit():
    mine, fresh = trainer(), trainer()
    rates = {"learning_rate": np.full(10, 0.01)}
    for each in (mine, fresh):
        each.reset(4)
        each.advance(rates)
    found = gp.find(mine, COSINE, 30, effort="quick")
    assert np.array_equal(mine.advance(rates).losses, fresh.advance(rates).losses)
    assert 1e-7 <= found.learning_rate <= 100


def test_the_probe_is_the_validation_loss_in_parts():
    mine = trainer()
    assert isinstance(mine, Prober)
    parts = mine.probe(1024)
    assert parts.shape == (8,)
    assert parts.mean() == pytest.approx(mine.evaluate("validation")["loss"], rel=1e-5)
    assert mine.probe(16).shape == (8,)
