"""The Multi-Power Law and its log form."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.laws.law import Exposure, Law, base
from glidepath.analysis.rates import Array


def multi_power(parameters: Array, exposure: Exposure) -> Array:
    """L = L0 + A·S^−α − B·Σ_k d_k·[1 − (1 + C·η_k^−γ·ΔS_k)^−β] (Luo et al., ICLR 2025).

    arXiv:2503.12811. d_k is the rate's drop at update k, ΔS_k the sum of the rates from k on.

    Args:
        parameters: L0, A, α, B, C, γ, β.
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,).
    """
    weight, speed, gamma, beta = parameters[3:]
    grown = np.log1p(exposure.gap * (speed * exposure.low**-gamma))
    return np.asarray(
        base(parameters, exposure) + weight * (np.expm1(-beta * grown) @ exposure.size)
    )


BETA = 0.15
"""β of `tempered_power`. Chosen on a part of the published curves (see benchmarks/laws.py)."""


def tempered_power(parameters: Array, exposure: Exposure) -> Array:
    """The Multi-Power Law with β held at `BETA`.

    One run says little about β, and a wrong one tells far horizons wrong: the log form (β → 0)
    promises too much of a long decay, a β of 0.5 or more too little.

    Args:
        parameters: L0, A, α, B·β, C, γ.
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,).
    """
    weight, speed, gamma = parameters[3:]
    grown = np.log1p(exposure.gap * (speed * exposure.low**-gamma))
    return np.asarray(
        base(parameters, exposure) + weight / BETA * (np.expm1(-BETA * grown) @ exposure.size)
    )


def log_power(parameters: Array, exposure: Exposure) -> Array:
    """L = L0 + A·S^−α − B·Σ_k d_k·log(1 + C·η_k^−γ·ΔS_k): Multi-Power's limit for small β.

    Fits of the Multi-Power Law often drive β to 0 and B to infinity with B·β finite; this form
    has one parameter less and is better conditioned.

    Args:
        parameters: L0, A, α, B, C, γ.
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,).
    """
    weight, speed, gamma = parameters[3:]
    grown = np.log1p(exposure.gap * (speed * exposure.low**-gamma))
    return np.asarray(base(parameters, exposure) - weight * (grown @ exposure.size))


MULTI_POWER = Law(
    "multi-power",
    ("L0", "A", "alpha", "B", "C", "gamma", "beta"),
    multi_power,
    (-0.1, -2.7, -0.6, -2.0, 3.0, -0.7, -0.7),
    (0.7, 1.0, 0.1, 1.5, 1.5, 0.5, 0.7),
)

LOG_POWER = Law(
    "log-power",
    ("L0", "A", "alpha", "B", "C", "gamma"),
    log_power,
    (-0.1, -2.7, -0.6, -4.5, 7.5, 0.0),
    (0.7, 1.0, 0.1, 0.6, 1.0, 0.5),
)

TEMPERED_POWER = Law(
    "tempered-power",
    ("L0", "A", "alpha", "B", "C", "gamma"),
    tempered_power,
    (-0.1, -2.7, -0.6, -3.8, 5.5, -0.1),
    (0.7, 1.0, 0.1, 0.6, 0.8, 0.5),
)
