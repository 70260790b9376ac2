"""Every finder on every row, and how far from the best rate each ended.

python benchmarks/finders.py compare --data DIR    # run the finders; resumable
python benchmarks/finders.py score                 # the tables, from what was run
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from finders_lanes import OPTIMIZERS, SHAPES, factory, policy
from finders_oracle import FOLDER, Row, load
from finders_tasks import Problem
from scipy import stats

import glidepath as gp
import glidepath.optax
from glidepath.finding import PEERS

SWEEPS = 5
DEFAULTS = {"sgd": 0.1, "momentum": 0.01, "adamw": 0.001}
RANDOM = (1e-5, 10.0)
"""Where random search draws from."""
HALVES = ("development", "reporting")


@dataclass(frozen=True)
class Outcome:
    """What one finder said once."""

    optimizer: str
    shape: str
    """Empty where the finder knows no shape: it is judged by all."""
    method: str
    seed: int
    rate: float | None
    updates: int
    seconds: float
    low: float | None = None
    high: float | None = None


def trainer_of(problem: Problem, optimizer: str) -> Any:
    """The task behind the protocol, without the partial last batch, as in the oracle."""
    split = problem.data()
    count = len(split.train[0]) // problem.batch * problem.batch
    task = glidepath.optax.Task(
        problem.loss,
        problem.parameters,
        factory(optimizer),
        tuple(part[:count] for part in split.train),
        split.validation,
        split.test,
        batch_size=problem.batch,
    )
    return task.open()


def path_of(task: str) -> Path:
    """Where the outcomes of a task are kept."""
    return FOLDER / "found" / f"{task}.json"


def read(task: str) -> list[Outcome]:
    """The outcomes of a task that are there."""
    path = path_of(task)
    if not path.is_file():
        return []
    return [Outcome(**item) for item in json.loads(path.read_text(encoding="utf-8"))]


def write(task: str, outcomes: Iterable[Outcome]) -> None:
    """Replace them whole."""
    path = path_of(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = [
        {key: float(f"{v:.5g}") if isinstance(v, float) else v for key, v in asdict(o).items()}
        for o in outcomes
    ]
    lines = ",\n".join(json.dumps(item) for item in rounded)
    path.with_suffix(".part").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    path.with_suffix(".part").replace(path)


def compare(problems: list[Problem], seeds: int, efforts: list[str]) -> None:
    """Run what has not been run."""
    for problem in problems:
        for optimizer in OPTIMIZERS:
            found = read(problem.name)
            done = {(o.optimizer, o.shape, o.method, o.seed) for o in found}
            trainer: Any = None
            for seed in range(seeds):
                for shape, method in _wanted(efforts):
                    if (optimizer, shape, method, seed) in done:
                        continue
                    trainer = trainer or trainer_of(problem, optimizer)
                    found.append(_run(trainer, problem, optimizer, shape, method, seed))
            if trainer is not None:
                write(problem.name, found)
                print(problem.name, optimizer, flush=True)


def _wanted(efforts: list[str]) -> Iterable[tuple[str, str]]:
    yield from (("", name) for name in PEERS)
    yield "", "minimum/10, five sweeps"
    for shape in SHAPES:
        yield from ((shape, effort) for effort in efforts)


def _run(
    trainer: Any, problem: Problem, optimizer: str, shape: str, method: str, seed: int
) -> Outcome:
    began = time.perf_counter()
    if shape:
        found = gp.find(trainer, policy(shape, optimizer), problem.total, seed=seed, effort=method)
        return Outcome(
            optimizer, shape, method, seed, found.learning_rate, found.cost.lane_updates,
            time.perf_counter() - began, *found.interval,
        )  # fmt: skip
    sweeps = SWEEPS if "sweeps" in method else 1
    peer = PEERS["fastai-minimum" if sweeps > 1 else method]
    rates = []
    for sweep in range(sweeps):
        trainer.reset(seed + 100 * sweep)
        rates.append(peer.suggest(trainer.advance({"learning_rate": peer.rates}).losses))
    kept = [rate for rate in rates if rate is not None]
    rate = float(np.exp(np.median(np.log(kept)))) if 2 * len(kept) > sweeps else None
    spent = sweeps * len(peer.rates)
    return Outcome(optimizer, "", method, seed, rate, spent, time.perf_counter() - began)


# --- scores -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """One outcome on one row."""

    row: Row
    method: str
    seed: int
    distance: float
    """Signed log2 to the best rate; NaN without an answer."""
    regret: float
    raw: float
    """The regret when nothing is forgiven inside the oracle's interval."""
    cost: float
    held: bool | None
    """Whether the interval holds a rate that cannot be told from the best."""


def judged(row: Row, method: str, seed: int, rate: float | None, cost: float, ends: Any) -> Judged:
    """An outcome against a row."""
    position = None if rate is None else math.log2(rate)
    distance = math.nan if position is None else position - float(row.positions[row.best])
    held = None
    if ends is not None and None not in ends:
        low, high = row.interval()
        held = math.log2(ends[0]) <= high and math.log2(ends[1]) >= low
    return Judged(
        row, method, seed, distance, row.regret(position), row.regret(position, forgiving=False),
        cost, held,
    )  # fmt: skip


