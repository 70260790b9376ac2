"""When a training has diverged: a test on the training loss that is hard to fool."""

from __future__ import annotations

import math
from collections import deque
from statistics import median

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
        self._first: list[float] = []
        self._last: deque[float] = deque(maxlen=max(window, _LEAST))
        self._start = self._spread = 0.0
        self._lowest = math.inf

    def __call__(self, losses: Array) -> bool:
        """Whether the run has diverged, now that these losses have followed the earlier ones."""
        if not np.isfinite(losses).all():
            return True
        listed = losses.tolist()
        if len(self._first) < _FIRST:
            self._first = (self._first + listed)[:_FIRST]
            self._start = median(self._first)
            self._spread = median(abs(loss - self._start) for loss in self._first)
        self._last.extend(listed)
        if len(self._last) < _LEAST:
            return False
        now = median(self._last)
        self._lowest = min(self._lowest, now)
        scale = max(self._spread, self._start - self._lowest)
        return now > self._start + _RISE * scale + _SHARE * abs(self._start)
