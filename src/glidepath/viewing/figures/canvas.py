"""What every figure shares: our settings while it is built and saved, axes, and saving."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from glidepath.studies.result import PolicyResult
from glidepath.viewing import numbers
from glidepath.viewing.style import ALARM, MUTED, RC, policy_style

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


def new_figure(width: float, height: float) -> Figure:
    """An empty figure with a canvas of its own; pyplot never hears of it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and return where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with our_settings():
        figure.savefig(path, dpi=DPI, pil_kwargs={"compress_level": 1})
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
    """A grid of small panels that share their axes, and perhaps a wide one below."""

    figure: Figure
    small: list[Axes]
    below: Axes | None
    columns: int

    def edges(self, label: str) -> None:
        """Tick labels and axis label only where nothing is below a panel."""
        for index, axes in enumerate(self.small):
            last = index + self.columns >= len(self.small)
            count_axis(axes, label if last else "", bins=4)
            axes.tick_params(labelbottom=last, labelleft=index % self.columns == 0)


def panel_grid(count: int, width: float, height: float, *, top: float, below: float) -> Panels:
    """Small panels of one size, placed by measure: with many, a layout engine is slow.

    Args:
        count: how many panels.
        width: of one panel and its gap, in inches.
        height: the same.
        top: inches above the panels.
        below: the height of the wide panel below, in inches; none if 0.
    """
    columns = 1 if count == 1 else 2 if count <= 4 else 3 if count <= 9 else 4
    rows = math.ceil(count / columns)
    left, bottom, gap, between = 0.88, 0.5, 0.16, 0.3
    full = (columns * width + left, rows * height + top + bottom + below)
    figure = Figure(figsize=full)
    FigureCanvasAgg(figure)
    small: list[Axes] = []
    for index in range(count):
        row, column = divmod(index, columns)
        x = left + column * width
        y = full[1] - top - (row + 1) * height
        first = small[0] if small else None
        box = (x / full[0], (y + 0.06) / full[1], (width - gap) / full[0],
               (height - between) / full[1])  # fmt: skip
        small.append(figure.add_axes(box, sharex=first, sharey=first))
    wide = None
    if below:
        breadth = full[0] - left - 1.1
        wide = figure.add_axes(
            (left / full[0], bottom / full[1], breadth / full[0], (below - 0.6) / full[1])
        )
    return Panels(figure, small, wide, columns)


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
