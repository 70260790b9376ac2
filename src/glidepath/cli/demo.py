"""`glidepath demo`: what a learning rate does, drawn from real computation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glidepath.cli.commands import app, plain_errors
from glidepath.errors import ArgumentError

if TYPE_CHECKING:
    from glidepath.viewing.figures.animation import Animation

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
SeedOption = Annotated[int, typer.Option("--seed", help="Another number, other chances.")]
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

        found = bowl.regimes(rates or bowl.RATES, condition)
        _tell(regimes_text(found), _moving(draw.regimes_animation(found), out / "regimes", 9.0))


@demo.command()
def noise(
    rate: Annotated[float, typer.Option("--rate", help="The fixed rate; the decay's first.")] = 0.3,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Points in a batch.")] = 4,
    steps: Annotated[int, typer.Option("--steps", help="Updates.")] = 500,
    seed: SeedOption = 0,
    out: OutOption = _OUT,
) -> None:
    """Mini-batches around a minimum: a fixed rate wanders, a decay settles."""
    with _into(out):
        from glidepath.demos import noise as compute
        from glidepath.viewing.demos import noise_text
        from glidepath.viewing.figures import demos as draw

        found = compute(rate, batch_size, steps, seed)
        _tell(noise_text(found), _moving(draw.noise_animation(found), out / "noise", 10.0))


@demo.command()
def saddle(
    low: Annotated[float, typer.Option("--low", help="The lowest rate.")] = 0.2,
    high: Annotated[float, typer.Option("--high", help="The highest; 2 is the edge.")] = 2.2,
    half_cycle: Annotated[int, typer.Option("--half-cycle", help="Steps between them.")] = 12,
    steps: Annotated[int, typer.Option("--steps", help="How long to try.")] = 400,
    out: OutOption = _OUT,
) -> None:
    """Fixed and cyclical rates on a saddle: steps to escape."""
    with _into(out):
        from glidepath.demos import saddle as compute
        from glidepath.viewing.demos import saddle_text
        from glidepath.viewing.figures import demos as draw

        found = compute(low, high, half_cycle, steps)
        _tell(saddle_text(found), _moving(draw.saddle_animation(found), out / "saddle", 10.0))


@demo.command()
def decay(
    rate: Annotated[float, typer.Option("--rate", help="The rate before any drop.")] = 0.8,
    factor: Annotated[float, typer.Option("--factor", help="What a drop multiplies it by.")] = 0.1,
    updates: Annotated[int, typer.Option("--updates", help="The length of a run.")] = 2000,
    seeds: Annotated[int, typer.Option("--seeds", help="Runs of each.")] = 4,
    out: OutOption = _OUT,
) -> None:
    """The step in the loss of a real network when the rate drops."""
    with _into(out):
        from glidepath.demos import decay as compute
        from glidepath.viewing.demos import decay_text
        from glidepath.viewing.figures import demos as draw
        from glidepath.viewing.figures import save

        found = compute(rate, factor, updates, seeds)
        _tell(decay_text(found), [save(draw.decay_figure(found), out / "decay.png")])


@demo.command()
def optimizers(
    steps: Annotated[int, typer.Option("--steps", help="Steps on the landscape.")] = 300,
    updates: Annotated[
        int, typer.Option("--updates", help="Updates on the digits; 0: none.")
    ] = 500,
    noise: Annotated[float, typer.Option("--noise", help="Added to the gradients.")] = 0.3,
    seed: SeedOption = 0,
    out: OutOption = _OUT,
) -> None:
    """SGD to Adam on one landscape and on digits, with and without a schedule."""
    with _into(out):
        from glidepath.demos import optimizers as compute
        from glidepath.viewing.demos import optimizers_text
        from glidepath.viewing.figures import demos as draw
        from glidepath.viewing.figures import save

        found = compute(steps, updates, noise, seed)
        files = _moving(draw.race_animation(found), out / "optimizers", 9.0)
        if found.digits:
            files.append(save(draw.digits_figure(found), out / "optimizers-digits.png"))
        _tell(optimizers_text(found), files)


@demo.command()
def policies(out: OutOption = _OUT) -> None:
    """Every recipe's curve on one sheet, and 1cycle's rate and momentum together."""
    with _into(out):
        from glidepath.demos import policies as compute
        from glidepath.viewing.demos import policies_text
        from glidepath.viewing.figures import demos as draw
        from glidepath.viewing.figures import save

        entries = compute()
        sheet = save(draw.policies_figure(entries), out / "policies.png")
        _tell(policies_text(entries), [sheet, save(draw.one_cycle_figure(), out / "one-cycle.png")])


@contextmanager
def _into(out: Path) -> Iterator[None]:
    """Errors as messages; first of all, whether the pictures have a place to go."""
    with plain_errors():
        if out.exists() and not out.is_dir():
            raise ArgumentError(f"--out: {out} is no folder; give a new one, or one that is there")
        yield


def _moving(animation: Animation, path: Path, seconds: float) -> list[Path]:
    """The animation as a GIF, and its end as a PNG."""
    from glidepath.viewing.figures import save, save_gif

    gif = save_gif(animation, path.with_suffix(".gif"), seconds=seconds)
    return [gif, save(animation.figure, path.with_suffix(".png"))]


def _tell(lines: Iterable[str], files: Iterable[Path]) -> None:
    """Print what to look at, and where."""
    for line in lines:
        typer.echo(line)
    typer.echo("Drawn in " + ", ".join(str(file) for file in files))
