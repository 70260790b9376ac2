"""Spike back-off: a factor that falls when a metric leaps, and recovers when it is calm again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from glidepath.control.metric import MODES, Watching, checked_factor, checked_monitor
from glidepath.schedules import checks

_SHARE = 0.3
"""What a new epoch weighs in the running mean and the running spread."""
_LEAST = 3
"""Epochs that are watched before anything can be a spike."""


@dataclass(frozen=True)
class SpikeState:
    """What a spike back-off remembers between epochs; plain numbers, safe to store."""

    factor: float = 1.0
    mean: float = 0.0
    """Running mean of the metric."""
    spread: float = 0.0
    """Running mean of its distance from that mean."""
    seen: int = 0
    """Finite epochs watched, of the first three."""
    holding: int = 0
    """Calm epochs still to come before the recovery begins."""
    depth: int = 0
    """Steps of recovery still to go; the factor is a power of it."""


@dataclass(frozen=True)
class SpikeBackoff(Watching):
    """The description of a spike back-off: frozen; its state is kept apart from it."""

    name: ClassVar[str] = "spike_backoff"
    monitor: str = "loss"
    factor: float = 0.5
    threshold: float = 4.0
    hold: int = 1
    recover: int = 3
    deepest: int = 3
    mode: str = "auto"
    min_delta: float = 1e-4

    def init(self) -> SpikeState:
        """The state before the first epoch."""
        return SpikeState()

    def update(self, state: SpikeState, value: float, rate: float) -> SpikeState:
        """The state after an epoch in which the monitored metric was `value`.

        Args:
            state: the state after the epoch before.
            value: the monitored metric; one that is not finite is a spike.
            rate: the learning rate that was applied last; not needed here.
        """
        watched = self._watched(state, value)
        if self._is_spike(state, value):
            deeper = min(state.depth + self.recover, self.deepest * self.recover)
            return self._at(replace(watched, holding=self.hold), deeper)
        if state.holding > 0:
            return replace(watched, holding=state.holding - 1)
        return self._at(watched, max(state.depth - 1, 0))

    def apply(self, state: SpikeState, rate: float) -> float:
        """The rate that is applied where the schedule says `rate`."""
        return rate * state.factor

    def _is_spike(self, state: SpikeState, value: float) -> bool:
        if not math.isfinite(value):
            return True
        return state.seen >= _LEAST and self._worse(state, value) > self._limit(state)

    def _worse(self, state: SpikeState, value: float) -> float:
        """How much worse than the running mean a value is; negative where it is better."""
        return state.mean - value if self.rising else value - state.mean

    def _limit(self, state: SpikeState) -> float:
        return self.threshold * state.spread + self.min_delta

    def _watched(self, state: SpikeState, value: float) -> SpikeState:
        """Mean and spread with a new epoch in them.

        A spike counts as if it had stopped at the limit: one alone changes little, and a metric
        that stays on a new level is soon taken for normal.
        """
        if not math.isfinite(value):
            return state
        if state.seen == 0:
            return replace(state, mean=value, seen=1)
        worse = self._worse(state, value)
        if state.seen >= _LEAST:
            worse = min(worse, self._limit(state))
        weight = max(_SHARE, 1 / (state.seen + 1))
        return replace(
            state,
            mean=state.mean + weight * (-worse if self.rising else worse),
            spread=state.spread + weight * (abs(worse) - state.spread),
            seen=min(state.seen + 1, _LEAST),
        )

    def _at(self, state: SpikeState, depth: int) -> SpikeState:
        """The state with the factor of a depth: of the depth alone, so nothing drifts."""
        return replace(state, depth=depth, factor=self.factor ** (depth / self.recover))


def spike_backoff(
    monitor: str = "loss",
    factor: float = 0.5,
    threshold: float = 4.0,
    hold: int = 1,
    recover: int = 3,
    *,
    deepest: int = 3,
    mode: str = "auto",
    min_delta: float = 1e-4,
) -> SpikeBackoff:
    """Lower the rate for a while after a spike of the loss, then let it recover.

    `gp.Policy(gp.wsd(3e-4, "1%", "20%"), controllers=[gp.spike_backoff()])`

    An epoch is a spike when its metric is not finite, or worse than its running mean by more than
    `threshold` times its running mean absolute deviation (and by more than `min_delta`); the
    first three epochs are only watched. A spike multiplies the rate by `factor`. After `hold`
    calm epochs the rate climbs back in `recover` equal ratios, to exactly the schedule's. A
    metric that stays on a new level is soon taken for normal.

    That a lower rate lets a diverging run go on was how OPT-175B was trained, by hand (Zhang et
    al. 2022, arXiv:2205.01068, section 2.5); the recovery and the test are Glidepath's.

    Args:
        monitor: the metric watched after each epoch; "loss" is the training loss.
        factor: what the rate is multiplied by at a spike; above 0 and below 1.
        threshold: how many mean absolute deviations make a spike.
        hold: calm epochs at the lowered rate before it recovers.
        recover: epochs that the recovery from one spike takes.
        deepest: how many spikes may add up: the factor is never below factor^deepest.
        mode: "min", "max", or "auto" (by the metric's name: accuracy and the like should rise).
        min_delta: what is worse by no more than this, absolute, is never a spike.
    """
    where = "spike_backoff"
    return SpikeBackoff(
        checked_monitor(where, monitor),
        checked_factor(where, factor, 0.5),
        checks.number(where, "threshold", threshold, positive=True),
        checks.count(where, "hold", hold, least=0),
        checks.count(where, "recover", recover),
        checks.count(where, "deepest", deepest),
        checks.choice(where, "mode", mode, MODES),
        checks.number(where, "min_delta", min_delta),
    )
