"""Checks of arguments at construction: what was wrong, what was got, what to do."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from numbers import Integral, Real

import numpy as np

from glidepath.errors import ArgumentError


def number(where: str, name: str, value: object, *, positive: bool = False) -> float:
    """`value` as a finite float that is not negative (or, with `positive`, above zero)."""
    wanted = "a finite number above 0" if positive else "a finite number, 0 or above"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentError(f"{where}: {name} must be {wanted}, got {value!r}; give a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ArgumentError(f"{where}: {name} must be {wanted}, got {value!r}; give a finite one")
    if result < 0 or (positive and result == 0):
        raise ArgumentError(f"{where}: {name} must be {wanted}, got {value!r}; give a larger one")
    return result + 0.0  # -0.0 becomes 0.0


def count(where: str, name: str, value: object, *, least: int = 1) -> int:
    """`value` as an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ArgumentError(
            f"{where}: {name} must be an integer of at least {least}, got {value!r}; "
            f"give a whole number such as {max(least, 1)}"
        )
    return int(value)


def choice(where: str, name: str, value: object, options: Collection[str]) -> str:
    """`value` as one of the strings in `options`."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ArgumentError(f"{where}: {name} must be one of {listed}, got {value!r}; choose one")
    return value


def flag(where: str, name: str, value: object) -> bool:
    """`value` as True or False."""
    if not isinstance(value, bool):
        raise ArgumentError(f"{where}: {name} must be True or False, got {value!r}; give a bool")
    return value


def sequence(where: str, name: str, value: object) -> Sequence[object]:
    """`value` as a list, tuple or one-dimensional array with at least one entry."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) == 0:
        raise ArgumentError(
            f"{where}: {name} must be a list with at least one entry, got {value!r}; give a list"
        )
    return value
