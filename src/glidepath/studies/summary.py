"""`summary.json`: a study's result for programs."""

from __future__ import annotations

from typing import Any, cast

from glidepath.finding.finder import Found
from glidepath.finding.result import RangeTest
from glidepath.studies.result import Cost, Difference, PolicyResult, StudyResult
from glidepath.studies.storage import plain


def summary(result: StudyResult) -> dict[str, Any]:
    """The study as JSON data; what is not known or not finite is null."""
    chosen = result.recommended
    data = {
        "task": result.task,
        "metric": {"name": result.metric.name, "rising": result.metric.rising},
        "total_steps": result.total_steps,
        "steps_per_epoch": result.steps_per_epoch,
        "seeds": result.seeds,
        "split": result.split,
        "range_test": None if result.range_test is None else _range_test(result.range_test),
        "found": {name: _found(found) for name, found in result.found.items()},
        "policies": [_policy(policy, result.notes.get(policy.name)) for policy in result.policies],
        "recommended": {
            "name": chosen.name,
            "spec": chosen.policy.to_spec(),
            "learning_rate": chosen.learning_rate,
            "reason": chosen.reason,
            "ties": chosen.ties,
            "code": chosen.code,
        },
        "cost": cost(result.cost),
    }
    return cast("dict[str, Any]", plain(data))


def cost(spent: Cost) -> dict[str, Any]:
    """What a study took, as JSON data."""
    return {
        "updates": spent.updates,
        "seconds": spent.seconds,
        "steps": spent.steps,
        "startup": spent.startup,
        "overhead": spent.overhead,
        "overhead_share": spent.overhead_share,
    }


def _range_test(test: RangeTest) -> dict[str, Any]:
    return {
        "low": test.low,
        "high": test.high,
        "suggested": test.suggested,
        "suggestions": test.suggestions,
        "diverged_at": test.diverged_at,
        "kind": test.kind,
        "updates": test.updates,
        "warnings": test.warnings,
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "learning_rate": found.learning_rate,
        "interval": found.interval,
        "diverges_at": found.diverges_at,
        "cyclical": found.cyclical,
        "effort": found.effort,
        "confidence": found.confidence,
        "lane_updates": found.cost.lane_updates,
        "warnings": found.warnings,
    }


def _policy(policy: PolicyResult, note: str | None) -> dict[str, Any]:
    return {
        "name": policy.name,
        "spec": policy.policy.to_spec(),
        "note": note,
        "metric_mean": policy.metric_mean,
        "metric_ci": policy.metric_ci,
        "validation_mean": policy.validation_mean,
        "diverged": policy.diverged,
        "to_best": _difference(policy.to_best),
        "to_fixed": _difference(policy.to_fixed),
        "steps_to_target": policy.steps_to_target,
    }


def _difference(gap: Difference | None) -> dict[str, Any] | None:
    if gap is None:
        return None
    return {
        "mean": gap.mean,
        "low": gap.low,
        "high": gap.high,
        "pairs": gap.pairs,
        "distinct": gap.distinct,
    }
