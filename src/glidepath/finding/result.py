"""What a range test found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glidepath.training.trainer import Array


@dataclass(frozen=True)
class RangeTest:
    """A sweep of the learning rate: losses against rate, and what can be read off.

    Every array has one entry per rate that was tried; the loss (and each metric) at index i is the
    one measured after the update with rates[i], the first that this rate could have caused.
    """

    kind: str
    """"exponential" (the practice's) or "linear" (Smith's)."""
    rates: Array
    losses: Array
    """Median over sweeps, where there were several."""
    smoothed: Array
    """Exponential moving average with bias correction."""
    suggestions: Mapping[str, float | None]
    """Rate by rule: "steepest", "minimum/10", "valley"; None where the rule finds nothing."""
    low: float
    """Base rate for cyclical schedules: where the loss begins to fall."""
    high: float
    """Top rate for cyclical schedules: the largest that still trains well."""
    suggested: float
    """The one rate to use if one is wanted: the median of minimum/10 over the sweeps."""
    diverged_at: float | None
    """The rate at which the loss diverged; None where the sweep ended first."""
    metrics: Mapping[str, Array] = field(default_factory=dict)
    sweeps: tuple[Array, ...] = ()
    """The raw losses of each sweep."""
    updates: int = 0
    """Optimizer updates that the test took."""
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    """What to be careful about, in plain words."""
