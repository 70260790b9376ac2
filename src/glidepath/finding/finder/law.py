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

import math
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
_RIDGE = 1e-8
"""What the squares of e, a and c count beside the misfit, so that every law has one solution."""
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
    """The grid: every first term (τ, p) with every last one (γ, ρ).

    Law k has the first term k // r and the last one k % r, of r last terms.
    """

    tau: Array
    power: Array
    steepness: Array
    fading: Array

    def gain(self, sums: Array) -> Array:
        """(1 + η·n/τ)^−p of log2 η·n; a row per first term."""
        result: Array = (1 + np.exp2(sums - self.tau[:, None])) ** -self.power[:, None]
        return result

    def price(self, positions: Array, lengths: Array) -> Array:
        """η^γ·n^−ρ of logarithms to base 2; a row per last term."""
        powers = self.steepness[:, None] * positions - self.fading[:, None] * lengths
        result: Array = np.exp2(powers)
        return result


@dataclass(frozen=True)
class _Fit:
    """e, a and c of every law and draw, and how badly each fits."""

    floor: Array
    gain: Array
    price: Array
    misfit: Array


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
    fit = _fit(
        laws.gain(x - origin + n),
        laws.price(x - origin, n),
        evidence.resampled[:, fitted] - gaps,
        1 / np.sqrt(spread),
    )
    highest = max(origin, evidence.last_good)
    grid = np.arange(float(x.min()) - 4, highest + 1 + STEP / 2, STEP)
    weights = np.exp(-0.5 * (fit.misfit - fit.misfit.min(axis=1, keepdims=True)))
    weights /= weights.sum(axis=1, keepdims=True)
    kept = np.argsort(-weights, axis=1)[:, :_KEPT]
    draws = np.arange(len(kept))[:, None]
    floor, gain, price, counted = (
        values[draws, kept].ravel() for values in (fit.floor, fit.gain, fit.price, weights)
    )
    first, last = np.divmod(kept.ravel(), len(laws.steepness))
    curve = laws.gain(grid - origin + horizon)[first]
    curve *= gain[:, None]
    dear = laws.price(grid - origin, np.full(len(grid), horizon))[last]
    dear *= price[:, None]
    curve += dear
    curve += floor[:, None]
    curve += evidence.gap.at(grid, np.full(len(grid), float(total)))
    curve += _cliff(evidence, grid, origin, _MARGIN if steady and horizon > 0 else 0.0)
    curve -= curve.min(axis=1, keepdims=True)
    return Prediction(grid, curve, counted / counted.sum())


def least_expected(prediction: Prediction) -> float:
    """The position whose expected loss is the least."""
    capped = np.minimum(prediction.excess, _CAP)
    return float(prediction.grid[int(np.argmin(prediction.weights @ capped))])


def _grid(sums: Array) -> _Laws:
    """All combinations; `sums` are log2 of η·n in the lanes."""
    tau = np.arange(sums.min() - 3, sums.max() + 1.1, _TAU_STEP)
    first = np.meshgrid(tau, _POWERS, indexing="ij")
    last = np.meshgrid(_STEEPNESS, _FADING, indexing="ij")
    return _Laws(*(part.ravel() for part in (*first, *last)))


def _fit(gains: Array, prices: Array, losses: Array, weights: Array) -> _Fit:
    """Weighted least squares of every law on every draw; each result has a row per draw.

    The three columns are made orthogonal one after the other, the first two once for all last
    terms. The ridge is three more lanes, of no loss, that show one term each. Where c would be
    negative it is 0. A law whose a is negative is as good as excluded.
    """
    one, gain, price, loss = (
        np.concatenate([np.atleast_2d(part) * weights, _ridge(part, place)], axis=1)
        for place, part in enumerate((np.ones(len(weights)), gains, prices, losses))
    )
    size = np.sqrt((one**2).sum())
    unit = one[0] / size
    means = [part @ unit for part in (gain, price, loss)]
    gain, price, loss = (
        part - mean[:, None] * unit for part, mean in zip((gain, price, loss), means, strict=True)
    )
    length = (gain**2).sum(axis=1)
    alone = loss @ gain.T / length  # a where c is 0: draws × first terms
    left = ((loss[:, None] - alone[..., None] * gain) ** 2).sum(axis=2)
    share = gain @ price.T / length[:, None]
    own = price - share[..., None] * gain[:, None]  # first terms × last terms × lanes
    width = (own**2).sum(axis=2)
    c = np.maximum((loss @ own.reshape(-1, own.shape[2]).T).reshape(-1, *width.shape) / width, 0)
    a = alone[..., None] - share * c
    e = (means[2][:, None, None] - a * means[0][:, None] - c * means[1]) / size
    misfit = left[..., None] - c**2 * width - _RIDGE * (e**2 + a**2 + c**2)
    misfit += np.where(a < 0, 1e3, 0.0)
    misfit += (np.minimum(e + _LOWEST_FLOOR, 0) / _LOWEST_FLOOR) ** 2
    return _Fit(*(found.reshape(len(losses), -1) for found in (e, a, c, misfit)))


def _ridge(part: Array, place: int) -> Array:
    """The lanes of the ridge, in which a column shows itself alone."""
    rows = np.zeros((len(np.atleast_2d(part)), 3))
    if place < 3:
        rows[:, place] = math.sqrt(_RIDGE)
    return rows


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
