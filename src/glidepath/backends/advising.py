"""What a callback needs of an adviser, so that backends need not know the analysis."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from glidepath.errors import ArgumentError
from glidepath.schedules.plan import Plan


@runtime_checkable
class AdviserLike(Protocol):
    """`glidepath.analysis.Adviser`, or what behaves like it."""

    def saw(self, step: int, loss: float, rate: float) -> None:
        """Take note of a loss after `step` updates, the last of them at `rate`."""
        ...

    def noisy(self, trace: float) -> None:
        """Take the trace of the gradients' noise, preconditioned and times the rate."""
        ...

    def advise(self, plan: Plan | None = None, *, ahead: bool = False) -> Any:
        """The answer, where one is due."""
        ...


def checked(adviser: object, where: str) -> AdviserLike:
    """The adviser; ArgumentError where it is none."""
    if not isinstance(adviser, AdviserLike):
        raise ArgumentError(
            f"{where}: needs an adviser, got {adviser!r}; give gp.Adviser(runs=['probe.csv'])"
        )
    return adviser
