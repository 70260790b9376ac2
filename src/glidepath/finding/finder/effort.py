"""How much the finder may spend, and on lanes of which length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHORTEST = 8
"""Updates of the shortest lanes."""


@dataclass(frozen=True)
class Rung:
    """Lanes of one length."""

    share: float
    """Their length, as a share of what may be spent."""
    lanes: int
    """How many, an octave apart around the best so far; the first rung has as many as it needs,
    two octaves apart."""


@dataclass(frozen=True)
class Effort:
    """An effort: how many lane-updates, and how they are shared out."""

    least: int
    """Lane-updates that are allowed whatever the budget."""
    share: float
    """Lane-updates that are allowed as a share of the budget, where that is more."""
    decaying: tuple[Rung, ...]
    """The rungs where every length is flown anew."""
    steady: tuple[Rung, ...]
    """The rungs where a lane begins a longer one, because nothing changes in the schedule."""

    def allowed(self, budget: int) -> int:
        """Lane-updates for a training of `budget` updates."""
        return max(self.least, round(self.share * budget))

    def plan(self, budget: int, steady: bool) -> list[tuple[int, int]]:
        """The length and number of lanes of every rung; no length is above the budget."""
        found: list[tuple[int, int]] = []
        for rung in self.steady if steady else self.decaying:
            length = min(max(round(rung.share * self.allowed(budget)), SHORTEST), budget)
            if not found or length > found[-1][0]:
                found.append((length, rung.lanes))
        return found


EFFORTS: Mapping[str, Effort] = {
    "quick": Effort(
        500, 0.25, (Rung(0.05, 0), Rung(0.15, 3)), (Rung(0.05, 0), Rung(0.1, 5), Rung(0.2, 3))
    ),
    "standard": Effort(
        1000,
        0.75,
        (Rung(0.025, 0), Rung(0.075, 3), Rung(0.15, 3)),
        (Rung(0.025, 0), Rung(0.05, 5), Rung(0.1, 5), Rung(0.2, 4)),
    ),
    "thorough": Effort(
        3000,
        2.0,
        (Rung(0.01, 0), Rung(0.025, 5), Rung(0.06, 5), Rung(0.1, 4)),
        (Rung(0.01, 0), Rung(0.025, 5), Rung(0.06, 5), Rung(0.15, 4)),
    ),
}
"""The efforts by name."""
