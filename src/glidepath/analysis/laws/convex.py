"""The bound of convex optimisation theory, as a reference for the shape of schedules."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.rates import Array
from glidepath.errors import ArgumentError


def convex_bound(rates: Array, distance: float = 1.0, gradient: float = 1.0) -> float:
    """The bound Ω_T on the last iterate's suboptimality (Schaipp et al. 2025, arXiv:2501.18965).

    Ω_T = D²/(2Ση) + Ση²G²/(2Ση) + ½·Σ_{k<T} (η_k/Σ_{t>k}η_t)·(Σ_{t≥k}η_t²G²/Σ_{t≥k}η_t).

    Good for the shape of a schedule and for how the best rate moves with it; poor as a predictor
    of losses.

    Args:
        rates: η of every update, positive, shape (T,); the zeros at the end are left out.
        distance: D, from the start to the optimum.
        gradient: G, the bound of the gradients.

    Raises:
        ArgumentError: rates that are negative, not finite, or all zero.
    """
    eta = np.trim_zeros(np.asarray(rates, dtype=np.float64), "b")
    if eta.size == 0 or not np.all(np.isfinite(eta)) or np.any(eta < 0):
        raise ArgumentError("convex_bound: rates must be finite, not negative, not all zero")
    total = eta.sum()
    square = eta**2 * gradient**2
    left = np.cumsum(eta[::-1])[::-1]
    left_square = np.cumsum(square[::-1])[::-1]
    last = eta[:-1] / left[1:] * left_square[:-1] / left[:-1]
    return float(distance**2 / (2 * total) + square.sum() / (2 * total) + last.sum() / 2)
