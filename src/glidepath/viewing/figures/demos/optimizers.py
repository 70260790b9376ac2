"""Six optimizers side by side: on a landscape, and on the digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from glidepath.demos.race import MINIMUM, SCHEDULES, Race, Raced, valley
from glidepath.viewing import numbers
from glidepath.viewing.figures.animation import Animation
from glidepath.viewing.figures.canvas import (
    count_axis,
    log_rate_axis,
    new_figure,
    styled,
)
from glidepath.viewing.figures.demos.landscape import (
    head,
    landscape,
    path_line,
    put,
    star,
    thin_log_axis,
)
from glidepath.viewing.style import INK, MUTED, OPTIMIZERS

FRAMES = 100
_X, _Y = (-2.7, 2.2), (-0.9, 3.0)
_TITLES = {"fixed": "at a fixed rate", "cosine": "under a cosine to zero"}


@styled
def race_animation(found: Race) -> Animation:
    """The paths of all six, at their best fixed rates and under a cosine; the losses below.

    The paths are the first seed's, the losses means over all of them.
    """
    figure = new_figure(8.0, 6.9)
    panels = figure.subplots(2, 2, height_ratios=(1.25, 1.0))
    moving = []
    for column, schedule in enumerate(SCHEDULES):
        above, below = panels[:, column]
        _ground(above, _TITLES[schedule])
        for raced in found.landscape:
            if raced.schedule == schedule:
                moving.append((raced, *_runner(above, below, raced)))
    _losses(panels[1], found)
    for axes in panels[:, 1]:
        axes.tick_params(labelleft=False)
    panels[0, 0].set_ylabel("y")
    handles = [_key(raced.optimizer) for raced in found.landscape if raced.schedule == "fixed"]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, handlelength=1.6)
    steps = len(found.landscape[0].path) - 1

    def show(frame: int) -> None:
        step = round(frame * steps / (FRAMES - 1))
        for raced, line, dot, curve in moving:
            put(line, dot, raced.path[: step + 1])
            curve.set_data(raced.evaluated[: step + 1], raced.losses.mean(axis=0)[: step + 1])

    show(FRAMES - 1)
    artists = [artist for _, *parts in moving for artist in parts]
    return Animation(figure, artists, FRAMES, show)


@styled
def digits_figure(found: Race) -> Figure:
    """On the digits: validation loss over the updates, and the accuracy at the end with its seeds.

    Lines and large marks are means over the seeds, small marks single seeds.
    """
    figure = new_figure(8.0, 7.2)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.0, 1.05))
    above = [figure.add_subplot(grid[0, column]) for column in (0, 1)]
    for axes, schedule in zip(above, SCHEDULES, strict=True):
        for raced in found.digits:
            if raced.schedule == schedule:
                style = OPTIMIZERS[raced.optimizer]
                mean = raced.losses.mean(axis=0)
                axes.plot(raced.evaluated, mean, color=style.color, label=raced.optimizer)
        axes.set_title(_TITLES[schedule])
        count_axis(axes, "update")
    values = np.concatenate([raced.losses.mean(axis=0) for raced in found.digits])
    for axes in above:
        log_rate_axis(axes, "y", float(values.min()) / 1.1, float(values.max()) * 1.1)
    above[0].set_ylabel("validation loss (log)")
    above[0].legend(ncols=2, loc="upper right")
    above[1].tick_params(labelleft=False)
    _accuracies(figure.add_subplot(grid[1, :]), found.digits)
    return figure


def _ground(axes: Axes, title: str) -> None:
    levels = [0.01, 0.05, 0.2, 0.6, 1.5, 3.5, 8.0]
    landscape(axes, valley, _X, _Y, levels)
    star(axes, *MINIMUM)
    axes.set_title(title)
    axes.set_xlabel("x")


def _runner(above: Axes, below: Axes, raced: Raced) -> tuple[Line2D, Line2D, Line2D]:
    color = OPTIMIZERS[raced.optimizer].color
    (curve,) = below.plot([], [], color=color, linewidth=1.5)
    return path_line(above, color, marker=""), head(above, color), curve


def _losses(panels: Sequence[Axes], found: Race) -> None:
    means = [raced.losses.mean(axis=0) for raced in found.landscape]
    least = min(float(np.nanmin(mean)) for mean in means)
    bottom = 10.0 ** max(math.floor(math.log10(max(least, 1e-9))), -6)
    for axes in panels:
        thin_log_axis(axes, bottom, 2 * float(means[0][0]))
        axes.set_xlim(0, len(means[0]))
        count_axis(axes, "step", bins=5)
    panels[0].set_ylabel("loss, mean over seeds (log)")


def _key(name: str) -> Line2D:
    return Line2D([], [], color=OPTIMIZERS[name].color, linewidth=2.4, label=name)


def _accuracies(axes: Axes, digits: Sequence[Raced]) -> None:
    """A row for each optimizer: fixed above, cosine below it, each with its best rate."""
    names = list(dict.fromkeys(raced.optimizer for raced in digits))
    for raced in digits:
        up = 0.19 if raced.schedule == "fixed" else -0.19
        row = len(names) - 1 - names.index(raced.optimizer) + up
        style = OPTIMIZERS[raced.optimizer]
        axes.plot(raced.accuracy, [row] * len(raced.accuracy), "|", color=style.color, markersize=7)
        (mean,) = axes.plot([raced.accuracy.mean()], [row], "o", color=style.color, markersize=7)
        mean.set_markerfacecolor("white" if raced.schedule == "fixed" else style.color)
        axes.annotate(
            f"{raced.schedule}, {numbers.rate(raced.rate)}", (1.01, row),
            xycoords=("axes fraction", "data"), va="center", fontsize=8.5, color=MUTED,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), names[::-1])
    axes.tick_params(axis="y", labelsize=9.5, labelcolor=INK, length=0)
    axes.set_xlabel("validation accuracy at the end")
    axes.set_title("each at its best rate (to the right)")
    axes.grid(axis="y", visible=False)
    low = min(float(raced.accuracy.min()) for raced in digits)
    high = max(float(raced.accuracy.max()) for raced in digits)
    axes.set_xlim(low - 0.01, min(1.0, high + 0.01))
