"""Parity with the native schedulers: cases drawn, updates compared, the largest difference.

    python benchmarks/parity.py [cases]

Each native scheduler is drawn at random, stepped for real, and its whole table compared with its
Glidepath policy's. Differences are relative in float64, and shares of the peak where the native
scheduler computes in float32 (Keras, Optax). The tests run the same cases in smaller numbers.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "compat"))

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parity import CASES, Tally

LIBRARIES = ("torch", "transformers", "optax", "keras")


def compare(draw_pair, cases):
    """The tally of so many drawn cases; AssertionError where one differs."""
    tally = Tally()

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        tally.add(draw_pair(data.draw))

    run()
    return tally


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    for library in LIBRARIES:
        try:
            importlib.import_module(f"{library}_cases")
        except ImportError as error:
            print(f"{library}: not compared, {error}")
    print(f"{'library':<13}{'scheduler':<36}{'cases':>7}{'updates':>9}{'largest':>10}")
    whole = Tally()
    for (library, name), draw_pair in CASES.items():
        tally = compare(draw_pair, cases)
        whole.cases += tally.cases
        whole.updates += tally.updates
        print(f"{library:<13}{name:<36}{tally.cases:>7}{tally.updates:>9}{tally.difference:>10.1e}")
    print(f"{'all':<49}{whole.cases:>7}{whole.updates:>9}")


if __name__ == "__main__":
    main()
