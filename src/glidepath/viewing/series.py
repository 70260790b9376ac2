"""What the figures and the report draw, taken from records: spreads, applied rates, ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glidepath.studies import assemble
from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.training.records import RunRecord
from glidepath.training.trainer import Array
from glidepath.viewing import numbers

MOVABLE = ("momentum", "weight_decay")
"""The hyperparameters that are drawn only where a policy moves them."""
POINTS = 600
"""The most points that an interactive line is drawn with."""
_STRAIGHT = 1e-6
"""A bend smaller than this share of the line's height is float32's rounding."""
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Spread:
    """A curve over the seeds that finished: its mean, and the lowest and highest seed."""

    steps: Array
    mean: Array
    low: Array
    high: Array
    runs: int


@dataclass(frozen=True)
class Broken:
    """The curve of a run that did not finish, as far as it got."""

    seed: int
    outcome: str
    stopped: int
    """The update after which it ended."""
    steps: Array
    values: Array


def spread(policy: PolicyResult, split: str, name: str) -> Spread | None:
    """The mean and range over the seeds that finished; None where none did."""
    curves = [
        (steps, values)
        for record in policy.records
        if record.outcome == "finished"
        for steps, values in [evaluated(record, split, name)]
        if steps.size
    ]
    if not curves:
        return None
    common = curves[0][0]
    for steps, _ in curves[1:]:
        common = np.intersect1d(common, steps)
    if not common.size:
        return None
    rows = np.stack([values[np.isin(steps, common)] for steps, values in curves])
    return Spread(common, rows.mean(0), rows.min(0), rows.max(0), len(curves))


def broken(policy: PolicyResult, split: str, name: str) -> list[Broken]:
    """The runs that diverged or were interrupted, each by itself."""
    found = []
    for record in policy.records:
        if record.outcome != "finished":
            steps, values = evaluated(record, split, name)
            keep = np.isfinite(values)
            found.append(
                Broken(record.info.seed, record.outcome, record.steps, steps[keep], values[keep])
            )
    return found


def evaluated(record: RunRecord, split: str, name: str) -> tuple[Array, Array]:
    """A metric's curve on a split; empty where the run never evaluated it."""
    if not any(e.split == split and name in e.values for e in record.evaluations):
        return np.empty(0), np.empty(0)
    return record.curve(split, name)


def applied(policy: PolicyResult, name: str) -> list[tuple[int, Array]]:
    """(seed, values) of a hyperparameter as applied: one entry where all seeds flew the same.

    The longest run stands for all that agree with it as far as they go; where seeds differ, as
    with a controller that watches a metric, each is there.
    """
    runs = [(r.info.seed, r.series[name]) for r in policy.records if name in r.series]
    runs.sort(key=lambda run: -run[1].size)
    kept: list[tuple[int, Array]] = []
    for seed, values in runs:
        if values.size and not any(
            np.array_equal(values, other[: values.size]) for _, other in kept
        ):
            kept.append((seed, values))
    return kept


