"""The best rate of every row by full-length runs: a grid of factor √2 × seeds, kept as JSON.

    python benchmarks/finders.py oracle --data DIR

Resumable: a row that has its seeds is left alone, and each row is written when it is done.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from finders_lanes import OPTIMIZERS, RATES, SEEDS, SHAPES, Lanes, shape_of
from finders_tasks import Problem

FOLDER = Path(__file__).parent / "data" / "finders"
FIRST_SEED = 1000
"""The oracle's seeds begin here; finders search with others."""
BELOW, ABOVE, WIDER = 7.5, 5.0, 6.5
"""Octaves of the window around the best of a coarse look, and by how much it is widened."""


@dataclass(frozen=True)
class Row:
    """One row: a task, an optimizer, a shape; what every rate came to."""

    task: str
    half: str
    optimizer: str
    shape: str
    total: int
    positions: Any
    """log2 of the peak rates."""
    table: Any
    """The test loss at the end, seeds × rates; a run that diverged counts as its start."""
    start: Any
    """The test loss before training, by seed."""

    @cached_property
    def mean(self) -> Any:
        """Over seeds."""
        return self.table.mean(axis=0)

    @cached_property
    def best(self) -> int:
        """The index of the best rate."""
        return int(np.argmin(self.mean))

    @cached_property
    def inside(self) -> Any:
        """Which rates cannot be told from the best: the paired difference over seeds is within
        two standard errors of 0, contiguous with the best."""
        gaps = self.table - self.table[:, [self.best]]
        errors = gaps.std(axis=0, ddof=1) / math.sqrt(len(self.table))
        near = gaps.mean(axis=0) <= 2 * errors
        found = np.zeros(len(near), bool)
        for step in (1, -1):
            at = self.best
            while 0 <= at < len(near) and near[at]:
                found[at] = True
                at += step
        return found

    def interval(self) -> tuple[float, float]:
        """The positions that cannot be told from the best."""
        kept = self.positions[self.inside]
        return float(kept[0]), float(kept[-1])

    def regret(self, position: float | None, forgiving: bool = True) -> float:
        """(loss − best)/(start − best) at a position, from 0 to 1; 1 where there is no rate.

        Forgiving: 0 inside the oracle's interval.
        """
        if position is None or not math.isfinite(position):
            return 1.0
        low, high = self.interval()
        if forgiving and low - 1e-9 <= position <= high + 1e-9:
            return 0.0
        start, best = float(self.start.mean()), float(self.mean[self.best])
        if position < self.positions[0]:  # towards the start, at which nothing is learnt
            ends = self.positions[0] - 8, self.positions[0]
            loss = float(np.interp(position, ends, (start, self.mean[0])))
        elif position > self.positions[-1]:
            loss = max(start, float(self.mean[-1]))
        else:
            loss = float(np.interp(position, self.positions, self.mean))
        return min(max((loss - best) / (start - best), 0.0), 1.0)


def load(task: str) -> list[Row]:
    """The rows of a task that have been made."""
    path = FOLDER / f"{task}.json"
    if not path.is_file():
        return []
    data = json.loads(path.read_text(encoding="utf-8"))
    arrays = ("positions", "table", "start")
    return [
        Row(**{name: np.array(v) if name in arrays else v for name, v in row.items()})
        for row in data["rows"]
    ]


def save(task: str, rows: list[Row]) -> None:
    """Write the rows of a task, six digits each."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return [plain(item) for item in value.tolist()]
        if isinstance(value, list):
            return [plain(item) for item in value]
        return float(f"{value:.6g}") if isinstance(value, float) else value

    lines = [json.dumps({f.name: plain(getattr(row, f.name)) for f in fields(row)}) for row in rows]
    text = '{"made_by": "python benchmarks/finders.py oracle --data DIR", "rows": [\n'
    path = FOLDER / f"{task}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(text + ",\n".join(lines) + "\n]}\n", encoding="utf-8")
    path.with_suffix(".part").replace(path)


def capped(test: Any, start: Any) -> Any:
    """Losses that are not finite or above the start count as the start."""
    return np.where(np.isfinite(test), np.minimum(test, start[:, None]), start[:, None])


def start_losses(lanes: Lanes, seeds: list[int]) -> Any:
    """The test loss before training."""
    found = []
    for first in range(0, len(seeds), SEEDS):
        chosen = seeds[first : first + SEEDS]
        state = lanes.start(chosen + [chosen[-1]] * (SEEDS - len(chosen)), RATES)
        test = np.asarray(lanes._judge(state[0], lanes.test)).mean(axis=-1)
        found.append(test[: len(chosen), 0])
    return np.concatenate(found)


def make_row(lanes: Lanes, shape: str, seeds: list[int], kept: Row | None) -> Row:
    """A row from nothing, or with more seeds than it had."""
    problem = lanes.problem
    whole = shape_of(shape, lanes.optimizer, problem.total)
    start = start_losses(lanes, seeds)
    if kept is not None:
        flown = lanes.fly(whole.flown(1.0, problem.total), 2.0**kept.positions, seeds)
        table = np.concatenate([kept.table, capped(flown.test, start)])
        return replace(kept, table=table, start=np.concatenate([kept.start, start]))
    coarse = np.arange(-16.0, 10.0, 2.0)
    looked = lanes.fly(whole.flown(1.0, 100), 2.0**coarse, seeds)
    middle = round(coarse[int(np.argmin(capped(looked.test, start).mean(axis=0)))])
    positions = np.arange(middle - BELOW, middle + ABOVE + 0.1, 0.5)
    tables = whole.flown(1.0, problem.total)
    table = capped(lanes.fly(tables, 2.0**positions, seeds).test, start)
    for _ in range(3):
        best = int(np.argmin(table.mean(axis=0)))
        if 4 <= best < len(positions) - 3:
            break
        steps = np.arange(0.5, WIDER + 0.1, 0.5)
        more = (-steps[::-1] if best < 4 else steps) + positions[0 if best < 4 else -1]
        found = capped(lanes.fly(tables, 2.0**more, seeds).test, start)
        order = np.argsort(np.concatenate([positions, more]))
        positions = np.concatenate([positions, more])[order]
        table = np.concatenate([table, found], axis=1)[:, order]
    return Row(
        problem.name, problem.half, lanes.optimizer, shape, problem.total, positions, table, start
    )


def make(problems: list[Problem], seeds: int, deadline: float = math.inf) -> None:
    """Every row of the problems that lacks seeds, task by task."""
    for problem in problems:
        for optimizer in OPTIMIZERS:
            rows = {(row.optimizer, row.shape): row for row in load(problem.name)}
            lacking = [
                shape for shape in SHAPES
                if (optimizer, shape) not in rows or len(rows[optimizer, shape].table) < seeds
            ]  # fmt: skip
            lanes = Lanes(problem, optimizer) if lacking else None
            for shape in lacking:
                if time.time() > deadline:
                    return
                began, kept = time.time(), rows.get((optimizer, shape))
                first = FIRST_SEED + (0 if kept is None else len(kept.table))
                row = make_row(lanes, shape, list(range(first, FIRST_SEED + seeds)), kept)
                rows[optimizer, shape] = row
                save(problem.name, [rows[key] for key in sorted(rows)])
                low, high = row.interval()
                best = f"best 2^{row.positions[row.best]:g} ({low:g} to {high:g})"
                took = f"{time.time() - began:.0f} s"
                print(f"{problem.name:18s}{optimizer:10s}{shape:10s} {best}, {took}", flush=True)
