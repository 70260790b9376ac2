"""A saddle: a lane for each schedule, and below the losses and the rates."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from glidepath.demos.saddle_point import EDGE, SLOPE, Escape, Saddle, height
from glidepath.training.trainer import Array
from glidepath.viewing.demos import run_name, run_outcome
from glidepath.viewing.figures.animation import Animation
from glidepath.viewing.figures.canvas import count_axis, new_figure, rate_axis, styled
from glidepath.viewing.figures.demos.landscape import head, landscape, path_line, put, star
from glidepath.viewing.style import ALARM, MUTED, OTHERS, PolicyStyle, policy_style

FRAMES = 100
_X, _Y = (-1.5, 1.5), (-0.25, 1.25)


@styled
def saddle_animation(found: Saddle) -> Animation:
    """The path of each schedule along the valley, with the steps it took to leave the saddle."""
    figure = new_figure(8.0, 6.4)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.0, 1.15))
    below, right = figure.add_subplot(grid[2, 0]), figure.add_subplot(grid[2, 1])
    moving = []
    for index, run in enumerate(found.escapes):
        axes = figure.add_subplot(grid[divmod(index, 2)])
        axes.tick_params(labelleft=index % 2 == 0, labelbottom=index > 1)
        axes.set_ylabel("across" if index % 2 == 0 else "")
        axes.set_xlabel("along the valley" if index > 1 else "")
        moving.append((run, *_lane(axes, found, run), *_curves(below, right, run)))
    steps = len(found.escapes[0].rates)
    _frame(below, right, found, steps)

    def show(frame: int) -> None:
        step = round(frame * steps / (FRAMES - 1))
        for run, line, dot, loss, rate in moving:
            put(line, dot, run.path[: step + 1, ::-1])
            seen = np.clip(run.losses[: step + 1], -1, 10)
            loss.set_data(np.arange(len(seen)), seen)
            flown = run.rates[: min(step, len(run.path) - 1)]
            rate.set_data(np.arange(len(flown)), flown)

    show(FRAMES - 1)
    artists = [artist for _, *parts in moving for artist in parts]
    return Animation(figure, artists, FRAMES, show)


def look(run: Escape) -> PolicyStyle:
    """The policy's own look; fixed rates differ in their dashes, and red is for what diverged."""
    if run.diverged:
        return PolicyStyle(ALARM, "solid", "X")
    fixed = policy_style("fixed")
    return {
        "fixed, low": PolicyStyle(OTHERS, "dot", "o"),
        "fixed, mean": PolicyStyle(fixed.color, "solid", "o"),
        "fixed, high": PolicyStyle(fixed.color, "dash", "o"),
    }.get(run.name, policy_style(run.name))


def _lane(axes: Axes, found: Saddle, run: Escape) -> tuple[Line2D, Line2D]:
    depth = SLOPE / 4
    shares = (-0.9, -0.6, -0.25, 0.0, 1.0, 5.0, 12.0, 22.0)

    def loss(along: Array, across: Array) -> Array:
        return height(across, along)

    landscape(axes, loss, _Y, _X, [depth * share for share in shares])
    star(axes, 1.0, 0.0)
    color = look(run).color
    axes.plot([0], [0], marker="x", color=MUTED, markersize=6, zorder=4)
    axes.set_title(f"{run_name(found, run)}: {run_outcome(run)}", color=color)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    return path_line(axes, color), head(axes, color)


def _curves(below: Axes, right: Axes, run: Escape) -> tuple[Line2D, Line2D]:
    style = look(run)
    (loss,) = below.plot([], [], color=style.color, linestyle=style.linestyle)
    (rate,) = right.plot([], [], color=style.color, linestyle=style.linestyle)
    return loss, rate


def _frame(below: Axes, right: Axes, found: Saddle, steps: int) -> None:
    for axes in (below, right):
        axes.set_xlim(-0.01 * steps, 1.01 * steps)
        count_axis(axes, "step", bins=5)
    depth = SLOPE / 4
    below.set_ylim(-1.15 * depth, 1.6 * depth)
    below.set_ylabel("loss, 0 at the saddle")
    rate_axis(below, bins=5)
    right.set_ylim(0, 1.15 * max(found.high, EDGE))
    right.axhline(EDGE, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
    right.annotate(
        "stability edge of a fixed rate", (steps, EDGE), (0, -3), textcoords="offset points",
        ha="right", va="top", fontsize=8.5, color=MUTED, zorder=6,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 1.0},
    )  # fmt: skip
    right.set_ylabel("learning rate")
    rate_axis(right)
