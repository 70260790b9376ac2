"""When a training has diverged: a test on the training loss that is hard to fool."""

from __future__ import annotations

import numpy as np

from glidepath.training.trainer import Array

_FIRST = 20
"""How many of the first losses say where the run began."""
_LEAST = 10
"""The fewest losses whose median is judged, so that spikes are not."""
_RISE = 50.0
"""How many times its own scale the loss must rise."""
_SHARE = 4.0
"""By how many times its size at the start it must rise as well."""


class DivergenceTest:
    """Says whether the losses of a run have left for good; feed it the losses in order.

    A loss that is not finite is divergence. So is a median of the last epoch's losses (ten of them
    at the least) above

        start + 50·max(spread, fall) + 4·|start|

    where start is the median of the first losses, spread their median absolute deviation, and fall
    how far an epoch's median has fallen below start so far. Everything is added, never multiplied,
    so the test holds for losses of either sign. It is meant to miss rather than to accuse: spikes,
    warm-up and a run that merely stays bad are not divergence.
    """

    def __init__(self, window: int) -> None:
        self._window = max(window, _LEAST)
        self._first: Array = np.empty(0)
        self._last: Array = np.empty(0)
        self._lowest = np.inf

    def __call__(self, losses: Array) -> bool:
        """Whether the run has diverged, now that these losses have followed the earlier ones."""
        if not np.isfinite(losses).all():
            return True
        if len(self._first) < _FIRST:
            self._first = np.concatenate([self._first, losses])[:_FIRST]
        self._last = np.concatenate([self._last, losses[-self._window :]])[-self._window :]
        if len(self._last) < self._window:
            return False
        start = float(np.median(self._first))
        spread = float(np.median(np.abs(self._first - start)))
        now = float(np.median(self._last))
        self._lowest = min(self._lowest, now)
        scale = max(spread, start - self._lowest)
        return now > start + _RISE * scale + _SHARE * abs(start)
