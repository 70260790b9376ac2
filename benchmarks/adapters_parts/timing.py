"""Two things timed in turn, and the row that says how they compare."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    ours: float
    native: float
    ratio: float
    bar: float | None
    compiled: int | None = None

    @property
    def missed(self) -> bool:
        """Whether a bar is missed: of the ratio, or of no compilation."""
        return (self.bar is not None and self.ratio > self.bar) or bool(self.compiled)

    def __str__(self) -> str:
        bar = "" if self.bar is None else f"{self.bar:.2f}"
        compiled = "" if self.compiled is None else str(self.compiled)
        flag = "  MISSED" if self.missed else ""
        return (
            f"{self.name:40}{self.ours:10.2f}{self.native:10.2f}{self.ratio:7.3f}{bar:>6}"
            f"{compiled:>9}{flag}"
        )


def in_turn(
    pieces: tuple[Callable[[], object], Callable[[], object]], steps: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Microseconds per step of both pieces, each of `steps` steps, round by round.

    The first round is not counted, and each piece comes first as often as the other.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    try:
        for index in range(rounds + 1):
            for which in (0, 1) if index % 2 else (1, 0):
                start = time.process_time()
                pieces[which]()
                spent = time.process_time() - start
                if index:
                    seconds[which].append(1e6 * spent / steps)
    finally:
        gc.enable()
    return seconds


def row(
    name: str,
    found: tuple[list[float], list[float]],
    bar: float | None,
    compiled: int | None = None,
) -> Row:
    """The lower quartiles of both's rounds, and the median of the rounds' ratios.

    Other load adds to a time, and to both times of a round much the same.
    """
    ours, native = (statistics.quantiles(each, n=4)[0] for each in found)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(*found, strict=True))
    return Row(name, ours, native, ratio, bar, compiled)
