"""The tasks of `finders.py`: small models on real data, each a loss of parameters and arrays.

Every task costs about 1 ms an update at most, so that the best rate can be had by full-length runs
of every rate. Convolutions are matrix products of patches, so that many trainings can run side by
side.

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
from sklearn.datasets import load_breast_cancer, load_digits, make_friedman1

DEVELOPMENT, REPORTING = "development", "reporting"


@dataclass(frozen=True)
class Split:
    """Training, validation (what finders may see) and test data (what is reported)."""

    train: tuple[Any, Any]
    validation: tuple[Any, Any]
    test: tuple[Any, Any]


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


# --- models -----------------------------------------------------------------------------------


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


# --- data -------------------------------------------------------------------------------------


def pixels(x: Any) -> Any:
    """All pixels on one scale: some are the same in nearly all images."""
    return ((x - x.mean()) / x.std()).astype(np.float32)


def parted(x: Any, y: Any, validation: int, test: int, measured: bool = False) -> Split:
    """A fixed random split; measurements are standardised by the training part."""
    order = np.random.default_rng(7).permutation(len(x))
    x, y = np.asarray(x)[order], np.asarray(y)[order]
    ends = len(x) - validation - test, len(x) - test
    parts = [(x[a:b], y[a:b]) for a, b in ((0, ends[0]), ends, (ends[1], len(x)))]
    if measured:
        middle, spread = parts[0][0].mean(0), parts[0][0].std(0) + 1e-6
        parts = [(((x - middle) / spread).astype(np.float32), y) for x, y in parts]
    return Split(*parts)


def scaled(y: Any, size: float = 1.0) -> Any:
    return (size * (y - y.mean()) / y.std()).astype(np.float32)


@lru_cache
def digits() -> Split:
    x, y = load_digits(return_X_y=True)
    return parted(pixels(x), y.astype(np.int32), 360, 413)


@lru_cache
def digit_rows() -> Split:
    x, y = load_digits(return_X_y=True)
    return parted((x / 8 - 1).reshape(-1, 8, 8).astype(np.float32), y.astype(np.int32), 360, 413)


@lru_cache
def few_digits() -> Split:
    """The same digits, of which 96 are trained on."""
    x, y = load_digits(return_X_y=True)
    return parted(pixels(x), y.astype(np.int32), 400, 1301)


@lru_cache
def friedman() -> Split:
    """Friedman's regression: five of ten inputs matter, and not linearly."""
    x, y = make_friedman1(2048, noise=1.0, random_state=0)
    return parted(x.astype(np.float32), scaled(y), 400, 624, measured=True)


@lru_cache
def small_noise() -> Split:
    """Another draw, in units in which its noise is small, so that a likelihood is above 1."""
    x, y = make_friedman1(2048, noise=2.0, random_state=1)
    return parted(x.astype(np.float32), scaled(y, 0.3), 400, 624, measured=True)


@lru_cache
def breast_cancer() -> Split:
    x, y = load_breast_cancer(return_X_y=True)
    return parted(x.astype(np.float32), y.astype(np.int32), 137, 144, measured=True)


@lru_cache
def ill_conditioned() -> Split:
    """Linear regression whose curvatures span four decades."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 20)) * np.geomspace(1, 1e-2, 20)
    y = x @ (rng.normal(size=20) / np.geomspace(1, 1e-2, 20)) + 0.5 * rng.normal(size=2000)
    ends = ((0, 1280), (1280, 1640), (1640, 2000))
    return Split(*((x[a:b].astype(np.float32), y[a:b].astype(np.float32)) for a, b in ends))


@lru_cache
def fashion(folder: Path) -> tuple[Any, Any]:
    """6,000 images, 14 × 14, from 0 to 1."""
    with np.load(folder / "fashion_mnist" / "fashion_mnist.npz") as file:
        x, y = file["x_train"][:12000] / 255.0, file["y_train"][:12000].astype(np.int32)
    return x.reshape(-1, 14, 2, 14, 2).mean((2, 4)).astype(np.float32), y


@lru_cache
def fashion_pixels(folder: Path, new: bool | None = None) -> Split:
    """7 × 7 pixels; `new`: the last five classes alone, or the first."""
    x, y = fashion(folder)
    x = pixels(x.reshape(-1, 7, 2, 7, 2).mean((2, 4)).reshape(-1, 49))
    if new is not None:
        chosen = (y >= 5) == new
        x, y = x[chosen], y[chosen]
    return parted(x, y, 512, 1024) if new is None else parted(x[:2000], y[:2000], 400, 576)


@lru_cache
def fashion_patches(folder: Path) -> Split:
    """The 3 × 3 patches, every second one, of the 14 × 14 pixels padded by one."""
    x, y = fashion(folder)
    x = np.pad((x - 0.3) / 0.35, ((0, 0), (1, 1), (1, 1)))[:8000]
    patches = [x[:, a : a + 13 : 2, b : b + 13 : 2] for a in range(3) for b in range(3)]
    return parted(np.stack(patches, axis=-1).reshape(-1, 49, 9), y[:8000], 512, 1024)


@lru_cache
def characters(folder: Path) -> Split:
    """Windows of 8 characters, each of which is to foretell the next."""
    text = (folder / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    known, begun = np.unique(np.array(list(text))), np.array(list(text[:400_000]))
    codes = np.searchsorted(known, begun).astype(np.int32)
    rows = codes[: len(codes) // 9 * 9].reshape(-1, 9)
    return parted(rows[:9000, :-1], rows[:9000, 1:], 256, 744)


@lru_cache
def california(folder: Path) -> Split:
    """The logarithm of the price from eight numbers and whether the house is inland."""
    with (folder / "california_housing" / "housing.csv").open(encoding="utf-8") as file:
        lines = [line.rstrip("\n").split(",") for line in file]
    names, rows = lines[0], [line for line in lines[1:] if "" not in line]
    price = names.index("median_house_value")
    numbers = np.array([row[:-1] for row in rows], float)
    x = np.column_stack([np.delete(numbers, price, axis=1), [row[-1] == "INLAND" for row in rows]])
    x[:, 2:7] = np.log1p(np.abs(x[:, 2:7]))
    chosen = np.random.default_rng(3).permutation(len(x))[:6000]
    y = scaled(np.log(numbers[chosen, price]))
    return parted(x[chosen].astype(np.float32), y, 512, 1024, measured=True)


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
