"""How numbers are written: three significant digits, aligned ±, a true minus sign."""

from __future__ import annotations

import math
from collections.abc import Iterable

NONE = "–"
"""Where there is no number."""


def rate(value: float | None) -> str:
    """A learning rate with three significant digits: "0.1", "0.00316", "3.2e-5"."""
    if value is None or not math.isfinite(value):
        return NONE
    if value != 0 and abs(value) < 1e-4:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def count(value: float | None) -> str:
    """A whole number with thousands apart: "1,740"."""
    return NONE if value is None or not math.isfinite(value) else f"{round(value):,}"


def seconds(value: float) -> str:
    """A duration: "0.42 s", "38 s", "2 min 05 s", "1 h 02 min"."""
    if value < 10:
        return f"{value:.2g} s" if value < 9.95 else "10 s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def fixed(value: float | None, places: int) -> str:
    """A number with so many decimals."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:,.{places}f}".replace("-", "−")


def signed(value: float | None, places: int) -> str:
    """A difference, always with its sign: "+0.012", "−0.003"."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:+,.{places}f}".replace("-", "−")


def plus_minus(value: float | None, ends: tuple[float, float] | None, places: int) -> str:
    """A mean and half of its interval's width: "0.967 ± 0.008"."""
    if value is None or ends is None:
        return fixed(value, places)
    return f"{fixed(value, places)} ± {fixed((ends[1] - ends[0]) / 2, places)}"


def plural(number: int, noun: str) -> str:
    """A number and its noun: "1 seed", "5 seeds", "3 policies"."""
    if number == 1:
        return f"1 {noun}"
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {many}"


def shorten(name: str, most: int) -> str:
    """A name of at most so many characters, cut in the middle where it is longer."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


def listing(names: Iterable[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    items = list(names)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
