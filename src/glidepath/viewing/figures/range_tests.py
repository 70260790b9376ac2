"""The range test: loss against rate, with each suggestion marked and named."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.finding.result import RangeTest
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import log_rate_axis, new_figure, rate_axis, styled
from glidepath.viewing.marks import Mark, lanes, loss_range, suggestion_marks, value_at
from glidepath.viewing.style import ALARM, BAND, INK, MUTED, REST

_LABEL = 0.17
"""The width of a label as a share of the axis."""


@styled
def range_test_figure(result: RangeTest) -> Figure:
    """Loss against learning rate (log), raw and smoothed, and what is read off it.

    Accuracy, or another metric, has a panel of its own below where the test measured one.
    """
    figure = new_figure(9.2, 5.0 + 1.7 * len(result.metrics))
    ratios = [3.2, *(1.2 for _ in result.metrics)]
    panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
    _loss(panels[0, 0], result)
    for axes, (name, values) in zip(panels[1:, 0], result.metrics.items(), strict=True):
        axes.axvspan(result.low, result.high, color=BAND, linewidth=0, zorder=0)
        axes.plot(result.rates, values, color=MUTED, linewidth=1.2)
        axes.set_ylabel(name)
        rate_axis(axes)
    positive = result.rates[result.rates > 0]
    low, high = float(positive.min()), float(positive.max())
    log_rate_axis(panels[-1, 0], "x", low, high * (high / low) ** 0.02)
    panels[-1, 0].set_xlabel("learning rate (log)")
    return figure


def _loss(axes: Axes, result: RangeTest) -> None:
    for sweep in result.sweeps if len(result.sweeps) > 1 else ():
        axes.plot(result.rates[: sweep.size], sweep[: result.rates.size], color=REST, linewidth=0.7)
    axes.plot(result.rates, result.losses, color="#9db9d6", linewidth=1.0, label="loss, raw")
    axes.plot(result.rates, result.smoothed, color=INK, linewidth=2.0, label="loss, smoothed")
    axes.axvspan(
        result.low,
        result.high,
        color=BAND,
        linewidth=0,
        zorder=0,
        label=f"low to high: {numbers.rate(result.low)} to {numbers.rate(result.high)}",
    )
    if result.diverged_at is not None:
        axes.axvline(
            result.diverged_at,
            color=ALARM,
            linestyle=(0, (4, 2)),
            label=f"diverged at {numbers.rate(result.diverged_at)}",
        )
    bottom, top = loss_range(result)
    marks = suggestion_marks(result)
    rows = _labels(axes, result, marks, (bottom, top))
    axes.set_ylim(bottom, top + (0.10 + 0.085 * rows) * (top - bottom))
    axes.set_ylabel("training loss")
    rate_axis(axes)
    axes.legend(loc="lower left")


def _labels(
    axes: Axes, result: RangeTest, marks: Sequence[Mark], limits: tuple[float, float]
) -> int:
    """Draw each mark with its label above the curves, in as few rows as they need."""
    bottom, top = limits
    height = top - bottom
    positive = result.rates[result.rates > 0]
    left, right = math.log10(positive.min()), math.log10(positive.max())
    places = [(math.log10(mark.rate) - left) / (right - left or 1.0) for mark in marks]
    rows = lanes(places, _LABEL)
    for mark, row, place in zip(marks, rows, places, strict=True):
        y = value_at(result, mark.rate)
        label_y = top + (0.06 + 0.085 * row) * height
        y = float(np.clip(y, bottom, top))
        axes.plot([mark.rate, mark.rate], [y, label_y], color=mark.color, linewidth=1.0)
        axes.plot([mark.rate], [y], marker=mark.marker, color=mark.color, markersize=8, zorder=5)
        side = "right" if place > 1 - _LABEL else "left"
        axes.annotate(
            f"{mark.label}  {numbers.rate(mark.rate)}",
            (mark.rate, label_y),
            xytext=(4 if side == "left" else -4, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=8.5,
            fontweight="bold",
            color=mark.color,
        )
    return max(rows, default=-1) + 1
