"""What controllers ask of a metric: which way is better, and whether it improved."""

from __future__ import annotations

import math

from glidepath.errors import ArgumentError

MODES = ("auto", "min", "max")
_RISING = ("acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "dice", "fmeasure")


def checked_monitor(where: str, value: object) -> str:
    """`value` as the name of a metric."""
    if not isinstance(value, str) or not value:
        raise ArgumentError(
            f"{where}: monitor must be the name of a metric, got {value!r}; give e.g. 'val_loss'"
        )
    return value


def is_rising(monitor: str, mode: str) -> bool:
    """Whether a larger metric is better; with "auto", as the metric's name says."""
    if mode == "auto":
        return any(word in monitor.lower() for word in _RISING)
    return mode == "max"


def improves(
    value: float, best: float | None, *, rising: bool, min_delta: float, relative: bool = False
) -> bool:
    """Whether `value` is better than `best` by more than `min_delta`; NaN never is.

    With `relative`, `min_delta` is a share of the size of the best, so that a negative metric is
    judged right. Without a best yet, whatever is not infinitely bad is an improvement.
    """
    if best is None:
        return value > -math.inf if rising else value < math.inf
    least = min_delta * abs(best) if relative else min_delta
    return value > best + least if rising else value < best - least
