"""The pictures of docs/finder.md: answers over the oracle's curves, and regret against cost."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from finders_compare import OURS, Judged, gather, read
from finders_oracle import FOLDER, Row, load
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from glidepath.viewing.figures.canvas import log_rate_axis, new_figure, save, styled
from glidepath.viewing.style import ALARM, BAND, INK, MUTED, STYLES

SHOWN = (
    ("california", "momentum", "cosine"),
    ("small-batch", "adamw", "constant"),
    ("char-gru", "sgd", "1cycle"),
)
ANSWERS = (
    ("standard", "1cycle"),
    ("quick", "cosine"),
    ("minimum/10, five sweeps", "wsd"),
    ("fastai-valley", "step"),
)
"""Finders and the styles that they are drawn in."""

LOWEST, LINE = 0.2, 1.2
"""Percent below which nothing is drawn, and the factor between two labels."""


@styled
def over_the_oracle() -> Figure:
    """For some rows the loss of full runs over rates, and where finders' answers fall."""
    figure = new_figure(12.4, 4.6)
    for axes, wanted in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
        row = next(r for r in load(wanted[0]) if (r.optimizer, r.shape) == wanted[1:])
        _row(axes, row)
        if wanted == SHOWN[0]:
            axes.set_ylabel("test loss after the whole budget")
    entries = axes.get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=6)
    return figure


def _row(axes: Axes, row: Row) -> None:
    rates = 2.0**row.positions
    log_rate_axis(axes, "x", rates[0], rates[-1])
    low, high = row.interval()
    ends = 2.0 ** (low - 0.1), 2.0 ** (high + 0.1)
    axes.axvspan(*ends, color=BAND, linewidth=0, label="cannot be told from the best")
    for losses in row.table:
        axes.plot(rates, losses, color=MUTED, linewidth=0.5, alpha=0.6)
    axes.plot(rates, row.mean, color=INK, label="full runs, mean of seeds")
    best, worst = float(row.mean.min()), float(row.start.mean())
    room = worst - best
    for level, (method, look) in enumerate(ANSWERS):
        found = [
            o.rate
            for o in read(row.task)
            if o.method == method and o.optimizer == row.optimizer and o.shape in ("", row.shape)
        ]
        kept = [rate for rate in found if rate is not None and rates[0] <= rate <= rates[-1]]
        style = STYLES[look]
        height = np.full(len(kept), best - (0.06 + 0.05 * level) * room)
        axes.plot(kept, height, linestyle="", marker=style.marker, color=style.color, label=method)
    axes.set_ylim(best - 0.28 * room, worst + 0.05 * room)
    axes.set_title(f"{row.task}, {row.optimizer}, {row.shape}")
    axes.set_xlabel("peak learning rate (log)")


@styled
def against_cost() -> Figure:
    """Mean regret on the reporting half against what each finder spends, in updates."""
    figure = new_figure(9.2, 4.6)
    axes = figure.subplots()
    groups = defaultdict(list)
    for item in gather(sorted(path.stem for path in FOLDER.glob("*.json"))):
        if item.row.half == "reporting":
            groups[item.method].append(item)
    axes.set_xscale("log")
    axes.set_yscale("log")
    points = sorted((_point(items), method) for method, items in groups.items())
    places = defaultdict(list)
    for (mean, error, cost), method in points:
        if mean < LOWEST:  # the whole grid: the oracle itself but for seeds
            continue
        color = ALARM if method in OURS else INK
        axes.errorbar(
            cost, mean, yerr=error, marker="o", color=color, linewidth=1, capsize=2, markersize=5
        )
        places[round(np.log10(cost), 1)].append((mean, cost, method, color))
    for near in places.values():
        for height, (_, cost, method, color) in zip(_apart(near), near, strict=True):
            place = cost * 1.07, height * (1.16 if method in OURS else 1.0)  # off the lines
            axes.text(*place, method, fontsize=8.5, color=color, va="center")
    ours = sorted((cost, mean) for (mean, _, cost), method in points if method in OURS)
    axes.plot(*zip(*ours, strict=True), color=ALARM, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.set_xlim(25, 9000)
    axes.set_ylim(0.3, 130)
    for axis, ticks in (
        (axes.xaxis, (30, 100, 300, 1000, 3000)),
        (axes.yaxis, (0.5, 1, 3, 10, 30, 100)),
    ):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("updates spent on the search (log); a default rate costs none")
    axes.set_ylabel("mean regret and its standard error over rows, % (log)")
    return figure


def _apart(near: list[tuple[float, float, str, str]]) -> list[float]:
    """Heights of labels beside points of one cost, a line apart and about where the points are."""
    heights: list[float] = []
    for begin, (mean, *_) in enumerate(near):
        heights.append(mean)
        # A crowd is stacked about its own middle; what it then touches joins it.
        for first in range(begin, -1, -1):
            crowd = near[first : begin + 1]
            middle = np.mean([np.log(item[0]) for item in crowd])
            steps = np.arange(len(crowd)) - (len(crowd) - 1) / 2
            stacked = np.exp(middle + steps * np.log(LINE)).tolist()
            if first == 0 or stacked[0] >= LINE * heights[first - 1]:
                break
        heights[first:] = stacked
    return heights


def _point(items: list[Judged]) -> tuple[float, float, float]:
    """Mean regret in percent over rows, its standard error, and the mean cost."""
    rows = defaultdict(list)
    for item in items:
        rows[item.row.task, item.row.optimizer, item.row.shape].append(100 * item.regret)
    means = np.array([np.mean(values) for values in rows.values()])
    cost = max(float(np.mean([item.cost for item in items])), 30.0)
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means))), cost


def draw(folder: Path) -> None:
    """Both pictures."""
    save(over_the_oracle(), folder / "finder-oracle.png")
    save(against_cost(), folder / "finder-cost.png")
