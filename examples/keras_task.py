"""A task of one's own for `glidepath tune`: a function that returns a `glidepath.keras.Task`.

glidepath tune examples/keras_task.py:task --epochs 20 --seeds 5 --out runs/wine
"""

from __future__ import annotations

import keras
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

import glidepath.keras


def model() -> keras.Model:
    """A compiled model; Glidepath sets its rate, and trains it from many seeds."""
    net = keras.Sequential(
        [
            keras.Input((13,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    net.compile(
        optimizer=keras.optimizers.Adam(),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return net


def task() -> glidepath.keras.Task:
    """Three wines by thirteen measurements."""
    x, y = load_wine(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=50, stratify=y, random_state=0)
    x, x_val, y, y_val = train_test_split(x, y, test_size=40, stratify=y, random_state=0)
    middle, spread = x.mean(axis=0), x.std(axis=0)
    parts = [
        ((part - middle) / spread, labels)
        for part, labels in ((x, y), (x_val, y_val), (x_test, y_test))
    ]
    return glidepath.keras.Task(model, *parts, batch_size=16)