def gather(tasks: Iterable[str]) -> list[Judged]:
    """Every outcome on every row of the tasks, and what the oracle's own runs give for free."""
    found: list[Judged] = []
    for task in tasks:
        outcomes = read(task)
        for row in load(task):
            mine = [
                o for o in outcomes if o.optimizer == row.optimizer and o.shape in ("", row.shape)
            ]
            if not mine:
                continue
            seeds = 1 + max(o.seed for o in mine)
            found += [
                judged(row, o.method, o.seed, o.rate, o.updates, (o.low, o.high)) for o in mine
            ]
            for method, search, cost in _free():
                found += [
                    judged(row, method, seed, search(row, seed), cost(row), None)
                    for seed in range(seeds)
                ]
    return found


def _free() -> list[tuple[str, Callable[[Row, int], float], Callable[[Row], float]]]:
    """Searches by full-length runs, read off the oracle's table: each sees one seed of it."""

    def random(row: Row, seed: int) -> float:
        rng = np.random.default_rng([seed, row.total, len(row.task)])
        tries = rng.uniform(math.log2(RANDOM[0]), math.log2(RANDOM[1]), size=3)
        return 2.0 ** min(tries, key=lambda x: _one(row, seed, x))

    def grid(row: Row, seed: int) -> float:
        tries = np.log2(10.0 ** np.arange(-4, 1))
        return 2.0 ** min(tries, key=lambda x: _one(row, seed, x))

    def full(row: Row, seed: int) -> float:
        return 2.0 ** row.positions[int(np.argmin(row.table[seed % len(row.table)]))]

    return [
        ("default rate", lambda row, seed: DEFAULTS[row.optimizer], lambda row: 0),
        ("random, 3 full runs", random, lambda row: 3 * row.total),
        ("decades, 5 full runs", grid, lambda row: 5 * row.total),
        ("full grid, one seed", full, lambda row: len(row.positions) * row.total),
    ]


def _one(row: Row, seed: int, position: float) -> float:
    """The loss of one seed's run at a position."""
    table, start = row.table[seed % len(row.table)], row.start[seed % len(row.table)]
    if position < row.positions[0]:
        ends = row.positions[0] - 8, row.positions[0]
        return float(np.interp(position, ends, (start, table[0])))
    if position > row.positions[-1]:
        return float(max(start, table[-1]))
    return float(np.interp(position, row.positions, table))


COLUMNS = (
    "log2 distance, signed, within 2×, within 4×, mean, median, p90, worst, unforgiven mean, "
    "none, updates"
)


def line(items: list[Judged]) -> str:
    """A row of the table."""
    d = np.array([j.distance for j in items])
    r = 100 * np.array([j.regret for j in items])
    known = np.abs(np.where(np.isnan(d), np.inf, d))
    cells = (
        f"{np.median(known):.2f}", f"{np.nanmean(d):+.1f}", f"{100 * np.mean(known <= 1):.0f} %",
        f"{100 * np.mean(known <= 2):.0f} %", f"{r.mean():.2f}", f"{np.median(r):.2f}",
        f"{np.quantile(r, 0.9):.1f}", f"{r.max():.0f}",
        f"{100 * np.mean([j.raw for j in items]):.2f}", f"{np.isnan(d).sum()}",
        f"{np.mean([j.cost for j in items]):,.0f}",
    )  # fmt: skip
    return " | ".join(cells)


def score(tasks: list[str]) -> None:
    """The tables of both halves, by shape, and the paired tests."""
    everything = gather(tasks)
    for half in HALVES:
        mine = [j for j in everything if j.row.half == half]
        if not mine:
            continue
        rows = {(j.row.task, j.row.optimizer, j.row.shape) for j in mine}
        print(f"\n## {half}: {len(rows)} rows of {len({r[0] for r in rows})} tasks")
        for shape in (*SHAPES, None):
            some = [j for j in mine if shape in (None, j.row.shape)]
            print(f"\n### {shape or 'all shapes'}\n\n| finder | {COLUMNS.replace(', ', ' | ')} |")
            print("| --- " * 12 + "|")
            groups = defaultdict(list)
            for j in some:
                groups[j.method].append(j)
            for method in sorted(groups, key=lambda m: np.mean([j.regret for j in groups[m]])):
                print(f"| {method} | {line(groups[method])} |")
        _tests(mine)
        _held(mine)


def _tests(items: list[Judged]) -> None:
    """The paired difference in regret, row by row, to each rival."""
    by = defaultdict(lambda: defaultdict(list))
    for j in items:
        by[j.method][j.row.task, j.row.optimizer, j.row.shape].append(j.regret)
    for ours in ("quick", "standard", "thorough"):
        if ours not in by:
            continue
        print(f"\n{ours} against, by rows (Wilcoxon's signed ranks, one-sided):")
        for rival in by:
            if rival in ("quick", "standard", "thorough"):
                continue
            keys = sorted(set(by[ours]) & set(by[rival]))
            gaps = np.array([np.mean(by[ours][k]) - np.mean(by[rival][k]) for k in keys])
            moved = gaps[gaps != 0]
            p = stats.wilcoxon(moved, alternative="less").pvalue if moved.size else 1.0
            print(f"  {rival:26s} {100 * gaps.mean():+6.2f} points, p = {p:.2g}")


def _held(items: list[Judged]) -> None:
    for method in ("quick", "standard", "thorough"):
        held = [j.held for j in items if j.method == method and j.held is not None]
        if held:
            print(f"{method}: the interval holds a best rate in {100 * np.mean(held):.0f} %")


jax.config.update("jax_platforms", "cpu")
