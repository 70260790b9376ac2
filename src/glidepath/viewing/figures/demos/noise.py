"""Noise around a minimum: two paths over the same landscape, and the excess loss below."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from glidepath.demos.batches import Noise, Wander
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.figures.animation import Animation
from glidepath.viewing.figures.canvas import count_axis, new_figure, rate_axis, styled
from glidepath.viewing.figures.demos.landscape import (
    head,
    landscape,
    path_line,
    put,
    star,
    thin_log_axis,
)
from glidepath.viewing.style import MUTED, policy_style

FRAMES = 100
_TAIL = 60
"""How many updates of the path are drawn strong; the rest is faint."""


@styled
def noise_animation(found: Noise) -> Animation:
    """The first seed's path under each schedule; the excess loss of all seeds, and the rate.

    The lines are means over the seeds, the bands hold four seeds of five.
    """
    figure = new_figure(8.0, 6.2)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.45, 1.0))
    moving = []
    for column, run in enumerate(found.runs):
        axes = figure.add_subplot(grid[0, column])
        moving.append((run, *_ground(axes, found, run)))
        if column:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("intercept")
    below, right = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
    now = [_excess(below, found), _rates(right, found)]
    steps = len(found.runs[0].rates)

    def show(frame: int) -> None:
        step = round(frame * steps / (FRAMES - 1))
        for run, old, line, dot in moving:
            old.set_data(*run.paths[0, : step + 1].T)
            put(line, dot, run.paths[0, max(0, step - _TAIL) : step + 1])
        for line in now:
            line.set_xdata([step, step])

    show(FRAMES - 1)
    artists = [artist for _, *parts in moving for artist in parts]
    return Animation(figure, [*artists, *now], FRAMES, show)


def _ground(axes: Axes, found: Noise, run: Wander) -> tuple[Line2D, Line2D, Line2D]:
    middle = np.array(found.minimum)
    paths = np.concatenate([r.paths[0] for r in found.runs])
    low, high = paths.min(axis=0), paths.max(axis=0)
    room = 0.08 * (high - low)

    def loss(slope: Array, intercept: Array) -> Array:
        off = np.stack([slope - middle[0], intercept - middle[1]])
        return np.asarray(np.einsum("i...,ij,j...->...", off, found.curvature, off) / 2)

    worst = float(run.excess[0, 0])
    levels = [worst * share for share in (0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0)]
    (left, bottom), (end, top) = low - room, high + room
    landscape(axes, loss, (left, end), (bottom, top), levels)
    star(axes, *found.minimum)
    color = policy_style(run.name).color
    axes.set_title(_title(found, run), color=color)
    axes.set_xlabel("slope")
    old = path_line(axes, color, marker="")
    old.set_alpha(0.45)
    return old, path_line(axes, color, marker=""), head(axes, color)


def _title(found: Noise, run: Wander) -> str:
    rate = numbers.rate(found.rate)
    return f"fixed at {rate}" if run.name == "fixed" else f"{run.name} from {rate} to 0"


def _excess(axes: Axes, found: Noise) -> Line2D:
    for run in found.runs:
        style = policy_style(run.name)
        low, high = np.quantile(run.excess, (0.1, 0.9), axis=0)
        middle = run.excess.mean(axis=0)
        updates = np.arange(len(middle))
        axes.fill_between(updates, low, high, color=style.color, alpha=0.18, linewidth=0)
        axes.plot(updates, middle, color=style.color, linewidth=1.4, label=run.name)
    least = min(float(np.quantile(run.excess[:, -20:], 0.3)) for run in found.runs)
    bottom = 10.0 ** math.floor(math.log10(max(least, 1e-9)))
    thin_log_axis(axes, bottom, 2 * float(found.runs[0].excess.max()))
    axes.axhline(found.floor, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.annotate(
        "expected of the fixed rate", (len(found.runs[0].rates), found.floor), (0, 17),
        textcoords="offset points", ha="right", va="bottom", fontsize=8.5, color=MUTED,
    )  # fmt: skip
    axes.set_ylabel("excess loss (log)")
    return _time(axes)


def _rates(axes: Axes, found: Noise) -> Line2D:
    for run in found.runs:
        style = policy_style(run.name)
        axes.plot(run.rates, color=style.color, linewidth=1.8, label=run.name)
    axes.set_ylim(0, 1.12 * found.rate)
    rate_axis(axes)
    axes.set_ylabel("learning rate")
    axes.legend(loc="lower left")
    return _time(axes)


def _time(axes: Axes) -> Line2D:
    """The line that says where in the run the paths above are."""
    count_axis(axes, "update", bins=5)
    axes.margins(x=0.01)
    return axes.axvline(0, color=MUTED, linewidth=1.0)
