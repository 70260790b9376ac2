"""The data of the finder's benchmark, each in a fixed random split of three parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_friedman1


@dataclass(frozen=True)
class Split:
    """Training, validation (what finders may see) and test data (what is reported)."""

    train: tuple[Any, Any]
    validation: tuple[Any, Any]
    test: tuple[Any, Any]


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
