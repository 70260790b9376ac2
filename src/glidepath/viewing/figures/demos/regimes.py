"""The regimes of a learning rate: a bowl for each rate, and the losses beside them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text

from glidepath.demos.bowl import CONVERGED, START, Descent, Regimes, bowl
from glidepath.viewing import numbers
from glidepath.viewing.figures.animation import Animation
from glidepath.viewing.figures.canvas import count_axis, new_figure, styled
from glidepath.viewing.figures.demos.landscape import (
    head,
    landscape,
    path_line,
    put,
    star,
    thin_log_axis,
)
from glidepath.viewing.style import ALARM, HUES, INK, MUTED, PolicyStyle

STEPS = 60
"""How much of the descents is drawn."""
_COLORS = {
    "too slow": HUES["sky"],
    "good": HUES["blue"],
    "best": HUES["green"],
    "oscillating": HUES["orange"],
    "at the edge": HUES["pink"],
    "diverging": ALARM,
}
_DASHES = ("solid", "dash", "dot", "dashdot")
_X, _Y = (-1.35, 1.35), (-2.6, 2.6)


@styled
def regimes_animation(found: Regimes) -> Animation:
    """A bowl for each rate with the path of the descent, and all losses over the step.

    Each bowl's title says how the rate did, and its caption in how many steps it converged.
    """
    cells = len(found.descents) + 1
    columns = min(3, cells)
    rows = math.ceil(cells / columns)
    figure = new_figure(0.4 + 2.53 * columns, 0.1 + 2.5 * rows)
    grid = figure.add_gridspec(rows, columns)
    panels = [figure.add_subplot(grid[divmod(i, columns)]) for i in range(cells - 1)]
    for axes in [axes for i, axes in enumerate(panels) if i % columns]:
        axes.tick_params(labelleft=False)
    row, column = divmod(cells - 1, columns)
    below = figure.add_subplot(grid[row, column:])
    looks = _looks(found)
    moving = [
        (descent, *_bowl(axes, descent, found, look), _curve(below, look))
        for axes, descent, look in zip(panels, found.descents, looks, strict=True)
    ]
    counter = _losses(below)

    def show(frame: int) -> None:
        for descent, line, dot, curve in moving:
            put(line, dot, descent.path[: frame + 1])
            losses = descent.losses[: frame + 1]
            curve.set_data(np.arange(len(losses)), losses / descent.losses[0])
        counter.set_text(f"loss after {numbers.plural(frame, 'step')}")

    show(STEPS)
    artists = [artist for _, *parts in moving for artist in parts]
    return Animation(figure, [*artists, counter], STEPS + 1, show)


def _looks(found: Regimes) -> list[PolicyStyle]:
    """A colour for each regime, and another dash for each further rate in it."""
    seen: Counter[str] = Counter()
    looks = []
    for descent in found.descents:
        dash = _DASHES[seen[descent.regime] % len(_DASHES)]
        looks.append(PolicyStyle(_COLORS[descent.regime], dash, "o"))
        seen[descent.regime] += 1
    return looks


def _bowl(axes: Axes, descent: Descent, found: Regimes, look: PolicyStyle) -> tuple[Line2D, Line2D]:
    color = look.color
    top = float(bowl(np.array(START[0]), np.array(START[1]), found.curvatures))
    levels = [top * share for share in (0.02, 0.1, 0.25, 0.5, 1.0, 1.7, 2.6)]
    landscape(axes, lambda x, y: bowl(x, y, found.curvatures), _X, _Y, levels)
    star(axes, 0.0, 0.0)
    axes.set_title(f"{numbers.rate(descent.scale)}  {descent.regime}", color=color)
    axes.set_xlabel(_caption(descent), color=INK)
    return path_line(axes, color), head(axes, color)


def _caption(descent: Descent) -> str:
    if descent.steps is not None:
        return f"converged in {numbers.plural(descent.steps, 'step')}"
    return "never converges" if descent.scale >= 1 else f"not in {len(descent.path) - 1:,} steps"


def _curve(axes: Axes, look: PolicyStyle) -> Line2D:
    (line,) = axes.plot([], [], color=look.color, linestyle=look.linestyle, linewidth=1.8)
    return line


def _losses(axes: Axes) -> Text:
    axes.set_xlim(-1, STEPS + 1)
    thin_log_axis(axes, CONVERGED / 2, 40.0)
    axes.axhline(CONVERGED, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
    axes.text(STEPS, CONVERGED * 1.5, "converged", color=MUTED, fontsize=8.5, ha="right")
    axes.set_ylabel("share of its start (log)")
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)
    count_axis(axes, "step", bins=5)
    return axes.set_title("loss")
