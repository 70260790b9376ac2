"""The noise law: what a decay gives, from the gradients' noise alone, where no decay was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from glidepath.errors import ArgumentError

QUARTER = 0.25
"""What a quadratic loss has for the factor in front; other losses lie about it."""


def noise_gain(
    rate: float,
    variance: ArrayLike,
    preconditioner: ArrayLike = 1.0,
    *,
    momentum: float = 0.0,
    to: float = 0.0,
    factor: float = QUARTER,
) -> float:
    """The change of the loss when the rate goes from `rate` to `to`, at an equal sum of rates.

    L_sched(τ) = L_const(τ) + a·(η/η_peak − 1)·Tr(P^−½ΣP^−½) with P^−1 including the peak rate
    (Qiu et al. 2025, arXiv:2507.02119). At rest on a quadratic the noise of SGD holds the loss
    up by a = ¼ of that trace; heavy-ball momentum multiplies the rate by 1/(1 − momentum).

    Args:
        rate: η, the rate that was held, above 0.
        variance: of each entry of the mini-batch gradient over mini-batches, any shape.
        preconditioner: what the optimizer divides each entry by: 1 for SGD, √v + ε for Adam's
            family; broadcast against `variance`.
        momentum: of heavy-ball or Nesterov SGD; 0 for Adam, whose averages do not raise the rate.
        to: the rate at the end, from 0 to `rate`.
        factor: a.

    Returns:
        A number of 0 or below: by how much the loss changes.

    Raises:
        ArgumentError: numbers that are not finite or out of their range.
    """
    spread, scale = np.asarray(variance, dtype=np.float64), np.asarray(preconditioner)
    good = np.all(np.isfinite(spread)) and np.all(spread >= 0) and np.all(scale > 0)
    if not (good and np.isfinite(rate) and rate > 0 and 0 <= to <= rate and 0 <= momentum < 1):
        raise ArgumentError(
            f"noise_gain: needs a rate above 0, `to` between 0 and it, a momentum below 1, and "
            f"finite variances of 0 or more, got rate={rate}, to={to}, momentum={momentum}"
        )
    trace = rate / (1 - momentum) * float(np.sum(spread / scale))
    return factor * (to / rate - 1) * trace
