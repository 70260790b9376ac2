"""Handwritten digits with a small JAX network: `glidepath tune examples/optax_task.py:task`.

1,797 images of 8 × 8 pixels come with scikit-learn. A fifth is kept for the test, a fifth of the
rest for validation.
"""

from functools import partial

import jax
import jax.numpy as jnp
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from glidepath.optax import Task

SIZES = (64, 64, 64, 10)


def parameters(key) -> list:
    """Two hidden layers, with He's initialisation."""
    keys = jax.random.split(key, len(SIZES) - 1)
    return [
        (jax.random.normal(k, (a, b)) * jnp.sqrt(2 / a), jnp.zeros(b))
        for k, a, b in zip(keys, SIZES[:-1], SIZES[1:], strict=True)
    ]


def outputs(parameters, x):
    """The logits."""
    *hidden, (last, bias) = parameters
    for weights, offsets in hidden:
        x = jax.nn.relu(x @ weights + offsets)
    return x @ last + bias


def loss(parameters, x, y):
    """The mean over the batch's examples."""
    return optax.softmax_cross_entropy_with_integer_labels(outputs(parameters, x), y).mean()


def accuracy(parameters, x, y):
    """The share of digits that are read right."""
    return (outputs(parameters, x).argmax(axis=1) == y).mean()


def task() -> Task:
    """The data, split the same way each time."""
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    return Task(
        loss,
        parameters,
        partial(optax.sgd, momentum=0.9, nesterov=True),
        train=(x, y),
        validation=(x_val, y_val),
        test=(x_test, y_test),
        batch_size=40,
        metric=accuracy,
    )
