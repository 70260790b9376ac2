"""Reduce on plateau: a factor on the learning rate that falls when a metric stops improving."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from glidepath.errors import ArgumentError
from glidepath.schedules import checks
from glidepath.schedules.schedule import Node

MODES = ("auto", "min", "max")
_RISING = ("acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "dice", "fmeasure")


@dataclass(frozen=True)
class PlateauState:
    """What a plateau controller remembers between epochs; plain numbers, safe to store."""

    factor: float = 1.0
    best: float | None = None
    waited: int = 0
    cooling: int = 0


@dataclass(frozen=True)
class ReduceOnPlateau:
    """The description of a plateau controller: frozen; its state is kept apart from it."""

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    mode: str = "auto"
    min_delta: float = 1e-4
    cooldown: int = 0
    min_rate: float = 0.0
    relative: bool = False

    def init(self) -> PlateauState:
        """The state before the first epoch."""
        return PlateauState()

    def update(self, state: PlateauState, value: float, rate: float) -> PlateauState:
        """The state after an epoch in which the monitored metric was `value`.

        Counting is Keras's: an epoch that does not improve by more than `min_delta` counts, the
        rate falls when `patience` of them have been counted, and none counts while cooling down.
        A value that is not a number never improves anything.

        Args:
            state: the state after the epoch before.
            value: the monitored metric.
            rate: the learning rate that was applied last, factor included; a rate already at
                `min_rate` or below is not reduced further.
        """
        cooling, waited = state.cooling, state.waited
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if self._improves(value, state.best):
            return replace(state, best=value, waited=0, cooling=cooling)
        if cooling > 0:
            return replace(state, waited=0, cooling=cooling)
        waited += 1
        if waited < self.patience:
            return replace(state, waited=waited, cooling=cooling)
        if rate <= self.min_rate:
            return replace(state, waited=waited, cooling=cooling)
        return replace(state, factor=state.factor * self.factor, waited=0, cooling=self.cooldown)

    def apply(self, state: PlateauState, rate: float) -> float:
        """The rate that is applied where the schedule says `rate`.

        `min_rate` bounds what the controller takes away, never what the schedule itself does: a
        warm-up may start below it.
        """
        return max(rate * state.factor, min(rate, self.min_rate))

    def node(self) -> Node:
        """The controller as JSON data."""
        return {
            "controller": "reduce_on_plateau",
            "monitor": self.monitor,
            "factor": self.factor,
            "patience": self.patience,
            "mode": self.mode,
            "min_delta": self.min_delta,
            "cooldown": self.cooldown,
            "min_rate": self.min_rate,
            "relative": self.relative,
        }

    @property
    def rising(self) -> bool:
        """Whether a larger metric is better."""
        if self.mode == "auto":
            return any(word in self.monitor.lower() for word in _RISING)
        return self.mode == "max"

    def _improves(self, value: float, best: float | None) -> bool:
        if best is None:
            return value > -math.inf if self.rising else value < math.inf
        least = self.min_delta * abs(best) if self.relative else self.min_delta
        return value > best + least if self.rising else value < best - least


def reduce_on_plateau(
    monitor: str = "val_loss",
    factor: float = 0.1,
    patience: int = 10,
    mode: str = "auto",
    min_delta: float = 1e-4,
    cooldown: int = 0,
    min_rate: float = 0.0,
    *,
    relative: bool = False,
) -> ReduceOnPlateau:
    """Performance scheduling, on top of any schedule: multiply the rate when a metric stalls.

    `gp.Policy(gp.linear(0, 0.1, "5ep") >> gp.constant(0.1), controllers=[gp.reduce_on_plateau()])`

    Args:
        monitor: the metric watched after each epoch, e.g. "val_loss" or "val_accuracy".
        factor: what the rate is multiplied by; above 0 and below 1.
        patience: epochs without improvement before the rate falls (counted as Keras does: on a
            flat metric with patience 2 it falls after epochs 2, 4, 6 counted from 0).
        mode: "min", "max", or "auto" (by the metric's name: accuracy and the like should rise).
        min_delta: the change that counts as an improvement.
        cooldown: epochs after a reduction in which nothing is counted.
        min_rate: the controller does not take the rate below this.
        relative: whether `min_delta` is a share of the best value's size, as in torch, and not
            absolute, as in Keras. Of its size, so that negative metrics are judged right.

    The formula and the counting are those of Keras's ReduceLROnPlateau, `min_rate` its `min_lr`.
    """
    where = "reduce_on_plateau"
    if not isinstance(monitor, str) or not monitor:
        raise ArgumentError(
            f"{where}: monitor must be the name of a metric, got {monitor!r}; give e.g. 'val_loss'"
        )
    share = checks.number(where, "factor", factor, positive=True)
    if share >= 1:
        raise ArgumentError(f"{where}: factor must be below 1, got {factor!r}; give e.g. 0.5")
    return ReduceOnPlateau(
        monitor,
        share,
        checks.count(where, "patience", patience),
        checks.choice(where, "mode", mode, MODES),
        checks.number(where, "min_delta", min_delta),
        checks.count(where, "cooldown", cooldown, least=0),
        checks.number(where, "min_rate", min_rate),
        checks.flag(where, "relative", relative),
    )
