"""The models of the finder's benchmark and their losses: functions of parameters and arrays.

Convolutions are matrix products of patches, so that many trainings can run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def dense(key: Any, fan_in: int, fan_out: int, gain: float = 2.0) -> dict[str, Any]:
    weights = jax.random.normal(key, (fan_in, fan_out)) * jnp.sqrt(gain / fan_in)
    return {"w": weights, "b": jnp.zeros(fan_out)}


def apply(layer: Any, x: Any) -> Any:
    return x @ layer["w"] + layer["b"]


def mlp(*sizes: int, last: float = 1.0) -> Callable[[Any], Any]:
    def parameters(key: Any) -> Any:
        keys = jax.random.split(key, len(sizes) - 1)
        gains = [2.0] * (len(sizes) - 2) + [last]
        return [
            dense(k, a, b, gain)
            for k, a, b, gain in zip(keys, sizes, sizes[1:], gains, strict=False)
        ]

    return parameters


def net(layers: Any, x: Any) -> Any:
    for layer in layers[:-1]:
        x = jax.nn.relu(apply(layer, x))
    return apply(layers[-1], x)


def standardised(x: Any, axes: int | tuple[int, ...] = 0) -> Any:
    """Batch normalisation with the statistics of the batch, without scale."""
    centred = x - x.mean(axes, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(axes, keepdims=True) + 1e-3)


def bn_net(layers: Any, x: Any) -> Any:
    for layer in layers[:-1]:
        x = jax.nn.relu(standardised(x @ layer["w"]) + layer["b"])
    return apply(layers[-1], x)


def rnn(width: int, hidden: int, classes: int) -> Callable[[Any], Any]:
    def parameters(key: Any) -> Any:
        a, b, c = jax.random.split(key, 3)
        return {
            "in": dense(a, width, hidden, 1.0),
            "back": jnp.linalg.qr(jax.random.normal(b, (hidden, hidden)))[0],
            "out": dense(c, hidden, classes, 1.0),
        }

    return parameters


def rnn_net(layers: Any, x: Any) -> Any:
    state = jnp.zeros((x.shape[0], layers["back"].shape[0]))
    for step in range(x.shape[1]):
        state = jnp.tanh(apply(layers["in"], x[:, step]) + state @ layers["back"])
    return apply(layers["out"], state)


def gru(vocabulary: int, hidden: int) -> Callable[[Any], Any]:
    def parameters(key: Any) -> Any:
        a, b, c = jax.random.split(key, 3)
        return {
            "in": dense(a, vocabulary, 3 * hidden, float(vocabulary) / 16),
            "back": dense(b, hidden, 3 * hidden, 1.0),
            "out": dense(c, hidden, vocabulary, 1.0),
        }

    return parameters


def gru_net(layers: Any, x: Any) -> Any:
    hidden = layers["back"]["w"].shape[0]
    state, states = jnp.zeros((x.shape[0], hidden)), []
    given = layers["in"]["w"][x] + layers["in"]["b"]
    for step in range(x.shape[1]):
        ahead, back = given[:, step], apply(layers["back"], state)
        cuts = slice(hidden), slice(hidden, 2 * hidden)
        reset, update = (jax.nn.sigmoid(ahead[:, cut] + back[:, cut]) for cut in cuts)
        new = jnp.tanh(ahead[:, 2 * hidden :] + reset * back[:, 2 * hidden :])
        state = update * state + (1 - update) * new
        states.append(state)
    return apply(layers["out"], jnp.stack(states, axis=1))


def former(given: int, width: int, length: int, out: int) -> Callable[[Any], Any]:
    """A transformer of one layer and two heads, with layer normalisation before each part."""

    def parameters(key: Any) -> Any:
        keys = jax.random.split(key, 7)
        return {
            "in": dense(keys[0], given, width, given / 16 if given > 16 else 1.0),
            "place": 0.25 * jax.random.normal(keys[1], (length, width)),
            "qkv": dense(keys[2], width, 3 * width, 1.0),
            "mix": dense(keys[3], width, width, 0.5),
            "up": dense(keys[4], width, 4 * width),
            "down": dense(keys[5], 4 * width, width, 0.5),
            "out": dense(keys[6], width, out, 1.0),
            "norms": jnp.ones((3, width)),
        }

    return parameters


def block(layers: Any, x: Any, causal: bool) -> Any:
    count, length, width = x.shape
    heads = apply(layers["qkv"], standardised(x, -1) * layers["norms"][0])
    q, k, v = jnp.moveaxis(heads.reshape(count, length, 3, 2, width // 2), 2, 0)
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(width / 2)
    if causal:
        scores = jnp.where(np.tril(np.ones((length, length), bool)), scores, -1e9)
    mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)
    x = x + apply(layers["mix"], mixed.reshape(count, length, width))
    y = jax.nn.gelu(apply(layers["up"], standardised(x, -1) * layers["norms"][1]))
    x = x + apply(layers["down"], y)
    return standardised(x, -1) * layers["norms"][2]


def pooled(layers: Any, x: Any) -> Any:
    x = apply(layers["in"], x) + layers["place"]
    return apply(layers["out"], block(layers, x, causal=False).mean(axis=1))


def tokens(layers: Any, x: Any) -> Any:
    x = layers["in"]["w"][x] + layers["place"]
    return apply(layers["out"], block(layers, x, causal=True))


def cnn(key: Any) -> Any:
    a, b, c = jax.random.split(key, 3)
    return {"one": dense(a, 9, 8), "two": dense(b, 72, 16), "out": dense(c, 144, 10, 1.0)}


_THREE = range(3)
PATCHES = np.array(
    [[(2 * i + a) * 7 + 2 * j + b for a in _THREE for b in _THREE] for i in _THREE for j in _THREE]
)
"""The 3 × 3 patches of a 7 × 7 image, every second one."""


def cnn_net(layers: Any, x: Any) -> Any:
    """Two 3 × 3 convolutions of stride 2 with batch normalisation; x is the first one's patches."""
    x = jax.nn.relu(standardised(x @ layers["one"]["w"], (0, 1)) + layers["one"]["b"])
    x = x[:, PATCHES].reshape(x.shape[0], 9, 72)
    x = jax.nn.relu(standardised(x @ layers["two"]["w"], (0, 1)) + layers["two"]["b"])
    return apply(layers["out"], x.reshape(x.shape[0], -1))


# --- losses -----------------------------------------------------------------------------------


def classify(model: Any) -> Any:
    def losses(parameters: Any, x: Any, y: Any) -> Any:
        logs = jax.nn.log_softmax(model(parameters, x))
        found = -jnp.take_along_axis(logs, y[..., None], axis=-1)[..., 0]
        return found.reshape(found.shape[0], -1).mean(axis=1)

    return losses


def squared(model: Any) -> Any:
    return lambda parameters, x, y: (model(parameters, x)[:, 0] - y) ** 2 / 2


def gaussian(model: Any) -> Any:
    """The negative log-likelihood of a normal distribution; below zero where it is narrow."""

    def losses(parameters: Any, x: Any, y: Any) -> Any:
        mean, log_scale = jnp.moveaxis(model(parameters, x), -1, 0)
        log_scale = jnp.clip(log_scale, -4, 4)
        return ((y - mean) * jnp.exp(-log_scale)) ** 2 / 2 + log_scale

    return losses
