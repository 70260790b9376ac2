"""What a search is worth when its cost is taken off the budget of the training.

    python benchmarks/finders.py left --data DIR

On a stated part of the reporting half, budgets of 1, 2 and 4 times the task's: real trainings on
a grid of rates (a factor 2 apart), lengths (a factor 2 apart) and three seeds; between them the
loss is read off in log rate and log length. Each finder is asked for a rate for the whole budget,
and the rate is then trained with for what is left. Its regret is against the best rate trained with
over the whole budget. Resumable.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from finders_compare import DEFAULTS, RANDOM, Outcome, policy, read, trainer_of
from finders_lanes import OPTIMIZERS, RATES, SEEDS, SHAPES, Lanes, shape_of
from finders_oracle import FIRST_SEED, FOLDER, capped, load, start_losses
from finders_tasks import Problem

import glidepath as gp

TASKS = ("california-nll", "fine-tuning", "large-batch", "small-batch")
TOTAL, TIMES = 600, (1, 2, 4)
"""The budget of the tasks, and the budgets here in multiples of it."""
LENGTHS = (75, 150, 300, 600, 1200, 2400)
"""The trainings of the grid, in updates."""
EFFORTS, ASKED = ("quick", "standard"), 3
"""The efforts that are asked at every budget, and with how many seeds."""
FOLDER_LEFT = FOLDER / "left"


@dataclass(frozen=True)
class Surface:
    """The test loss over rates and lengths of one row."""

    optimizer: str
    shape: str
    start: float
    """The test loss before training, the mean of the seeds."""
    positions: Any
    """log2 of the peak rates."""
    table: Any
    """Lengths × seeds × rates."""

    def loss(self, position: float, updates: float, seed: int | None = None) -> float:
        """After a training of so many updates; of one seed, or the mean."""
        if updates <= 0:
            return self.start
        known = self.table.mean(axis=1) if seed is None else self.table[:, seed]
        ends = np.array([self._at(losses, position) for losses in known])
        if updates < LENGTHS[0]:
            return float(np.interp(updates, (0, LENGTHS[0]), (self.start, ends[0])))
        return float(np.interp(math.log(updates), np.log(LENGTHS), ends))

    def _at(self, losses: Any, position: float) -> float:
        """At a position, as in the oracle's rows: towards the start outside the grid."""
        if position < self.positions[0]:
            below = self.positions[0] - 8, self.positions[0]
            return float(np.interp(position, below, (self.start, losses[0])))
        if position > self.positions[-1]:
            return max(self.start, float(losses[-1]))
        return float(np.interp(position, self.positions, losses))

    def best(self, updates: int) -> float:
        """The lowest mean loss of a training of that length on the grid."""
        return float(self.table[LENGTHS.index(updates)].mean(axis=0).min())

    def regret(self, loss: float, budget: int) -> float:
        """The share of what there was to gain in the whole budget that was not."""
        best = self.best(budget)
        return min(max((loss - best) / (self.start - best), 0.0), 1.0)


@dataclass(frozen=True)
class Answer:
    """What a finder that knows the horizon said once for one budget."""

    optimizer: str
    shape: str
    method: str
    budget: int
    seed: int
    rate: float
    updates: int


def load_left(task: str) -> tuple[list[Surface], list[Answer]]:
    """What has been made of a task."""
    path = FOLDER_LEFT / f"{task}.json"
    if not path.is_file():
        return [], []
    data = json.loads(path.read_text(encoding="utf-8"))
    surfaces = [
        Surface(
            **{**item, "positions": np.array(item["positions"]), "table": np.array(item["table"])}
        )
        for item in data["surfaces"]
    ]
    return surfaces, [Answer(**item) for item in data["answers"]]


def save_left(task: str, surfaces: list[Surface], answers: list[Answer]) -> None:
    """Replace it whole; five digits."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray | list):
            return [plain(item) for item in np.array(value, float).tolist()]
        return float(f"{value:.5g}") if isinstance(value, float) else value

    parts = []
    for kept in (surfaces, answers):
        lines = [json.dumps({k: plain(v) for k, v in vars(item).items()}) for item in kept]
        parts.append("[\n" + ",\n".join(lines) + "\n]")
    text = f'{{"surfaces": {parts[0]},\n"answers": {parts[1]}}}\n'
    path = FOLDER_LEFT / f"{task}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(text, encoding="utf-8")
    path.with_suffix(".part").replace(path)


def make_left(problems: list[Problem], ask: bool) -> None:
    """The grids of real trainings, and with `ask` the finders' answers, that are not there yet."""
    for problem in problems:
        if problem.name not in TASKS:
            continue
        surfaces, answers = load_left(problem.name)
        there = {(s.optimizer, s.shape) for s in surfaces}
        for optimizer in OPTIMIZERS:
            lacking = [shape for shape in SHAPES if (optimizer, shape) not in there]
            lanes = Lanes(problem, optimizer) if lacking else None
            for shape in lacking:
                began = time.time()
                surfaces.append(_surface(lanes, shape))
                save_left(problem.name, surfaces, answers)
                print(problem.name, optimizer, shape, f"{time.time() - began:.0f} s", flush=True)
            if ask:
                answers += _answers(problem, optimizer, answers)
                save_left(problem.name, surfaces, answers)
                print(problem.name, optimizer, "asked", flush=True)


