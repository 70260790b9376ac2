"""The metric that a model's runs are judged by, and its direction."""

from __future__ import annotations

from typing import Any

from glidepath.training.trainer import Metric

_RISING = ("acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "dice", "fbeta")


def metric_of(model: Any) -> Metric:
    """The first compiled metric beside the loss, named as `evaluate` names it; else the loss."""
    names = [name for name in model.get_metrics_result() if name != "loss"]
    outputs = {f"{name}_loss" for name in getattr(model, "output_names", None) or ()}
    for name in names:
        if name not in outputs:
            return Metric(name, _rises(model, name))
    return Metric("loss", False)


def _rises(model: Any, name: str) -> bool:
    """What the metric says of itself, or what its name says."""
    compiled = model._compile_metrics
    for metric in compiled.metrics if compiled is not None else ():
        direction = getattr(metric, "_direction", None)
        if metric.name == name and direction is not None:
            return bool(direction == "up")
    return any(word in name.lower() for word in _RISING)
