"""The formulas: pure functions from steps (int64, counted from the shape's start) to float64.

Integers are subtracted and compared before anything is divided, so that a boundary is where it
was put, however long the run. Each function takes an array of steps inside the shape's length;
what comes after the length is the business of `curves`. Where float32 needs another form of a
formula, a backend registers it for its own kind of steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64]
Values = NDArray[np.float64]


@singledispatch
def linear(k: Steps, start: float, end: float, over: int) -> Values:
    """start + (end − start)·k/over."""
    return start + (end - start) * k / over


def exponential(k: Steps, rate: float, decay: float, every: int, staircase: bool) -> Values:
    """rate·decay^(k/every), with the exponent floored for a staircase."""
    values: Values = rate * np.power(decay, _periods(k, every, staircase))
    return values


def inverse_time(k: Steps, rate: float, decay: float, every: int, staircase: bool) -> Values:
    """rate/(1 + decay·k/every), with k/every floored for a staircase."""
    values: Values = rate / (1.0 + decay * _periods(k, every, staircase))
    return values


def power(k: Steps, rate: float, scale: int, exponent: float) -> Values:
    """rate/(1 + k/scale)^exponent."""
    values: Values = rate / (1.0 + k / scale) ** exponent
    return values


@singledispatch
def polynomial(k: Steps, rate: float, end: float, over: int | Steps, power: float) -> Values:
    """(rate − end)·(1 − k/over)^power + end."""
    values: Values = (rate - end) * (1.0 - k / over) ** power + end
    return values


def polynomial_cycle(k: Steps, rate: float, end: float, over: int, power: float) -> Values:
    """The polynomial with `over` stretched to over·max(1, ⌈k/over⌉)."""
    return polynomial(k, rate, end, over * np.maximum(1, -(-k // over)), power)


@singledispatch
def cosine(k: Steps, rate: float | Values, end: float, over: int | Steps) -> Values:
    """end + (rate − end)·(1 + cos(πk/over))/2."""
    return end + (rate - end) * (1.0 + np.cos(math.pi * k / over)) / 2.0


@singledispatch
def square_root(k: Steps, rate: float, end: float, over: int) -> Values:
    """end + (rate − end)·(1 − √(k/over))."""
    return end + (rate - end) * (1.0 - np.sqrt(k / over))


@singledispatch
def geometric(k: Steps, start: float, end: float, over: int) -> Values:
    """start·(end/start)^(k/over)."""
    return start * np.power(end / start, k / over)


def piecewise(k: Steps, rates: Sequence[float], boundaries: Sequence[int]) -> Values:
    """rates[i] on [boundaries[i−1], boundaries[i])."""
    index = np.searchsorted(np.asarray(boundaries, dtype=np.int64), k, side="right")
    return pick(np.asarray(rates, dtype=np.float64), index)


def triangular(k: Steps, low: float, high: float, half: int, mode: str, gamma: float) -> Values:
    """Smith's cyclical rate: low + (high − low)·(height of the triangle)·(scale of the mode)."""
    cycle = k // (2 * half)
    within = k - cycle * (2 * half)
    height = np.minimum(within, 2 * half - within) / half
    if mode == "triangular2":
        height = height * np.power(2.0, -cycle)
    elif mode == "exp_range":
        height = height * np.power(gamma, k)
    values: Values = low + (high - low) * height
    return values


def inverse_sqrt(k: Steps, peak: float, warmup: int) -> Values:
    """peak·√(warmup/k), with k counted from where the warm-up began."""
    return peak * np.sqrt(warmup / k)


def ahead(steps: Steps) -> NDArray[Any]:
    """Steps ahead of k, as floats where a k of 32 bits could not be subtracted from them."""
    return steps if steps.max() < 2**31 else steps.astype(np.float64)


def pick(values: NDArray[Any], index: Steps) -> NDArray[Any]:
    """values[index], by a function that a stand-in for the array of steps can take over."""
    return np.take_along_axis(values, index, axis=0)


def _periods(k: Steps, every: int, staircase: bool) -> NDArray[Any]:
    return k // every if staircase else k / every
