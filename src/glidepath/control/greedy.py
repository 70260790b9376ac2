"""Greedy: a factor that rises while a metric improves, and falls while it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from glidepath.control.metric import MODES, Watching, checked_factor, checked_monitor, improves
from glidepath.errors import ArgumentError
from glidepath.schedules import checks


@dataclass(frozen=True)
class GreedyState:
    """What a greedy controller remembers between epochs; plain numbers, safe to store."""

    factor: float = 1.0
    best: float | None = None
    good: int = 0
    """Improvements in a row."""
    bad: int = 0
    """Epochs without one in a row."""
    resting: int = 0
    """Epochs still to let pass after a change."""


@dataclass(frozen=True)
class Greedy(Watching):
    """The description of a greedy controller: frozen; its state is kept apart from it."""

    name: ClassVar[str] = "greedy"
    monitor: str = "val_loss"
    factor: float = 0.9
    patience: int = 1
    mode: str = "auto"
    min_delta: float = 1e-6
    cooldown: int = 0
    hold: int = 0
    min_factor: float = 0.01
    max_factor: float = 10.0

    def init(self) -> GreedyState:
        """The state before the first epoch."""
        return GreedyState()

    def update(self, state: GreedyState, value: float, rate: float) -> GreedyState:
        """The state after an epoch in which the monitored metric was `value`.

        Args:
            state: the state after the epoch before.
            value: the monitored metric; one that is not a number never improves anything.
            rate: the learning rate that was applied last; not needed here.
        """
        if state.resting > 0:
            return replace(state, good=0, bad=0, resting=state.resting - 1)
        if improves(value, state.best, rising=self.rising, min_delta=self.min_delta):
            found = replace(state, best=value, good=state.good + 1, bad=0)
        else:
            found = replace(state, good=0, bad=state.bad + 1)
        if found.good > self.patience:
            raised = min(found.factor / self.factor, self.max_factor)
            return replace(found, factor=raised, good=0, resting=self.hold)
        if found.bad > self.patience:
            lowered = max(found.factor * self.factor, self.min_factor)
            return replace(found, factor=lowered, bad=0, resting=self.cooldown)
        return found

    def apply(self, state: GreedyState, rate: float) -> float:
        """The rate that is applied where the schedule says `rate`."""
        return rate * state.factor


def greedy(  # noqa: PLR0913 - GreedyLR has as many
    monitor: str = "val_loss",
    factor: float = 0.9,
    patience: int = 1,
    mode: str = "auto",
    min_delta: float = 1e-6,
    *,
    cooldown: int = 0,
    hold: int = 0,
    min_factor: float = 0.01,
    max_factor: float = 10.0,
) -> Greedy:
    """Raise the rate while a metric improves, lower it while it does not, on top of any schedule.

    `gp.Policy(gp.linear(0, 0.1, "5ep") >> gp.constant(0.1), controllers=[gp.greedy("loss")])`

    The rule of GreedyLR ("Dynamic Learning Rate Scheduling based on Loss Changes Leads to Faster
    Convergence", 2025, arXiv:2512.14527) in the counting of Transformers' `GreedyLR`: after more
    than `patience` improvements in a row the factor is divided by `factor`, after more than
    `patience` epochs without one it is multiplied by it. What differs: the bounds are on the
    factor and not on the rate, so that a schedule's warm-up and its final zero stay what they
    are; there is no smoothing (an epoch's metric is a mean already) and no reset at the bottom.

    Args:
        monitor: the metric watched after each epoch, e.g. "val_loss" or "val_accuracy".
        factor: what the rate is multiplied by to lower and divided by to raise it; above 0 and
            below 1.
        patience: epochs of the same kind that are let pass before the rate changes.
        mode: "min", "max", or "auto" (by the metric's name: accuracy and the like should rise).
        min_delta: the change, absolute, that counts as an improvement.
        cooldown: epochs after lowering in which nothing is counted.
        hold: epochs after raising in which nothing is counted (GreedyLR's `warmup`).
        min_factor: the controller never multiplies the schedule by less; 1 at the most.
        max_factor: nor by more; 1 at the least.
    """
    where = "greedy"
    low = checks.number(where, "min_factor", min_factor, positive=True)
    high = checks.number(where, "max_factor", max_factor)
    if low > 1:
        raise ArgumentError(f"{where}: min_factor must be at most 1, got {low!r}; give e.g. 0.01")
    if high < 1:
        raise ArgumentError(f"{where}: max_factor must be at least 1, got {high!r}; give e.g. 10")
    return Greedy(
        checked_monitor(where, monitor),
        checked_factor(where, factor, 0.9),
        checks.count(where, "patience", patience, least=0),
        checks.choice(where, "mode", mode, MODES),
        checks.number(where, "min_delta", min_delta),
        checks.count(where, "cooldown", cooldown, least=0),
        checks.count(where, "hold", hold, least=0),
        low,
        high,
    )
