"""What a study found: policies × seeds on one task, compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glidepath.finding.finder import Found
from glidepath.finding.result import RangeTest
from glidepath.schedules import Policy
from glidepath.training.records import RunRecord
from glidepath.training.trainer import Metric


@dataclass(frozen=True)
class Difference:
    """The mean paired difference of the final metric over the seeds that both policies finished."""

    mean: float
    low: float
    high: float
    """The ends of its confidence interval, adjusted for the number of comparisons."""
    pairs: int
    distinct: bool
    """Whether the interval leaves out zero: the policies can be told apart."""


@dataclass(frozen=True)
class PolicyResult:
    """One policy over all seeds."""

    name: str
    policy: Policy
    records: tuple[RunRecord, ...]
    """By seed, diverged runs included."""
    metric_mean: float | None
    """The final metric over the seeds, on the study's split; None where a run diverged: never
    averaged away."""
    metric_ci: tuple[float, float] | None
    """95 % confidence interval of the mean (Student's t); None with fewer than two seeds."""
    validation_mean: float | None
    """The same mean on the validation split, by which the recommendation is made."""
    diverged: int
    """How many seeds diverged."""
    to_best: Difference | None
    """Against the recommended policy; None for itself, or where fewer than two pairs finished."""
    to_fixed: Difference | None
    """Against the fixed rate; None for itself, or where there is none."""
    steps_to_target: float | None
    """Median updates to reach fixed's mean final validation result; None where not reached."""


@dataclass(frozen=True)
class Recommendation:
    """The policy to use, and why."""

    name: str
    policy: Policy
    learning_rate: float
    """The highest rate that the policy applies."""
    reason: str
    """In plain words; says so when policies cannot be told apart."""
    ties: tuple[str, ...]
    """The policies that cannot be told apart from it."""
    code: str
    """What to paste into a training script."""


@dataclass(frozen=True)
class Cost:
    """What the study took."""

    updates: int
    seconds: float
    """Wall-clock, from start to result, over all the sessions of a resumed study."""
    steps: float
    """Seconds in training steps, summed over processes."""
    startup: float
    """Seconds of imports and first compilations, summed over processes."""
    overhead: float
    """Seconds of everything else, summed over processes."""

    @property
    def overhead_share(self) -> float | None:
        """Overhead as a share of the steps' time; None where no step was taken."""
        return self.overhead / self.steps if self.steps > 0 else None


@dataclass(frozen=True)
class StudyResult:
    """A whole study, as the report shows it."""

    task: str
    metric: Metric
    total_steps: int
    steps_per_epoch: int
    seeds: tuple[int, ...]
    policies: tuple[PolicyResult, ...]
    range_test: RangeTest | None
    """None where the policies were given, as by `compare`."""
    recommended: Recommendation
    cost: Cost
    notes: Mapping[str, str]
    """Name → a sentence on how that policy's rates were set."""
    split: str = "test"
    """The split that the metrics are of: "test", or "validation" where the task has no test."""
    found: Mapping[str, Found] = field(default_factory=dict)
    """What the finder found for each default policy's shape, by the policy's name."""
