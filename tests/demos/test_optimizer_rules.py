"""The six optimizers against the frameworks' own; the network's gradient against differences."""

import numpy as np
import pytest

from glidepath.demos import network
from glidepath.demos.rules import (
    RULES,
    Adadelta,
    Adagrad,
    Adam,
    Momentum,
    RmsProp,
    Sgd,
)

STEPS = 30
RATE = 0.03


def problem(w):
    """A gradient that is neither small nor tame: of sin and a bowl, different in each place."""
    return np.array([1.0, 3.0, 0.1, 10.0]) * w + np.cos(5 * w)


START = np.array([1.0, -2.0, 0.5, 0.1])


def flown(rule, rate=RATE):
    w = START.copy()
    slots = (np.zeros_like(w),) * rule.slots
    path = []
    for k in range(STEPS):
        change, slots = rule.change(problem(w), slots, rate, k)
        w = w + change
        path.append(w)
    return np.array(path)


def by_torch(make):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make(torch.optim, [w])
    path = []
    for _ in range(STEPS):
        w.grad = torch.tensor(problem(w.detach().numpy()))
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        (Sgd(), lambda o, w: o.SGD(w, RATE)),
        (Momentum(0.8), lambda o, w: o.SGD(w, RATE, momentum=0.8)),
        (Adagrad(), lambda o, w: o.Adagrad(w, RATE, eps=1e-10)),
        (Adadelta(0.8), lambda o, w: o.Adadelta(w, RATE, rho=0.8, eps=1e-6)),
        (RmsProp(0.8), lambda o, w: o.RMSprop(w, RATE, alpha=0.8, eps=1e-8)),
        (Adam(0.8, 0.99), lambda o, w: o.Adam(w, RATE, betas=(0.8, 0.99), eps=1e-8)),
    ],
    ids=list(RULES),
)
def test_a_rule_is_pytorchs(rule, make):
    np.testing.assert_allclose(flown(rule), by_torch(make), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("rule", "make"),
    [
        (Sgd(), lambda o: o.sgd(RATE)),
        (Momentum(0.8), lambda o: o.sgd(RATE, momentum=0.8)),
        (RmsProp(0.8), lambda o: o.rmsprop(RATE, decay=0.8, eps=1e-8, eps_in_sqrt=False)),
        (Adadelta(0.8), lambda o: o.adadelta(RATE, rho=0.8, eps=1e-6)),
        (Adam(0.8, 0.99), lambda o: o.adam(RATE, b1=0.8, b2=0.99, eps=1e-8)),
    ],
    ids=["sgd", "momentum", "rmsprop", "adadelta", "adam"],
)
def test_a_rule_is_optaxs(rule, make):
    """In float32, as Optax trains, and for so few steps that its rounding does not grow."""
    optax = pytest.importorskip("optax", reason="Optax is not installed")
    optimizer = make(optax)
    w = START.astype(np.float32)
    state = optimizer.init(w)
    for _ in range(10):
        updates, state = optimizer.update(problem(w).astype(np.float32), state, w)
        w = np.asarray(optax.apply_updates(w, updates))
    np.testing.assert_allclose(flown(rule)[9], w, rtol=1e-4, atol=1e-5)


def test_momentum_keeps_the_rate_in_its_velocity():
    """Keras's form: when the rate has dropped to zero, the old velocity still moves the weights."""
    rule = Momentum(0.9)
    change, slots = rule.change(np.ones(1), (np.zeros(1),), 0.5, 0)
    assert change == pytest.approx(-0.5)
    change, _ = rule.change(np.ones(1), slots, 0.0, 1)
    assert change == pytest.approx(-0.45)


def test_the_networks_gradient_is_that_of_its_loss():
    data = network.digits()
    generator = np.random.default_rng(0)
    weights = [w[None] for w in network.initial(generator)]
    images, labels = network.batch(data, network.draw(data, 1, generator))
    _, gradients = network.loss_and_gradients(weights, images, labels)
    small = 1e-6
    for part, gradient in zip(weights, gradients, strict=True):
        for _ in range(5):
            place = tuple(generator.integers(size) for size in part.shape)
            kept = part[place]
            part[place] = kept + small
            above, _ = network.loss_and_gradients(weights, images, labels)
            part[place] = kept - small
            below, _ = network.loss_and_gradients(weights, images, labels)
            part[place] = kept
            expected = (above[0] - below[0]) / (2 * small)
            assert gradient[place] == pytest.approx(expected, abs=1e-7)


def test_images_are_moved_by_a_pixel_at_most_and_keep_what_they_show():
    data = network.digits()
    still = np.array([[[5, 1, 1], [9, 1, 1]]])
    images, labels = network.batch(data, still)
    np.testing.assert_array_equal(images[0, 0].reshape(8, 8), data.x[5, 1:9, 1:9])
    np.testing.assert_array_equal(labels[0], data.y[[5, 9]])
    down, _ = network.batch(data, np.array([[[5, 0, 1]]]))
    across, _ = network.batch(data, np.array([[[5, 1, 0]]]))
    image = images[0, 0].reshape(8, 8)
    np.testing.assert_array_equal(down[0, 0].reshape(8, 8)[1:], image[:-1])
    np.testing.assert_array_equal(across[0, 0].reshape(8, 8)[:, 1:], image[:, :-1])


def test_runs_side_by_side_are_what_each_is_alone():
    rates = np.full((3, 20), 0.2)
    rates[1] = 0.05
    together = network.train(Adam(), 0.01 * rates, [0, 0, 4], every=10)
    for row, seed in enumerate([0, 0, 4]):
        alone = network.train(Adam(), 0.01 * rates[row : row + 1], [seed], every=10)
        np.testing.assert_allclose(together.losses[row], alone.losses[0], rtol=1e-9)
        np.testing.assert_allclose(together.validation[row], alone.validation[0], rtol=1e-9)
    assert together.evaluated.tolist() == [10, 20]
    assert together.losses[0, 0] == together.losses[1, 0] != together.losses[2, 0]
