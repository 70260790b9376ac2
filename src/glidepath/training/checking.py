"""What a training applied against what the plan says, and the likely cause where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glidepath.errors import ArgumentError, CheckError
from glidepath.schedules import checks
from glidepath.schedules.plan import Plan, Track

Steps = NDArray[np.int64]
_LONGEST = 2**24
_NAMED = 2
"""So many causes are named where the updates so far do not tell them apart."""


@dataclass
class Clues:
    """What else is known about a training, to tell one cause from another."""

    batches: list[int] = field(default_factory=list)
    """How many batches had been through the model when each update was applied, this one's
    included; empty where it is not known."""
    processes: int = 1
    """How many processes train together."""
    own: dict[str, float] = field(default_factory=dict)
    """The values that the optimizer was made with."""
    groups: str | None = None
    """The cause, in words, where parameter groups that are held to one plan have several values."""
    remedy: str = "call scheduler.step() after every optimizer.step()"
    """What to do in this framework where the rate never moves."""


@dataclass(frozen=True)
class Cause:
    """A mistake, and the update whose value each update gets by it."""

    said: str
    update: Callable[[Steps], Steps | None]


class PlanCheck:
    """Compares the applied values of update after update with a plan's.

    Args:
        plan: what should be applied.
        start: the update that comes first; above 0 for a run that is resumed.
        tolerance: the largest relative difference that is no difference.
        floor: the share of it that is allowed of the largest value, where values are small: 1 in
            frameworks whose own schedules compute in float32.
    """

    def __init__(
        self, plan: Plan, start: int = 0, tolerance: float = 1e-6, floor: float = 1e-3
    ) -> None:
        if not isinstance(plan, Plan):
            raise ArgumentError(
                f"check: needs a plan, got {type(plan).__name__}; give policy.plan(total=..., "
                "steps_per_epoch=...), for a fixed rate gp.constant(rate).plan()"
            )
        if plan.controllers:
            raise ArgumentError(
                "check: the plan has controllers, which change its rate by metrics that a plan "
                "does not know; fly and check the policy without them: "
                "gp.Policy(**policy.schedules).plan(...)"
            )
        self.plan = plan
        self.start = checks.count("check", "start", start, least=0)
        self.tolerance = checks.number("check", "tolerance", tolerance)
        share = floor * self.tolerance
        self._floors = {name: share * _scale(track) for name, track in plan.tracks.items()}

    def compare(self, k: int, name: str, applied: float, clues: Clues, where: str = "") -> None:
        """CheckError where the value that the update k applies is not the plan's."""
        track = self.plan.tracks[name]
        planned = float(track(k))
        if self._close(name, applied, planned):
            return
        causes = list(self._causes(k, name, applied, clues))
        raise CheckError(
            f"update {k} applies the {name} {applied:.9g}{where}, and the plan says "
            f"{planned:.9g}. Likely cause: {'; or '.join(causes)}."
        )

    def _close(self, name: str, applied: float, planned: float) -> bool:
        floor = self._floors[name]
        return math.isclose(applied, planned, rel_tol=self.tolerance, abs_tol=floor)

    def _causes(self, k: int, name: str, applied: float, clues: Clues) -> Iterator[str]:
        """The mistakes by which every update until now got the value that it got."""
        track, steps = self.plan.tracks[name], np.arange(self.start, k + 1)
        seen = np.append(track(steps[:-1]), applied)
        floor, found = self._floors[name], 0
        if clues.groups is not None:
            found += 1
            yield clues.groups
        for cause in self._known(k, clues):
            updates = cause.update(steps)
            if found == _NAMED or updates is None or (updates < 0).any():
                continue
            if np.allclose(track(updates), seen, rtol=self.tolerance, atol=floor):
                found += 1
                yield cause.said
        if not found:
            yield self._last_guess(k, name, applied, clues)

    def _known(self, k: int, clues: Clues) -> Iterator[Cause]:
        """The mistakes by the evidence they need, the most specific first."""
        start, per_epoch, processes = self.start, self.plan.steps_per_epoch, clues.processes
        if start:
            yield Cause(
                "the scheduler began again at update 0: load its state when a run is resumed",
                lambda s: s - start,
            )
        yield from self._by_batches(clues)
        if processes > 1:
            yield Cause(
                f"the scheduler is stepped once per process ({processes} of them) and not once "
                "per update",
                lambda s: start + processes * (s - start),
            )
        yield Cause(
            "the scheduler is one update ahead: it is stepped before optimizer.step(), or once "
            "more before training",
            lambda s: s + 1,
        )
        for often in (2, 3, 4, 8, 16, 32, 64):
            yield Cause(
                f"the scheduler is stepped {_times(often)} per update (by you and by the "
                "framework, or once per process or per accumulated batch)",
                lambda s, often=often: start + often * (s - start),  # type: ignore[misc]
            )
        if per_epoch is not None and per_epoch > 1:
            yield Cause(
                f"the scheduler is stepped once per epoch ({per_epoch} updates) and not once per "
                "update",
                lambda s: start + (s // per_epoch - start // per_epoch),
            )
        yield Cause(
            f"the scheduler is never stepped: {clues.remedy}",
            lambda s: np.full_like(s, start),
        )
        yield Cause(
            "the scheduler is one update late: its first step() comes after the second update",
            lambda s: np.maximum(s - 1, start),
        )
        yield Cause(
            f"the scheduler was not stepped after update {k - 1}",
            lambda s: np.append(s[:-1], k - 1),
        )

    def _by_batches(self, clues: Clues) -> Iterator[Cause]:
        """Stepped once per batch, where not every batch brings an update."""
        counted = np.asarray(clues.batches, dtype=np.int64)

        def update(steps: Steps) -> Steps | None:
            if counted.size != steps.size or np.array_equal(counted, np.arange(1, len(steps) + 1)):
                return None
            return self.start + counted - 1

        every = int(counted[0]) if counted.size else 1
        if every > 1 and np.array_equal(counted, every * np.arange(1, counted.size + 1)):
            said = (
                f"the scheduler is stepped once per batch under accumulation: {every} batches "
                "make an update, and only updates move the clock"
            )
        else:
            said = (
                "the scheduler is stepped also where no update was applied (AMP skipped it for "
                "gradients that are not finite, or batches were accumulated)"
            )
        yield Cause(said, update)

    def _last_guess(self, k: int, name: str, applied: float, clues: Clues) -> str:
        """What to say where no known mistake explains all updates."""
        track, own = self.plan.tracks[name], clues.own.get(name)
        planned = float(track(k))
        if own is not None and self._close(name, applied, own):
            return f"nothing flies the {name}: it is what the optimizer was made with"
        if own is not None and self._close(name, applied, own * planned):
            return (
                f"the scheduler multiplies the optimizer's own {name} ({own:g}); make the "
                "optimizer with 1.0, or plan the factor"
            )
        same = np.flatnonzero(np.isclose(self._table(track), applied, rtol=self.tolerance, atol=0))
        if same.size:
            nearest = int(same[np.abs(same - k).argmin()])
            return f"the scheduler is at update {nearest}, whose value this is, and not at {k}"
        if planned and applied:
            return f"something else sets the {name} (it is {applied / planned:.4g} times the plan)"
        return f"something else sets the {name}"

    @staticmethod
    def _table(track: Track) -> Any:
        total = track.total_steps
        return track(np.arange(min(4096 if total is None else total + 1, _LONGEST)))


def _scale(track: Track) -> float:
    return float(np.max(PlanCheck._table(track)))


def _times(often: int) -> str:
    return "twice" if often == 2 else f"{often} times"
