"""The tasks of `finders.py`: small models on real data, each a loss of parameters and arrays.

Every task costs about 1 ms an update at most, so that the best rate can be had by full-length runs
of every rate. The models and losses are in finders_models.py, the data in finders_data.py.

The development half needs scikit-learn alone: constants of the finder were chosen on it. The
reporting half needs the folder of data that `finders.py` is given; nothing was chosen on it. The
split was written down here before the first comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from finders_data import (
    Split,
    breast_cancer,
    california,
    characters,
    digit_rows,
    digits,
    fashion_patches,
    fashion_pixels,
    few_digits,
    friedman,
    ill_conditioned,
    small_noise,
)
from finders_models import (
    bn_net,
    classify,
    cnn,
    cnn_net,
    dense,
    former,
    gaussian,
    gru,
    gru_net,
    mlp,
    net,
    pooled,
    rnn,
    rnn_net,
    squared,
    tokens,
)

DEVELOPMENT, REPORTING = "development", "reporting"


@dataclass(frozen=True)
class Problem:
    """A task of the benchmark."""

    name: str
    half: str
    parameters: Callable[[Any], Any]
    losses: Callable[[Any, Any, Any], Any]
    """The loss of every example."""
    data: Callable[[], Split]
    batch: int
    total: int = 600

    def loss(self, parameters: Any, inputs: Any, targets: Any) -> Any:
        """The mean over a batch."""
        return self.losses(parameters, inputs, targets).mean()


def problems(folder: Path | None) -> list[Problem]:
    """The tasks, those of the reporting half only where the data are given."""
    found = [
        Problem("digits-mlp", DEVELOPMENT, mlp(64, 32, 32, 10), classify(net), digits, 32),
        Problem("linear", DEVELOPMENT, mlp(20, 1), squared(net), ill_conditioned, 16),
        Problem("friedman", DEVELOPMENT, mlp(10, 32, 1), squared(net), friedman, 32),
        Problem("digits-rnn", DEVELOPMENT, rnn(8, 24, 10), classify(rnn_net), digit_rows, 16),
        Problem("tiny-data", DEVELOPMENT, mlp(64, 24, 10), classify(net), few_digits, 16, 1000),
        Problem(
            "friedman-nll", DEVELOPMENT, mlp(10, 24, 2, last=0.01), gaussian(net), small_noise, 32
        ),
        Problem("digits-bn", DEVELOPMENT, mlp(64, 32, 32, 10), classify(bn_net), digits, 64),
        Problem(
            "digits-attention", DEVELOPMENT, former(8, 16, 8, 10), classify(pooled), digit_rows, 8
        ),
        Problem("breast-cancer", REPORTING, mlp(30, 24, 2), classify(net), breast_cancer, 32),
    ]  # fmt: skip
    if folder is None:
        return found
    fashion = lambda: fashion_pixels(folder)  # noqa: E731
    text = lambda: characters(folder)  # noqa: E731
    houses = lambda: california(folder)  # noqa: E731
    return [
        *found,
        Problem("california", REPORTING, mlp(9, 32, 32, 1), squared(net), houses, 32, 1000),
        Problem("california-nll", REPORTING, mlp(9, 32, 2, last=0.01), gaussian(net), houses, 64),
        Problem("large-batch", REPORTING, mlp(49, 32, 10), classify(net), fashion, 256),
        Problem("small-batch", REPORTING, mlp(49, 32, 10), classify(net), fashion, 4),
        Problem(
            "fashion-cnn", REPORTING, cnn, classify(cnn_net), lambda: fashion_patches(folder), 16
        ),
        Problem(
            "fine-tuning", REPORTING, lambda key: tuned_from(folder, key), classify(net),
            lambda: fashion_pixels(folder, new=True), 16,
        ),
        Problem("char-gru", REPORTING, gru(65, 16), classify(gru_net), text, 8),
        Problem("char-transformer", REPORTING, former(65, 16, 8, 65), classify(tokens), text, 8),
    ]  # fmt: skip


@lru_cache
def pretrained(folder: Path) -> Any:
    """An MLP trained for 1,500 updates on the first five classes."""
    x, y = fashion_pixels(folder, new=False).train
    layers = mlp(49, 48, 48, 10)(jax.random.key(99))
    losses = classify(net)
    rng = np.random.default_rng(5)

    @jax.jit
    def step(layers: Any, x: Any, y: Any) -> Any:
        gradients = jax.grad(lambda p: losses(p, x, y).mean())(layers)
        return jax.tree.map(lambda p, g: p - 0.05 * g, layers, gradients)

    for _ in range(1500):
        rows = rng.integers(len(x), size=32)
        layers = step(layers, x[rows], y[rows])
    return jax.tree.map(np.asarray, layers)


def tuned_from(folder: Path, key: Any) -> Any:
    """The pretrained layers with a new last one."""
    kept = [jax.tree.map(jnp.asarray, layer) for layer in pretrained(folder)[:-1]]
    return [*kept, dense(key, 48, 10, 1.0)]
