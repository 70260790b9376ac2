"""The report's range test: loss against rate, with a numbered badge per suggestion."""

from __future__ import annotations

import numpy as np

from glidepath.finding.result import RangeTest
from glidepath.viewing import numbers
from glidepath.viewing.marks import lanes, loss_range, suggestion_marks, value_at
from glidepath.viewing.report.plots import Json, log_ticks, numbers_of, plot, text, title
from glidepath.viewing.style import ALARM

_BADGE = 0.075
"""The width of a badge as a share of the axis, on a phone."""


def range_test_plot(result: RangeTest) -> Json:
    """Loss against rate on a log axis; numbered badges stand for the table's suggestions."""
    positive = result.rates[result.rates > 0]
    ends = [float(np.log10(positive.min())), float(np.log10(positive.max()))]
    ends[1] += 0.02 * (ends[1] - ends[0])
    marks = suggestion_marks(result)
    places = [(float(np.log10(m.rate)) - ends[0]) / (ends[1] - ends[0] or 1.0) for m in marks]
    rows = lanes(places, _BADGE)
    bottom, top = loss_range(result)
    span = top - bottom
    heights = [top + (0.05 + 0.1 * row) * span for row in rows]
    traces = _range_traces(result)
    for number, (mark, height) in enumerate(zip(marks, heights, strict=True), start=1):
        level = float(np.clip(value_at(result, mark.rate), bottom, top))
        traces.append(_stem(mark.rate, mark.color, level, height))
        traces.append(_badge(number, mark.rate, mark.color, height, mark.label))
    limits = [bottom, top + (0.12 + 0.1 * max(rows, default=0)) * span]
    x = {"title": title("learning rate (log)"), "type": "log", "range": ends, **log_ticks(ends)}
    y = {"title": title("training loss"), "range": limits, "tickformat": "~g"}
    return plot(traces, x, y, height=400, shapes=_range_shapes(result))


def _range_traces(result: RangeTest) -> list[Json]:
    hover = "rate %{x:.3~g}: loss %{y:.4~g}<extra></extra>"
    lines: list[Json] = [
        {"y": numbers_of(result.losses), "line": {"color": "rgba(42,120,200,.45)", "width": 1},
         "hoverinfo": "skip"},
        {"y": numbers_of(result.smoothed), "line": {"width": 2.5}, "meta": ":ink",
         "hovertemplate": hover},
    ]  # fmt: skip
    x = numbers_of(result.rates)
    return [{"type": "scatter", "mode": "lines", "x": x, **line} for line in lines]


def _range_shapes(result: RangeTest) -> list[Json]:
    paper = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shapes: list[Json] = [
        {"type": "rect", "x0": result.low, "x1": result.high, **paper,
         "fillcolor": "rgba(42,120,200,.13)", "line": {"width": 0}},
    ]  # fmt: skip
    if result.diverged_at is not None:
        edge = {"width": 2, "color": ALARM, "dash": "dash"}
        at = result.diverged_at
        shapes.append({"type": "line", "x0": at, "x1": at, **paper, "line": edge})
    return shapes


def _stem(rate: float, color: str, low: float, high: float) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [rate, rate],
        "y": [low, high],
        "line": {"color": color, "width": 1.3},
        "hoverinfo": "skip",
    }


def _badge(number: int, rate: float, color: str, height: float, label: str) -> Json:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [rate],
        "y": [height],
        "text": [str(number)],
        "textfont": {"color": "#fff", "size": 11},
        "marker": {"color": color, "size": 19},
        "hovertemplate": f"{text(label)}: {numbers.rate(rate)}<extra></extra>",
    }
