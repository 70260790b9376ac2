"""The step in the loss curve when the rate drops: losses above, the rate below."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.demos.drops import Decay, Flown
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import count_axis, log_rate_axis, new_figure, styled
from glidepath.viewing.style import MUTED, policy_style

_SPAN = 40
"""Updates that the training loss is averaged over, half of them before and half after."""


@styled
def decay_figure(found: Decay) -> Figure:
    """Training and validation loss of the fixed and the dropping rate, and the rates below.

    Thin lines are single seeds, thick ones their mean.
    """
    figure = new_figure(8.0, 7.0)
    top, middle, below = figure.subplots(3, 1, sharex=True, height_ratios=(1.5, 1.2, 0.8))
    for run in found.runs:
        _curves(top, run, *_smooth(run.trained.losses))
        _curves(middle, run, run.trained.evaluated.astype(np.float64), run.trained.validation)
        style = policy_style(run.name)
        below.plot(run.rates, color=style.color, linestyle=style.linestyle)
    top.set_ylabel("training loss (log)")
    middle.set_ylabel("validation loss (log)")
    top.legend(loc="lower left")
    for axes in (top, middle):
        low, high = _limits(axes)
        log_rate_axis(axes, "y", low, high)
    rates = np.concatenate([run.rates for run in found.runs])
    log_rate_axis(below, "y", float(rates.min()) / 1.6, float(rates.max()) * 1.6)
    below.set_ylabel("learning rate (log)")
    for drop in found.drops:
        for axes in (top, middle, below):
            axes.axvline(drop.update, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        top.annotate(
            f"{drop.before:.2f} → {drop.after:.2f}", (drop.update, 1.0), (5, -4),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top", fontsize=9.5,
        )  # fmt: skip
    count_axis(below, "update", bins=8)
    below.set_xlim(0, 1.005 * len(found.runs[0].rates))
    return figure


def _curves(axes: Axes, run: Flown, at: Array, values: Array) -> None:
    style = policy_style(run.name)
    for one in values:
        axes.plot(at, one, color=style.color, linewidth=0.6, alpha=0.5)
    (line,) = axes.plot(at, values.mean(axis=0), color=style.color, linewidth=2.0)
    rate = numbers.rate(float(run.rates[0]))
    line.set_label(f"fixed at {rate}" if run.name == "fixed" else f"{run.name}, from {rate}")


def _smooth(losses: Array) -> tuple[Array, Array]:
    """Means over some updates around each one, and the updates."""
    span = min(_SPAN, losses.shape[1])
    sums = np.cumsum(np.pad(losses, ((0, 0), (1, 0))), axis=1)
    return np.arange(losses.shape[1] - span + 1) + span / 2, (
        sums[:, span:] - sums[:, :-span]
    ) / span


def _limits(axes: Axes) -> tuple[float, float]:
    values = np.concatenate([np.asarray(line.get_ydata()) for line in axes.get_lines()])
    return float(values.min()) / 1.15, min(float(values.max()), 2.6) * 1.1
