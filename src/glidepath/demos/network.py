"""A real network on real images, in NumPy alone: many runs side by side.

The data are scikit-learn's digits, 8 × 8 images. The network has one hidden layer of rectified
units and a softmax. Every training image is moved by up to one pixel at random, so that the
network cannot learn the images by heart, and the noise of the batches never ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from glidepath.demos.rules import Rule, Slots
from glidepath.errors import MissingExtraError
from glidepath.training.trainer import Array

HIDDEN = 32
BATCH = 16
SIDE = 8
CLASSES = 10
_VALIDATION = 397
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """The images, with numbers between 0 and 1, and what they show."""

    x: Array
    """For training: images of 10 × 10, the outermost pixels empty."""
    y: Labels
    x_validation: Array
    """Rows of 64 numbers."""
    y_validation: Labels


@dataclass(frozen=True)
class Trained:
    """What several runs gave; every array has a row for each run."""

    losses: Array
    """The loss of each update's batch, before the update."""
    evaluated: NDArray[np.int64]
    """After how many updates the validation images were looked at."""
    validation: Array
    """The validation loss then."""
    accuracy: Array
    """The share of validation images that were recognised then."""


@cache
def digits() -> Digits:
    """scikit-learn's digits: 1,400 images for training, 397 for validation, always the same.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("scikit-learn", "demo") from None
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(x))
    validation, train = rows[:_VALIDATION], rows[_VALIDATION:]
    x = np.asarray(x, dtype=np.float64) / 16
    y = np.asarray(y, dtype=np.int64)
    room = np.pad(x[train].reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    return Digits(room, y[train], x[validation], y[validation])


def train(rule: Rule, rates: Array, seeds: Sequence[int], *, every: int) -> Trained:
    """Train several networks side by side.

    Runs with the same seed begin with the same weights and see the same batches.

    Args:
        rule: the optimizer.
        rates: runs × updates.
        seeds: of each run.
        every: updates between two looks at the validation images.
    """
    data = digits()
    runs, updates = rates.shape
    which = {seed: index for index, seed in enumerate(dict.fromkeys(seeds))}
    row = np.array([which[seed] for seed in seeds])
    generators = [np.random.default_rng(seed) for seed in which]
    begun = [initial(generator) for generator in generators]
    drawn = [draw(data, updates, generator) for generator in generators]
    weights = [np.stack(parts)[row] for parts in zip(*begun, strict=True)]
    slots: list[Slots] = [(np.zeros_like(w),) * rule.slots for w in weights]
    losses = np.empty((runs, updates))
    looks, at = [], []
    for k in range(updates):
        images, labels = batch(data, np.stack([each[k] for each in drawn]))
        losses[:, k], gradients = loss_and_gradients(weights, images[row], labels[row])
        for i, gradient in enumerate(gradients):
            change, slots[i] = rule.change(gradient, slots[i], rates[:, k, None, None], k)
            weights[i] = weights[i] + change
        if (k + 1) % every == 0 or k + 1 == updates:
            looks.append(evaluate(weights, data))
            at.append(k + 1)
    validation, accuracy = (np.stack(part, axis=1) for part in zip(*looks, strict=True))
    return Trained(losses, np.array(at), validation, accuracy)


def initial(generator: np.random.Generator) -> list[Array]:
    """Weights and biases of both layers (He et al. 2015, arXiv:1502.01852); biases are rows."""
    pixels = SIDE * SIDE
    return [
        generator.normal(0, np.sqrt(2 / pixels), (pixels, HIDDEN)),
        np.zeros((1, HIDDEN)),
        generator.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, CLASSES)),
        np.zeros((1, CLASSES)),
    ]


def draw(data: Digits, updates: int, generator: np.random.Generator) -> Labels:
    """For every update and image of a batch: which image, and how far it is moved down and across.

    Updates × images × 3; a move of 1 leaves the image where it is.
    """
    return generator.integers([len(data.x), 3, 3], size=(updates, BATCH, 3))


def batch(data: Digits, drawn: Labels) -> tuple[Array, Labels]:
    """The images that were drawn, moved, as rows of 64 numbers, and what they show."""
    chosen, down, across = (part[..., None, None] for part in np.moveaxis(drawn, -1, 0))
    pixel = np.arange(SIDE)
    moved = data.x[chosen, down + pixel[:, None], across + pixel]
    return moved.reshape(*drawn.shape[:-1], -1), data.y[chosen[..., 0, 0]]


def loss_and_gradients(
    weights: Sequence[Array], images: Array, labels: Labels
) -> tuple[Array, list[Array]]:
    """The mean cross-entropy of a batch and its gradients, for every run."""
    first, first_bias, second, second_bias = weights
    before = images @ first + first_bias
    hidden = np.maximum(before, 0)
    logs = _log_softmax(hidden @ second + second_bias)
    wanted = np.eye(CLASSES)[labels]
    losses = -(logs * wanted).sum(axis=-1).mean(axis=-1)
    error = (np.exp(logs) - wanted) / images.shape[-2]
    back = (error @ second.swapaxes(-1, -2)) * (before > 0)
    return losses, [
        images.swapaxes(-1, -2) @ back,
        back.sum(axis=-2, keepdims=True),
        hidden.swapaxes(-1, -2) @ error,
        error.sum(axis=-2, keepdims=True),
    ]


def evaluate(weights: Sequence[Array], data: Digits) -> tuple[Array, Array]:
    """The validation loss and accuracy of every run."""
    first, first_bias, second, second_bias = weights
    hidden = np.maximum(data.x_validation @ first + first_bias, 0)
    logs = _log_softmax(hidden @ second + second_bias)
    right = logs.argmax(axis=-1) == data.y_validation
    rows = np.arange(len(data.y_validation))
    return -logs[:, rows, data.y_validation].mean(axis=-1), right.mean(axis=-1)


def _log_softmax(scores: Array) -> Array:
    below = scores - scores.max(axis=-1, keepdims=True)
    found: Array = below - np.log(np.exp(below).sum(axis=-1, keepdims=True))
    return found
