"""Speed of the schedules: tables against NumPy by hand, plan(k) against torch, and the import.

    python benchmarks/schedules.py [--steps 1000000] [--repeats 7]

Prints, per recipe, the median time of `plan.table()` of a million updates and of the same formula
written by hand in NumPy, measured in turn in one process, and their ratio (bar: 5). Then the time
of one `plan(k)` against one `step()` of torch's scheduler of the same policy (bar: 1), where torch
is installed, and of `import glidepath` against `import numpy` (bar: 2).
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import glidepath as gp

Array = np.ndarray
PI = math.pi


def by_hand(n: int) -> dict[str, tuple[gp.Schedule | gp.Policy, Callable[[], Array]]]:
    """Each recipe beside the same table as one would write it in NumPy."""
    q, w, c = n // 4, n // 20, n // 5

    def ramp(start: float, end: float, over: int) -> Array:
        k = np.arange(n)
        return np.where(k < over, start + (end - start) * k / over, end)

    def restarts(first: int) -> Array:
        k = np.arange(n)
        lengths = first * 2 ** np.arange(40)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        i = np.searchsorted(starts, k, side="right") - 1
        return 0.1 * (1 + np.cos(PI * (k - starts[i]) / lengths[i])) / 2

    def smith(half: int, scale: Callable[[Array, Array], Array]) -> Array:
        k = np.arange(n)
        cycle = np.floor(1 + k / (2 * half))
        x = np.abs(k / half - 2 * cycle + 1)
        return 0.01 + 0.09 * np.maximum(0, 1 - x) * scale(cycle, k)

    def one_cycle() -> Array:
        k, up = np.arange(n), int(0.45 * n)
        rise = 0.01 + 0.09 * k / up
        fall = 0.1 - 0.09 * (k - up) / up
        tail = 0.01 + (0.0001 - 0.01) * (k - 2 * up) / (n - 2 * up)
        return np.where(k < up, rise, np.where(k < 2 * up, fall, tail))

    def wsd() -> Array:
        k = np.arange(n)
        return np.where(k < w, 0.1 * k / w, np.where(k < n - c, 0.1, 0.1 * (n - k) / c))

    def cycles() -> Array:
        k = np.arange(n)
        over = q * np.maximum(1, np.ceil(k / q))
        return 0.09 * (1 - k / over) ** 2 + 0.01

    def warm_cosine() -> Array:
        k = np.arange(n)
        cosine = 0.1 * (1 + np.cos(PI * (k - w) / (n - w))) / 2
        return np.where(k < w, 0.1 * k / w, cosine)

    def inverse_sqrt() -> Array:
        k = np.arange(n)
        return np.where(k < w, 0.1 * k / w, 0.1 * np.sqrt(w / np.maximum(k, 1)))

    k = np.arange  # shorter rows
    return {
        "constant": (gp.constant(0.1), lambda: np.full(n, 0.1)),
        "linear": (gp.linear(0, 0.1, q), lambda: ramp(0, 0.1, q)),
        "exponential_decay": (
            gp.exponential_decay(0.1, 0.9, 1000),
            lambda: 0.1 * 0.9 ** (k(n) / 1000),
        ),
        "step_decay": (gp.step_decay(0.1, 0.9, 1000), lambda: 0.1 * 0.9 ** (k(n) // 1000)),
        "inverse_time_decay": (
            gp.inverse_time_decay(0.1, 1e-4, 1),
            lambda: 0.1 / (1 + 1e-4 * k(n)),
        ),
        "power_decay": (gp.power_decay(0.1, 1000), lambda: 0.1 / (1 + k(n) / 1000) ** 1.0),
        "polynomial_decay": (
            gp.polynomial_decay(0.1, 0.01, n, 2.0),
            lambda: 0.09 * (1 - k(n) / n) ** 2.0 + 0.01,
        ),
        "polynomial_decay cycle": (gp.polynomial_decay(0.1, 0.01, q, 2.0, cycle=True), cycles),
        "cosine_decay": (
            gp.cosine_decay(0.1, n),
            lambda: 0.1 * (1 + np.cos(PI * k(n) / n)) / 2,
        ),
        "cosine_restarts": (gp.cosine_restarts(0.1, 1000), lambda: restarts(1000)),
        "piecewise_constant": (
            gp.piecewise_constant([0.1, 0.01, 0.001], [q, 2 * q]),
            lambda: np.where(k(n) < q, 0.1, np.where(k(n) < 2 * q, 0.01, 0.001)),
        ),
        "triangular": (
            gp.triangular(0.01, 0.1, 2000),
            lambda: smith(2000, lambda c, k: np.ones(1)),
        ),
        "triangular2": (
            gp.triangular(0.01, 0.1, 2000, "triangular2"),
            lambda: smith(2000, lambda c, k: 1 / 2.0 ** (c - 1)),
        ),
        "exp_range": (
            gp.triangular(0.01, 0.1, 2000, "exp_range", 0.9999),
            lambda: smith(2000, lambda c, k: 0.9999**k),
        ),
        "one_cycle": (gp.one_cycle(0.1, momentum=None), one_cycle),
        "wsd": (gp.wsd(0.1, w, c), wsd),
        "inverse_sqrt": (gp.inverse_sqrt(0.1, w), inverse_sqrt),
        "exponential_ramp": (
            gp.exponential_ramp(1e-6, 10, n),
            lambda: 1e-6 * (10 / 1e-6) ** (k(n) / n),
        ),
        "from_function": (
            gp.from_function(lambda step: 0.1 / (1 + step)),
            lambda: np.fromiter((0.1 / (1 + step) for step in range(n)), float, n),
        ),
        "warm-up >> cosine": (gp.linear(0, 0.1, w) >> gp.cosine_decay(0.1, "rest"), warm_cosine),
    }


def seconds(action: Callable[[], object]) -> float:
    """The time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turn(
    a: Callable[[], object], b: Callable[[], object], repeats: int
) -> tuple[float, float, float]:
    """Median times of two actions run in turn, and the median of their ratios."""
    a(), b()
    pairs = [(seconds(a), seconds(b)) for _ in range(repeats)]
    first, second = zip(*pairs, strict=True)
    ratio = statistics.median(x / y for x, y in pairs)
    return statistics.median(first), statistics.median(second), ratio


