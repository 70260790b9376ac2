"""`glidepath demo`: what a learning rate does, drawn from real computation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from glidepath.cli.commands import app, plain_errors
from glidepath.errors import ArgumentError

demo = typer.Typer(
    name="demo",
    help="Pictures and animations of what a learning rate does, computed here.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(demo)

OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The folder that the pictures go to.")
]
_OUT = Path("runs") / "demos"


@demo.command()
def regimes(
    rates: Annotated[
        list[float] | None,
        typer.Argument(
            metavar="[RATES]...",
            help="Rates in units of the stability edge, where 1 is the edge; "
            "0.01 0.1 0.7 0.99 1.01 if none are given.",
        ),
    ] = None,
    condition: Annotated[
        float, typer.Option("--condition", help="The largest curvature over the smallest.")
    ] = 2.5,
    out: OutOption = _OUT,
) -> None:
    """Gradient descent in a bowl: too slow, good, best, oscillating, diverging."""
    with _into(out):
        from glidepath.demos import bowl
        from glidepath.viewing.demos import regimes_text
        from glidepath.viewing.figures import demos as draw
        from glidepath.viewing.figures import save, save_gif

        found = bowl.regimes(rates or bowl.RATES, condition)
        animation = draw.regimes_animation(found)
        gif = save_gif(animation, out / "regimes.gif", seconds=9.0)
        _tell(regimes_text(found), [gif, save(animation.figure, out / "regimes.png")])


@contextmanager
def _into(out: Path) -> Iterator[None]:
    """Errors as messages; first of all, whether the pictures have a place to go."""
    with plain_errors():
        if out.exists() and not out.is_dir():
            raise ArgumentError(f"--out: {out} is no folder; give a new one, or one that is there")
        yield


def _tell(lines: Iterable[str], files: Iterable[Path]) -> None:
    """Print what to look at, and where."""
    for line in lines:
        typer.echo(line)
    typer.echo("Drawn in " + ", ".join(str(file) for file in files))
