"""Lanes: short trainings from one start, each of which flies the shape at a rate of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.shape import Shape
from glidepath.training.trainer import Array, Trainer

PROBED = 1024
"""Examples of the probe, where there are as many."""
_LOOKS = 8
"""How often a lane is looked at while it flies, to stop it where it has diverged."""
_RISE = 4.0
"""How far above the start a lane's loss may be, in units of `Start.scale`."""


@dataclass(frozen=True)
class Start:
    """Where every lane begins."""

    state: Any
    seed: int
    probe: Array
    """The probe's losses before any update."""


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
        self._held: dict[tuple[int, float], _Held] = {}

    def start(self, seed: int | None, number: int) -> Start:
        """Reset to a seed (or, with None, stay where the trainer is) and remember the place."""
        if seed is not None:
            self.trainer.reset(seed + number)
        return Start(self.trainer.snapshot(), (seed or 0) + number, probe(self.trainer))

    def fly(self, start: Start, rate: float, updates: int) -> Lane:
        """One lane; it stops early where its loss is not finite."""
        held = self._held.get((start.seed, rate)) if self.shape.steady else None
        if held is None:
            self.trainer.restore(start.state)
            losses = np.empty(0)
        else:
            self.trainer.restore(held.state)
            losses = held.losses
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
        parts = np.full(len(start.probe), math.nan)
        if np.isfinite(losses).all():
            parts = probe(self.trainer)
        if self.shape.steady and np.isfinite(parts).all():
            self._held[start.seed, rate] = _Held(self.trainer.snapshot(), losses)
        score = float(parts.mean())
        return Lane(
            rate=rate,
            updates=updates,
            seed=start.seed,
            score=score,
            probe=tuple(parts.tolist()),
            losses=tuple(losses.tolist()),
            diverged=not math.isfinite(score),
        )


def probe(trainer: Trainer) -> Array:
    """The losses of the probe's parts; of the whole validation split where a trainer has no parts.

    See `glidepath.training.Prober`.
    """
    parts = getattr(trainer, "probe", None)
    if callable(parts):
        return np.asarray(parts(PROBED), np.float64)
    return np.array([float(trainer.evaluate("validation")["loss"])])
