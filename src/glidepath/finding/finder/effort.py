"""How much the finder may spend, and on lanes of which length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """An effort: how many lane-updates, and how they are shared out."""

    least: int
    """Lane-updates that are allowed whatever the budget."""
    share: float
    """Lane-updates that are allowed, as a share of the budget, where that is more."""
    rungs: tuple[float, ...]
    """The lengths of the lanes of each rung, as shares of what is allowed."""
    lanes: tuple[int, ...]
    """About how many lanes each rung has; the first widens until it holds the best rate."""

    def allowed(self, budget: int) -> int:
        """Lane-updates for a training of `budget` updates."""
        return max(self.least, round(self.share * budget))

    def lengths(self, budget: int) -> list[int]:
        """The rungs' lengths: each longer than the one before, none longer than the training."""
        found: list[int] = []
        for share in self.rungs:
            length = min(max(round(share * self.allowed(budget)), 8), budget)
            if not found or length > found[-1]:
                found.append(length)
        return found


EFFORTS: Mapping[str, Effort] = {
    "quick": Effort(500, 0.4, (0.03, 0.07, 0.14), (7, 4, 4)),
    "standard": Effort(1000, 0.75, (0.025, 0.05, 0.1), (7, 5, 5)),
    "thorough": Effort(2500, 2.0, (0.02, 0.05, 0.1), (7, 5, 5)),
}
"""The efforts by name."""