@dataclass(frozen=True)
class Moves:
    """What a study's policies did to a hyperparameter that most leave to the optimizer."""

    moved: tuple[PolicyResult, ...]
    """The policies that applied anything but the common constant."""
    constant: float | None
    """What the others applied throughout; None where there are no others."""
    others: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name of the one line that stands for the others."""
        who = self.others[0] if len(self.others) == 1 else "the others"
        return f"{who} ({numbers.rate(self.constant)})"


def moves(study: StudyResult, name: str) -> Moves | None:
    """Who moved a hyperparameter, as read back from the runs; None where nobody did.

    The common constant is that of the policies which leave it to the optimizer.
    """
    flown = {p.name: runs for p in study.policies if (runs := applied(p, name))}
    held = {who: float(runs[0][1][0]) for who, runs in flown.items() if _constant(runs)}
    left = {p.name for p in study.policies if getattr(p.policy, name) is None}
    own = [value for who, value in held.items() if who in left] or list(held.values())
    constant = max(own, key=own.count, default=None)
    others = tuple(
        w for w, value in held.items() if constant is not None and _same(value, constant)
    )
    moved = tuple(p for p in study.policies if p.name in flown and p.name not in others)
    return Moves(moved, constant, others) if moved else None


def _constant(runs: Sequence[tuple[int, Array]]) -> bool:
    first = float(runs[0][1][0])
    return all(bool(_same(values, first).all()) for _, values in runs)


def _same(values: Array | float, value: float) -> Any:
    return np.isclose(values, value, rtol=1e-6, atol=0.0)


def decimate(values: Array, limit: int = POINTS) -> Indices:
    """The indices of at most `limit` points between which straight lines show the same curve.

    Half are the strongest bends, so both sides of every jump and every corner are kept as long as
    there is room; half are evenly spaced, for what curves smoothly.
    """
    size = values.size
    if size <= limit:
        return np.arange(size)
    bend = np.zeros(size)
    bend[1:-1] = _bends(values)
    bends = np.flatnonzero(bend > _STRAIGHT)
    strongest = bends[np.argsort(-bend[bends], kind="stable")[: limit // 2]]
    even = np.linspace(0, size - 1, limit - limit // 2).round().astype(np.int64)
    return np.unique(np.concatenate([strongest, even])).astype(np.int64)


def thinned(x: Array, y: Array, limit: int) -> tuple[Array, Array]:
    """About `limit` points of a noisy curve: neighbours averaged."""
    if x.size <= limit:
        return x, y
    where = (np.arange(x.size) * limit) // x.size
    count = np.bincount(where)
    return np.bincount(where, x) / count, np.bincount(where, y) / count


def _bends(values: Array) -> Array:
    """How far each inner point is off the line through its neighbours, on either axis scale."""
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    height = float(np.abs(clean).max()) or 1.0
    bend = np.abs(np.diff(clean, 2)) / height
    floor = height * 1e-6
    logs = np.log10(np.maximum(np.abs(clean), floor))
    return np.asarray(np.maximum(bend, np.abs(np.diff(logs, 2)) / 6))


def spans_decades(tables: Iterable[Array]) -> bool:
    """Whether a rate needs a log axis: a quarter of some table lies below a fiftieth of the top."""
    given = [table[table > 0] for table in tables]
    top = max((float(t.max()) for t in given if t.size), default=0.0)
    return any(t.size > 0 and float((t < top / 50).mean()) > 0.25 for t in given)


def log_floor(tables: Sequence[Array], decades: float = 5.0) -> float:
    """Where a log axis begins: under the lowest values, but for a plunge towards zero.

    The lowest fiftieth of each table does not count: a decay to zero passes every decade there.
    """
    given = [table[table > 0] for table in tables]
    top = max((float(t.max()) for t in given if t.size), default=1.0)
    lowest = [float(np.partition(t, t.size // 50)[t.size // 50]) for t in given if t.size]
    least = min(lowest, default=top / 10)
    return float(max(least, top / 10.0**decades))


def focus(spreads: Sequence[Spread], total_steps: int) -> tuple[float, float] | None:
    """The range of the curves once they have settled: after the first tenth of the run."""
    settled = []
    for item in spreads:
        late = item.steps >= total_steps / 10
        chosen = late if late.any() else np.ones(item.steps.size, dtype=bool)
        settled += [float(item.low[chosen].min()), float(item.high[chosen].max())]
    finite = [value for value in settled if np.isfinite(value)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    margin = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def finals(policy: PolicyResult, study: StudyResult) -> Array:
    """The final metric of each seed that finished, on the split that the study reports."""
    values = np.asarray([record.final(study.split, study.metric.name) for record in policy.records])
    return values[np.isfinite(values)] if values.size else values


def ranked(result: StudyResult) -> list[PolicyResult]:
    """The policies by final metric, the best first; those without a mean come last."""
    sign = -1.0 if result.metric.rising else 1.0

    def key(policy: PolicyResult) -> tuple[bool, float, int]:
        mean = policy.metric_mean
        return (mean is None, 0.0 if mean is None else sign * mean, policy.diverged)

    return sorted(result.policies, key=key)


def baseline(result: StudyResult) -> str | None:
    """The policy that the others are compared with: "fixed", else the first constant rate."""
    found = assemble.baseline(result.policies)
    return None if found is None else found.name


def curve_names(result: StudyResult) -> list[str]:
    """The validation curves to draw: the task's metric, then the loss unless it is the metric."""
    return list(dict.fromkeys([result.metric.name, "loss"]))
