"""The commands: each parses, calls and prints. What is heavy is imported inside them."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from glidepath.errors import ArgumentError, GlidepathError

EPOCHS, SEEDS, WORKERS, EFFORT = 20, 10, 2, "standard"
"""What `studies` has as defaults, without importing it here; a test holds them together."""

app = typer.Typer(
    name="glidepath",
    help="Finds, plans, flies and checks the learning rate of a neural network's training.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TaskArgument = Annotated[
    str,
    typer.Argument(
        metavar="TASK",
        help="digits, digits-cnn, breast-cancer, diabetes, or your path/to/file.py:function.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The study's folder; runs/TASK if not given."),
]
EpochsOption = Annotated[int, typer.Option("--epochs", help="The length of each run.")]
SeedsOption = Annotated[int, typer.Option("--seeds", help="Runs of each policy.")]
WorkersOption = Annotated[int, typer.Option("--workers", help="Processes that train at a time.")]
EffortOption = Annotated[
    str,
    typer.Option(
        "--effort",
        help="What the finder may spend on the rate of each default policy: quick, standard, "
        "thorough, or none (the range test alone sets the rates).",
    ),
]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help='A recipe with its arguments ("one_cycle peak=0.1"), the file of a spec '
        "(policy.json), or the name of a default policy, set from a range test (cosine). "
        "Repeatable.",
    ),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Finds, plans, flies and checks the learning rate of a neural network's training."""
    if version:
        typer.echo(f"glidepath {importlib.metadata.version('glidepath')}")
        raise typer.Exit


@app.command()
def show(
    policy: Annotated[
        list[str],
        typer.Argument(
            metavar="POLICY...",
            help="A recipe and its arguments (one_cycle peak=0.1), phases joined by `then`, or "
            "the file of a spec (policy.json); several, one after the other.",
        ),
    ],
    total: Annotated[
        str, typer.Option("--total", help="The run's length: updates, or epochs as 30ep.")
    ],
    steps_per_epoch: Annotated[
        int | None, typer.Option("--steps-per-epoch", help="Updates in an epoch.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw it into this file.")
    ] = None,
) -> None:
    """Print and draw what policies will do, before any training."""
    with plain_errors():
        from glidepath.cli.policies import parse_policies, parse_total
        from glidepath.viewing.show import show_policies

        fresh(policy, png)
        length = parse_total(total, steps_per_epoch)
        show_policies(parse_policies(policy), length, steps_per_epoch, png=png)


@app.command()
def compare(
    task: TaskArgument,
    policy: PolicyOption = None,
    epochs: EpochsOption = EPOCHS,
    seeds: SeedsOption = SEEDS,
    out: OutOption = None,
    workers: WorkersOption = WORKERS,
    effort: EffortOption = EFFORT,
) -> None:
    """Train policies on the same seeds and compare them; the same command resumes."""
    with plain_errors(resumes=True):
        from glidepath.cli.run import study

        options: dict[str, Any] = {"epochs": epochs, "seeds": seeds, "workers": workers}
        study("compare", task, policy or [], out=out, effort=effort, **options)


@app.command()
def tune(
    task: TaskArgument,
    epochs: EpochsOption = EPOCHS,
    seeds: SeedsOption = SEEDS,
    out: OutOption = None,
    policy: PolicyOption = None,
    workers: WorkersOption = WORKERS,
    effort: EffortOption = EFFORT,
) -> None:
    """Find the rates, set the classic policies from them, and compare; the same command resumes."""
    with plain_errors(resumes=True):
        from glidepath.cli.run import study

        options: dict[str, Any] = {"epochs": epochs, "seeds": seeds, "workers": workers}
        study("tune", task, policy or [], out=out, effort=effort, **options)


@app.command("range-test")
def range_test(
    task: TaskArgument,
    kind: Annotated[str, typer.Option("--kind", help="exponential, or linear (Smith's).")] = (
        "exponential"
    ),
    low: Annotated[
        float | None, typer.Option("--low", help="The first rate; 1e-6, or 0.001 if linear.")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--high", help="The last rate; 10, or 1 if linear.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="How many rates.")] = 100,
    sweeps: Annotated[int, typer.Option("--sweeps", help="Repetitions, from other seeds.")] = 5,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write it into this file.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw it into this file.")
    ] = None,
) -> None:
    """Sweep the learning rate on a task, and read off which rates the model can take."""
    with plain_errors():
        from glidepath.cli.run import sweep

        options = {"kind": kind, "low": low, "high": high, "steps": steps, "sweeps": sweeps}
        sweep(task, options, json=json, png=png)


@contextmanager
def plain_errors(*, resumes: bool = False) -> Iterator[None]:
    """What Glidepath raises on purpose becomes a message and exit code 2; Ctrl-C is 130.

    Args:
        resumes: whether what was done is kept, and the same command goes on with it.
    """
    try:
        yield
    except GlidepathError as error:
        sys.stderr.write(f"glidepath: {error}\n")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        said = "what is done is kept, and the same command resumes" if resumes else "give it again"
        sys.stderr.write(f"glidepath: interrupted; {said}\n")
        raise typer.Exit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"glidepath: {where}{error.strerror or error}; give another place\n")
        raise typer.Exit(2) from None


def fresh(inputs: Sequence[str], *outputs: Path | None) -> None:
    """Remove what an earlier call left where this one writes: no failure leaves an old answer.

    Raises:
        ArgumentError: an output is one of the inputs.
    """
    inside = {part.resolve() for text in inputs for part in files_of(text)}
    given = [output.expanduser() for output in outputs if output is not None]
    for output in given:
        if output.resolve() in inside:
            raise ArgumentError(
                f"{output} is one of the logs, or the policy; write into another file"
            )
    for output in given:
        if output.is_file():
            output.unlink()


def check_places(*outputs: Path | None) -> None:
    """Whether files can be written where they are wanted, before what goes into them is computed.

    Raises:
        ArgumentError: a folder, a place below a file or where nothing can be written, or the same
            file twice.
    """
    given = [output.absolute() for output in outputs if output is not None]
    for number, output in enumerate(given):
        if output in given[:number]:
            raise ArgumentError(f"{output} is asked for twice; write into different files")
        if output.is_dir():
            raise ArgumentError(f"{output} is a folder; give a file in it")
        folder = next(parent for parent in output.parents if parent.exists())
        if not folder.is_dir() or not (output.exists() or os.access(folder, os.W_OK)):
            raise ArgumentError(
                f"{output} cannot be written, as {folder} takes no files; give another place"
            )


def files_of(text: str) -> list[Path]:
    """The files of one run: joined by +, unless a file is called so."""
    whole = Path(text).expanduser()
    if whole.exists() or "+" not in text:
        return [whole]
    return [Path(part).expanduser() for part in text.split("+") if part]


def main() -> None:
    """The command `glidepath`."""
    app()
