"""`find`: the peak rate at which a policy's shape trains best over a whole budget."""

from __future__ import annotations

import math
import time
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.finding.finder.answer import Answer, answer, no_answer
from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.evidence import gather
from glidepath.finding.finder.found import Cost, Found
from glidepath.finding.finder.lanes import Flyer
from glidepath.finding.finder.law import predict
from glidepath.finding.finder.search import CHECKS, Search
from glidepath.finding.finder.shape import Shape, shape_of
from glidepath.schedules import Duration, Policy, Schedule, checks
from glidepath.training.trainer import Prober, Trainer

_WHERE = "find"
_DRAWS = 16
"""How often the probe's parts are resampled."""


def find(
    trainer: Trainer,
    policy: Policy | Schedule,
    budget: Duration,
    *,
    seed: int | None = 0,
    effort: str = "standard",
    low: float = 1e-7,
    high: float = 100.0,
    side_by_side: str = "auto",
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
        effort: "quick" (at most 500 updates, or a quarter of the budget where that is more),
            "standard" (1,000, or three quarters), "thorough" (3,000, or twice the budget).
        low: the lowest rate to consider, above 0.
        high: the highest.
        side_by_side: whether lanes of one length are flown at once, on trainers that can:
            "always", "never", or "auto". Optax's are vmapped, with "auto" where that is worth the
            compilation. PyTorch's are mapped where a trial of three updates both ways comes to the
            same, with "auto" where it is faster too; else they fly one by one. The answer is the
            same but for rounding, which grows at rates near the cliff.

    Returns:
        The rate with its interval, what it rests on and what to be careful about.

    Raises:
        ArgumentError: an argument that cannot be right, a policy that the trainer cannot fly, or a
            validation loss that is not finite before any training.
        PlanError: the policy does not fit the budget.
    """
    lowest = checks.number(_WHERE, "low", low, positive=True)
    highest = checks.number(_WHERE, "high", high, positive=True)
    if lowest * 4 > highest:
        raise ArgumentError(
            f"{_WHERE}: high must be at least four times low, got {low!r} and {high!r}; widen them"
        )
    checks.choice(_WHERE, "effort", effort, EFFORTS)
    checks.choice(_WHERE, "side_by_side", side_by_side, ("auto", "always", "never"))
    if seed is not None:
        checks.count(_WHERE, "seed", seed, least=0)
    shape, notes = shape_of(policy, budget, trainer)
    began = time.perf_counter()
    state = trainer.snapshot()
    try:
        flyer = Flyer(trainer, shape, side_by_side)
        search = Search(flyer, EFFORTS[effort], (math.log2(lowest), math.log2(highest)))
        search.run(seed)
        notes += _about(trainer, search)
        if side_by_side == "always" and flyer.obstacle:
            notes.append(f"lanes flew one by one, not side by side: {flyer.obstacle}")
        found, cliff = _read(search, shape, seed or 0, trainer.steps_per_epoch)
    finally:
        _restore(trainer, state)
    seconds = time.perf_counter() - began
    return Found(
        learning_rate=2.0**found.position,
        interval=(2.0**found.low, 2.0**found.high),
        diverges_at=None if cliff is None else 2.0**cliff,
        cyclical={"low": 2.0**found.base, "high": 2.0**found.top},
        curve=found.curve,
        cost=Cost(flyer.sequential, flyer.updates + flyer.tried, seconds, shape.total),
        confidence=found.confidence,
        warnings=(*notes, *found.warnings),
        lanes=search.lanes,
        effort=effort,
        seed=seed,
    )


def _restore(trainer: Trainer, state: Any) -> None:
    """Put the state back; an interrupt that comes just then waits until it is."""
    try:
        trainer.restore(state)
    except KeyboardInterrupt:
        trainer.restore(state)
        raise


def _read(search: Search, shape: Shape, seed: int, per_epoch: int) -> tuple[Answer, float | None]:
    """The answer, and the position of the cliff where there is one."""
    evidence = gather(search.judged(), search.start.probe, _DRAWS, seed, per_epoch)
    if evidence is None:
        fallen = [math.log2(lane.rate) for lane in search.lanes if lane.diverged]
        worse = fallen or any(lane.score > search.worst for lane in search.lanes)
        stand_in = search.bounds[0] if worse else sum(search.bounds) / 2
        return no_answer(stand_in, search.bounds), min(fallen, default=None)
    for check in range(CHECKS + 1):
        prediction = predict(evidence, shape.total, steady=shape.steady)
        found = answer(prediction, evidence, search.bounds)
        if check == CHECKS or search.survives(found.position):
            break
        evidence = evidence.below(found.position)
    return found, evidence.cliff


def _about(trainer: Trainer, search: Search) -> list[str]:
    """What the search rests on and should not have to."""
    notes = []
    if not isinstance(trainer, Prober):
        notes.append(
            "the trainer gives no losses of parts of its validation data (see "
            "glidepath.training.Prober), so the probe's own noise is not known"
        )
    if not _has_test(trainer, search):
        notes.append(
            "the task has no test data: the probe is of the data that results are reported on"
        )
    if min((lane.score for lane in search.lanes if not lane.diverged), default=0.0) < 0:
        notes.append(
            "the loss goes below zero, as likelihoods do, so it has no floor: what it gains late, "
            "and only near the rate at which it diverges, short lanes do not show; try twice the "
            "rate too"
        )
    if len(search.rungs) < 2:
        whole = max((lane.updates for lane in search.lanes), default=0) >= search.flyer.shape.total
        notes.append(
            "the training is so short that every lane was all of it, two octaves from the next: "
            "glidepath.finding.grid_search around this rate says more"
            if whole
            else "the budget allowed one length of lanes only: raise the effort"
        )
    return notes


def _has_test(trainer: Trainer, search: Search) -> bool:
    """Whether there are test data; a trainer that does not say it is asked for their losses."""
    said: bool | None = getattr(trainer, "has_test", None)
    if said is not None:
        return said
    trainer.restore(search.start.state)
    return trainer.evaluate("test") != trainer.evaluate("validation")
