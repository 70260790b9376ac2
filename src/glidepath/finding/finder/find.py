"""`find`: the peak rate at which a policy's shape trains best over a whole budget."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.fit import Estimate, estimate, rung_of
from glidepath.finding.finder.found import Cost, Curve, Found, Lane
from glidepath.finding.finder.lanes import Flyer
from glidepath.finding.finder.search import Search
from glidepath.finding.finder.shape import shape_of
from glidepath.schedules import Duration, Policy, Schedule, checks
from glidepath.training.trainer import Trainer

_WHERE = "find"


def find(
    trainer: Trainer,
    policy: Policy | Schedule,
    budget: Duration,
    *,
    seed: int | None = 0,
    effort: str = "standard",
    low: float = 1e-7,
    high: float = 100.0,
) -> Found:
    """The peak learning rate at which a policy's shape trains best over the whole budget.

    Short trainings ("lanes") fly the shape of the policy, compressed to their length, from the
    same weights on the same batches at different peak rates. The best rates survive into longer
    lanes; what is left between the longest lanes and the budget is bridged by how the best rate
    moves with the horizon. The trainer's state (weights, optimizer slots, statistics, seeds, data
    position) is restored afterwards whatever happens, so that training after the search is
    training without it.

    Args:
        trainer: what to train; see `glidepath.training.Trainer`.
        policy: what to fly. Only its shape counts: its rates are scaled so that the highest is
            the lane's; momentum and weight decay fly with it as they are.
        budget: the length of the training that the rate is for: "20ep", or updates.
        seed: the trainer is reset to it for the lanes; None starts them from where it is.
        effort: "quick" (at most 500 updates, or two fifths of the budget where that is more),
            "standard" (1,000, or three quarters), "thorough" (2,500, or twice the budget).
        low: the lowest rate to consider, above 0.
        high: the highest.

    Returns:
        The rate with its interval, what it rests on and what to be careful about.

    Raises:
        ArgumentError: an argument that cannot be right, or a policy that the trainer cannot fly.
        PlanError: the policy does not fit the budget.
    """
    lowest = checks.number(_WHERE, "low", low, positive=True)
    highest = checks.number(_WHERE, "high", high, positive=True)
    if lowest * 4 > highest:
        raise ArgumentError(
            f"{_WHERE}: high must be at least four times low, got {low!r} and {high!r}; widen them"
        )
    checks.choice(_WHERE, "effort", effort, EFFORTS)
    if seed is not None:
        checks.count(_WHERE, "seed", seed, least=0)
    shape, notes = shape_of(policy, budget, trainer)
    began = time.perf_counter()
    state = trainer.snapshot()
    try:
        flyer = Flyer(trainer, shape)
        search = Search(flyer, EFFORTS[effort], (math.log2(lowest), math.log2(highest)))
        search.run(seed)
    finally:
        _restore(trainer, state)
    rungs = [rung_of(lanes, search.start.probe.mean()) for lanes in search.rungs]
    answer = estimate(rungs, shape.total, seed or 0)
    cost = Cost(flyer.updates, flyer.updates, time.perf_counter() - began, shape.total)
    return _found(search, answer, cost, notes, effort=effort, seed=seed)


def _restore(trainer: Trainer, state: Any) -> None:
    """Put the state back; an interrupt that comes just then waits until it is."""
    try:
        trainer.restore(state)
    except KeyboardInterrupt:
        trainer.restore(state)
        raise


def _found(
    search: Search,
    answer: Estimate,
    cost: Cost,
    notes: list[str],
    *,
    effort: str,
    seed: int | None,
) -> Found:
    """The result, kept inside the bounds, with warnings."""
    bottom, top = search.bounds
    position = min(max(answer.position, bottom), top)
    low, high = max(min(answer.low, position), bottom), min(max(answer.high, position), top)
    lanes = tuple(lane for rung in search.rungs for lane in rung)
    width = high - low
    confidence = "high" if width <= 1 else "medium" if width <= 2.5 else "low"
    rate = 2.0**position
    return Found(
        learning_rate=rate,
        interval=(2.0**low, 2.0**high),
        diverges_at=_edge(lanes),
        cyclical={"low": rate / 8, "high": rate},
        curve=Curve(
            tuple(np.exp2(answer.grid).tolist()),
            tuple(answer.loss.tolist()),
            tuple(answer.band[0].tolist()),
            tuple(answer.band[1].tolist()),
        ),
        cost=cost,
        confidence=confidence,
        warnings=(*notes, *_warnings(search, answer)),
        lanes=lanes,
        effort=effort,
        seed=seed,
    )


def _edge(lanes: tuple[Lane, ...]) -> float | None:
    """The lowest rate at which a lane diverged."""
    return min((lane.rate for lane in lanes if lane.diverged), default=None)


def _warnings(search: Search, answer: Estimate) -> list[str]:
    """What to be careful about."""
    notes = []
    bottom, top = search.bounds
    if answer.position <= bottom + 0.5:
        notes.append("the best rate lies at the lowest rate considered: lower low")
    if answer.position >= top - 0.5:
        notes.append("the best rate lies at the highest rate considered: raise high")
    return notes
