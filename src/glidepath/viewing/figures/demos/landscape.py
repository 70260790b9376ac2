"""What the landscapes share: filled contours, paths on them, and the dot that moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.style import INK

_FAR = 50.0
"""Points further out than so many breadths of the picture are drawn there: they are off it."""
_SHADES = LinearSegmentedColormap.from_list("valley", ["#ffffff", "#e4eef7", "#bfd3e6"])


def landscape(
    axes: Axes,
    loss: Callable[[Array, Array], Array],
    x: tuple[float, float],
    y: tuple[float, float],
    levels: Sequence[float],
) -> None:
    """Contours of a loss of two parameters: the darker, the higher.

    Args:
        axes: where to draw.
        loss: of the two parameters.
        x: the limits of the first parameter.
        y: the limits of the second one.
        levels: the losses at which lines are drawn, rising.
    """
    across, up = np.meshgrid(np.linspace(*x, 160), np.linspace(*y, 160))
    values = loss(across, up)
    heights = [min(float(values.min()), levels[0]) - 1e-12, *levels]
    shades = _SHADES(np.linspace(0, 1, len(heights)))
    axes.contourf(across, up, values, levels=heights, colors=shades, extend="max")
    axes.contour(across, up, values, levels=levels, colors="white", linewidths=0.8)
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def star(axes: Axes, x: float, y: float) -> None:
    """The minimum."""
    axes.plot([x], [y], marker="*", color=INK, markersize=9, markeredgecolor="white", zorder=4)


def path_line(axes: Axes, color: str, marker: str = "o", **look: object) -> Line2D:
    """An empty path: a thin line with a dot at each step."""
    (line,) = axes.plot([], [], color=color, linewidth=0.9, marker=marker, markersize=2.8)
    line.set(zorder=3, **look)
    return line


def head(axes: Axes, color: str) -> Line2D:
    """The dot at the end of a path."""
    (dot,) = axes.plot([], [], color=color, marker="o", markersize=7.5, markeredgecolor="white")
    dot.set(zorder=5)
    return dot


def put(line: Line2D, dot: Line2D, path: Array) -> None:
    """Draw a path, and the dot where it ends."""
    axes = line.axes
    assert axes is not None
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    seen = np.stack(
        [
            np.clip(path[:, 0], left - _FAR * (right - left), right + _FAR * (right - left)),
            np.clip(path[:, 1], low - _FAR * (high - low), high + _FAR * (high - low)),
        ]
    )
    line.set_data(*seen)
    dot.set_data(*seen[:, -1:])


def thin_log_axis(axes: Axes, low: float, high: float) -> None:
    """A log y axis over many decades: a tick every second or third one, as powers of ten."""
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.rate(value)))
