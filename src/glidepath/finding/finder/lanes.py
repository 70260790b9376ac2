"""Lanes: short trainings from one start, each of which flies the shape at a rate of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glidepath.errors import LanesError
from glidepath.finding.finder.found import Lane, Look
from glidepath.finding.finder.shape import Shape
from glidepath.training.trainer import Array, Laner, LaneTrial, LaneTrier, Trainer

PROBED = 1024
"""Examples of the probe, where there are as many."""
_WORTH = 10.0
"""Seconds that lanes must take one by one before they are compiled to fly side by side."""
_WORTH_TRYING = 1.0
"""Seconds that lanes must take one by one before a trainer tries them side by side."""
_SLOW = 0.05
"""Seconds of an update that keeps the machine busy on its own, so that nothing is tried."""
_TRIED = 3
"""Updates of such a trial."""
_FASTER = 1.1
"""How many times as fast they must have been in it."""
_LOOKS = 8
"""How often a lane is looked at while it flies, to stop it where its loss is not finite."""
_WORTH_PROBING = 0.5
"""The share of a lane after which such a look, where nothing changes during the run, is probed."""


@dataclass(frozen=True)
class Start:
    """Where every lane begins."""

    state: Any
    seed: int | None
    probe: Array
    """The probe's losses by part, before any update."""


@dataclass
class _Held:
    """A lane that can be flown on, because its shape is steady."""

    state: Any
    losses: Array


