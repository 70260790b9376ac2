"""A predicted loss curve with its interval, the runs it was learnt from, and all their rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.analysis import LoggedRun, Prediction
from glidepath.analysis.rates import Array, RateCurve, from_plan
from glidepath.schedules import Policy, Schedule, as_policy
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import count_axis, new_figure, rate_axis, styled
from glidepath.viewing.series import thinned
from glidepath.viewing.style import INK, OTHERS, policy_style

PREDICTED = policy_style("cosine").color
"""What is predicted, wherever a figure shows one prediction."""
_POINTS = 400


@styled
def prediction_figure(
    found: Prediction, runs: Sequence[LoggedRun], policy: Policy | Schedule
) -> Figure:
    """The predicted curve over updates, with the measured ones, and the rates below.

    Args:
        found: the prediction.
        runs: what it was learnt from.
        policy: what was asked about.
    """
    figure = new_figure(8.6, 5.8)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1])
    for index, run in enumerate(runs):
        step, loss = thinned(run.step, run.loss, _POINTS)
        shade = (INK, OTHERS)[index % 2]
        label = f"measured: {numbers.shorten(run.name, 30)}"
        top.plot(step, loss, color=shade, linewidth=1.1, label=label)
        draw_rates(below, run.rates, color=shade, linewidth=1.1)
    draw_prediction(top, found, label="predicted")
    total = int(found.step[-1])
    asked = from_plan(as_policy(policy).plan(total, _epoch(runs)))
    draw_rates(below, asked, color=PREDICTED, linewidth=1.8)
    top.set_ylim(*loss_limits([found.low, found.high], runs, float(found.step[0])))
    top.set_ylabel("loss")
    top.legend(loc="upper right")
    below.set_ylabel("learning rate")
    below.set_ylim(bottom=0)
    rate_axis(below, bins=4)
    count_axis(below, "update", bins=8)
    width = (found.high[-1] - found.low[-1]) / 2
    top.set_title(f"Predicted final loss {found.final:.4g} ± {width:.2g} (90 % interval)")
    return figure


def _epoch(runs: Sequence[LoggedRun]) -> int | None:
    known = {run.steps_per_epoch for run in runs} - {None}
    return known.pop() if len(known) == 1 else None


def draw_prediction(axes: Axes, found: Prediction, *, label: str) -> None:
    """The mean as a line, the 90 % interval as a band, the end with its bar."""
    axes.fill_between(found.step, found.low, found.high, color=PREDICTED, alpha=0.2, linewidth=0)
    axes.plot(found.step, found.mean, color=PREDICTED, linewidth=1.8, label=label)


def draw_rates(axes: Axes, rates: RateCurve, *, color: str, linewidth: float) -> None:
    """A run's rate over updates, its jumps as jumps."""
    k = np.unique(np.concatenate([rates.steps, [float(rates.total - 1)]]))
    if k.size > 4 * _POINTS:
        chosen = np.linspace(0, k.size - 1, 4 * _POINTS).round().astype(int)
        k = k[chosen]
    axes.plot(k, rates.at(k), color=color, linewidth=linewidth)


def loss_limits(
    curves: Sequence[Array], runs: Sequence[LoggedRun], after: float
) -> tuple[float, float]:
    """The range of the losses once they have settled: after a twentieth of the run."""
    parts = [curve[curve.size // 20 :] for curve in curves]
    for run in runs:
        late = run.step >= max(after, run.total / 20)
        parts.append(
            thinned(run.step[late], run.loss[late], _POINTS)[1] if late.any() else run.loss[-1:]
        )
    values = np.concatenate([part for part in parts if part.size])
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    margin = 0.06 * (high - low) or 0.05 * abs(high)
    return low - margin, high + margin
