"""Reduce on plateau: a factor on the learning rate that falls when a metric stops improving."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from glidepath.control.metric import MODES, Watching, checked_factor, checked_monitor, improves
from glidepath.schedules import checks
from glidepath.schedules.schedule import Node

COUNTINGS = ("keras", "torch")


@dataclass(frozen=True)
class PlateauState:
    """What a plateau controller remembers between epochs; plain numbers, safe to store."""

    factor: float = 1.0
    best: float | None = None
    waited: int = 0
    cooling: int = 0


@dataclass(frozen=True)
class ReduceOnPlateau(Watching):
    """The description of a plateau controller: frozen; its state is kept apart from it."""

    name: ClassVar[str] = "reduce_on_plateau"
    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    mode: str = "auto"
    min_delta: float = 1e-4
    cooldown: int = 0
    min_rate: float = 0.0
    relative: bool = False
    counting: str = "keras"
    restore_best: bool = False
    eps: float = 0.0

    def node(self) -> Node:
        """The controller as JSON data; without `eps` where it is 0."""
        node = super().node()
        return node if self.eps else {key: item for key, item in node.items() if key != "eps"}

    def init(self) -> PlateauState:
        """The state before the first epoch."""
        return PlateauState()

    def update(self, state: PlateauState, value: float, rate: float) -> PlateauState:
        """The state after an epoch in which the monitored metric was `value`.

        An epoch that does not improve by more than `min_delta` counts, and none counts while
        cooling down. The rate falls when `patience` of them have been counted (Keras), or at the
        next one (torch). A value that is not a number never improves anything.

        Args:
            state: the state after the epoch before.
            value: the monitored metric.
            rate: the learning rate that was applied last, factor included; a rate already at
                `min_rate` or below is not reduced further.
        """
        cooling, waited = state.cooling, state.waited
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if improves(
            value,
            state.best,
            rising=self.rising,
            min_delta=self.min_delta,
            relative=self.relative,
        ):
            return replace(state, best=value, waited=0, cooling=cooling)
        if cooling > 0:
            return replace(state, waited=0, cooling=cooling)
        waited += 1
        if waited < self.patience + (self.counting == "torch"):
            return replace(state, waited=waited, cooling=cooling)
        if rate <= self.min_rate:
            return replace(state, waited=waited, cooling=cooling)
        lowered = max(rate * self.factor, self.min_rate)
        factor = state.factor * (self.factor if rate - lowered > self.eps else 1.0)
        return replace(state, factor=factor, waited=0, cooling=self._cooling)

    def apply(self, state: PlateauState, rate: float) -> float:
        """The rate that is applied where the schedule says `rate`.

        `min_rate` bounds what the controller takes away, never what the schedule itself does: a
        warm-up may start below it.
        """
        return max(rate * state.factor, min(rate, self.min_rate))

    @property
    def _cooling(self) -> int:
        """The cooldown in Keras's counting, in which its last epoch counts again."""
        return self.cooldown + 1 if self.cooldown and self.counting == "torch" else self.cooldown


def reduce_on_plateau(  # noqa: PLR0913 - the natives have as many
    monitor: str = "val_loss",
    factor: float = 0.1,
    patience: int = 10,
    mode: str = "auto",
    min_delta: float = 1e-4,
    cooldown: int = 0,
    min_rate: float = 0.0,
    *,
    relative: bool = False,
    counting: str = "keras",
    restore_best: bool = False,
    eps: float = 0.0,
) -> ReduceOnPlateau:
    """Performance scheduling, on top of any schedule: multiply the rate when a metric stalls.

    `gp.Policy(gp.linear(0, 0.1, "5ep") >> gp.constant(0.1), controllers=[gp.reduce_on_plateau()])`

    The formula is that of Keras's and torch's ReduceLROnPlateau, `min_rate` their `min_lr`. Their
    counting differs, and `counting` chooses. On a flat metric with patience 2, counted from 0,
    the rate falls after the epochs 2, 4, 6 as in Keras, 3, 6, 9 as in torch; with a cooldown of
    2 as well, every 3 epochs and every 5.

    Args:
        monitor: the metric watched after each epoch, e.g. "val_loss" or "val_accuracy".
        factor: what the rate is multiplied by; above 0 and below 1.
        patience: epochs without improvement at which the rate falls ("keras": 1 or more), or
            which are let pass before it falls at the next ("torch": 0 or more).
        mode: "min", "max", or "auto" (by the metric's name: accuracy and the like should rise).
        min_delta: the change that counts as an improvement.
        cooldown: epochs after a reduction in which nothing is counted; Keras counts the last.
        min_rate: the controller does not take the rate below this.
        relative: whether `min_delta` is a share of the best value's size (torch's default) and
            not absolute (Keras). Of its size, so that negative metrics are judged right.
        counting: "keras" or "torch".
        restore_best: whether each reduction also puts the weights and the optimizer's slots of
            the best epoch back (the last one that counted as an improvement). The clock, the
            schedule and the controllers do not go back.
        eps: a reduction of the rate by this or less is left out (1e-8 in torch).
    """
    where = "reduce_on_plateau"
    like = checks.choice(where, "counting", counting, COUNTINGS)
    return ReduceOnPlateau(
        checked_monitor(where, monitor),
        checked_factor(where, factor, 0.5),
        checks.count(where, "patience", patience, least=0 if like == "torch" else 1),
        checks.choice(where, "mode", mode, MODES),
        checks.number(where, "min_delta", min_delta),
        checks.count(where, "cooldown", cooldown, least=0),
        checks.number(where, "min_rate", min_rate),
        checks.flag(where, "relative", relative),
        like,
        checks.flag(where, "restore_best", restore_best),
        checks.number(where, "eps", eps),
    )
