"""One law of rate and horizon, fitted to all lanes, and read at the whole budget.

The loss after n updates with the peak rate η, as a share of what the best lane gained:

    L(η, n) = e + a·(1 + η·n/τ)^−p + c·η^γ·n^−ρ

beside the gap between validation and training, which is fitted apart (`gap.py`). The first two
terms are how far the training has come: with a shape that is only compressed, the
sum of its rates is proportional to η·n, and loss falls with that sum as a power (the first terms of
Multi-Power's law, arXiv:2503.12811). The last is the price of a large rate: noise that stays and
transients that die out. Above the cliff nothing is learnt. The best rate at one horizon and how it
moves with the horizon both follow, so a task that has come far is told from one that would take a
larger rate if it could.

τ, p, γ and ρ run over a grid; e, a and c then follow by least squares. Every point of the grid
counts by how well it fits, and the answer is the rate of least expected loss over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.finding.finder.evidence import Evidence
from glidepath.training.trainer import Array

_POWERS = (0.15, 0.3, 0.5, 1.0)
_STEEPNESS = (1.0, 2.0, 4.0)
_FADING = (-0.3, 0.0, 0.3, 0.6, 1.0)
_TAU_STEP = 1.5
"""Octaves between the values of τ."""
_NOISE, _SHARE, _FAR = 0.02, 0.3, 0.02
"""The law's own error: absolute, as a share of the loss, and per octave of horizon."""
_LOWEST_FLOOR = 0.3
"""The scale, in shares, by which the floor e may lie below the best lane."""
_NEAR_START = 0.7
"""Lanes above this, in shares, are not fitted: what has hardly begun, or is about to diverge, says
little about the rates that matter."""
_KEPT = 40
"""Laws that are kept of each draw."""
_CAP = 0.3
"""A loss above the best that counts no further: very bad is bad enough."""
_UNSEEN = 0.5
"""What a rate costs, per octave, beyond the highest that was tried."""
_MARGIN = 0.5
"""Octaves below the highest rate that learnt at which the cliff may already lie in a longer run
whose rate never falls; where it falls, a longer run takes what a shorter one took. Where no lane
has shown a cliff, such a run may have one above the highest rate that was tried."""
STEP = 1 / 8
"""Octaves between the positions of the predicted curve."""


@dataclass(frozen=True)
class Prediction:
    """The loss after the whole budget over positions, above the best of each law."""

    grid: Array
    excess: Array
    """A row per law."""
    weights: Array
    """How much each law counts; they add up to 1."""


