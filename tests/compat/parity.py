"""What the parity tests and `benchmarks/parity.py` share: drawn pairs, compared and counted.

A pair is a Glidepath policy and the table that the native object gave when it was stepped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

import glidepath as gp

STEPS = 120
TOLERANCES = {np.float64: (1e-10, 1e-3), np.float32: (2e-6, 1.0)}
"""The largest difference, and the share of the peak that it is measured by at the least."""
RATES = st.floats(1e-4, 2.0)
SHARES = st.floats(0.0, 1.0)
COUNTS = st.integers(1, 90)


@dataclass
class Pair:
    """One drawn case; the tables have one entry per update, from update 0 on."""

    ours: gp.Schedule | gp.Policy
    native: np.ndarray
    momentum: np.ndarray | None = None
    compared: np.ndarray | slice = field(default_factory=lambda: slice(None))
    """The updates to compare, where the native object diverges at others (docs/divergences.md)."""


@dataclass
class Tally:
    """How many cases were compared, how many updates, and the largest difference of a peak."""

    cases: int = 0
    updates: int = 0
    difference: float = 0.0

    def add(self, pair: Pair) -> None:
        """Compare a pair; AssertionError where they differ by more than rounding explains.

        In float64 the difference is relative to the native rate (or to a thousandth of the peak,
        where it has all but vanished); in float32 it is relative to the peak.
        """
        single = pair.native.dtype == np.float32
        tolerance, floor = TOLERANCES[np.float32 if single else np.float64]
        plan = gp.as_policy(pair.ours).plan(len(pair.native))  # strictly, as users do
        tables = [(plan.table(), pair.native)]
        if pair.momentum is not None:
            tables.append((plan.table("momentum"), pair.momentum))
        for mine, theirs in tables:
            ours, native = mine[pair.compared], theirs[pair.compared]
            gap = np.abs(ours - native.astype(np.float64))
            scale = np.maximum(np.abs(native), floor * np.abs(theirs).max())
            share = np.divide(gap, scale, out=gap.copy(), where=scale > 0)
            worst = int(np.argmax(share))
            assert share[worst] <= tolerance, (
                f"update {np.arange(len(mine))[pair.compared][worst]}: {ours[worst]!r} is not the "
                f"native {native[worst]!r} ({share[worst]:.3g} off)"
            )
            self.difference = max(self.difference, float(share[worst]))
            self.updates += len(share)
        self.cases += 1


CASES: dict[tuple[str, str], Callable[[st.DrawFn], Pair]] = {}
"""By library and native name: a function that draws a pair."""


def case(library: str, name: str) -> Callable[[Callable], Callable]:
    """Enters a drawing function under the native name."""

    def enter(function: Callable[[st.DrawFn], Pair]) -> Callable[[st.DrawFn], Pair]:
        CASES[library, name] = function
        return function

    return enter
