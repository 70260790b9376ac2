"""Synthetic studies for tests of what is drawn: records made from real plans, no training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

import glidepath as gp
from glidepath.finding.result import RangeTest
from glidepath.studies.result import Cost, Difference, PolicyResult, Recommendation, StudyResult
from glidepath.training.records import Evaluation, RunInfo, RunRecord
from glidepath.training.trainer import Metric

T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365}
PEAK = 0.32


def policies(peak: float = PEAK) -> dict[str, gp.Policy | gp.Schedule]:
    """The fourteen classic policies."""
    warm = gp.linear(0, peak, "5%")
    return {
        "fixed": gp.constant(peak / 2),
        "time-based": gp.inverse_time_decay(peak, 4.0, "25%"),
        "step": gp.step_decay(peak, 0.1, "30%"),
        "exponential": gp.exponential_decay(peak, 0.01, "100%"),
        "polynomial": gp.polynomial_decay(peak, 0.0, "100%", power=2.0),
        "cosine": warm >> gp.cosine_decay(peak, "95%"),
        "piecewise": gp.piecewise_constant([peak, peak / 5, peak / 50], ["50%", "75%"]),
        "power": gp.power_decay(peak, "10%", 0.5),
        "plateau": gp.Policy(gp.constant(peak), controllers=[gp.reduce_on_plateau(patience=3)]),
        "triangular": gp.triangular(peak / 10, peak, "10%"),
        "triangular2": gp.triangular(peak / 10, peak, "10%", mode="triangular2"),
        "exp_range": gp.triangular(peak / 10, peak, "10%", mode="exp_range", gamma=0.999),
        "1cycle": gp.one_cycle(peak),
        "wsd": gp.wsd(peak, "5%", "20%"),
    }


def record(
    name: str,
    policy: gp.Policy | gp.Schedule,
    seed: int,
    *,
    epochs: int = 60,
    steps_per_epoch: int = 29,
    task: str = "digits",
    diverges: bool = False,
) -> RunRecord:
    """A run as a noisy quadratic would go: fast at high rates, quiet at low ones."""
    plan = gp.as_policy(policy).plan(f"{epochs}ep", steps_per_epoch)
    rng = np.random.default_rng([seed, len(name), sum(map(ord, name))])
    rates = plan.table().astype(np.float32).astype(np.float64)
    if gp.as_policy(policy).controllers:
        fall = rates.size * (0.45 + 0.1 * rng.random())
        rates = rates * np.where(np.arange(rates.size) < fall, 1.0, 0.1)
    travelled = np.cumsum(rates)
    noise = rng.normal(size=rates.size)
    level = 2.2 * np.exp(-travelled / 3.0) + 0.05 + 0.35 * rates / (1 + 0.02 * travelled)
    losses = level * (1 + 0.12 * noise)
    series = {"learning_rate": rates}
    if plan.momentum is not None:
        series["momentum"] = plan.table("momentum").astype(np.float32).astype(np.float64)
    series["loss"] = losses
    wobble = rng.normal(scale=0.004, size=epochs)
    offset = np.random.default_rng(seed).normal(scale=0.0022)
    evaluations = []
    for epoch in range(1, epochs + 1):
        step = epoch * steps_per_epoch
        loss = float(level[step - 1] * (1.1 + 4 * wobble[epoch - 1]) + 0.02)
        accuracy = 1 / (1 + 0.35 * loss**1.1) + offset + 0.5 * wobble[epoch - 1]
        values = {"loss": loss, "accuracy": min(accuracy, 1.0)}
        evaluations.append(Evaluation(step, epoch, "validation", values))
    evaluations.append(Evaluation(rates.size, epochs, "test", dict(values)))
    info = RunInfo(
        task, name, gp.as_policy(policy).to_spec(), seed, rates.size, steps_per_epoch,
        "accuracy", True, plan.fingerprint,
    )  # fmt: skip
    seconds = {"steps": 0.9, "evaluation": 0.06, "other": 0.03, "startup": 0.0}
    if not diverges:
        return RunRecord(info, series, tuple(evaluations), "finished", seconds)
    stop = min(rates.size, 5 * steps_per_epoch + 7 + 3 * seed)
    series = {key: column[:stop].copy() for key, column in series.items()}
    series["loss"][-20:] = np.geomspace(1, 1e6, min(20, stop))
    series["loss"][-1] = math.nan
    early = [e for e in evaluations if e.step <= stop]
    if early:
        last = early[-1]
        early[-1] = Evaluation(last.step, last.epoch, last.split, {"loss": 4.1, "accuracy": 0.31})
    return RunRecord(info, series, tuple(early), "diverged", seconds)


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's 95 % interval of the mean."""
    if len(values) < 2:
        return None
    half = T_95[len(values) - 1] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return mean - half, mean + half


def difference(mine: Sequence[RunRecord], other: Sequence[RunRecord]) -> Difference | None:
    """The paired difference of the final test accuracy, mine − other."""
    pairs = [
        a.final("test", "accuracy") - b.final("test", "accuracy")
        for a, b in zip(mine, other, strict=True)
    ]
    finite = [p for p in pairs if math.isfinite(p)]
    ends = interval(finite)
    if ends is None:
        return None
    return Difference(
        float(np.mean(finite)), *ends, len(finite), distinct=ends[0] > 0 or ends[1] < 0
    )


