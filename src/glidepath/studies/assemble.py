"""From the records of a study to its result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import numpy as np

from glidepath.schedules import Policy
from glidepath.schedules.schedule import Node
from glidepath.studies import statistics
from glidepath.studies.result import Difference, PolicyResult
from glidepath.training import Metric, RunRecord


@dataclass(frozen=True)
class Flight:
    """A policy and its records, one per seed and in their order."""

    name: str
    policy: Policy
    records: tuple[RunRecord, ...]

    def final(self, split: str, metric: Metric) -> dict[int, float]:
        """The final value by seed; NaN for a run that diverged."""
        return {r.info.seed: r.final(split, metric.name) for r in self.records}

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(record.outcome != "finished" for record in self.records)

    def mean(self, split: str, name: str) -> float | None:
        """The mean final value of a metric; None where a run diverged."""
        values = [record.final(split, name) for record in self.records]
        return float(np.mean(values)) if all(map(math.isfinite, values)) else None


class Judged(Protocol):
    """A policy whose runs have ended: a `Flight` or a `PolicyResult`."""

    @property
    def name(self) -> str:
        """The policy's name."""
        ...

    @property
    def policy(self) -> Policy:
        """The policy."""
        ...

    @property
    def diverged(self) -> int:
        """How many of its runs diverged."""
        ...


J = TypeVar("J", bound=Judged)


def baseline(flights: Sequence[J]) -> J | None:
    """What the others are compared with: the policy "fixed", or else the first constant one.

    A constant rate of which a run diverged is no reference, unless it is the one called "fixed".
    """
    for flight in flights:
        if flight.name == "fixed":
            return flight
    for flight in flights:
        node = flight.policy.node()
        rate = node["learning_rate"]
        alone = set(node) == {"learning_rate"} and isinstance(rate, dict)
        if alone and not flight.diverged and cast("Node", rate).get("recipe") == "constant":
            return flight
    return None


def judged_on(flights: Sequence[Flight]) -> str:
    """The split that results are reported on: "validation" where the task has no test data."""
    finished = [r for flight in flights for r in flight.records if r.outcome == "finished"]
    tested = any(e.split == "test" for record in finished for e in record.evaluations)
    return "test" if tested or not finished else "validation"


def best(flights: Sequence[Flight], metric: Metric) -> Flight:
    """The policy to recommend: the best mean final validation result, the test left out of it.

    A policy of which a run diverged is only taken where every other's did too; then the fewest
    divergences count, and then the updates that were survived. Equal results are settled by the
    validation loss, then by the order of the policies.
    """

    def rank(flight: Flight) -> tuple[float, ...]:
        value, loss = flight.mean("validation", metric.name), flight.mean("validation", "loss")
        survived = sum(record.steps for record in flight.records)
        if value is None:
            return (flight.diverged, 0.0, 0.0, -survived)
        settled = math.inf if loss is None else loss
        return (flight.diverged, -value if metric.rising else value, settled, 0.0)

    return min(flights, key=rank)


def results(flights: Sequence[Flight], metric: Metric) -> tuple[PolicyResult, ...]:
    """Every policy's result, compared with the best and with the fixed rate."""
    chosen, fixed, split = best(flights, metric), baseline(flights), judged_on(flights)
    target = None if fixed is None else fixed.mean("validation", metric.name)
    found = []
    for flight in flights:
        done = [r for r in flight.records if r.outcome == "finished"]
        reached = (
            None if target is None else statistics.median_steps(flight.records, metric, target)
        )
        values = list(flight.final(split, metric).values())
        mean = flight.mean(split, metric.name)
        found.append(
            PolicyResult(
                name=flight.name,
                policy=flight.policy,
                records=flight.records,
                metric_mean=mean,
                metric_ci=None if mean is None else statistics.mean_interval(values),
                validation_mean=flight.mean("validation", metric.name),
                diverged=len(flight.records) - len(done),
                to_best=_against(flight, chosen, split, metric, len(flights) - 1),
                to_fixed=None
                if fixed is None
                else _against(flight, fixed, split, metric, len(flights) - 1),
                steps_to_target=reached,
            )
        )
    return tuple(found)


def _against(
    flight: Flight, other: Flight, split: str, metric: Metric, comparisons: int
) -> Difference | None:
    if flight is other:
        return None
    return statistics.paired_difference(
        flight.final(split, metric), other.final(split, metric), comparisons
    )
