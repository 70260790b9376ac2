"""The metric that a task's runs are judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from glidepath.errors import TaskError
from glidepath.training.trainer import Metric


def accuracy(outputs: Any, targets: Any) -> Any:
    """The share of examples whose largest output is the target's class.

    One output per example is a logit: above 0 means class 1.
    """
    if outputs.ndim == targets.ndim:
        return ((outputs > 0) == (targets > 0.5)).float().mean()
    return (outputs.argmax(dim=1) == targets).float().mean()


def mean_absolute_error(outputs: Any, targets: Any) -> Any:
    """The mean distance between outputs and targets."""
    return (outputs - targets).abs().mean()


def mean_squared_error(outputs: Any, targets: Any) -> Any:
    """The mean squared distance between outputs and targets."""
    return ((outputs - targets) ** 2).mean()


@dataclass(frozen=True)
class Judge:
    """A metric with the function that computes it; without one it is the loss."""

    metric: Metric
    function: Callable[[Any, Any], Any] | None = None


BUILT_IN = {
    "accuracy": Judge(Metric("accuracy", True), accuracy),
    "mean_absolute_error": Judge(Metric("mean_absolute_error", False), mean_absolute_error),
    "mean_squared_error": Judge(Metric("mean_squared_error", False), mean_squared_error),
    "loss": Judge(Metric("loss", False)),
}


def as_judge(given: Any) -> Judge:
    """The metric that a task names; TaskError where it is none."""
    if given is None:
        return BUILT_IN["loss"]
    if isinstance(given, str) and given in BUILT_IN:
        return BUILT_IN[given]
    if isinstance(given, tuple) and len(given) == 3:
        name, function, rising = given
        named = isinstance(name, str) and name != "loss"
        if named and callable(function) and isinstance(rising, bool):
            return Judge(Metric(name, rising), function)
    raise TaskError(
        f"Task: metric must be one of {', '.join(BUILT_IN)}, or (name, function, rising), got "
        f"{given!r}; give e.g. ('f1', f1_of_outputs_and_targets, True)"
    )


def joined(parts: list[Any]) -> Any:
    """The outputs or targets of all batches as those of one."""
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple | list):
        return tuple(joined(list(column)) for column in zip(*parts, strict=True))
    return torch.cat(parts)
