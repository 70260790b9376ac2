"""What the commands that train call: the rooms put together, and the outcome printed."""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from glidepath.cli.commands import check_places, fresh
from glidepath.cli.policies import parse_requests
from glidepath.errors import ArgumentError
from glidepath.finding import range_test
from glidepath.studies import DEFAULTS, StudyResult, compare, progress_for, tune
from glidepath.studies.result import Cost
from glidepath.studies.storage import write_whole
from glidepath.tasks import load_task
from glidepath.training.blame import blamed
from glidepath.viewing import numbers


def study(
    verb: str,
    reference: str,
    policies: Sequence[str],
    *,
    out: Path | None,
    effort: str,
    **options: Any,
) -> None:
    """`compare` or `tune`, with bars while it runs, and a table and the cost after it."""
    task, console = load_task(reference), Console()
    asked = parse_requests(policies, tuple(DEFAULTS))
    if verb == "compare" and not asked:
        raise ArgumentError(
            'compare needs policies; give e.g. --policy cosine --policy "one_cycle peak=0.1", or '
            "use tune for all of the classic ones"
        )
    folder = out or Path("runs") / task.name
    progress = progress_for(console)
    result = (compare if verb == "compare" else tune)(
        task,
        policies=asked or None,  # type: ignore[arg-type]
        out=folder,
        progress=progress,
        effort=None if effort == "none" else effort,
        report=_Report(progress.stage),
        **options,
    )
    _print(console, result, folder)


def sweep(
    reference: str, options: Mapping[str, Any], *, json: Path | None, png: Path | None
) -> None:
    """A range test, printed, and written where that is wanted."""
    from glidepath.viewing.figures import check_picture, range_test_figure, save
    from glidepath.viewing.terminal import range_test_table

    check_places(json, png)
    fresh([reference.partition(":")[0]], json, png)
    task = load_task(reference)
    if png is not None:
        check_picture(png)
    trainer = task.open()
    with blamed(f"a range test of the task {task.name!r}"):
        found = range_test(trainer, seed=0, **options)
    if json is not None:
        write_whole(json, found.to_json() + "\n")
    if png is not None:
        save(range_test_figure(found), png)
    Console().print(range_test_table(found))


class _Report:
    """Writes the report; without plotly it is the figures alone, and that is said at the start."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._command = shlex.join(["glidepath", *sys.argv[1:]])
        self._whole = importlib.util.find_spec("plotly") is not None
        if not self._whole:
            tell('no report.html without plotly, only figures: pip install "glidepath[report]"')

    def load(self) -> None:
        """Import what draws."""
        importlib.import_module("glidepath.viewing.figures")
        importlib.import_module("glidepath.viewing.report")

    def __call__(self, result: StudyResult, out: Path) -> Callable[[Cost], object] | None:
        """Draws the page and the figures; the page is written when its cost is known."""
        from glidepath.viewing import draw_report, write_figures

        if self._whole:
            return draw_report(result, out, command=self._command).write
        write_figures(result, out)
        return None


def _print(console: Console, result: StudyResult, folder: Path) -> None:
    from glidepath.viewing.terminal import study_table

    console.print(study_table(result))
    spent = result.cost
    share = spent.overhead_share
    console.print(
        f"\n{numbers.count(spent.updates)} updates in {numbers.seconds(spent.seconds)}: "
        f"{numbers.seconds(spent.steps)} in training steps over all processes, "
        f"{numbers.seconds(spent.startup)} of start-up (imports, compilation), and "
        f"{numbers.seconds(spent.overhead)} of everything else"
        + ("" if share is None else f", {share:.0%} of the steps' time"),
        highlight=False,
    )
    page = folder / "report.html"
    console.print(f"\n{page if page.is_file() else folder}", highlight=False, markup=False)
