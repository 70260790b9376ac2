"""How much of a regret is the finder's, and how much is that seeds differ.

    python benchmarks/finders.py score

The best rate of one seed's full-length runs, all of them, is judged by the other seeds' runs. No
search from one seed can be expected to be much better than that, whatever it costs: where seeds
differ in whether a training goes wrong at a rate, that is how little one seed says of another.
Finders are judged by the same pairs of seeds, and nothing is forgiven.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from finders_compare import FAILED, HALVES, read
from finders_oracle import Row, load

GRID = "whole grid on one seed"
SHOWN = ("quick", "standard", "thorough")


def by_others(row: Row, seed: int, position: float) -> float:
    """The regret at a position by the seeds but one, from 0 to 1."""
    others = [other for other in range(len(row.table)) if other != seed]
    mean, start = row.table[others].mean(axis=0), float(row.start[others].mean())
    below = row.positions[0] - 8
    loss = np.interp(position, [below, *row.positions], [start, *mean])
    return float(np.clip((loss - mean.min()) / (start - mean.min()), 0, 1))


def judged_by_others(task: str) -> dict[str, list[float]]:
    """The regrets of the whole grid and of every effort on a task."""
    found: dict[str, list[float]] = defaultdict(list)
    outcomes = read(task)
    for row in load(task):
        seeds = range(len(row.table))
        for seed in seeds:
            best = float(row.positions[int(np.argmin(row.table[seed]))])
            found[GRID].append(by_others(row, seed, best))
        for said in outcomes:
            mine = (said.optimizer, said.shape) == (row.optimizer, row.shape)
            if mine and said.method in SHOWN and said.rate is not None:
                position = math.log2(said.rate)
                regrets = [by_others(row, seed, position) for seed in seeds]
                found[said.method].append(float(np.mean(regrets)))
    return found


def score_seeds(tasks: list[str]) -> None:
    """The table, by task."""
    for half in HALVES:
        mine = [task for task in tasks if load(task)[0].half == half]
        print(f"\n## {half}: judged by the other seeds; mean regret in percent, share above 10 %\n")
        print(f"| task | {GRID} | " + " | ".join(SHOWN) + " |")
        print("| --- " * (2 + len(SHOWN)) + "|")
        everything: dict[str, list[float]] = defaultdict(list)
        for task in mine:
            found = judged_by_others(task)
            for method, regrets in found.items():
                everything[method] += regrets
            print(f"| {task} | " + " | ".join(_cell(found[m]) for m in (GRID, *SHOWN)) + " |")
        print("| all | " + " | ".join(_cell(everything[m]) for m in (GRID, *SHOWN)) + " |")


def _cell(regrets: list[float]) -> str:
    if not regrets:
        return ""
    failed = float(np.mean(np.array(regrets) > FAILED))
    return f"{100 * float(np.mean(regrets)):.2f}, {100 * failed:.0f} %"
