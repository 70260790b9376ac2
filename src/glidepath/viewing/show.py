"""`show`: what a policy will do, printed and drawn before any training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from glidepath.schedules import Duration, Plan, Policy, Schedule
from glidepath.schedules.review import review
from glidepath.viewing.terminal import sparkline

_ROWS = 14
_WIDTH = 60


def show_policies(
    named: Mapping[str, Policy | Schedule],
    total: Duration,
    steps_per_epoch: int | None = None,
    *,
    console: Console | None = None,
    png: Path | None = None,
) -> dict[str, Plan]:
    """Print what each policy does in a run, with its warnings, and draw them together.

    Args:
        named: the policies by the name to show.
        total: the run's length in updates, or as `"30ep"`.
        steps_per_epoch: updates in an epoch.
        console: where to print; the terminal if None.
        png: where to save the figure; none if None.

    Returns:
        The plans that were shown.

    Raises:
        ArgumentError: a picture that does not end in .png.
        PlanError: a policy that cannot be resolved for this run at all.
    """
    if png is not None:
        from glidepath.viewing.figures import check_picture, plan_figure, save

        check_picture(png)
    out = console or Console()
    reviewed = {name: review(policy, total, steps_per_epoch) for name, policy in named.items()}
    plans = {name: plan for name, (plan, _) in reviewed.items()}
    if png is not None:
        save(plan_figure(plans), png)
    for name, (plan, warnings) in reviewed.items():
        _print(out, name, plan, warnings)
    if png is not None:
        out.print(f"drawn in {png}", markup=False, highlight=False)
    return plans


def points(plan: Plan, most: int = _ROWS) -> list[int]:
    """The updates that matter: where pieces begin, the peak, the middle, the last and the end."""
    assert plan.total_steps is not None
    last = plan.total_steps
    marks = sorted({mark for track in plan.tracks.values() for mark in track.marks()})
    if len(marks) > most - 5:
        head = (most - 5) // 2 + 1
        marks = marks[:head] + marks[-(most - 5 - head) :]
    peak = int(plan.table().argmax())
    return sorted({*marks, 0, peak, last // 4, last // 2, 3 * last // 4, last - 1, last})


def _print(out: Console, name: str, plan: Plan, warnings: tuple[str, ...]) -> None:
    assert plan.total_steps is not None
    epochs = f", {plan.steps_per_epoch} per epoch" if plan.steps_per_epoch else ""
    out.print(f"\n[bold]{_plain(name)}[/bold]  {plan.total_steps} updates{epochs}", highlight=False)
    width = min(_WIDTH, out.width - 18)
    for track_name, track in plan.tracks.items():
        grid = np.linspace(0, plan.total_steps, width).astype(np.int64)
        label = track_name.replace("_", " ")
        out.print(f"{label:>14}  {sparkline(track(grid), width)}", highlight=False)
    out.print(_table(plan))
    for warning in warnings:
        out.print(f"[yellow]careful:[/yellow] {_plain(warning)}", highlight=False)


def _table(plan: Plan) -> Table:
    assert plan.total_steps is not None
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("update", justify="right")
    if plan.steps_per_epoch:
        table.add_column("epoch", justify="right")
    for name in plan.tracks:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("")
    peak = int(plan.table().argmax())
    for k in points(plan):
        notes = []
        if k == peak:
            notes.append("highest")
        if k == plan.total_steps - 1:
            notes.append("last update")
        if k == plan.total_steps:
            notes.append("after the end, held")
        epoch = [f"{k / plan.steps_per_epoch:.2f}"] if plan.steps_per_epoch else []
        values = [f"{float(track(k)):.6g}" for track in plan.tracks.values()]
        table.add_row(str(k), *epoch, *values, ", ".join(notes))
    return table


def _plain(text: str) -> str:
    """Text in which square brackets are no markup."""
    return text.replace("[", r"\[")
