"""The finder's answer: the predicted loss over rates with its band, and the lanes it rests on."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from glidepath.finding.finder.found import Found
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import log_rate_axis, new_figure, rate_axis, styled
from glidepath.viewing.style import ALARM, BAND, INK, MUTED, STYLES

_LANES = ("fixed", "cosine", "wsd", "1cycle", "plateau", "triangular")
"""The styles that rungs of lanes take, from the shortest to the longest."""


@styled
def finder_figure(found: Found) -> Figure:
    """Loss over peak rate: every lane's, by length, and below the prediction for the budget."""
    figure = new_figure(9.2, 6.2)
    lanes, whole = figure.subplots(2, 1, sharex=True, height_ratios=[1.3, 1])
    rates = [lane.rate for lane in found.lanes]
    low, high = min(*rates, found.learning_rate), max(*rates, found.learning_rate)
    log_rate_axis(whole, "x", low / 1.5, high * 1.5)
    for axes in (lanes, whole):
        axes.axvspan(*found.interval, color=BAND, linewidth=0, zorder=0)
        axes.axvline(found.learning_rate, color=INK, linewidth=1.6)
        if found.diverges_at is not None:
            axes.axvline(found.diverges_at, color=ALARM, linestyle=(0, (4, 2)))
        rate_axis(axes)
    lengths = sorted({lane.updates for lane in found.lanes})
    scores = []
    for number, length in enumerate(lengths):
        rung = [lane for lane in found.lanes if lane.updates == length]
        kept = sorted((lane.rate, lane.score) for lane in rung if not lane.diverged)
        style = STYLES[_LANES[number % len(_LANES)]]
        scores += [score for _, score in kept if math.isfinite(score)]
        lanes.plot(
            [rate for rate, _ in kept],
            [score for _, score in kept],
            color=style.color,
            marker=style.marker,
            label=f"{length} updates",
        )
    if scores:
        bottom, top = min(scores), float(np.quantile(scores, 0.9))
        room = 0.08 * (top - bottom) or 1e-9
        lanes.set_ylim(bottom - room, top + 3 * room)
    lanes.set_ylabel("loss of the lanes on the probe")
    lanes.legend(loc="upper left", title="lanes of")
    curve = found.curve
    whole.fill_between(curve.rates, curve.low, curve.high, color=MUTED, alpha=0.25, linewidth=0)
    whole.plot(curve.rates, curve.loss, color=INK)
    inside = [loss for rate, loss in zip(curve.rates, curve.loss, strict=True) if low <= rate]
    top = float(np.quantile(inside, 0.7)) if inside else 1.0
    whole.set_ylim(-0.05 * top, 1.2 * top or 1.0)
    whole.set_ylabel("predicted loss above the best")
    whole.set_xlabel(
        f"peak learning rate (log); for {numbers.count(found.cost.budget)} updates: "
        f"{numbers.rate(found.learning_rate)}"
    )
    return figure
