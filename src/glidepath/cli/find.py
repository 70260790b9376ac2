"""`glidepath find`: parse, search, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glidepath.cli.commands import TaskArgument, app, plain_errors


@app.command()
def find(  # noqa: PLR0913, PLR0917 - an argument per option
    task: TaskArgument,
    budget: Annotated[
        str,
        typer.Option("--budget", help="The training that the rate is for: 20ep, or updates."),
    ],
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="POLICY",
            help="The shape to fly: a default policy (cosine, 1cycle, fixed, wsd, ...), a recipe "
            'with its arguments ("polynomial_decay rate=1 end=0 over=100%"), or a spec\'s file '
            "(policy.json). Only the shape counts; its rates are scaled.",
        ),
    ] = "cosine",
    optimizer: Annotated[
        str | None,
        typer.Option(
            "--optimizer",
            help="For Keras tasks, built in or your own: sgd, momentum, nesterov, adam, adamw or "
            "rmsprop, with Keras's defaults; the task's own if not given.",
        ),
    ] = None,
    effort: Annotated[
        str, typer.Option("--effort", help="quick, standard or thorough.")
    ] = "standard",
    low: Annotated[float, typer.Option("--low", help="The lowest rate to consider.")] = 1e-7,
    high: Annotated[float, typer.Option("--high", help="The highest.")] = 100.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the lanes' weights and data.")] = 0,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write it into this file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw it into this file (PNG).")
    ] = None,
) -> None:
    """Find the peak learning rate that trains best over a whole budget."""
    with plain_errors():
        from glidepath.cli.finding import Request, search

        bounds = (low, high)
        search(Request(task, budget, policy, optimizer, effort, bounds, seed), json, plot)
