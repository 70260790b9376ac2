"""The range test: loss against rate, with each suggestion marked and named."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

from glidepath.finding.result import RangeTest
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import log_rate_axis, new_figure, rate_axis, styled
from glidepath.viewing.marks import Mark, loss_range, slots, suggestion_marks, value_at
from glidepath.viewing.style import ALARM, BAND, INK, MUTED, REST

_GAP = 4.0
"""Points between a mark's line and its label."""


@styled
def range_test_figure(result: RangeTest) -> Figure:
    """Loss against learning rate (log), raw and smoothed, and what is read off it.

    Accuracy, or another metric, has a panel of its own below where the test measured one.
    """
    width, height = 9.2, 5.0 + 1.7 * len(result.metrics)
    figure = new_figure(width, height, layout=None)
    figure.subplots_adjust(
        0.74 / width, 0.52 / height, 1 - 0.12 / width, 1 - 0.08 / height, hspace=0.09
    )
    ratios = [3.2, *(1.2 for _ in result.metrics)]
    panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
    positive = result.rates[result.rates > 0]
    low, high = float(positive.min()), float(positive.max())
    log_rate_axis(panels[-1, 0], "x", low, high * (high / low) ** 0.02)
    _loss(panels[0, 0], result)
    for axes, (name, values) in zip(panels[1:, 0], result.metrics.items(), strict=True):
        axes.axvspan(result.low, result.high, color=BAND, linewidth=0, zorder=0)
        axes.plot(result.rates, values, color=MUTED, linewidth=1.2)
        axes.set_ylabel(name)
        rate_axis(axes)
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
    texts = [_text(axes, mark) for mark in marks]
    inside = axes.get_window_extent().width
    widths = [(text.get_window_extent().width + 3 * _GAP) / inside for text in texts]
    edge = None if result.diverged_at is None else _place(axes, result.diverged_at)
    found = slots([_place(axes, mark.rate) for mark in marks], widths, edge)
    for mark, text, slot in zip(marks, texts, found, strict=True):
        level = float(np.clip(value_at(result, mark.rate), bottom, top))
        height = top + (0.06 + 0.085 * slot.row) * (top - bottom)
        axes.plot([mark.rate, mark.rate], [level, height], color=mark.color, linewidth=1.0)
        axes.plot(
            [mark.rate], [level], marker=mark.marker, color=mark.color, markersize=8, zorder=5
        )
        text.xy = (mark.rate, height)
        if slot.left:
            text.set(position=(-_GAP, 0), horizontalalignment="right")
    return max((slot.row for slot in found), default=-1) + 1


def _text(axes: Axes, mark: Mark) -> Annotation:
    """The label of a mark, to its right; where it ends up is seen when its size is known."""
    return axes.annotate(
        f"{mark.label}  {numbers.rate(mark.rate)}",
        (mark.rate, 1.0),
        xytext=(_GAP, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        fontweight="bold",
        color=mark.color,
        annotation_clip=False,
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


def _place(axes: Axes, rate: float) -> float:
    """Where a rate is, as a share of the axis."""
    low, high = np.log10(axes.get_xlim())
    return float((math.log10(rate) - low) / (high - low))
