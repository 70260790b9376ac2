"""The finders of other packages under their names: their sweeps, smoothing, stops and rules.

They are here to compare with, and for people who trust them. Each pairs a rate with the loss that
was measured before that rate was applied, stops by a multiple of the best loss (which fails where
losses are negative), and may find nothing: all that is reproduced, not mended. A test holds each to
what the real package says on the same losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.finding.rules import valley as longest_valley
from glidepath.schedules import checks
from glidepath.training.trainer import Array, Trainer

STEPS = 100
"""Updates of every package's sweep, as it comes."""

Rule = Callable[[Array, Array], "float | None"]
"""From the rates and the smoothed losses of a sweep to a rate."""


@dataclass(frozen=True)
class Peer:
    """A package's finder with one of its rules."""

    rates: Array
    """The rates of the sweep, update by update."""
    smooth: Callable[[Array], Array]
    """The package's smoothing of the losses, up to where it stops."""
    rule: Rule

    def suggest(self, losses: Array) -> float | None:
        """The rate that the package suggests for the losses of its sweep; None where it has none.

        Args:
            losses: the loss of every update's batch, before the update.
        """
        smoothed = self.smooth(np.asarray(losses, np.float64)[: len(self.rates)])
        return self.rule(self.rates[: len(smoothed)], smoothed)


def peer_suggestion(trainer: Trainer, name: str, *, seed: int | None = None) -> float | None:
    """Run a package's sweep on a trainer and return what it would suggest; the state is restored.

    Args:
        trainer: what to train.
        name: one of `PEERS`.
        seed: reset the trainer to it for the sweep; None starts from where it is.

    Raises:
        ArgumentError: an unknown name.
    """
    peer = PEERS[checks.choice("peer_suggestion", "name", name, PEERS)]
    if seed is not None:
        checks.count("peer_suggestion", "seed", seed, least=0)
    if "learning_rate" not in trainer.hyperparameters:
        raise ArgumentError("peer_suggestion: the trainer has no learning_rate; give one that has")
    state = trainer.snapshot()
    try:
        if seed is not None:
            trainer.reset(seed)
        return peer.suggest(trainer.advance({"learning_rate": peer.rates}).losses)
    finally:
        trainer.restore(state)


# --- sweeps ----------------------------------------------------------------------------------


def _exponential(low: float, high: float, shares: Array) -> Array:
    rates: Array = low * (high / low) ** shares
    return rates


_UPDATES = np.arange(STEPS)
_FASTAI = _exponential(1e-7, 10.0, _UPDATES / STEPS)
_TORCH = _exponential(1e-7, 10.0, _UPDATES / (STEPS - 1))
_IGNITE = _exponential(1e-7, 10.0, np.arange(1, STEPS + 2) / STEPS)
"""Ignite logs a rate after it has moved on, and makes one update more."""
_LIGHTNING = _exponential(1e-8, 1.0, np.where(_UPDATES == 0, 0, _UPDATES + 1) / STEPS)
"""Lightning's second rate is already the third of its formula."""


# --- smoothing and stops ---------------------------------------------------------------------


def _debiased(extra: int) -> Callable[[Array], Array]:
    """Exponential moving average (0.98), and a stop above 4 times the best.

    `extra` is 1 where the bias correction is one update ahead, as in Lightning.
    """

    def smooth(losses: Array) -> Array:
        found: list[float] = []
        average, best = 0.0, float("inf")
        for i, loss in enumerate(losses.tolist()):
            average = 0.98 * average + 0.02 * loss
            smoothed = average / (1 - 0.98 ** (i + 1 + extra))
            found.append(smoothed)
            # fastai lowers the best before it looks, Lightning after, and not at the first update.
            if smoothed < best and not extra:
                best = smoothed
            if smoothed > 4 * best and (i > 0 or not extra):
                break
            best = min(best, smoothed)
        return np.array(found)

    return smooth