def tables(n: int, repeats: int) -> None:
    """`plan.table()` against NumPy by hand."""
    print(f"\nplan.table() of {n:,} updates against the same formula by hand in NumPy (bar: 5)")
    print(f"{'recipe':<24}{'glidepath ms':>14}{'by hand ms':>12}{'ratio':>8}")
    worst = 0.0
    for name, (schedule, hand) in by_hand(n).items():
        expected = hand()
        found = schedule.plan(n).table()
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12, err_msg=name)
        ours, theirs, ratio = in_turn(
            lambda s=schedule: s.plan(n).table(),
            hand,
            repeats,  # type: ignore[misc]
        )
        worst = max(worst, ratio)
        print(f"{name:<24}{ours * 1e3:>14.2f}{theirs * 1e3:>12.2f}{ratio:>8.2f}")
    print(f"{'largest':<50}{worst:>8.2f}")


def look_ups(repeats: int) -> None:
    """`plan(k)` against `step()` of torch's own schedulers."""
    try:
        import torch
    except ModuleNotFoundError:
        print("\nplan(k) against torch: torch is not installed")
        return
    from torch.optim import SGD, lr_scheduler

    n, calls = 20_000, 10_000
    pairs = {
        "constant": (gp.constant(0.1), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
        "linear": (gp.linear(0.1, 0.01, n), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, n)),
        "step_decay": (gp.step_decay(0.1, 0.9, 99), lambda o: lr_scheduler.StepLR(o, 99, 0.9)),
        "exponential_decay": (
            gp.exponential_decay(0.1, 0.999, 1),
            lambda o: lr_scheduler.ExponentialLR(o, 0.999),
        ),
        "cosine_decay": (
            gp.cosine_decay(0.1, n),
            lambda o: lr_scheduler.CosineAnnealingLR(o, n),
        ),
        "polynomial_decay": (
            gp.polynomial_decay(0.1, 0, n),
            lambda o: lr_scheduler.PolynomialLR(o, n),
        ),
        "one_cycle": (gp.one_cycle(0.1), lambda o: lr_scheduler.OneCycleLR(o, 0.1, n)),
        "triangular": (
            gp.triangular(0.01, 0.1, 100),
            lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 100),
        ),
    }
    print("\nplan(k) of an int against one step() of torch's scheduler (bar: 1)")
    print(f"{'policy':<24}{'plan(k) µs':>14}{'step() µs':>12}{'ratio':>8}")
    for name, (schedule, native) in pairs.items():
        plan = schedule.plan(n)

        def ask(plan: gp.Plan = plan) -> None:
            for k in range(calls):
                plan(k)

        def step(native: Callable[..., object] = native) -> None:
            optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
            scheduler = native(optimizer)
            optimizer.step()
            for _ in range(calls):
                scheduler.step()  # type: ignore[attr-defined]

        ours, theirs, ratio = in_turn(ask, step, repeats)
        print(f"{name:<24}{ours / calls * 1e6:>14.3f}{theirs / calls * 1e6:>12.3f}{ratio:>8.2f}")


def imports(repeats: int) -> None:
    """`import glidepath` against `import numpy`, each in a process of its own."""

    def run(module: str) -> float:
        code = (
            "import time; start = time.perf_counter(); "
            f"import {module}; print(time.perf_counter() - start)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    run("numpy"), run("glidepath")
    pairs = [(run("glidepath"), run("numpy")) for _ in range(repeats)]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print("\nimport glidepath against import numpy, in processes of their own (bar: 2)")
    print(f"{'':<24}{ours * 1e3:>11.0f} ms{theirs * 1e3:>9.0f} ms{ratio:>8.2f}")


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description="Speed of the schedules.")
    parser.add_argument("--steps", type=int, default=1_000_000, help="updates in a table")
    parser.add_argument("--repeats", type=int, default=7, help="how often each is measured")
    arguments = parser.parse_args()
    tables(arguments.steps, arguments.repeats)
    look_ups(arguments.repeats)
    imports(arguments.repeats)


if __name__ == "__main__":
    main()
