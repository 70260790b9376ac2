"""What a log's step means: the update that is next, or the number of updates that are done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.rates import Array

OWN_EVENTS = "Glidepath events"
"""The kind of an event file of Glidepath's own."""


@dataclass(frozen=True)
class Clock:
    """How a log counts.

    `before`: a row at x belongs to update x, counted from 0, so the rate at x is that of update x
    and the last row is one short of the run's length. Otherwise x updates are done, and the rate
    at x is that of update x − 1.
    `short`: what was evaluated at x was evaluated after update x, when x + 1 are done.
    """

    before: bool
    short: bool = False

    def total(self, last: int) -> int:
        """The updates of a run whose last row is at `last`."""
        return last + 1 if self.before else last

    def rated(self, when: Array) -> Array:
        """The updates whose rates were logged at these steps."""
        return when if self.before else np.maximum(when - 1, 0)

    def evaluated(self, when: Array) -> Array:
        """Updates done at evaluations at these steps."""
        return when + 1 if self.short else when


def clock_of(kind: str, when: Array) -> Clock:
    """How a log counts, by who wrote it and where its rows are.

    Glidepath's event files have each update's rate at the update's own index. Elsewhere the rows
    tell: one at 0 can only be that of the first update, and a row at 99, 199, … is Lightning's,
    which counts from 0 and logs after every hundredth. All else counts updates that are done, as
    Transformers does.

    Args:
        kind: of the table.
        when: the steps at which rates were logged, or training losses where rates were not.
    """
    if kind == OWN_EVENTS or (when.size and when[0] == 0):
        return Clock(before=True)
    apart = np.diff(when)
    usual = float(np.median(apart)) if apart.size else 0.0
    if usual >= 2 and bool(np.all((when[:-1] + 1) % usual == 0)):
        return Clock(before=True, short=True)
    return Clock(before=False)
