"""The plain power law: the loss knows how long training took, and nothing of the schedule."""

from __future__ import annotations

from glidepath.analysis.laws.law import Exposure, Law, base
from glidepath.analysis.rates import Array


def power(parameters: Array, exposure: Exposure) -> Array:
    """L = L0 + A·S^−α, with S the sum of the rates (Hestness et al. 2017, arXiv:1712.00409).

    Args:
        parameters: L0, A, α.
        exposure: m moments of a schedule.

    Returns:
        The loss at each moment, shape (m,). A baseline: it cannot see a decay.
    """
    return base(parameters, exposure)


POWER = Law("power", ("L0", "A", "alpha"), power, (-0.1, -2.7, -0.6), (0.7, 1.0, 0.1))
