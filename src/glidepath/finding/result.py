"""What a range test found."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from glidepath.finding.stored import plain, read
from glidepath.training.trainer import Array

VERSION = 1


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

    def to_json(self) -> str:
        """This result as JSON text, for `from_json`; numbers that are not finite become null."""
        data = {"glidepath_range_test": VERSION}
        data |= {each.name: plain(getattr(self, each.name)) for each in fields(self)}
        return json.dumps(data, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> RangeTest:
        """The result that `to_json` wrote, number for number.

        Raises:
            RecordError: not JSON, of another version, or with missing or unknown keys.
        """
        return read(
            text,
            ("glidepath_range_test", VERSION),
            (each.name for each in fields(cls)),
            lambda data: cls(**_parsed(data)),
            ("a range test", "the range test"),
        )


def _parsed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a RangeTest from their JSON."""
    arrays = {name: _array(data[name]) for name in ("rates", "losses", "smoothed")}
    numbers = {name: float(data[name]) for name in ("low", "high", "suggested", "seconds")}
    edge = data["diverged_at"]
    return {
        **arrays,
        **numbers,
        "kind": str(data["kind"]),
        "suggestions": {
            name: None if rate is None else float(rate)
            for name, rate in data["suggestions"].items()
        },
        "diverged_at": None if edge is None else float(edge),
        "metrics": {name: _array(values) for name, values in data["metrics"].items()},
        "sweeps": tuple(_array(values) for values in data["sweeps"]),
        "updates": int(data["updates"]),
        "warnings": tuple(str(line) for line in data["warnings"]),
    }


def _array(values: Any) -> Array:
    return np.array([math.nan if value is None else float(value) for value in values], np.float64)
