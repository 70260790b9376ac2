"""Lanes: short trainings from one start, each of which flies the shape at a rate of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.shape import Shape
from glidepath.training.trainer import Array, Prober, Trainer

PROBED = 1024
"""Examples of the probe, where there are as many."""
_LOOKS = 8
"""How often a lane is looked at while it flies, to stop it where its loss is not finite."""


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
    """Flies lanes on a trainer, one after the other, and keeps count of what that took."""

    def __init__(self, trainer: Trainer, shape: Shape) -> None:
        self.trainer, self.shape = trainer, shape
        self.updates = 0
        """Lane-updates so far."""
        self._held: dict[float, _Held] = {}

    def start(self, seed: int | None) -> Start:
        """Reset to a seed (or, with None, stay where the trainer is) and remember the place."""
        if seed is not None:
            self.trainer.reset(seed)
        return Start(self.trainer.snapshot(), seed, probe(self.trainer))

    def cost(self, start: Start, rate: float, updates: int) -> int:
        """The lane-updates that a lane would take."""
        held = self._held.get(rate)
        return updates - (0 if held is None else len(held.losses))

    def fly(self, start: Start, rate: float, updates: int) -> Lane:
        """One lane; it stops early where its loss is not finite."""
        held = self._held.get(rate)
        self.trainer.restore(start.state if held is None else held.state)
        losses = np.empty(0) if held is None else held.losses
        done = len(losses)
        tables = self.shape.flown(rate, updates)
        chunk = max(1, math.ceil(updates / _LOOKS))
        for begin in range(done, updates, chunk):
            cut = slice(begin, min(begin + chunk, updates))
            found = self.trainer.advance({name: table[cut] for name, table in tables.items()})
            losses = np.concatenate([losses, found.losses])
            if not np.isfinite(losses).all():
                break
        self.updates += len(losses) - done
        finite = bool(np.isfinite(losses).all())
        parts = probe(self.trainer) if finite else np.full(len(start.probe), math.nan)
        diverged = not np.isfinite(parts).all()
        if self.shape.steady and not diverged:
            self._held[rate] = _Held(self.trainer.snapshot(), losses)
        return Lane(
            rate=rate,
            updates=updates,
            score=math.nan if diverged else float(parts.mean()),
            probe=tuple(parts.tolist()),
            losses=tuple(losses.tolist()),
            diverged=diverged,
        )


def probe(trainer: Trainer) -> Array:
    """The losses of the probe's parts; of the whole validation split where a trainer has no parts.

    See `glidepath.training.Prober`.
    """
    if isinstance(trainer, Prober):
        return np.asarray(trainer.probe(PROBED), np.float64)
    return np.array([float(trainer.evaluate("validation")["loss"])])
