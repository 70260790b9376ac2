"""The built-in tasks: real data that come with scikit-learn, and small models that fit them.

Every task keeps 20 % of the data for the test and 16 % for validation, in the same split each time,
and standardises by the training data alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split

from glidepath.backends.keras.task import Task

_RATE = 0.1


def digits() -> Task:
    """8 × 8 images of digits, an MLP of two hidden layers; 29 updates an epoch."""
    x, y = load_digits(return_X_y=True)
    return _task(_digits_mlp, x / 16, y, batch_size=40)


def digits_cnn() -> Task:
    """The same images, and a small convolutional network with batch normalisation."""
    x, y = load_digits(return_X_y=True)
    return _task(_digits_cnn, (x / 16).reshape(-1, 8, 8, 1), y, batch_size=40)


def breast_cancer() -> Task:
    """Malignant or benign from 30 measurements: a small MLP."""
    x, y = load_breast_cancer(return_X_y=True)
    return _task(_breast_cancer_mlp, x, y, batch_size=32, standardise=True)


def diabetes() -> Task:
    """Progression after a year from 10 measurements: regression, judged by the absolute error.

    The target is in standard deviations of the training data's.
    """
    x, y = load_diabetes(return_X_y=True)
    train, validation, test = _split(x, y, stratify=None)
    middle, spread = train[1].mean(), train[1].std()
    parts = [(x, ((y - middle) / spread)[:, None]) for x, y in (train, validation, test)]
    train, validation, test = _standardised(parts)
    return Task(_diabetes_mlp, train, validation, test, batch_size=32)


TASKS: dict[str, Callable[[], Task]] = {
    "digits": digits,
    "digits-cnn": digits_cnn,
    "breast-cancer": breast_cancer,
    "diabetes": diabetes,
}


def _digits_mlp() -> Any:
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(10),
        ]
    )
    return _classifier(model)


def _digits_cnn() -> Any:
    model = keras.Sequential([keras.Input((8, 8, 1))])
    for filters in (8, 16):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    return _classifier(model)


def _classifier(model: Any) -> Any:
    model.compile(
        optimizer=_sgd(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _breast_cancer_mlp() -> Any:
    model = keras.Sequential(
        [keras.Input((30,)), layers.Dense(32, activation="relu"), layers.Dense(1)]
    )
    model.compile(
        optimizer=_sgd(),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )
    return model


def _diabetes_mlp() -> Any:
    model = keras.Sequential(
        [keras.Input((10,)), layers.Dense(32, activation="relu"), layers.Dense(1)]
    )
    model.compile(optimizer=_sgd(), loss="mean_squared_error", metrics=["mean_absolute_error"])
    return model


def _sgd() -> Any:
    return keras.optimizers.SGD(_RATE, momentum=0.9, nesterov=True)


def _task(
    model: Callable[[], Any], x: Any, y: Any, *, batch_size: int, standardise: bool = False
) -> Task:
    parts = _split(x, y[:, None] if standardise else y, stratify=y)
    train, validation, test = _standardised(parts) if standardise else parts
    return Task(model, train, validation, test, batch_size=batch_size)


def _split(x: Any, y: Any, *, stratify: Any) -> list[tuple[Any, Any]]:
    """64 % for training, 16 % for validation, 20 % for the test."""
    rows = np.arange(len(x))
    rest, test = train_test_split(rows, test_size=0.2, stratify=stratify, random_state=0)
    within = None if stratify is None else stratify[rest]
    train, validation = train_test_split(rest, test_size=0.2, stratify=within, random_state=0)
    return [(x[part].astype(np.float32), y[part]) for part in (train, validation, test)]


def _standardised(parts: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Inputs with the training data's mean 0 and standard deviation 1."""
    middle, spread = parts[0][0].mean(axis=0), parts[0][0].std(axis=0)
    return [((x - middle) / spread, y) for x, y in parts]
