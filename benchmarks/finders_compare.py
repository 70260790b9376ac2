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
from glidepath.finding import PEERS, random_search

SWEEPS = 5
SHORT, RUNS, LENGTH, SHORT_SEEDS = "random, 9 runs of 100", 9, 100, 2
"""Random search at the cost of `standard`: the shape compressed to so many updates."""
DEFAULTS = {"sgd": 0.1, "momentum": 0.01, "adamw": 0.001}
RANDOM = (1e-5, 10.0)
"""Where random search draws from."""
FAILED = 0.1
"""A regret that counts as a failure."""
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
    sure: bool | None = None
    """Whether it was said without a warning and with more than low confidence."""


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
                for shape, method in _wanted(efforts, seed):
                    if (optimizer, shape, method, seed) in done:
                        continue
                    trainer = trainer or trainer_of(problem, optimizer)
                    found.append(_run(trainer, problem, optimizer, shape, method, seed))
            if trainer is not None:
                write(problem.name, found)
                print(problem.name, optimizer, flush=True)


def _wanted(efforts: list[str], seed: int) -> Iterable[tuple[str, str]]:
    yield from (("", name) for name in PEERS)
    yield "", "minimum/10, five sweeps"
    for shape in SHAPES:
        yield from ((shape, effort) for effort in efforts)
        if seed < SHORT_SEEDS:
            yield shape, SHORT


def _run(
    trainer: Any, problem: Problem, optimizer: str, shape: str, method: str, seed: int
) -> Outcome:
    began = time.perf_counter()
    if method == SHORT:
        runs = random_search(trainer, policy(shape, optimizer), LENGTH, RUNS, seed=seed)
        rate, seconds = runs.learning_rate, time.perf_counter() - began
        return Outcome(optimizer, shape, method, seed, rate, runs.updates, seconds)
    if shape:
        found = gp.find(trainer, policy(shape, optimizer), problem.total, seed=seed, effort=method)
        return Outcome(
            optimizer, shape, method, seed, found.learning_rate, found.cost.lane_updates,
            time.perf_counter() - began, *found.interval,
            sure=not found.warnings and found.confidence != "low",
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
    held: bool | None = None
    """Whether the interval holds a rate that cannot be told from the best."""
    sure: bool | None = None
    """Whether it was said without a doubt."""
    seconds: float = math.nan
    """What it took; NaN for what is read off the oracle's runs."""


def judged(
    row: Row, method: str, seed: int, rate: float | None, cost: float, said: Outcome | None = None
) -> Judged:
    """An answer against a row."""
    position = None if rate is None else math.log2(rate)
    distance = math.nan if position is None else position - float(row.positions[row.best])
    held = None
    if said is not None and said.low is not None and said.high is not None:
        low, high = row.interval()
        held = math.log2(said.low) <= high and math.log2(said.high) >= low
    return Judged(
        row, method, seed, distance, row.regret(position), row.regret(position, forgiving=False),
        cost, held, None if said is None else said.sure,
        math.nan if said is None else said.seconds,
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
            found += [judged(row, o.method, o.seed, o.rate, o.updates, o) for o in mine]
            for method, search, cost in _free():
                found += [
                    judged(row, method, seed, search(row, seed), cost(row)) for seed in range(seeds)
                ]
    return found


def _free() -> list[tuple[str, Callable[[Row, int], float], Callable[[Row], float]]]:
    """Searches by full-length runs, read off the oracle's table: each sees one seed of it."""

    def random(row: Row, seed: int, runs: int = 3) -> float:
        rng = np.random.default_rng([seed, row.total, len(row.task)])
        tries = rng.uniform(math.log2(RANDOM[0]), math.log2(RANDOM[1]), size=runs)
        return 2.0 ** min(tries, key=lambda x: _one(row, seed, x))

    def few(row: Row) -> int:
        """As many full runs as 1,000 updates are, rounded up."""
        return -(-1000 // row.total)

    def grid(row: Row, seed: int) -> float:
        tries = np.log2(10.0 ** np.arange(-4, 1))
        return 2.0 ** min(tries, key=lambda x: _one(row, seed, x))

    def full(row: Row, seed: int) -> float:
        return 2.0 ** row.positions[int(np.argmin(row.table[seed % len(row.table)]))]

    return [
        ("default rate", lambda row, seed: DEFAULTS[row.optimizer], lambda row: 0),
        (
            "random, 1 or 2 full runs",
            lambda row, seed: random(row, seed, few(row)),
            lambda row: few(row) * row.total,
        ),
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
    "none, updates, seconds"
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
        f"{np.median([j.seconds for j in items]):.1f}".replace("nan", ""),
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
            print("| --- " * 13 + "|")
            groups = defaultdict(list)
            for j in some:
                groups[j.method].append(j)
            for method in sorted(groups, key=lambda m: np.mean([j.regret for j in groups[m]])):
                print(f"| {method} | {line(groups[method])} |")
        _tests(mine)
        _held(mine)


OURS = ("quick", "standard", "thorough")


def _tests(items: list[Judged]) -> None:
    """The paired difference in regret, row by row, to each rival; over all shapes and by shape."""
    by: Any = defaultdict(lambda: defaultdict(list))
    for j in items:
        by[j.method][j.row.task, j.row.optimizer, j.row.shape].append(j.regret)
    for ours in OURS:
        if ours not in by:
            continue
        print(f"\n{ours} against, by rows (points; p of Wilcoxon's signed ranks, one-sided):")
        print(f"  {'':26s}" + "".join(f"{shape or 'all shapes':>18s}" for shape in (None, *SHAPES)))
        for rival in by:
            if rival in OURS:
                continue
            cells = [
                _pair(by[ours], by[rival], [k for k in by[ours] if shape in (None, k[2])])
                for shape in (None, *SHAPES)
            ]
            print(f"  {rival:26s}" + "".join(f"{cell:>18s}" for cell in cells))


def _pair(ours: Any, rival: Any, keys: list[Any]) -> str:
    """The mean difference over the rows that both have, and whether ours is lower."""
    shared = sorted(set(keys) & set(rival))
    if not shared:
        return ""
    gaps = np.array([np.mean(ours[k]) - np.mean(rival[k]) for k in shared])
    moved = gaps[gaps != 0]
    p = stats.wilcoxon(moved, alternative="less").pvalue if moved.size else 1.0
    return f"{100 * gaps.mean():+.2f}, {p:.1g}"


def _held(items: list[Judged]) -> None:
    """How often the interval held, and what failed, with or without a warning."""
    for method in OURS:
        mine = [j for j in items if j.method == method]
        if not mine:
            continue
        held = [j.held for j in mine if j.held is not None]
        failed = [j for j in mine if j.regret > FAILED]
        print(
            f"{method}: the interval holds a best rate in {100 * np.mean(held):.0f} %; regret "
            f"above {100 * FAILED:.0f} % in {len(failed)} of {len(mine)} searches, "
            f"{sum(j.sure is True for j in failed)} of them without a doubt said"
        )
        for j in failed:
            row = f"{j.row.task}, {j.row.optimizer}, {j.row.shape}, seed {j.seed}"
            print(f"  {row}: {100 * j.regret:.0f} %, {j.distance:+.1f} octaves")


jax.config.update("jax_platforms", "cpu")
