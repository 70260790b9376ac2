"""The report's finder: where the peak of each policy's shape belongs, beside the range test's."""

from __future__ import annotations

import math

import numpy as np

from glidepath.studies.result import StudyResult
from glidepath.studies.setting import range_test_peak
from glidepath.viewing import numbers
from glidepath.viewing.report.markup import Markup, element, join
from glidepath.viewing.report.plots import Json, log_ticks, numbers_of, plot, text, title
from glidepath.viewing.report.tables import swatch
from glidepath.viewing.style import policy_style

_MARGIN = 0.12
"""Room at each end of the axis, in decades."""


def range_test_peaks(study: StudyResult) -> dict[str, float]:
    """The peak that the range test alone would have set, for each policy that the finder set."""
    if study.range_test is None:
        return {}
    epochs = study.total_steps // study.steps_per_epoch
    return {
        name: range_test_peak(name, study.range_test, epochs, study.steps_per_epoch)
        for name in study.found
    }


def found_plot(study: StudyResult) -> Json:
    """A row per policy: the finder's peak with its interval, and the range test's as a ring."""
    before, names = range_test_peaks(study), list(study.found)
    ends = [rate for found in study.found.values() for rate in found.interval]
    ends = [*ends, *before.values()]
    span = [math.log10(min(ends)) - _MARGIN, math.log10(max(ends)) + _MARGIN]
    rows = np.arange(len(names))
    ring = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers_of([before[name] for name in names]),
        "y": numbers_of(rows),
        "marker": {"color": "#7a828e", "symbol": "circle-open", "size": 10, "line": {"width": 2}},
        "hovertemplate": "the range test alone: %{x:.3~g}<extra></extra>",
    }
    traces = [ring, *(_found(study, name, row) for row, name in enumerate(names))]
    y = {
        "tickmode": "array",
        "tickvals": rows.tolist(),
        "ticktext": [text(numbers.shorten(name, 20)) for name in names],
        "range": [len(names) - 0.4, -0.6],
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
    }
    x = {
        "title": title("peak learning rate (log)"),
        "type": "log",
        "range": span,
        **log_ticks(span),
    }
    return plot(traces, x, y, height=26 * len(names) + 70)


def _found(study: StudyResult, name: str, row: int) -> Json:
    found, style = study.found[name], policy_style(name)
    low, high = found.interval
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [found.learning_rate],
        "y": [row],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - found.learning_rate],
            "arrayminus": [found.learning_rate - low],
            "color": style.color,
            "thickness": 2.2,
            "width": 0,
        },
        "marker": {"color": style.color, "symbol": style.symbol, "size": 10},
        "hovertemplate": f"<b>{text(name)}</b>: %{{x:.3~g}}<br>interval {low:.3g} to "
        f"{high:.3g}<extra></extra>",
    }


def found_table(study: StudyResult) -> Markup:
    """The same in numbers."""
    before = range_test_peaks(study)
    heads = ("Policy", "Finder", "Interval", "Range test")
    rows = []
    for name, found in study.found.items():
        low, high = map(numbers.rate, found.interval)
        cells = (
            numbers.rate(found.learning_rate),
            f"{low} to {high}",
            numbers.rate(before.get(name)),
        )
        label = join(swatch(name), element("span", name))
        rows.append(
            element(
                "tr",
                element("th", label, scope="row", class_="policy"),
                *(element("td", words, class_="number") for words in cells),
            )
        )
    head = (
        element("th", words, scope="col", class_="number" if words != "Policy" else None)
        for words in heads
    )
    return element("table", element("thead", element("tr", *head)), element("tbody", *rows))
