"""Lanes side by side against one by one, in the same process, and the finder's own overhead."""

from __future__ import annotations

import statistics
import time
from itertools import chain
from pathlib import Path
from typing import Any

import finders_torch
import numpy as np
from finders_compare import trainer_of
from finders_lanes import policy
from finders_tasks import Problem

import glidepath as gp
from glidepath.training import LaneTrier

LANES, UPDATES, ROUNDS = 5, 100, 5


def speed(problems: list[Problem], folder: Path | None, named: bool) -> None:
    """A line per task: lane-updates a second, their ratio, and the overhead.

    PyTorch's tasks are left out where tasks are named.
    """
    print(f"{'task':20s}{'one by one':>12s}{'side by side':>14s}{'ratio':>8s}{'overhead':>10s}")
    tasks = ((problem.name, trainer_of(problem, "adamw")) for problem in problems)
    for name, trainer in chain(tasks, () if named else finders_torch.trainers(folder)):
        trainer.reset(0)
        start = trainer.snapshot()
        rates = np.geomspace(1e-4, 1e-3, LANES)[:, None] * np.ones(UPDATES)

        def alone(trainer: Any = trainer, start: Any = start, rates: Any = rates) -> None:
            for row in rates:
                trainer.restore(start)
                trainer.advance({"learning_rate": row})

        def together(trainer: Any = trainer, start: Any = start, rates: Any = rates) -> None:
            trainer.advance_lanes([start] * LANES, {"learning_rate": rates})

        if isinstance(trainer, LaneTrier):
            trial = trainer.try_lanes([start] * LANES, {"learning_rate": rates[:, :3]})
            assert trial.obstacle is None, trial.obstacle
        alone(), together()  # compiled before the clock runs
        pairs = [(_seconds(alone), _seconds(together)) for _ in range(ROUNDS)]
        one, all_ = (
            LANES * UPDATES / statistics.median(column) for column in zip(*pairs, strict=True)
        )
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:20s}{one:12,.0f}{all_:14,.0f}{ratio:8.2f}{_overhead(trainer):10.1%}")


def _seconds(call: Any) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _overhead(trainer: Any) -> float:
    """The share of a search that is not spent in training steps, once all is compiled."""
    shape = policy("cosine", "adamw")
    gp.find(trainer, shape, 600, side_by_side="never")
    spent, advance = [0.0], trainer.advance

    def timed(values: Any) -> Any:
        began = time.process_time()
        found = advance(values)
        spent[0] += time.process_time() - began
        return found

    trainer.advance = timed
    try:
        whole = _seconds(lambda: gp.find(trainer, shape, 600, side_by_side="never"))
    finally:
        del trainer.advance
    return (whole - spent[0]) / spent[0]
