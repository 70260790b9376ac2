"""Smoothing of noisy losses, and how noisy they are."""

from __future__ import annotations

import math

import numpy as np

from glidepath.training.trainer import Array


def smooth(losses: Array, beta: float) -> Array:
    """Exponential moving average with bias correction, as Adam's.

    m_i = beta·m_(i−1) + (1 − beta)·loss_i from m_(−1) = 0, divided by 1 − beta^(i+1), so that the
    first smoothed loss is the first loss and a constant stays the constant.

    Args:
        losses: one loss per update.
        beta: 0 for no smoothing; below 1.
    """
    smoothed, average, weight = np.empty(len(losses)), 0.0, 0.0
    for i, loss in enumerate(losses.tolist()):
        average = beta * average + (1.0 - beta) * loss
        weight = beta * weight + (1.0 - beta)
        smoothed[i] = average / weight
    return smoothed


def noise(losses: Array) -> float:
    """The standard deviation of the losses around their trend, robustly.

    The median absolute difference between neighbours, divided by √2 and scaled to the standard
    deviation of normal noise (×1.4826); a few outliers and a slow trend do not move it.
    """
    if len(losses) < 2:
        return 0.0
    return 1.4826 * float(np.median(np.abs(np.diff(losses)))) / math.sqrt(2)
