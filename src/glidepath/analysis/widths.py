"""How wide intervals are: by seeds, the horizon, when the rate comes down, and the members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.rates import Array, RateCurve

NORMAL_90 = 1.6449
LEVEL = 0.0008
"""Relative deviation of a level that no run reveals: another seed of a large model on fresh data.
Ten runs of nanoGPT differ by 0.0004, 124M models by 0.0007."""
SCATTERED = 0.4
"""What the scatter of neighbouring losses adds to it, as a share of the scatter. Seeds of ResNet-50
differ by a fifth of it, of ViT by 0.9, training losses of small tasks by 0.2 to 0.4."""
SEEN_AGAIN = 0.2
"""What data add that are seen again and again: this, over the root of the updates in an epoch.
Five seeds of ImageNet give 0.1 (ResNet-50) and 0.35 (ViT), ten of small tasks 0.1 to 0.3."""
FURTHER = 0.16
"""The share of what the loss still falls beyond the longest run that is uncertain: set so that 95 %
are held at the worse of the tuned half's peak rates, for rates differ."""
NEARER = 0.225
"""The same for runs that end before the longest: the share of what its loss fell after their end,
less where the rate is still high. Set in the same way."""
TIMING = 0.0021
"""What each doubling of the time at which the rate comes down adds, as a share of the run: the laws
know only decays that come when the runs' came. Less where the rate is still high."""
MIDDLE = 0.17
"""What is added while the rate is at half of its peak on its way down, where the laws promise too
much, as a share of what the decay has given; less on both sides of that."""
SHAPE = 0.001
"""Relative deviation of a difference between two schedules that decay at one time."""
SHAPE_TIMING = 0.0023
"""What each doubling adds by which one decay comes later than the other."""
SHAPE_FURTHER = 0.05
"""What it adds beyond the longest run, as a share of what the loss still falls there."""
SHAPE_NEARER = 0.2
"""The same for runs that end before the longest."""
SHAPE_GAIN = 0.05
"""What it adds that one decay has given more than the other, as a share of that."""
SURE = 0.2
"""The share of the members' deviation that counts for large models on fresh data, on which the laws
were made; all of it where the rate rises again, or where seeds differ by `KNOWN` or more."""
USUAL = 0.006
"""What the members lie apart by from a run that says enough; what is more always counts."""
KNOWN = 0.005
PAIRED = 0.4
"""The share of what seeds differ by that a difference between schedules has: most is common."""


@dataclass(frozen=True)
class Asked:
    """A schedule that is asked about, at some numbers of updates."""

    rates: RateCurve
    moments: Array
    """Updates done, shape (m,)."""
    gain: Array
    """What its decay has given by then, in losses, by the leading fit, shape (m,)."""

    @property
    def share(self) -> Array:
        """The rate of the update before each moment, as a share of the peak."""
        before = np.maximum(self.moments - 1, 0)
        return np.asarray(np.clip(self.rates.at(before) / self.rates.peak, 0, 1))


@dataclass(frozen=True)
class Widths:
    """What the intervals are made of, all of it relative to the loss."""

    seen: tuple[RateCurve, ...]
    """The runs' rates."""
    longest: int
    """Updates in the longest run."""
    removed: float
    """A of the leading fit, what training removes at the rates of the longest run, in losses."""
    exponent: float
    """Its exponent of time."""
    seeds: float
    """Relative deviation of a level from one training to the next."""
    restarted: bool
    """Whether the rate rises again."""

    def level(self, level: Array, members: Array, asked: Asked) -> Array:
        """The deviation of a level, from its middle and the members' deviation there."""
        doublings, share = self._doublings(asked), asked.share
        falls = self._falls(asked) / level
        below = 1 - share
        far = np.where(doublings < 0, NEARER * below, FURTHER) * falls
        other = (self.seeds - LEVEL) * np.maximum(doublings, 0) ** 1.5
        timing = TIMING * self._timing(asked) * below
        middle = _middle(asked) / level
        square = self.seeds**2 + far**2 + other**2 + timing**2 + middle**2
        return np.asarray(np.sqrt(self._counted(members, level) ** 2 + level**2 * square))

    def difference(self, level: Array, members: Array, a: Asked, b: Asked) -> Array:
        """The deviation of the difference between two levels."""
        later = self._later(a, b)
        falls = max(self._falls(end)[0] for end in (a, b)) / level
        nearer = max(float(self._doublings(end)[0]) for end in (a, b)) < 0
        far = (SHAPE_NEARER if nearer else SHAPE_FURTHER) * falls * later
        gained = SHAPE_GAIN * (a.gain[0] - b.gain[0])
        inside = (_middle(a) ** 2 + _middle(b) ** 2 + gained**2) / level**2
        seeds = (PAIRED * self.seeds) ** 2
        square = SHAPE**2 + seeds + (SHAPE_TIMING * later) ** 2 + far**2 + inside
        return np.asarray(np.sqrt(self._counted(members, level) ** 2 + level**2 * square))

    def _counted(self, members: Array, level: Array) -> Array:
        """What counts of the members' deviation."""
        if self.restarted:
            return members
        known = float(np.clip((self.seeds - LEVEL) / (KNOWN - LEVEL), 0, 1))
        return np.asarray(
            np.maximum((SURE + (1 - SURE) * known) * members, members - USUAL * level)
        )

    def _doublings(self, asked: Asked) -> Array:
        """How many times each moment doubles the longest run; below 0 inside it."""
        return np.asarray(np.log2(np.maximum(asked.moments, 1.0) / self.longest))

    def _falls(self, asked: Asked) -> Array:
        """By how much the loss falls between each moment and the end of the longest run."""
        powers = 2.0 ** (-self.exponent * self._doublings(asked))
        return np.asarray(self.removed * np.abs(powers - 1))

    def _timing(self, asked: Asked) -> Array:
        """How far the asked decay's time lies from the nearest that a run had, in doublings."""
        own = [time_of_decay(rates, np.asarray([float(rates.total)]))[0] for rates in self.seen]
        had = np.asarray([time for time in own if np.isfinite(time)])
        if had.size == 0:
            return np.zeros(asked.moments.size)
        apart = np.abs(time_of_decay(asked.rates, asked.moments)[:, None] - had)
        return np.asarray(np.nan_to_num(apart.min(axis=1)))

    def _later(self, a: Asked, b: Asked) -> float:
        """By how many doublings one decay comes later than the other."""
        times = [time_of_decay(each.rates, each.moments)[0] for each in (a, b)]
        if np.all(np.isfinite(times)):
            return float(abs(times[0] - times[1]))
        return max(float(self._timing(each)[0]) for each in (a, b))


def _middle(asked: Asked) -> Array:
    """What the laws have wrong in the middle of a decay, in losses."""
    return np.asarray(MIDDLE * 4 * asked.share * (1 - asked.share) * asked.gain)


def time_of_decay(rates: RateCurve, moments: Array) -> Array:
    """The logarithm to base 2 of the mean time at which the rate had come down by each moment.

    Times are shares of the run, weighted by how far the rate fell then; not a number where it had
    not fallen.
    """
    drops = rates.drops()
    size = np.maximum(drops.size, 0)
    fell = np.concatenate([[0.0], np.cumsum(size)])
    when = np.concatenate([[0.0], np.cumsum(size * drops.step)])
    at = np.searchsorted(drops.step, moments, side="right")
    seen = fell[at] > 0
    mean = when[at] / np.where(seen, fell[at], 1.0)
    return np.where(seen, np.log2(np.maximum(mean, 1.0) / rates.total), np.nan)
