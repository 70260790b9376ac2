"""A budget of time: when a cool-down has to begin so that the run ends in time.

Framework-free: an adapter makes a `WallClock`, tells it every update (`tick`), and flies the
cool-down that it answers.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median_low
from typing import Any

from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules import checks
from glidepath.schedules.durations import Clock, Duration, duration
from glidepath.schedules.plan import Plan
from glidepath.schedules.recipes import COOLDOWNS
from glidepath.training.flown import FlownPlan

_UNITS = {"d": 86400.0, "h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}
_TIME = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:d|h|min|m|s)\s*)+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)", re.ASCII)
_EPOCHS = 64
"""The pace is the median of so many of the latest epochs."""
_INTERVALS = 256
"""Before an epoch has passed it is the median of the intervals, of so many at the most."""
_LEAST = 8
"""So many intervals say nothing yet: a process begins slowly."""


@dataclass(frozen=True)
class CooldownBy:
    """A cool-down that ends when a budget of time does; made by `cooldown_by`."""

    budget: float
    """Seconds of training in all, those before a resume included."""
    over: Duration = "20%"
    end: float = 0.0
    shape: str = "linear"

    def steps(self, pace: float, steps_per_epoch: int | None) -> int:
        """How many updates the cool-down takes, at `pace` seconds an update."""
        if isinstance(self.over, str) and self.over.endswith("%"):
            return max(1, int(float(self.over[:-1]) / 100 * self.budget / pace))
        return Clock(None, steps_per_epoch).count("cooldown_by: over", self.over)

    def cooled(self, flown: FlownPlan, k: int, steps: int) -> Plan:
        """What is flown with a cool-down from the update `k` on; a rate that is down stays."""
        rate = flown.values("learning_rate", k, k + 1)[0]
        if rate <= self.end:
            return flown.cooled(k, steps, rate)
        return flown.cooled(k, steps, self.end, self.shape)


def cooldown_by(
    budget: str | float | timedelta,
    over: Duration = "20%",
    end: float = 0.0,
    shape: str = "linear",
) -> CooldownBy:
    """A budget of wall-clock time for a run, with a cool-down that ends with it.

    Args:
        budget: the training time in all, e.g. "90min", "1h30min", "2d"; a number is seconds.
            Time before a resume counts as far as the checkpoint knows of it; time between two
            processes does not.
        over: how long the cool-down takes: a percentage of the budget, or updates, or epochs.
        end: the rate that it comes to.
        shape: "linear", "sqrt", "cosine" or "exponential"; see `Plan.cooldown_from`.

    Raises:
        ArgumentError: what is no time, no duration, or no shape.
    """
    where = "cooldown_by"
    lasts = duration(where, "over", over, rest=False)
    if isinstance(lasts, str) and lasts.endswith("%") and float(lasts[:-1]) > 100:
        raise ArgumentError(
            f"{where}: over must be at most 100% of the budget, got {over!r}; give e.g. '20%'"
        )
    kind = checks.choice(where, "shape", shape, COOLDOWNS)
    low = checks.number(where, "end", end)
    if kind == "exponential" and low == 0:
        raise ArgumentError(
            f"{where}: an exponential never reaches 0, got end={end!r}; give a small rate above 0"
        )
    return CooldownBy(_seconds(budget), lasts, low, kind)


class WallClock:
    """Measures a run's speed, and says when its cool-down has to begin.

    The pace is the median over the latest epochs of the seconds per update, so that evaluation,
    which comes once in each, is included, and an epoch that was held up does not count. Until an
    epoch has passed it is the median interval between two updates, or, where epochs are not known,
    from 256 updates on, the mean. After a resume the saved pace holds until then.

    Args:
        rule: what `cooldown_by` gave.
        steps_per_epoch: updates in an epoch, where it is known.
        clock: seconds since whenever; for tests.
    """

    def __init__(
        self,
        rule: CooldownBy,
        steps_per_epoch: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(rule, CooldownBy):
            raise ArgumentError(
                f"WallClock: needs what cooldown_by() gives, got {type(rule).__name__}; give "
                "cooldown_by('90min')"
            )
        rule.steps(1.0, steps_per_epoch)  # epochs of unknown length are refused here
        self.rule, self._per_epoch, self._clock = rule, steps_per_epoch, clock
        self.begun = False
        """Whether the cool-down has begun, in this process or before a resume."""
        self._before = 0.0
        self._since = clock()
        self._pace: float | None = None
        self._restart()

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, those before a resume included."""
        return self._before + self._clock() - self._since

    @property
    def pace(self) -> float | None:
        """Seconds per update as measured so far; None where nothing was."""
        return self._pace

    def tick(self, k: int, total: int | None = None) -> int | None:
        """Tell that `k` updates are done; call it after every update, or every few.

        Args:
            k: the updates done in the run.
            total: the length of the plan that is flown, where it has one: a run that ends in time
                anyway is left alone.

        Returns:
            How many updates the cool-down takes that has to begin now, once in a run; else None.
        """
        if self.begun:
            return None
        due = self.due(k, total)
        if due is None or due[0] > k:
            return None
        self.begun = True
        return due[1]

    def due(self, k: int, total: int | None = None) -> tuple[int, int] | None:
        """The update at which the cool-down has to begin by what is known now, and its updates.

        The update may lie before `k`: then it has to begin at once. None where nothing was
        measured yet, or where the plan ends in time anyway.
        """
        now = self._clock()
        self._measure(k, now)
        left = self.rule.budget - (self._before + now - self._since)
        if self._pace is None or self._pace <= 0:
            return (k, 1) if left <= 0 else None
        can = max(1, int(left / self._pace))
        if total is not None and total - k <= can:
            return None
        steps = min(self.rule.steps(self._pace, self._per_epoch), can)
        return k + can - steps, steps

    def state_dict(self) -> dict[str, Any]:
        """The seconds so far, the pace, and whether the cool-down has begun: plain numbers."""
        return {"elapsed": self.elapsed, "pace": self._pace, "begun": self.begun}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; the time since it was saved does not count."""
        try:
            before, pace, begun = saved["elapsed"], saved["pace"], saved["begun"]
        except KeyError as error:
            raise ResumeError(
                f"this is not the state of a wall clock: it holds {sorted(saved)}; was it edited?"
            ) from error
        self._before, self._since = float(before), self._clock()
        self._pace, self.begun = pace, bool(begun)
        self._restart()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes: the seconds so far, and not those between two processes."""
        return {**self.__dict__, "_before": self.elapsed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Count on from now."""
        self.__dict__.update(state)
        self._since = self._clock()
        self._restart()

    def _restart(self) -> None:
        """Forget what was measured, as another process begins."""
        self._first: tuple[int, float] | None = None
        self._last = self._epoch = (0, 0.0)
        self._epochs: deque[float] = deque(maxlen=_EPOCHS)
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)

    def _measure(self, k: int, now: float) -> None:
        if self._first is None or k < self._last[0]:
            self._first = self._epoch = self._last = (k, now)
            return
        if k == self._last[0]:
            return
        self._intervals.append((now - self._last[1]) / (k - self._last[0]))
        self._last = (k, now)
        if self._per_epoch is not None and k - self._epoch[0] >= self._per_epoch:
            self._epochs.append((now - self._epoch[1]) / (k - self._epoch[0]))
            self._epoch = (k, now)
            self._pace = median_low(self._epochs)
        elif self._epochs:
            pass  # nothing is known better until this epoch has passed
        elif self._per_epoch is None and len(self._intervals) == _INTERVALS:
            self._pace = (now - self._first[1]) / (k - self._first[0])
        elif len(self._intervals) >= _LEAST and (k % _LEAST == 0 or self._pace is None):
            self._pace = median_low(self._intervals)


def _seconds(budget: object) -> float:
    """A time in seconds; ArgumentError where it is none."""
    where, remedy = "cooldown_by", "give e.g. '90min', '1h30min', '2d', or seconds as a number"
    if isinstance(budget, timedelta):
        return checks.number(where, "budget", budget.total_seconds(), positive=True)
    if not isinstance(budget, str):
        return checks.number(where, "budget", budget, positive=True)
    text = budget.strip()
    if len(text) > 64 or not _TIME.fullmatch(text):
        raise ArgumentError(f"{where}: budget must be a time, got {budget!r}; {remedy}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return checks.number(where, "budget", seconds, positive=True)
