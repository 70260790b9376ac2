"""What every figure shares: our settings while it is built and saved, axes, and saving."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from glidepath.errors import ArgumentError
from glidepath.studies.result import PolicyResult
from glidepath.viewing import numbers
from glidepath.viewing.figures.png import png
from glidepath.viewing.style import ALARM, GRID, MUTED, RC, policy_style

P = ParamSpec("P")
T = TypeVar("T")
DPI = 120


@contextmanager
def our_settings() -> Iterator[None]:
    """matplotlib's defaults with our settings on top, and the caller's own again afterwards."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", RC))
        yield


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a drawing function under our settings."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        with our_settings():
            return draw(*args, **kwargs)

    return drawn


def new_figure(
    width: float, height: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """An empty figure with a canvas of its own; pyplot never hears of it."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def check_picture(path: Path) -> Path:
    """The path of a picture to be written, which must end in .png.

    Raises:
        ArgumentError: another ending; it is raised before anything is computed for the picture.
    """
    if path.suffix.lower() != ".png":
        raise ArgumentError(
            f"a picture is written as PNG, got the file {str(path)!r}; give a name that ends in "
            ".png"
        )
    return path


def save(figure: Figure, path: Path) -> Path:
    """Write a figure of ours as PNG and return where it is."""
    check_picture(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    before, shown = figure.get_dpi(), figure.canvas
    canvas = cast("Any", FigureCanvasAgg(figure))
    with our_settings():
        figure.set_dpi(DPI)
        canvas.draw()  # once: savefig would draw twice to lay a figure out
    figure.set_dpi(before)
    figure.set_canvas(shown)
    path.write_bytes(png(np.asarray(canvas.buffer_rgba())[..., :3], DPI))
    return path


def log_rate_axis(axes: Axes, which: str, low: float, high: float) -> None:
    """A log axis of learning rates: few, plain tick labels, and faint lines between."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_scale, set_limits = (
        (axes.set_xscale, axes.set_xlim) if which == "x" else (axes.set_yscale, axes.set_ylim)
    )
    set_scale("log")
    set_limits(low, high)
    decades = math.log10(high / low)
    subs = (1.0,) if decades > 2 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: numbers.rate(value)))


def count_axis(axes: Axes, label: str, bins: int = 6) -> None:
    """An x axis of updates or epochs, with thousands apart."""
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(bins, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def rate_axis(axes: Axes, bins: int = 6) -> None:
    """A linear y axis of rates or metrics, without needless zeros."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.rate(round(value, 12))))
    axes.yaxis.set_major_locator(MaxNLocator(bins, steps=[1, 2, 2.5, 5, 10]))


@dataclass(frozen=True)
class Panels:
    """A grid of small panels that share their axes, and perhaps wide ones below.

    A panel draws no axis of its own but at the grid's edges: ticks cost more than all else there.
    """

    figure: Figure
    small: list[Axes]
    below: list[Axes]
    columns: int

    def finish(self, label: str) -> None:
        """The grid's lines, and an axis where nothing is below or to the left of a panel.

        To be called when scales and limits are set. The lines lie on the ticks of the first panel,
        whose locators all share.

        Args:
            label: what the x axis counts.
        """
        first = self.small[0]
        count_axis(first, label, bins=4)
        x, y = first.get_xlim(), first.get_ylim()
        lines = [[(at, y[0]), (at, y[1])] for at in first.get_xticks() if x[0] <= at <= x[1]]
        lines += [[(x[0], at), (x[1], at)] for at in first.get_yticks() if y[0] <= at <= y[1]]
        for index, axes in enumerate(self.small):
            grid = LineCollection(lines, colors=GRID, linewidths=0.7, zorder=0.5)
            axes.add_collection(grid, autolim=False)
            last = index + self.columns >= len(self.small)
            axes.xaxis.set_visible(last)
            axes.yaxis.set_visible(index % self.columns == 0)
            if last:
                axes.set_xlabel(label)


def panel_grid(
    count: int, width: float, height: float, *, top: float, below: Sequence[float] = ()
) -> Panels:
    """Small panels of one size, placed by measure: with many, a layout engine is slow.

    Args:
        count: how many panels.
        width: of one panel and its gap, in inches.
        height: the same.
        top: inches above the panels.
        below: the heights of the wide panels below, in inches.
    """
    columns = 1 if count == 1 else 2 if count <= 4 else 3 if count <= 9 else 4
    rows = math.ceil(count / columns)
    left, bottom, gap, between = 0.88, 0.5, 0.16, 0.3
    full = (columns * width + left, rows * height + top + bottom + sum(below))
    figure = Figure(figsize=full)
    FigureCanvasAgg(figure)

    def place(x: float, y: float, breadth: float, tall: float, **shared: Axes | None) -> Axes:
        box = (x / full[0], y / full[1], breadth / full[0], tall / full[1])
        return figure.add_axes(box, **cast("Any", shared))

    small: list[Axes] = []
    with mpl.rc_context({"axes.grid": False}):
        for index in range(count):
            row, column = divmod(index, columns)
            first = small[0] if small else None
            y = full[1] - top - (row + 1) * height + 0.06
            x = left + column * width
            axes = place(x, y, width - gap, height - between, sharex=first, sharey=first)
            small.append(axes)
    wide = [
        place(left, bottom + sum(below[index + 1 :]), columns * width - gap, tall - 0.6)
        for index, tall in enumerate(below)
    ]
    return Panels(figure, small, wide, columns)


def legend_above(axes: Axes) -> None:
    """A legend above an axes, in as few rows as its breadth allows; the axes make room for it."""
    figure = cast("Figure", axes.get_figure())
    box = axes.get_window_extent()
    entries = len(axes.get_legend_handles_labels()[1])
    for columns in range(entries, 0, -1):
        legend = axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.1,
            borderpad=0.2, handlelength=2.6, labelspacing=0.3,
        )  # fmt: skip
        size = legend.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
        if size.width <= box.width:
            break
    x, y, breadth, tall = axes.get_position().bounds
    axes.set_position((x, y, breadth, tall * (1 - size.height / box.height)))


def panel_title(axes: Axes, policy: PolicyResult) -> None:
    """A small panel's title: the policy in its colour, and how many of its runs diverged."""
    # A title at a given height spares matplotlib from measuring every tick to place it.
    color = policy_style(policy.name).color
    name = numbers.shorten(policy.name, 14 if policy.diverged else 26)
    axes.set_title(name, color=color, y=1.0, pad=4)
    if policy.diverged:
        text = f"{policy.diverged} of {len(policy.records)} diverged"
        look = {"color": ALARM, "fontsize": 8.5, "fontweight": "normal"}
        axes.set_title(text, look, loc="right", y=1.0, pad=4)


def side_label(panels: Panels, text: str) -> None:
    """One y label for all small panels, halfway up them."""
    top = panels.small[0].get_position().y1
    bottom = panels.small[-1].get_position().y0
    x = 0.1 / panels.figure.get_figwidth()
    panels.figure.text(
        x, (top + bottom) / 2, text, rotation=90, va="center", ha="left", color=MUTED
    )
