"""The commands that read logs: predict, optimize, diagnose."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from glidepath.cli.commands import app, files_of, fresh, plain_errors
from glidepath.errors import ArgumentError, RecordError

if TYPE_CHECKING:
    from glidepath.analysis import LoggedRun
    from glidepath.schedules import Policy

REFUSED = 3
"""The exit code where the logs cannot answer."""
_STDOUT = "-"

RunOption = Annotated[
    list[str],
    typer.Option(
        "--run",
        metavar="LOG",
        help="A run's log: a Glidepath record, a CSV, a JSON, or a folder of TensorBoard event "
        "files; a.csv+b.csv for one run in two parts. Repeatable.",
    ),
]
PerEpochOption = Annotated[
    int | None,
    typer.Option(
        "--steps-per-epoch", help="Updates in an epoch, where the logs do not tell.", min=1
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAMES",
        help='Which column is what, where the names do not tell: "loss=nll,step=it,rate=eta".',
    ),
]
FlownOption = Annotated[
    str | None,
    typer.Option("--flown", metavar="POLICY", help="What the runs flew, where no rate is logged."),
]
JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write it into this file; to the terminal if no file given."
    ),
]


class _Lenient(TyperCommand):
    """A command some of whose options may stand without their value."""

    bare: dict[str, tuple[str, str]] = {"--json": (".json", _STDOUT)}  # noqa: RUF012
    """Option → the ending that its value has, and the value where it has none."""
    takes_logs = False
    """Whether what follows may be a log, which is then not the option's value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the values that were left out."""
        found: list[str] = []
        for index, word in enumerate(args):
            found.append(word)
            if word in self.bare:
                ending, value = self.bare[word]
                after = args[index + 1] if index + 1 < len(args) else ""
                option = after != _STDOUT and after.startswith("-")
                log = Path(after).exists() and Path(after).suffix.lower() != ending
                if not after or option or (log and self.takes_logs):
                    found.append(value)
        try:
            return super().parse_args(ctx, list(found))
        except Exception:
            fresh((), *_named(found))
            raise


_ENDINGS = {"--json": ".json", "--png": ".png", "--html": ".html", "--save-policy": ".json"}


def _named(args: Sequence[str]) -> Iterator[Path]:
    """The outputs in a command line that cannot be understood, where nothing else names them."""
    words = [word.partition("=") for word in args]
    for index, (option, equals, text) in enumerate(words):
        value = text if equals else args[index + 1] if index + 1 < len(args) else ""
        if value.endswith(_ENDINGS.get(option, "\0")) and args.count(value) <= 1:
            yield Path(value)


class _LenientPage(_Lenient):
    """The same, and `--html` too."""

    bare = {**_Lenient.bare, "--html": (".html", "diagnosis.html")}  # noqa: RUF012
    takes_logs = True


@app.command(cls=_Lenient)
def predict(
    run: RunOption,
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="POLICY",
            help='The schedule asked about: a recipe ("wsd peak=0.1 warmup=5% cooldown=20%") or '
            "the file of a spec (policy.json).",
        ),
    ],
    total: Annotated[
        str | None,
        typer.Option("--total", help="Its length: updates, or epochs as 30ep; the longest run's."),
    ] = None,
    steps_per_epoch: PerEpochOption = None,
    columns: ColumnsOption = None,
    flown: FlownOption = None,
    json: JsonOption = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw it into this file.")
    ] = None,
) -> None:
    """Predict the loss under a schedule that was not run, from runs that were.

    Exit code 3 where the runs cannot answer, with the reason.
    """
    with plain_errors():
        from glidepath.analysis import predict as ask

        fresh([*run, policy], json, png)
        if png is not None:
            from glidepath.viewing.figures import check_picture

            check_picture(png)
        asked = _policy(policy)
        runs = _runs(run, columns, flown, steps_per_epoch)
        with _refusal(json, runs):
            found = ask(runs, asked, _length(total), steps_per_epoch)
        from glidepath.viewing.answers import prediction_table

        _write_json(json, found.to_json())
        if png is not None:
            from glidepath.viewing.figures.predicted import prediction_figure

            _draw(prediction_figure(found, runs, asked), png)
        _print(json, prediction_table(found))


@app.command(cls=_Lenient)
def optimize(
    run: RunOption,
    total: Annotated[
        str | None,
        typer.Option("--total", help="The budget: updates, or epochs as 30ep; the longest run's."),
    ] = None,
    steps_per_epoch: PerEpochOption = None,
    columns: ColumnsOption = None,
    flown: FlownOption = None,
    json: JsonOption = None,
    save_policy: Annotated[
        Path | None,
        typer.Option("--save-policy", metavar="FILE", help="Write the policy's spec into it."),
    ] = None,
) -> None:
    """Recommend the schedule for a budget, from one run or a few.

    Exit code 3 where the runs cannot answer, with the reason.
    """
    with plain_errors():
        from glidepath.analysis import optimize as ask
        from glidepath.analysis.prediction import length_of

        fresh(run, json, save_policy)
        runs = _runs(run, columns, flown, steps_per_epoch)
        with _refusal(json, runs):
            found = ask(runs, _length(total), steps_per_epoch)
        from glidepath.viewing.answers import recommendation_table

        updates = length_of(_length(total), steps_per_epoch, tuple(runs))
        _write_json(json, {"total": updates, **found.to_json()})
        if save_policy is not None:
            _write_json(save_policy, found.policy.to_spec())
        _print(json, recommendation_table(found, updates))


