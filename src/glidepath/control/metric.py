"""What controllers ask of a metric: which way is better, and whether it improved."""

from __future__ import annotations

import math
from typing import ClassVar

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.schedule import Node

MODES = ("auto", "min", "max")
_RISING = ("acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "dice", "fmeasure")


class Watching:
    """What the descriptions of controllers have in common: they watch a metric, and have a node."""

    name: ClassVar[str]
    """The controller's name in a spec; its arguments there are the description's fields."""
    monitor: str
    mode: str

    @property
    def rising(self) -> bool:
        """Whether a larger metric is better."""
        return is_rising(self.monitor, self.mode)

    def node(self) -> Node:
        """The controller as JSON data."""
        return {"controller": self.name, **vars(self)}


def checked_factor(where: str, value: object, example: float) -> float:
    """`value` as what a rate is multiplied by to lower it: above 0 and below 1."""
    share = checks.number(where, "factor", value, positive=True)
    if share >= 1:
        raise ArgumentError(
            f"{where}: factor must be below 1, got {value!r}; give e.g. {example:g}"
        )
    return share


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
