"""What `glidepath find` calls: the task opened, its policy's shape, the search, the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from glidepath.cli.commands import check_places, fresh
from glidepath.cli.policies import parse_requests
from glidepath.errors import ArgumentError
from glidepath.finding import find
from glidepath.schedules import Policy, as_policy
from glidepath.schedules.durations import resolve_total
from glidepath.studies.defaults import DEFAULTS, Rates, SetPolicy, fit_to
from glidepath.tasks import load_task
from glidepath.tasks.optimizers import open_with
from glidepath.training.blame import blamed
from glidepath.training.trainer import Trainer

ALIASES = {"one_cycle": "1cycle", "constant": "fixed"}
"""Names of recipes that stand, without arguments, for the default policy."""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    task: str
    budget: str
    policy: str
    optimizer: str | None
    effort: str
    bounds: tuple[float, float]
    seed: int


def search(request: Request, json: Path | None, plot: Path | None) -> None:
    """The search, printed, and written where that is wanted."""
    from glidepath.viewing.figures import check_picture, save
    from glidepath.viewing.figures.finder import finder_figure
    from glidepath.viewing.found import found_table

    check_places(json, plot)
    fresh([request.task.partition(":")[0], request.policy], json, plot)
    task = load_task(request.task)
    if plot is not None:
        check_picture(plot)
    asked = ALIASES.get(request.policy.strip(), request.policy)
    [(name, policy)] = parse_requests([asked], tuple(DEFAULTS)).items()
    trainer = open_with(task, request.optimizer)
    budget = _budget(request.budget)
    shape = policy if policy is not None else _default(name, budget, trainer)
    low, high = request.bounds
    with blamed(f"finding a rate for the task {task.name!r}"):
        found = find(
            trainer, shape, budget, seed=request.seed, effort=request.effort, low=low, high=high
        )
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(found.to_json() + "\n", encoding="utf-8")
    if plot is not None:
        save(finder_figure(found), plot)
    Console().print(found_table(found))


def _budget(text: str) -> int | str:
    """Digits are updates; all else is a duration."""
    stripped = text.strip()
    return int(stripped) if stripped.isdecimal() and stripped.isascii() else stripped


def _default(name: str, budget: int | str, trainer: Trainer) -> Policy:
    """The shape of a default policy for a run of this length."""
    steps, _ = resolve_total(budget, trainer.steps_per_epoch)
    if steps is None:
        raise ArgumentError(f"--budget must be a length, got {budget!r}; give e.g. 20ep")
    epochs = max(1, round(steps / trainer.steps_per_epoch))
    made = as_policy(DEFAULTS[name].make(Rates(1.0, 0.1, 1.0, epochs, steps)))
    return fit_to(SetPolicy(made, ""), trainer.hyperparameters).policy
