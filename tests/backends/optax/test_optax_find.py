"""The finder on Optax."""

import numpy as np
import pytest

pytest.importorskip("optax", reason="Optax is not installed")

import jax
import jax.numpy as jnp
import optax

import glidepath as gp
import glidepath.optax
from glidepath.training import Laner, Prober

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


@pytest.mark.parametrize("shape", [COSINE, gp.constant(1.0)], ids=["cosine", "constant"])
def test_lanes_side_by_side_give_the_same_answer(shape):
    mine, fresh = trainer(), trainer()
    alone = gp.find(mine, shape, 200, side_by_side="never")
    together = gp.find(mine, shape, 200, side_by_side="always")
    assert together.learning_rate == pytest.approx(alone.learning_rate, rel=0.01)
    assert together.cost.lane_updates == alone.cost.lane_updates
    assert together.cost.sequential_updates < alone.cost.sequential_updates
    assert alone.cost.sequential_updates == alone.cost.lane_updates
    for one, other in zip(alone.lanes, together.lanes, strict=True):
        assert one.rate == other.rate
        np.testing.assert_allclose(other.losses[:20], one.losses[:20], rtol=1e-3)
    rates = {"learning_rate": np.full(10, 0.01)}
    assert np.array_equal(mine.advance(rates).losses, fresh.advance(rates).losses)


def test_a_lane_that_dies_leaves_the_others_alone():
    mine = trainer(optax.sgd)
    assert isinstance(mine, Laner)
    mine.reset(0)
    start = mine.snapshot()
    rates = np.array([[0.1], [1e6], [0.01]]) * np.ones(30)
    losses, ends = mine.advance_lanes([start] * 3, {"learning_rate": rates})
    assert losses.shape == (3, 30)
    assert not np.isfinite(losses[1]).all()
    for lane in (0, 2):
        mine.restore(start)
        np.testing.assert_allclose(
            losses[lane], mine.advance({"learning_rate": rates[lane]}).losses, rtol=1e-4
        )
        after = mine.evaluate("validation")["loss"]
        mine.restore(ends[lane])
        assert mine.evaluate("validation")["loss"] == pytest.approx(after, rel=1e-4)
    mine.advance({"learning_rate": rates[0]})
    with pytest.raises(gp.ArgumentError, match="same place"):
        mine.advance_lanes([start, mine.snapshot()], {"learning_rate": rates[:2]})
