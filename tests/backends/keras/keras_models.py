"""Small models and data that the tests share."""

import math

import keras
import numpy as np

import glidepath as gp
from glidepath.backends.keras.task import Task
from glidepath.backends.keras.trainer import KerasTrainer

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)
EPOCHS, STEPS, BATCH = 3, 4, 16
"""60 examples in batches of 16: three whole ones and one of 12."""

POLICIES = {
    "warm-up and cosine": gp.linear(0, 0.05, 3) >> gp.cosine_decay(0.05, "rest", end=0.001),
    "one_cycle": gp.one_cycle(peak=0.05),
    "wsd": gp.Policy(gp.wsd(0.05, 2, 4, shape="sqrt"), weight_decay=gp.linear(0.1, 0.01, "100%")),
    "triangular": gp.triangular(0.001, 0.03, 2, mode="triangular2"),
    "everything": gp.Policy(
        gp.exponential_decay(0.03, 0.5, "1ep", staircase=True),
        momentum=gp.linear(0.95, 0.5, 9),
        weight_decay=gp.cosine_decay(0.02, "100%"),
    ),
}


def optimizer(kind, **more):
    """An optimizer that can fly every hyperparameter."""
    if kind == "sgd":
        return keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, weight_decay=0.0, **more)
    return keras.optimizers.AdamW(0.01, weight_decay=0.004, **more)


def regressor(kind="sgd", metrics=("mae",), **more):
    """A small compiled model."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)]
    )
    chosen = optimizer(kind, **more) if isinstance(kind, str) else kind
    model.compile(chosen, loss="mse", metrics=list(metrics))
    return model


def noisy(kind="sgd"):
    """A model with statistics and random seeds among its state."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer(kind), loss="mse", metrics=["mae"])
    return model


def trainer(model=regressor, train=(X, Y), batch_size=BATCH):
    """A trainer of a small task."""
    return KerasTrainer(Task(model, train, (X[:20], Y[:20]), batch_size=batch_size))


def weights(model):
    """All weights, statistics, seeds and optimizer slots, as arrays."""
    found = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in found]


def number(value):
    """A scalar or a single weight of any engine as a float."""
    return np.asarray(keras.ops.convert_to_numpy(value)).item()


class Batches:
    """A data set that shuffles with NumPy's global generator and cannot be wound back."""

    def __init__(self, size=BATCH):
        self.size = size

    def __len__(self):
        return math.ceil(len(X) / self.size)

    def __iter__(self):
        order = np.random.permutation(len(X))
        for start in range(0, len(X), self.size):
            chosen = order[start : start + self.size]
            yield X[chosen], Y[chosen]


class Weight:
    """One weight w, starting at 1, with loss w²: what an update must do can be computed by hand."""

    X, Y = np.ones((8, 1), np.float32), np.zeros((8, 1), np.float32)

    @staticmethod
    def model(chosen):
        layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile(chosen, loss="mse")
        return model

    @staticmethod
    def by_hand(kind, rates, momenta, decays):
        """The weight after each update, by Keras's formulas."""
        w, v, squares, found = 1.0, 0.0, 0.0, []
        for k, (rate, momentum, decay) in enumerate(zip(rates, momenta, decays, strict=True), 1):
            gradient = 2 * w
            w -= w * decay * rate
            if kind == "sgd":
                v = momentum * v - rate * gradient
                w += momentum * v - rate * gradient
            else:
                v += (gradient - v) * (1 - momentum)
                squares += (gradient**2 - squares) * (1 - 0.999)
                scale = rate * np.sqrt(1 - 0.999**k) / (1 - momentum**k)
                w -= v * scale / (np.sqrt(squares) + 1e-7)
            found.append(w)
        return np.asarray(found)
