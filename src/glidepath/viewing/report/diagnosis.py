"""The page of a diagnosis, in the style of the report: one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from glidepath.analysis import Diagnosis
from glidepath.errors import ArgumentError
from glidepath.viewing import numbers
from glidepath.viewing.answers import difference, places_for
from glidepath.viewing.report.diagnosis_plots import diagnosis_plots
from glidepath.viewing.report.markup import Markup, element, escape, join
from glidepath.viewing.report.page import _asset, _plotly, _script_json
from glidepath.viewing.report.sections import heading, holders

_LOOKS = {"good": "good", "too small": "tie", "at the edge": "bad", "diverging": "bad"}


def ready() -> None:
    """MissingExtraError where plotly, whose JavaScript draws the plots, is not installed."""
    _plotly()


def diagnosis_page(found: Sequence[Diagnosis]) -> str:
    """The whole page as text: a table where there are several runs, and a section for each.

    Raises:
        ArgumentError: no diagnosis.
        MissingExtraError: plotly, whose JavaScript draws the plots, is not installed.
    """
    if not found:
        raise ArgumentError("diagnosis_page: needs at least one diagnosis, got none")
    library = _plotly()
    drawn: dict[str, Any] = {}
    for index, item in enumerate(found):
        drawn |= diagnosis_plots(item, f"run{index}")
    parts = [_section(item, index, drawn) for index, item in enumerate(found)]
    return Template(_asset("report.html")).substitute(
        title=escape(_headline(found)),
        style=_asset("report.css"),
        body=join(_top(found), *parts, _reading()),
        data=_script_json(drawn),
        plotly=library,
        script=_asset("report.js"),
    )


def _headline(found: Sequence[Diagnosis]) -> str:
    if len(found) > 1:
        told = sum(item.gain is not None for item in found)
        helped = sum(item.decay is not None for item in found)
        if told == 0:
            return f"{len(found)} runs: what another schedule would have given cannot be told"
        of = f"{helped} of {told}" + ("" if told == len(found) else " that can tell")
        return f"{len(found)} runs: a better schedule would have helped {of}"
    item = found[0]
    if item.decay is not None and item.gain is not None:
        gain = numbers.fixed(-item.gain.mean, places_for(item.gain.width))
        return f"{item.run}: a better schedule would have lowered the loss by {gain}"
    said = {
        "good": "the rate and the schedule look right",
        "too small": "the rate is small",
        "good or a little small": "the rate is right or a little small",
        "at the edge": "the rate is at the edge of what the training can take",
        "diverging": "the training diverged",
    }
    return f"{item.run}: {said.get(item.regime, 'what the log shows')}"


def _top(found: Sequence[Diagnosis]) -> Markup:
    single = found[0] if len(found) == 1 else None
    return element(
        "header",
        element("p", "Glidepath · diagnosis", class_="eyebrow"),
        element("h1", _headline(found)),
        _facts(single) if single is not None else _overview(found),
        class_="top",
    )


def _facts(item: Diagnosis) -> Markup:
    run = item.logged
    pairs = [
        ("updates", numbers.count(run.total)),
        ("peak rate", numbers.rate(run.rates.peak)),
        ("the rate", item.regime),
        ("last loss", f"{float(run.loss[-1]):.4g}"),
    ]
    if item.gain is not None:
        words = difference(item.gain, places_for(item.gain.width))
        pairs.append(("with the best schedule", words))
    if item.saved:
        pairs.append(("updates saved", numbers.count(item.saved)))
    figures = [element("div", element("dt", what), element("dd", value)) for what, value in pairs]
    return element("dl", *figures, class_="facts")


def _overview(found: Sequence[Diagnosis]) -> Markup:
    heads = ("Run", "Updates", "Peak rate", "The rate", "Best schedule", "Saved", "Found")
    rows = [_row(item, index) for index, item in enumerate(found)]
    kinds = ["text" if head in ("Run", "The rate", "Found") else "number" for head in heads]
    cells = [
        element(
            "th", element("button", head, type="button"), scope="col", class_=kind, data_kind=kind
        )
        for head, kind in zip(heads, kinds, strict=True)
    ]
    table = element(
        "table",
        element("thead", element("tr", *cells)),
        element("tbody", *rows),
        class_="sortable",
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label="Runs")


def _row(item: Diagnosis, index: int) -> Markup:
    run, gain = item.logged, item.gain
    link = element("a", numbers.shorten(item.run, 48), href=f"#run{index}", title=item.run)
    words = numbers.NONE if gain is None else difference(gain, places_for(gain.width))
    kinds = ", ".join(finding.kind.replace("_", " ") for finding in item.findings)
    return element(
        "tr",
        element("th", link, scope="row", data_sort=item.run),
        element("td", numbers.count(run.total), class_="number", data_sort=run.total),
        element("td", numbers.rate(run.rates.peak), class_="number", data_sort=run.rates.peak),
        element("td", _regime(item), data_sort=item.regime),
        element("td", words, class_="number", data_sort="" if gain is None else gain.mean),
        element(
            "td",
            numbers.count(item.saved) if item.saved else numbers.NONE,
            class_="number",
            data_sort=item.saved or 0,
        ),
        element("td", kinds or numbers.NONE, data_sort=kinds),
    )


def _regime(item: Diagnosis) -> Markup:
    return element("span", item.regime, class_=f"pill {_LOOKS.get(item.regime, '')}".strip())


def _section(item: Diagnosis, index: int, drawn: Mapping[str, object]) -> Markup:
    key = f"run{index}"
    signs = [
        element(
            "li", element("b", finding.kind.replace("_", " ").capitalize()), f": {finding.text}"
        )
        for finding in item.findings
    ]
    words = f"{item.evidence[:1].upper()}{item.evidence[1:]}"
    evidence = f"with {item.confidence} confidence. {words}."
    notes = [element("p", f"Reading: {words}.", class_="note") for words in item.logged.warnings]
    return element(
        "section",
        element("h2", item.run),
        element("p", item.advice, class_="reason"),
        element("p", "The rate: ", _regime(item), " ", evidence),
        element("ul", *signs) if signs else None,
        heading(
            "Loss",
            "measured" if item.fitted is None else "measured, and what the law says",
            drawn,
            f"{key}-loss",
        ),
        *holders(drawn, (f"{key}-loss",)),
        heading("Learning rate", "as it was flown", drawn, f"{key}-rate"),
        *holders(drawn, (f"{key}-rate",)),
        *notes,
        id=key,
    )


def _reading() -> Markup:
    points = (
        "The law is a formula of the loss, fitted to this run alone; what it says of another "
        "schedule is a prediction, with a 90 % interval, and not a measurement.",
        "“Good” means that the decay gave more than training on for as long again would: near the "
        "best rate it gives several times as much.",
        "A run that has seen no decay cannot tell what one gives; the page says so and gives no "
        "number.",
        "Validation loss and training loss answer different questions; where the validation loss "
        "rises, no schedule is the cure.",
    )
    return element(
        "section",
        element("h2", "Reading"),
        element("ul", *(element("li", point) for point in points)),
        id="reading",
    )