def _light(losses: Array) -> Array:
    """0.05·loss + 0.95·before, and a stop above 5 times the best (torch-lr-finder, Ignite)."""
    found: list[float] = []
    best = float("inf")
    for loss in losses.tolist():
        smoothed = 0.05 * loss + 0.95 * found[-1] if found else loss
        found.append(smoothed)
        best = min(best, smoothed)
        if smoothed > 5 * best:
            break
    return np.array(found)


# --- rules -----------------------------------------------------------------------------------


def _fastai(rule: Rule) -> Rule:
    """fastai shows its rules the sweep from a tenth on, without the last five and up to a NaN."""

    def seen(rates: Array, smoothed: Array) -> float | None:
        part = slice(STEPS // 10, -5)
        lost = np.flatnonzero(np.isnan(smoothed[part]))
        last = int(lost[0]) if lost.size else len(smoothed)
        rates, smoothed = rates[part][:last], smoothed[part][:last]
        return rule(rates, smoothed) if smoothed.size >= 2 else None

    return seen


def _slide(rates: Array, smoothed: Array) -> float | None:
    """The left end of an interval of 15 points, slid down until the slopes at its ends agree."""
    if len(smoothed) < 16:
        return None
    slopes = np.gradient(smoothed.astype(np.float32))
    right, left = -1, -16
    found = rates[left]
    while left >= -len(smoothed) and abs(slopes[right] - slopes[left]) > 0.005:
        found = rates[left]
        right, left = right - 1, left - 1
    return float(found)


def _tenth(rates: Array, smoothed: Array) -> float | None:
    return float(rates[np.argmin(smoothed)]) / 10


def _steep(rates: Array, smoothed: Array) -> float | None:
    return float(rates[np.argmin(np.diff(smoothed) / np.diff(np.log(rates)))])


def _valley(rates: Array, smoothed: Array) -> float | None:
    return longest_valley(rates, smoothed)


def _torch_steepest(rates: Array, smoothed: Array) -> float | None:
    """The lowest difference by index, without the first ten and the last five points."""
    if len(smoothed) < 17:
        return None
    return float(rates[10:-5][np.argmin(np.gradient(smoothed[10:-5]))])


def _ignite_steepest(rates: Array, smoothed: Array) -> float | None:
    """The lowest central difference by index, before the minimum."""
    falling = smoothed[: int(np.argmin(smoothed)) + 1]
    if len(falling) < 3:
        return None
    return float(rates[int(np.argmin(falling[2:] - falling[:-2])) + 1])


def _lightning(spaced: bool) -> Rule:
    """The lowest slope, against the rate itself (2.5.3 and later) or by index (before)."""

    def rule(rates: Array, smoothed: Array) -> float | None:
        part = slice(10, -1)
        finite = np.isfinite(smoothed[part])
        kept, losses = rates[part][finite], smoothed[part][finite].astype(np.float32)
        if len(losses) < 2:
            return None
        spacing = (kept.astype(np.float32),) if spaced else ()
        return float(kept[np.argmin(np.gradient(losses, *spacing))])

    return rule


PEERS: Mapping[str, Peer] = {
    "fastai-valley": Peer(_FASTAI, _debiased(0), _fastai(_valley)),
    "fastai-slide": Peer(_FASTAI, _debiased(0), _fastai(_slide)),
    "fastai-minimum": Peer(_FASTAI, _debiased(0), _fastai(_tenth)),
    "fastai-steep": Peer(_FASTAI, _debiased(0), _fastai(_steep)),
    "torch-lr-finder": Peer(_TORCH, _light, _torch_steepest),
    "ignite": Peer(_IGNITE, _light, _ignite_steepest),
    "lightning": Peer(_LIGHTNING, _debiased(1), _lightning(spaced=True)),
    "lightning-old": Peer(_LIGHTNING, _debiased(1), _lightning(spaced=False)),
}
"""The packages' finders: fastai 2.8, torch-lr-finder 0.2.2, Ignite 0.5, Lightning from 2.5.3 on and
before."""
