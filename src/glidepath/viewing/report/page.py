"""The report put together and written, with the PNGs beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from glidepath.errors import MissingExtraError
from glidepath.studies.result import Cost, StudyResult
from glidepath.viewing import summary
from glidepath.viewing.report import plots, sections
from glidepath.viewing.report.found_plot import found_plot
from glidepath.viewing.report.markup import escape, join
from glidepath.viewing.report.range_plot import range_test_plot
from glidepath.viewing.report.what_if import what_if_section
from glidepath.viewing.series import MOVABLE, curve_names


def write_report(result: StudyResult, out: Path, *, command: str | None = None) -> Path:
    """Write `report.html` and the PNGs of a study.

    The page is one file: plots, script and style are in it, and it asks the network for nothing.

    Args:
        result: the study.
        out: the folder to write into; made if it is not there.
        command: the command line that made the study, shown as what to run to repeat it.

    Returns:
        Where the page is.

    Raises:
        MissingExtraError: plotly, whose JavaScript draws the plots, is not installed.
    """
    return draw_report(result, out, command=command).write(result.cost)


@dataclass(frozen=True)
class Drawn:
    """A report that is drawn and not written, for its cost is not known before."""

    path: Path
    _study: StudyResult
    _page: str

    def write(self, spent: Cost) -> Path:
        """Write the page with what the study took, its drawing included; returns where it is."""
        before, after = self._study, replace(self._study, cost=spent)
        text = self._page.replace(sections.cost(before), sections.cost(after), 1)
        self.path.write_text(text, encoding="utf-8")
        return self.path


def draw_report(result: StudyResult, out: Path, *, command: str | None = None) -> Drawn:
    """Draw a study's report: write the PNGs, and make the page, without writing it.

    The arguments and errors are those of `write_report`.
    """
    library = _plotly()
    out.mkdir(parents=True, exist_ok=True)
    text = page(result, library, command=command)
    write_figures(result, out)
    return Drawn(out / "report.html", result, text)


def write_figures(result: StudyResult, out: Path) -> list[Path]:
    """Write the PNGs: range-test, final, rates, metric and loss; returns where they are."""
    from glidepath.viewing import figures

    drawn = {
        "final.png": figures.final_figure(result),
        "rates.png": figures.rates_figure(result),
    }
    for file, name in zip(("metric.png", "loss.png"), curve_names(result), strict=False):
        drawn[file] = figures.curves_figure(result, name)
    if result.range_test is not None:
        drawn["range-test.png"] = figures.range_test_figure(result.range_test)
    return [figures.save(figure, out / file) for file, figure in drawn.items()]


def page(result: StudyResult, library: str, *, command: str | None = None) -> str:
    """The whole page as text; `library` is plotly's JavaScript."""
    drawn = all_plots(result)
    body = join(
        sections.top(result),
        sections.contents(result),
        sections.results(result, drawn),
        sections.code(result),
        sections.range_test(result, drawn),
        sections.finder(result, drawn),
        sections.rates_and_curves(result, drawn),
        what_if_section(result),
        sections.cost(result),
        sections.reproduce(result, command),
        sections.reading(),
    )
    return Template(_asset("report.html")).substitute(
        title=escape(summary.headline(result)),
        style=_asset("report.css"),
        body=body,
        data=_script_json(drawn),
        plotly=library,
        script=_asset("report.js"),
    )


def all_plots(result: StudyResult) -> dict[str, Any]:
    """The plots by the name of the element that each is drawn into."""
    final, difference = plots.forest_plots(result)
    drawn: dict[str, Any] = {"rates": plots.rates_plot(result)}
    if summary.finished(result):
        drawn["final"] = final
    if difference is not None:
        drawn["difference"] = difference
    if result.range_test is not None:
        drawn["range-test"] = range_test_plot(result.range_test)
    if result.found:
        drawn["found"] = found_plot(result)
    for name in MOVABLE:
        moved = plots.moves_plot(result, name)
        if moved is not None:
            drawn[name] = moved
    for name in curve_names(result):
        curve = plots.curves_plot(result, name)
        if curve is not None:
            drawn[f"curve-{name}"] = curve
    return drawn


def _script_json(data: object) -> str:
    """JSON that can stand in a script element: no text in it can end the element."""
    written = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (resources.files("glidepath.viewing") / "assets" / name).read_text(encoding="utf-8")


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError("plotly", "report") from error
    return str(get_plotlyjs())