@dataclass(frozen=True)
class _Laws:
    """Points of the grid, one entry each."""

    tau: Array
    power: Array
    steepness: Array
    fading: Array

    def taken(self, rows: Array) -> _Laws:
        return _Laws(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def gain(self, sums: Array) -> Array:
        """(1 + η·n/τ)^−p of log2 η·n; a row per law."""
        result: Array = (1 + np.exp2(sums - self.tau[:, None])) ** -self.power[:, None]
        return result

    def price(self, positions: Array, lengths: Array) -> Array:
        """η^γ·n^−ρ of logarithms to base 2; a row per law."""
        powers = self.steepness[:, None] * positions - self.fading[:, None] * lengths
        result: Array = np.exp2(powers)
        return result


def predict(evidence: Evidence, total: int, *, steady: bool = False) -> Prediction:
    """The law's predictions for a training of `total` updates, whose rate may never change."""
    fitted = evidence.losses < _NEAR_START
    if fitted.sum() < 4:
        fitted = np.ones(len(evidence.losses), bool)
    x, n = evidence.positions[fitted], np.log2(evidence.lengths[fitted] / evidence.longest)
    origin, horizon = float(x.max()), float(np.log2(total / evidence.longest))
    laws = _grid(x - origin + n)
    gaps = evidence.gap.at(evidence.positions[fitted], evidence.lengths[fitted])
    losses = evidence.losses[fitted] - gaps
    spread = _NOISE**2 + (_SHARE * losses) ** 2 + (_FAR * n) ** 2 + evidence.errors[fitted] ** 2
    columns = np.stack(
        [np.ones((len(laws.tau), len(x))), laws.gain(x - origin + n), laws.price(x - origin, n)], -1
    )
    found, misfit = _solve(columns, evidence.resampled[:, fitted] - gaps, 1 / np.sqrt(spread))
    highest = max(origin, evidence.last_good)
    grid = np.arange(float(x.min()) - 4, highest + 1 + STEP / 2, STEP)
    weights = np.exp(-0.5 * (misfit - misfit.min(axis=0)))
    weights /= weights.sum(axis=0)
    rows, kept, shares = [], [], []
    for draw in range(weights.shape[1]):
        order = np.argsort(-weights[:, draw])[:_KEPT]
        kept.append(order)
        rows.append(found[order, draw])
        shares.append(weights[order, draw])
    chosen, terms = laws.taken(np.concatenate(kept)), np.concatenate(rows)
    curve = (
        terms[:, [0]]
        + terms[:, [1]] * chosen.gain(grid - origin + horizon)
        + terms[:, [2]] * chosen.price(grid - origin, np.full(len(grid), horizon))
        + evidence.gap.at(grid, np.full(len(grid), float(total)))
        + _cliff(evidence, grid, origin, _MARGIN if steady and horizon > 0 else 0.0)
    )
    counted = np.concatenate(shares)
    return Prediction(grid, curve - curve.min(axis=1, keepdims=True), counted / counted.sum())


def least_expected(prediction: Prediction) -> float:
    """The position whose expected loss is the least."""
    capped = np.minimum(prediction.excess, _CAP)
    return float(prediction.grid[int(np.argmin(prediction.weights @ capped))])


def _grid(sums: Array) -> _Laws:
    """All combinations; `sums` are log2 of η·n in the lanes."""
    tau = np.arange(sums.min() - 3, sums.max() + 1.1, _TAU_STEP)
    parts = np.meshgrid(tau, _POWERS, _STEEPNESS, _FADING, indexing="ij")
    return _Laws(*(part.ravel() for part in parts))


def _solve(columns: Array, losses: Array, weights: Array) -> tuple[Array, Array]:
    """e, a and c of every law and draw, and how badly each fits.

    Where c would be negative it is 0. A law whose a is negative is as good as excluded.
    """
    full, worse = _least_squares(columns, losses, weights)
    bare, bare_misfit = _least_squares(columns[..., :2], losses, weights)
    free = full[..., 2] < 0
    padded = np.concatenate([bare, np.zeros((*bare.shape[:2], 1))], axis=-1)
    found = np.where(free[..., None], padded, full)
    misfit = np.where(free, bare_misfit, worse)
    misfit = misfit + np.where(found[..., 1] < 0, 1e3, 0.0)
    deep = np.minimum(found[..., 0] + _LOWEST_FLOOR, 0) / _LOWEST_FLOOR
    return found, misfit + deep**2


def _least_squares(columns: Array, losses: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted: terms by law and draw, and the sum of squares."""
    scaled = columns * weights[:, None]
    target = losses * weights
    normal = np.swapaxes(scaled, 1, 2) @ scaled + 1e-8 * np.eye(columns.shape[-1])
    right = np.swapaxes(scaled, 1, 2) @ target.T
    found = np.swapaxes(np.linalg.solve(normal, right), 1, 2)
    fitted = found @ np.swapaxes(scaled, 1, 2)
    return found, ((fitted - target) ** 2).sum(axis=-1)


def _cliff(evidence: Evidence, grid: Array, origin: float, margin: float) -> Array:
    """What is added at and above the cliff, in shares; it may lie anywhere in its gap."""
    cliff = evidence.cliff
    if cliff is None and margin == 0:
        return _UNSEEN * np.maximum(grid - origin, 0.0)
    if cliff is None:
        cliff = evidence.last_good + 1.0
    first = evidence.last_good - margin
    gap = max(cliff - evidence.last_good, 0.25) + margin
    return np.clip((grid - first) / gap, 0.0, 1.0)