def range_test(*, diverges: bool = True, with_metric: bool = True) -> RangeTest:
    """An exponential sweep of 200 updates over seven decades."""
    rng = np.random.default_rng(7)
    rates = np.geomspace(1e-6, 10.0, 200)
    x = np.log10(rates)
    clean = 0.4 + 1.9 / (1 + np.exp((x + 1.9) * 3.2)) + np.exp((x - 0.25) * 6.0)
    stop = int(np.searchsorted(rates, 2.9)) if diverges else rates.size
    losses = clean * (1 + 0.05 * rng.normal(size=rates.size))
    suggestions = {"steepest": 0.0129, "minimum/10": 0.0316, "valley": 0.0105}
    accuracy = np.clip(0.1 + 0.8 * (2.3 - clean) / 1.9, 0.05, 0.95) + 0.02 * rng.normal(size=200)
    return RangeTest(
        kind="exponential",
        rates=rates[:stop],
        losses=losses[:stop],
        smoothed=clean[:stop],
        suggestions=suggestions,
        low=0.0021,
        high=0.32,
        suggested=0.0316,
        diverged_at=float(rates[stop - 1]) if diverges else None,
        metrics={"accuracy": accuracy[:stop]} if with_metric else {},
        updates=200,
        seconds=0.41,
        warnings=("The loss is noisy: the suggestions differ by a factor of 3 between sweeps.",),
    )


@cache
def _records(
    name: str, seeds: tuple[int, ...], epochs: int, diverged: tuple[int, ...]
) -> tuple[RunRecord, ...]:
    policy = policies()[name]
    return tuple(
        record(name, policy, seed, epochs=epochs, diverges=seed in diverged) for seed in seeds
    )


def study(
    *,
    names: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    epochs: int = 60,
    diverged: Mapping[str, Sequence[int]] | None = None,
    with_range_test: bool = True,
    task: str = "digits",
    reason: str | None = None,
) -> StudyResult:
    """A whole study. `diverged` names the seeds of each policy that diverge."""
    broken = {"triangular": (1, 3)} if diverged is None else diverged
    chosen = list(policies() if names is None else names)
    records = {n: _records(n, tuple(seeds), epochs, tuple(broken.get(n, ()))) for n in chosen}
    finished = {n: [r for r in rs if r.outcome == "finished"] for n, rs in records.items()}
    means = {
        n: float(np.mean([r.final("validation", "accuracy") for r in finished[n]]))
        if len(finished[n]) == len(seeds)
        else -1.0
        for n in chosen
    }
    best = max(chosen, key=lambda n: means[n])
    target = means.get("fixed", -1.0)
    results = tuple(
        _policy_result(n, records, best=best, target=target, mean=means[n]) for n in chosen
    )
    ties = tuple(p.name for p in results if p.to_best is not None and not p.to_best.distinct)
    told = (
        f"It had the best mean validation accuracy. It cannot be told apart from {', '.join(ties)}."
        if ties
        else "It had the best mean validation accuracy, and the difference to all others is real."
    )
    recommended = Recommendation(
        name=best,
        policy=gp.as_policy(policies()[best]),
        learning_rate=PEAK,
        reason=told if reason is None else reason,
        ties=ties,
        code=CODE,
    )
    runs = len(chosen) * len(seeds)
    updates = sum(r.steps for rs in records.values() for r in rs)
    return StudyResult(
        task=task,
        metric=Metric("accuracy", rising=True),
        total_steps=29 * epochs,
        steps_per_epoch=29,
        seeds=tuple(seeds),
        policies=results,
        range_test=range_test() if with_range_test else None,
        recommended=recommended,
        cost=Cost(updates, 0.55 * runs, 0.9 * runs, 8.4, 0.09 * runs),
        notes=dict.fromkeys(chosen, f"Set from the range test: at most {PEAK}."),
    )


def flying(
    held: Mapping[str, float | NDArray[np.float64] | None], which: str = "momentum"
) -> StudyResult:
    """A short study whose policies applied these values of momentum or weight decay."""
    result = study(names=list(held), seeds=(0, 1), epochs=6, diverged={})
    mended = []
    for policy in result.policies:
        value = held[policy.name]
        records = []
        for run in policy.records:
            series = {k: v for k, v in run.series.items() if k not in ("momentum", "weight_decay")}
            if value is not None:
                filled = np.broadcast_to(np.asarray(value, dtype=np.float32), (run.steps,))
                series[which] = filled.astype(np.float64)
            records.append(replace(run, series=series))
        mended.append(replace(policy, records=tuple(records)))
    return replace(result, policies=tuple(mended))


def _policy_result(
    name: str,
    records: Mapping[str, tuple[RunRecord, ...]],
    *,
    best: str,
    target: float,
    mean: float,
) -> PolicyResult:
    mine = records[name]
    tests = [r.final("test", "accuracy") for r in mine]
    whole = all(math.isfinite(t) for t in tests)
    reached = []
    for r in mine:
        steps, values = r.curve("validation", "accuracy")
        hits = steps[values >= target]
        reached.append(float(hits[0]) if hits.size and r.outcome == "finished" else math.inf)
    median = float(np.median(reached))
    fixed = records.get("fixed")
    return PolicyResult(
        name=name,
        policy=gp.as_policy(policies()[name]),
        records=mine,
        metric_mean=float(np.mean(tests)) if whole else None,
        metric_ci=interval(tests) if whole else None,
        validation_mean=mean if whole else None,
        diverged=sum(r.outcome == "diverged" for r in mine),
        to_best=None if name == best else difference(mine, records[best]),
        to_fixed=None if name == "fixed" or fixed is None else difference(mine, fixed),
        steps_to_target=median if math.isfinite(median) else None,
    )


CODE = """import glidepath as gp

schedule = gp.linear(0, 0.32, "5%") >> gp.cosine_decay(0.32, "95%")
plan = schedule.plan(total="60ep", steps_per_epoch=29)
print(plan(0), plan(100))
"""
