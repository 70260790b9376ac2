"""Grid and random search by full-length trainings: what a finder has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.lanes import Flyer
from glidepath.finding.finder.shape import shape_of
from glidepath.schedules import Duration, Policy, Schedule, checks
from glidepath.training.trainer import Trainer


@dataclass(frozen=True)
class FullRuns:
    """What full-length trainings at several peak rates came to."""

    learning_rate: float | None
    """The rate with the lowest validation loss; None where every run diverged."""
    runs: tuple[Lane, ...]
    """Every run, in the order in which it was made."""
    updates: int
    """Optimizer updates over all runs."""


def grid_search(
    trainer: Trainer,
    policy: Policy | Schedule,
    budget: Duration,
    rates: Sequence[float],
    *,
    seed: int = 0,
) -> FullRuns:
    """Train once at every rate over the whole budget, and take the best; the state is restored.

    Args:
        trainer: what to train.
        policy: what to fly; its rates are scaled so that the highest is the rate that is tried.
        budget: the length of each training: "20ep", or updates.
        rates: the peak rates.
        seed: of every run's weights and data order.

    Raises:
        ArgumentError: no rate, a rate that is not above 0, or a policy that cannot be flown.
        PlanError: the policy does not fit the budget.
    """
    where = "grid_search"
    listed = checks.sequence(where, "rates", list(rates))
    tried = [checks.number(where, "a rate", rate, positive=True) for rate in listed]
    checks.count(where, "seed", seed, least=0)
    shape, _ = shape_of(policy, budget, trainer, where)
    state = trainer.snapshot()
    try:
        flyer = Flyer(trainer, shape, "never")
        start = flyer.start(seed)
        runs = tuple(flyer.fly(start, rate, shape.total) for rate in tried)
    finally:
        trainer.restore(state)
    held = [run for run in runs if not run.diverged]
    best = min(held, key=lambda run: run.score).rate if held else None
    return FullRuns(best, runs, flyer.updates)


def random_search(
    trainer: Trainer,
    policy: Policy | Schedule,
    budget: Duration,
    runs: int,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    seed: int = 0,
) -> FullRuns:
    """The same at so many rates, drawn evenly in log from `low` to `high`.

    Bergstra and Bengio 2012 (JMLR 13).

    Raises:
        ArgumentError: an argument that cannot be right.
    """
    where = "random_search"
    first = checks.number(where, "low", low, positive=True)
    last = checks.number(where, "high", high, positive=True)
    if first >= last:
        raise ArgumentError(f"{where}: low must be below high, got {low!r} and {high!r}; swap them")
    count = checks.count(where, "runs", runs)
    checks.count(where, "seed", seed, least=0)
    drawn = np.random.default_rng(seed).uniform(math.log(first), math.log(last), count)
    return grid_search(trainer, policy, budget, np.exp(drawn).tolist(), seed=seed)
