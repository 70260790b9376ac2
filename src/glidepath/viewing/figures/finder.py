"""The finder's answer: the predicted loss over rates with its band, and the lanes it rests on."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.finding.finder.found import Found
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import (
    legend_above,
    log_rate_axis,
    new_figure,
    rate_axis,
    styled,
)
from glidepath.viewing.style import ALARM, BAND, INK, MUTED, STYLES

_RUNGS = ("fixed", "cosine", "wsd", "1cycle", "plateau", "triangular")
"""The looks that lengths of lanes take, from the shortest to the longest."""


@styled
def finder_figure(found: Found) -> Figure:
    """Loss over peak rate: every lane's, by length, and below the prediction for the budget.

    The answer is a line, its interval a band, and the lowest rate that diverged dashed.
    """
    figure = new_figure(9.2, 6.4, layout=None)
    figure.subplots_adjust(0.09, 0.085, 0.985, 0.985, hspace=0.1)
    lanes, whole = figure.subplots(2, 1, sharex=True, height_ratios=[1.25, 1])
    rates = [*(lane.rate for lane in found.lanes), found.learning_rate]
    log_rate_axis(whole, "x", min(rates) / 1.6, max(rates) * 1.6)
    for axes in (lanes, whole):
        low, high = (numbers.rate(end) for end in found.interval)
        axes.axvspan(
            *found.interval, color=BAND, linewidth=0, zorder=0, label=f"interval {low} to {high}"
        )
        label = f"answer {numbers.rate(found.learning_rate)}"
        axes.axvline(found.learning_rate, color=INK, linewidth=1.6, label=label)
        if found.diverges_at is not None:
            label = f"diverges at {numbers.rate(found.diverges_at)}"
            axes.axvline(found.diverges_at, color=ALARM, linestyle=(0, (4, 2)), label=label)
        rate_axis(axes)
    _lanes(lanes, found)
    _prediction(whole, found, min(rates), max(rates))
    whole.set_xlabel("peak learning rate (log)")
    legend_above(lanes)
    return figure


def _lanes(axes: Axes, found: Found) -> None:
    """Every lane that did not diverge, joined by length."""
    scores = []
    for number, length in enumerate(sorted({lane.updates for lane in found.lanes})):
        rung = [lane for lane in found.lanes if lane.updates == length and not lane.diverged]
        rung.sort(key=lambda lane: lane.rate)
        style = STYLES[_RUNGS[number % len(_RUNGS)]]
        scores += [lane.score for lane in rung]
        axes.plot(
            [lane.rate for lane in rung],
            [lane.score for lane in rung],
            color=style.color,
            marker=style.marker,
            label=f"lanes of {numbers.plural(length, 'update')}",
        )
    if scores:
        bottom, top = min(scores), float(np.quantile(scores, 0.7))
        room = (top - bottom) or abs(bottom) or 1.0
        axes.set_ylim(bottom - 0.08 * room, top + 0.2 * room)
    axes.set_ylabel("validation loss of the lanes")


def _prediction(axes: Axes, found: Found, low: float, high: float) -> None:
    """The predicted loss above the best, in the range of rates that was tried."""
    curve = found.curve
    axes.set_ylabel("loss above the best, predicted")
    seen = [
        loss
        for rate, loss in zip(curve.rates, curve.high, strict=True)
        if low <= rate <= high and math.isfinite(loss)
    ]
    if not seen:
        axes.text(0.5, 0.5, "no lane learnt anything", transform=axes.transAxes, ha="center")
        return
    label = f"after {numbers.plural(found.cost.budget, 'update')}"
    axes.fill_between(curve.rates, curve.low, curve.high, color=MUTED, alpha=0.25, linewidth=0)
    axes.plot(curve.rates, curve.loss, color=INK, label=label)
    top = float(np.quantile(seen, 0.75)) or 1.0
    axes.set_ylim(-0.06 * top, 1.1 * top)
