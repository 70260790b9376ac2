"""The statistics of a study: intervals over seeds, paired differences, updates to a target.

Runs are paired: every policy trains from the same seeds (common random numbers), so the difference
of two policies on one seed is free of what the seed does to both. Intervals are Student's t. Where
one policy is compared with several others, each interval has the confidence 1 − 0.05/m for m
comparisons (Bonferroni; Dunn 1961, Journal of the American Statistical Association 56:52–64), so
that with 95 % confidence all of them hold at once, whatever the dependence between them. That is
more cautious than Dunnett's intervals, which assume one variance for all policies: policies that
end at a high rate scatter more than those that end at a low one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from glidepath.studies.result import Difference
from glidepath.training.records import RunRecord
from glidepath.training.trainer import Metric

CONFIDENCE = 0.95
_ROUNDING = 1e-12
"""Relative to the values, differences below this are rounding, not data."""


def mean_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Student's t interval of the mean; None with fewer than two values.

    Equal values give an interval without width: over these seeds nothing varied.
    """
    if len(values) < 2:
        return None
    data = np.asarray(values, dtype=np.float64)
    middle, spread = float(data.mean()), float(data.std(ddof=1))
    if spread <= _ROUNDING * float(np.abs(data).max()):
        return middle, middle
    half = _quantile(confidence, len(values) - 1) * spread / math.sqrt(len(values))
    return middle - half, middle + half


def paired_difference(
    mine: Mapping[int, float], other: Mapping[int, float], comparisons: int = 1
) -> Difference | None:
    """The mean of mine − other over the seeds where both are numbers; None with under two.

    Where every seed gives the same difference, as a metric that counts examples often does on a few
    seeds, Student's t would be sure of anything; then the sign test decides (Dixon and Mood 1946).

    Args:
        mine: final metric by seed; NaN for a run that diverged.
        other: the same of the policy that is compared with.
        comparisons: how many such differences are looked at together.
    """
    seeds = [s for s in mine if s in other and math.isfinite(mine[s]) and math.isfinite(other[s])]
    if len(seeds) < 2:
        return None
    size = max(max(abs(mine[s]), abs(other[s])) for s in seeds)
    gaps = [mine[s] - other[s] for s in seeds]
    if max(gaps) - min(gaps) <= _ROUNDING * size:
        gap = 0.0 if abs(gaps[0]) <= _ROUNDING * size else float(np.mean(gaps))
        chance = 2 * 0.5 ** len(seeds)
        distinct = gap != 0.0 and chance <= (1 - CONFIDENCE) / max(comparisons, 1)
        return Difference(gap, gap, gap, len(seeds), distinct=distinct)
    ends = mean_interval(gaps, 1 - (1 - CONFIDENCE) / max(comparisons, 1))
    assert ends is not None
    low, high = ends
    return Difference(float(np.mean(gaps)), low, high, len(seeds), distinct=low > 0 or high < 0)


def steps_to_reach(record: RunRecord, metric: Metric, target: float) -> float:
    """The update of the first validation that is as good as the target; infinite if none is."""
    steps, values = record.curve("validation", metric.name)
    reached = values >= target if metric.rising else values <= target
    return float(steps[reached.argmax()]) if reached.any() else math.inf


def median_steps(records: Sequence[RunRecord], metric: Metric, target: float) -> float | None:
    """The median over runs of the updates to the target; None where half do not reach it."""
    if not records:
        return None
    middle = float(np.median([steps_to_reach(record, metric, target) for record in records]))
    return middle if math.isfinite(middle) else None


def better(a: float, b: float, metric: Metric) -> bool:
    """Whether `a` is a better value of the metric than `b`."""
    return a > b if metric.rising else a < b


def _quantile(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))