def _surface(lanes: Any, shape: str) -> Surface:
    problem = lanes.problem
    [row] = [r for r in load(problem.name) if (r.optimizer, r.shape) == (lanes.optimizer, shape)]
    middle = round(float(row.positions[row.best]))
    positions = middle - 7.0 + np.arange(RATES)
    seeds = list(range(FIRST_SEED, FIRST_SEED + SEEDS))
    start = start_losses(lanes, seeds)
    whole = shape_of(shape, lanes.optimizer, LENGTHS[-1])
    table = [
        capped(lanes.fly(whole.flown(1.0, length), 2.0**positions, seeds).test, start)
        for length in LENGTHS
    ]
    return Surface(lanes.optimizer, shape, float(start.mean()), positions, np.array(table))


def _answers(problem: Problem, optimizer: str, known: list[Answer]) -> list[Answer]:
    """Those of the finders at the budgets beyond the task's own, of which `compare` has them."""
    done = {(a.optimizer, a.shape, a.method, a.budget, a.seed) for a in known}
    wanted = [
        (optimizer, shape, method, times * TOTAL, seed)
        for times in TIMES[1:]
        for shape in SHAPES
        for method in EFFORTS
        for seed in range(ASKED)
    ]
    lacking = [key for key in wanted if key not in done]
    trainer = trainer_of(problem, optimizer) if lacking else None
    found = []
    for _, shape, method, budget, seed in lacking:
        said = gp.find(trainer, policy(shape, optimizer), budget, seed=seed, effort=method)
        cost = said.cost.lane_updates
        found.append(Answer(optimizer, shape, method, budget, seed, said.learning_rate, cost))
    return found


# --- scores -----------------------------------------------------------------------------------


def regrets(trainings: int) -> dict[str, dict[int, list[float]]]:
    """Of every method at every budget, where the rate serves so many trainings.

    A finder's cost is shared by the trainings; what is left of each one's budget is trained with.
    """
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for task in TASKS:
        surfaces, answers = load_left(task)
        for surface, times in itertools.product(surfaces, TIMES):
            budget = times * TOTAL
            for method, rate, cost in _said(surface, read(task), answers, times):
                left = budget - cost / trainings
                loss = surface.start if rate is None else surface.loss(math.log2(rate), left)
                found[method][times].append(surface.regret(loss, budget))
            for seed in range(SEEDS if trainings == 1 else 0):
                loss = _thirds(surface, budget, seed)
                found["random, three runs of a third"][times].append(surface.regret(loss, budget))
    return found


def _said(
    surface: Surface, outcomes: list[Outcome], answers: list[Answer], times: int
) -> list[tuple[str, float | None, float]]:
    """Method, rate and cost of every answer for a budget."""
    mine = [o for o in outcomes if o.optimizer == surface.optimizer]
    said = [(o.method, o.rate, o.updates) for o in mine if not o.shape]
    if times == 1:
        said += [
            (o.method, o.rate, o.updates)
            for o in mine
            if o.shape == surface.shape and o.method in EFFORTS
        ]
    said += [
        (a.method, a.rate, a.updates)
        for a in answers
        if (a.optimizer, a.shape, a.budget) == (surface.optimizer, surface.shape, times * TOTAL)
    ]
    return [*said, ("default rate", DEFAULTS[surface.optimizer], 0)]


def _thirds(surface: Surface, budget: int, seed: int) -> float:
    """Random search that keeps the best of its own three trainings: no search, no training."""
    rng = np.random.default_rng([seed, budget])
    tries = rng.uniform(math.log2(RANDOM[0]), math.log2(RANDOM[1]), size=3)
    best = min(tries, key=lambda x: surface.loss(x, budget / 3, seed))
    return surface.loss(best, budget / 3)


def score_left() -> None:
    """The tables of regrets."""
    for trainings in (1, 10):
        found = regrets(trainings)
        if not found:
            return
        print(f"\n## The search is paid from the budget of {trainings} training(s)")
        print("\nRegret, mean / median, in percent.\n")
        print("| finder | " + " | ".join(f"{times}×" for times in TIMES) + " |")
        print("| --- " * (1 + len(TIMES)) + "|")
        for method in sorted(found, key=lambda m: np.mean(found[m][TIMES[-1]] or [9])):
            cells = [found[method][times] for times in TIMES]
            shown = [
                f"{100 * np.mean(cell):.1f} / {100 * np.median(cell):.1f}" if cell else ""
                for cell in cells
            ]
            print(f"| {method} | " + " | ".join(shown) + " |")