@app.command(cls=_LenientPage)
def diagnose(
    path: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="Logs of runs, or folders that hold some."),
    ],
    steps_per_epoch: PerEpochOption = None,
    columns: ColumnsOption = None,
    flown: FlownOption = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page; diagnosis.html if no file is given."
        ),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Say what a log shows of its run: its rate, its illnesses, and what to do next."""
    with plain_errors():
        fresh(path, json, html)
        if html is not None:
            from glidepath.viewing.report.diagnosis import diagnosis_page, ready

            ready()
        from glidepath.analysis import find_runs
        from glidepath.analysis.diagnosis import diagnose as ask
        from glidepath.viewing.answers import diagnosis_text

        given: list[tuple[list[Path], bool]] = []
        for text in path:
            parts = files_of(text)
            folder = len(parts) == 1 and parts[0].is_dir()
            logs = find_runs(parts[0]) if folder else []
            given += [([log], True) for log in logs] if folder else [(parts, False)]
        read, skipped = [], []
        for parts, discovered in given:
            try:
                logged = _read(parts, columns, flown, steps_per_epoch)
            except RecordError as error:
                if not discovered:
                    raise
                skipped.append({"path": str(parts[0]), "why": str(error)})
                continue
            read.append(logged)
        found = [ask(run, beside=[other for other in read if other is not run]) for run in read]
        for item in skipped:
            sys.stderr.write(f"glidepath: left out: {item['why']}\n")
        if not found:
            raise RecordError(f"none of the {len(skipped)} files in {path[0]} is a log of a run")
        _write_json(json, {"runs": [item.to_json() for item in found], "skipped": skipped})
        if html is not None:
            _whole(html, diagnosis_page(found).encode())
        _print(json, *map(diagnosis_text, found))


def _policy(text: str) -> Policy:
    from glidepath.cli.policies import parse_policies

    found = parse_policies([text])
    if len(found) != 1:
        raise ArgumentError(f"--policy takes one policy, got {len(found)} in {text!r}")
    return next(iter(found.values()))


def _length(text: str | None) -> int | str | None:
    """Digits are updates; all else is a duration, and refused where it is none."""
    if text is None:
        return None
    stripped = text.strip()
    plain = stripped.isdecimal() and stripped.isascii() and len(stripped) < 30
    return int(stripped) if plain else stripped


def _runs(
    texts: Sequence[str],
    columns: str | None,
    flown: str | None,
    steps_per_epoch: int | None,
) -> list[LoggedRun]:
    return [_read(files_of(text), columns, flown, steps_per_epoch) for text in texts]


def _read(
    parts: list[Path],
    columns: str | None,
    flown: str | None,
    steps_per_epoch: int | None,
) -> LoggedRun:
    from glidepath.analysis import read_run

    policy = None if flown is None else _policy(flown)
    return read_run(parts, policy=policy, steps_per_epoch=steps_per_epoch, **_columns(columns))


def _columns(text: str | None) -> dict[str, str]:
    """`loss=nll,step=it` as the arguments of `read_run`."""
    found: dict[str, str] = {}
    for part in (text or "").split(","):
        key, _, name = (word.strip() for word in part.partition("="))
        if not part.strip():
            continue
        if key not in ("loss", "step", "rate") or not name or key in found:
            raise ArgumentError(
                f"--columns names loss, step and rate, each once, as loss=nll,step=it; got {text!r}"
            )
        found[key] = name
    return found


@contextmanager
def _refusal(json: Path | None, runs: Sequence[LoggedRun]) -> Iterator[None]:
    """A refusal is written where numbers would be, and exit code 3."""
    from glidepath.analysis import RefusedError
    from glidepath.analysis.prediction import said_of

    try:
        yield
    except RefusedError as error:
        _write_json(json, {**error.to_json(), "warnings": said_of(runs)})
        sys.stderr.write(f"glidepath: refused: {error}\n")
        raise typer.Exit(REFUSED) from None


def _print(json: Path | None, *parts: Any) -> None:
    """Onto the terminal, unless JSON goes there."""
    from rich.console import Console

    from glidepath.viewing.answers import tell

    if json is None or str(json) != _STDOUT:
        tell(Console(), *parts)


def _write_json(path: Path | None, data: object) -> None:
    import json

    from glidepath.studies.storage import plain

    if path is None:
        return
    text = json.dumps(plain(data), indent=1, allow_nan=False) + "\n"
    if str(path) == _STDOUT:
        sys.stdout.write(text)
    else:
        _whole(path, text.encode())


def _draw(figure: Any, path: Path) -> None:
    from glidepath.viewing.figures import save

    with _beside(path) as beside:
        save(figure, beside)


def _whole(path: Path, data: bytes) -> None:
    with _beside(path) as beside:
        beside.write_bytes(data)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A file to write, put in place whole when it is done; a kill leaves the old one."""
    place = path.expanduser()
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.stem}.{os.getpid()}{place.suffix}")
    try:
        yield beside
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