class Flyer:
    """Flies lanes on a trainer, and keeps count of what that took."""

    def __init__(self, trainer: Trainer, shape: Shape, side_by_side: str = "auto") -> None:
        self.trainer, self.shape = trainer, shape
        self.updates = 0
        """Lane-updates so far."""
        self.sequential = 0
        """Updates one after the other so far."""
        self.tried = 0
        """Lane-updates of a trial; the lanes that would otherwise spend too much are shorter."""
        self.obstacle: str | None = None
        """Why lanes that were tried side by side fly one by one; None where nothing is known."""
        self._mode = side_by_side
        self._trial: LaneTrial | None = None
        self._held: dict[float, _Held] = {}
        self._pace = math.inf
        """Seconds an update takes when lanes are flown one by one."""

    def start(self, seed: int | None) -> Start:
        """Reset to a seed (or, with None, stay where the trainer is) and remember the place."""
        if seed is not None:
            self.trainer.reset(seed)
        return Start(self.trainer.snapshot(), seed, probe(self.trainer))

    def done(self, rate: float) -> int:
        """The updates of a lane that need not be flown again."""
        return len(self._held[rate].losses) if rate in self._held else 0

    def cost(self, start: Start, rate: float, updates: int) -> int:
        """The lane-updates that a lane would take."""
        return updates - self.done(rate)

    def fly(self, start: Start, rate: float, updates: int, *, look: bool = False) -> Lane:
        """One lane; it stops early where its loss is not finite.

        With `look`, a lane of a steady shape is probed on its way too.
        """
        held = self._held.get(rate)
        self.trainer.restore(start.state if held is None else held.state)
        pieces = [] if held is None else [held.losses]
        began = time.perf_counter()
        done = self.done(rate)
        tables = self.shape.flown(rate, updates)
        looks: list[Look] = []
        for begin, end in _chunks(done, updates):
            cut = slice(begin, end)
            found = self.trainer.advance({name: table[cut] for name, table in tables.items()})
            pieces.append(found.losses)
            if not np.isfinite(found.losses).all():
                break
            if look and self._probes(end, updates):
                looks.append(Look(end, tuple(probe(self.trainer).tolist())))
        losses = np.concatenate(pieces)
        flown = len(losses) - done
        self.updates, self.sequential = self.updates + flown, self.sequential + flown
        # The first lane compiles; the least is what an update takes.
        self._pace = min(self._pace, (time.perf_counter() - began) / max(flown, 1))
        return self._end(start, rate, updates, losses, tuple(looks))

    def hot(self, start: Start, rate: float, updates: int) -> float:
        """The loss to which so many updates of the whole run's hottest part lead, as they are.

        Compressed cycles are over before they can do harm; whole ones are not. It is the probe's at
        the end, or that of the worst eighth of the batches but the first two, if that is above the
        start's; infinite where it is not finite.
        """
        self.trainer.restore(start.state)
        cut = self.shape.hottest(updates)
        tables = {"learning_rate": rate * self.shape.rate, **self.shape.others}
        found = self.trainer.advance({name: table[cut] for name, table in tables.items()})
        flown = len(found.losses)
        self.updates, self.sequential = self.updates + flown, self.sequential + flown
        end = float(probe(self.trainer).mean())
        if not np.isfinite([*found.losses, end]).all():
            return math.inf
        eighths = [float(part.mean()) for part in np.array_split(found.losses, _LOOKS) if part.size]
        worst = max(eighths[2:], default=end)
        return max(end, worst) if worst > float(start.probe.mean()) else end

    def _probes(self, now: int, updates: int) -> bool:
        """Whether a lane of so many updates is probed where it stands."""
        return self.shape.steady and _WORTH_PROBING * updates <= now < updates

    def consider(self, start: Start, rates: Sequence[float], updates: int) -> None:
        """Let a trainer try so many lanes side by side, once, where much would be flown so.

        What it takes is counted. Without a trial the lanes of such a trainer fly one by one.
        """
        trainer = self.trainer
        if self._mode == "never" or self._trial or not isinstance(trainer, LaneTrier):
            return
        worth = len(rates) * updates * self._pace > _WORTH_TRYING and self._pace < _SLOW
        if len(rates) < 2 or not (worth or self._mode == "always"):
            return
        cut = self.shape.hottest(_TRIED)
        values = {n: np.tile(t[cut], (len(rates), 1)) for n, t in self.shape.others.items()}
        values["learning_rate"] = np.outer(rates, self.shape.rate[cut])
        self._trial = trainer.try_lanes([start.state] * len(rates), values)
        self.tried = self._trial.lane_updates
        self.sequential += self._trial.sequential_updates
        self.obstacle = self._trial.obstacle

    def fly_all(
        self, start: Start, rates: Sequence[float], updates: int, *, look: bool = False
    ) -> list[Lane]:
        """Several lanes, side by side where the trainer can and it pays."""
        lanes: dict[float, Lane] = {}
        for done in sorted({self.done(rate) for rate in rates}):
            group = [rate for rate in rates if self.done(rate) == done]
            flown: list[Lane] = []
            if len(group) > 1 and self._pays(len(group) * (updates - done)):
                flown = self._together(start, group, (done, updates), look)
            flown = flown or [self.fly(start, rate, updates, look=look) for rate in group]
            lanes |= dict(zip(group, flown, strict=True))
        return [lanes[rate] for rate in rates]

    def _pays(self, updates: int) -> bool:
        """Whether so many lane-updates are worth the compilation of a step for all lanes.

        Where a trainer tries them first, that trial says whether they can be had and are faster.
        """
        if self._mode == "never" or self.obstacle or not isinstance(self.trainer, Laner):
            return False
        if isinstance(self.trainer, LaneTrier):
            fast = self._trial is not None and self._trial.faster > _FASTER
            return fast or (self._trial is not None and self._mode == "always")
        return self._mode == "always" or updates * self._pace > _WORTH

    def _together(
        self, start: Start, rates: Sequence[float], span: tuple[int, int], look: bool
    ) -> list[Lane]:
        """Lanes side by side; none where that turns out not to be possible."""
        try:
            return self._side_by_side(start, rates, span, look)
        except LanesError as error:
            self.tried += error.updates * len(rates)
            self.sequential += error.updates
            self.obstacle = str(error)
            return []

    def _side_by_side(
        self, start: Start, rates: Sequence[float], span: tuple[int, int], look: bool
    ) -> list[Lane]:
        """Lanes that have all been flown up to the begin of the span, flown on to its end."""
        assert isinstance(self.trainer, Laner)
        done, updates = span
        held = [self._held[rate] for rate in rates] if done else []
        states = [lane.state for lane in held] or [start.state] * len(rates)
        tables = [self.shape.flown(rate, updates) for rate in rates]
        losses = np.stack([lane.losses for lane in held]) if held else np.empty((len(rates), 0))
        looks: list[list[Look]] = [[] for _ in rates]
        ends = [end for _, end in _chunks(done, updates) if look and self._probes(end, updates)]
        for begin, end in zip([done, *ends], [*ends, updates], strict=True):
            values = {n: np.stack([table[n][begin:end] for table in tables]) for n in tables[0]}
            found, states = self.trainer.advance_lanes(states, values)
            losses = np.concatenate([losses, found], axis=1)
            for lane, state in enumerate(states if end < updates else []):
                if np.isfinite(losses[lane]).all():
                    self.trainer.restore(state)
                    looks[lane].append(Look(end, tuple(probe(self.trainer).tolist())))
        self.sequential += updates - done
        lanes = []
        for rate, mine, state, seen in zip(rates, losses, states, looks, strict=True):
            bad = np.flatnonzero(~np.isfinite(mine))
            last = next(
                (end for _, end in _chunks(done, updates) if bad.size and bad[0] < end), updates
            )
            self.updates += last - done
            self.trainer.restore(state)
            lanes.append(self._end(start, rate, updates, mine[:last], tuple(seen)))
        return lanes

    def _end(
        self, start: Start, rate: float, updates: int, losses: Array, looks: tuple[Look, ...]
    ) -> Lane:
        """Score the lane at whose end the trainer stands."""
        finite = bool(np.isfinite(losses).all())
        parts = probe(self.trainer) if finite else np.full(len(start.probe), math.nan)
        diverged = not np.isfinite(parts).all()
        if self.shape.steady and not diverged and not looks:
            self._held[rate] = _Held(self.trainer.snapshot(), losses)
        return Lane(
            rate=rate,
            updates=updates,
            score=math.nan if diverged else float(parts.mean()),
            probe=tuple(parts.tolist()),
            losses=tuple(losses.tolist()),
            diverged=diverged,
            looks=looks,
        )


def _chunks(done: int, updates: int) -> list[tuple[int, int]]:
    """From one look at a lane to the next, from where it stands to its end."""
    chunk = max(1, math.ceil(updates / _LOOKS))
    return [(begin, min(begin + chunk, updates)) for begin in range(done, updates, chunk)]


def probe(trainer: Trainer) -> Array:
    """The losses of the probe's parts; of the whole validation split where a trainer has no parts.

    See `glidepath.training.Prober`.
    """
    parts = getattr(trainer, "probe", None)
    if parts is not None:
        return np.asarray(parts(PROBED), np.float64)
    return np.array([float(trainer.evaluate("validation")["loss"])])
