"""Tissue et al.'s law: an annealing area with momentum."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.laws.law import Exposure, Law, base
from glidepath.analysis.rates import Array


def tissue(parameters: Array, exposure: Exposure) -> Array:
    """L = L0 + A·S^−α − C·S2 (Tissue, Wang, Wang 2024, arXiv:2408.11029).

    S2 = Σ_k d_k·(1 − λ^(t−k+1))/(1 − λ), where d_k is the rate's drop at update k. With
    τ = −1/ln λ, this is Σ_k d_k·τ·(1 − e^(−age/τ)) up to a factor near 1 that C takes up.

    Args:
        parameters: L0, A, α, C, τ (as a share of the horizon).
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,). Its best schedule is a jump to zero: never optimise it.
    """
    weight, memory = parameters[3:]
    annealed = -np.expm1(-exposure.age / memory) @ exposure.size
    return np.asarray(base(parameters, exposure) - weight * annealed)


MEMORY = 0.0055
"""τ of `quick_tissue` as a share of the horizon: λ = 0.999 in a run of 180,000 updates."""


def quick_tissue(parameters: Array, exposure: Exposure) -> Array:
    """Tissue's law with τ held at `MEMORY`: the loss follows the rate almost at once.

    For schedules that raise the rate again. A run with one slow decay cannot tell how fast the
    loss follows; the power laws' long memory, learnt from cool-downs, is wrong for restarts.

    Args:
        parameters: L0, A, α, C.
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,).
    """
    annealed = -np.expm1(-exposure.age / MEMORY) @ exposure.size
    return np.asarray(base(parameters, exposure) - parameters[3] * annealed)


QUICK_TISSUE = Law(
    "quick-tissue",
    ("L0", "A", "alpha", "C"),
    quick_tissue,
    (-0.1, -2.7, -0.6, -3.0),
    (1.0, 1.5, 0.5, 1.5),
)

TISSUE = Law(
    "tissue",
    ("L0", "A", "alpha", "C", "tau"),
    tissue,
    (-0.1, -2.7, -0.6, -3.0, -3.2),
    (0.7, 1.0, 0.1, 1.5, 1.0),
)
