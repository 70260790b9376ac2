"""What policies will do before any training: rate over updates, momentum below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from glidepath.errors import ArgumentError
from glidepath.schedules import Plan
from glidepath.schedules.plan import Track
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import (
    count_axis,
    log_rate_axis,
    new_figure,
    rate_axis,
    styled,
)
from glidepath.viewing.series import Indices, decimate, log_floor, spans_decades
from glidepath.viewing.style import policy_style

_POINTS = 2000
_WHOLE = 2**18
"""Runs of up to this many updates are drawn from their whole table."""


@styled
def plan_figure(plans: Mapping[str, Plan]) -> Figure:
    """The rates of several plans over updates, and the momentum below where any flies it.

    There is an epoch axis on top where all plans agree on the updates of an epoch.

    Args:
        plans: what to draw, by policy name.

    Raises:
        ArgumentError: no plans, or one of a run without an end.
    """
    if not plans:
        raise ArgumentError("plan_figure: plans must not be empty, got {}; give at least one plan")
    for name, plan in plans.items():
        if plan.total_steps is None:
            raise ArgumentError(
                f"plan_figure: the plan of {name!r} has no end; give total to plan() to draw it"
            )
    others = [
        other
        for other in ("momentum", "weight_decay")
        if any(other in plan.tracks for plan in plans.values())
    ]
    figure = new_figure(9.2, 4.6 + 1.5 * len(others))
    ratios = [3.4, *(1.2 for _ in others)]
    panels = figure.subplots(1 + len(others), 1, sharex=True, squeeze=False, height_ratios=ratios)
    _rates(panels[0, 0], plans)
    for axes, other in zip(panels[1:, 0], others, strict=True):
        _other(axes, plans, other)
    count_axis(panels[-1, 0], "update", bins=8)
    _epochs(panels[0, 0], plans)
    _legend(figure, panels[0, 0], plans)
    return figure


def _rates(axes: Axes, plans: Mapping[str, Plan]) -> None:
    tables = []
    for name, plan in plans.items():
        steps, values = _points(plan.learning_rate)
        tables.append(values)
        _line(axes, name, steps, values)
    if spans_decades(tables):
        top = max(float(table.max()) for table in tables)
        log_rate_axis(axes, "y", log_floor(tables) / 1.25, top * 1.3)
        axes.set_ylabel("learning rate (log)")
    else:
        rate_axis(axes)
        axes.set_ylabel("learning rate")
        low = min(0.0, *(float(table.min()) for table in tables))
        axes.set_ylim(bottom=low)
    longest = max(plan.total_steps or 0 for plan in plans.values())
    axes.set_xlim(-0.006 * longest, 1.006 * longest)


def _other(axes: Axes, plans: Mapping[str, Plan], which: str) -> None:
    for name, plan in plans.items():
        if which in plan.tracks:
            _line(axes, name, *_points(plan.tracks[which]))
    axes.set_ylabel(which.replace("_", " "))
    axes.margins(y=0.12)
    rate_axis(axes)


def _line(axes: Axes, name: str, steps: Indices, values: Array) -> None:
    style = policy_style(name)
    (line,) = axes.plot(
        steps, values, color=style.color, linestyle=style.linestyle, marker=style.marker
    )
    line.set_label(numbers.shorten(name, 26))
    line.set_markersize(4.5)
    line.set_markevery((0.03 + 0.01 * (sum(map(ord, name)) % 6), 0.17))


def _points(track: Track) -> tuple[Indices, Array]:
    """The updates to draw and the values there; the last point is the end of the last update."""
    assert track.total_steps is not None
    if track.total_steps <= _WHOLE:
        table = track.table()
        chosen = decimate(table, _POINTS)
        return chosen, table[chosen]
    marks = np.asarray(track.marks()[:_POINTS], dtype=np.int64)
    even = np.linspace(0, track.total_steps - 1, _POINTS).round().astype(np.int64)
    steps = np.unique(np.concatenate([even, marks, np.maximum(marks - 1, 0)]))
    steps = steps[steps < track.total_steps]
    return steps, track(steps)


def _epochs(axes: Axes, plans: Mapping[str, Plan]) -> None:
    known = {plan.steps_per_epoch for plan in plans.values()}
    per_epoch = known.pop()
    if known or per_epoch is None:
        return

    def epochs(updates: ArrayLike) -> ArrayLike:
        return np.asarray(updates, dtype=np.float64) / per_epoch

    def updates(epochs: ArrayLike) -> ArrayLike:
        return np.asarray(epochs, dtype=np.float64) * per_epoch

    top = axes.secondary_xaxis("top", functions=(epochs, updates))
    top.set_xlabel("epoch")
    top.spines["top"].set_visible(True)


def _legend(figure: Figure, axes: Axes, plans: Mapping[str, Plan]) -> None:
    if len(plans) == 1:
        figure.suptitle(next(iter(plans)), x=0.01, ha="left", fontsize=12, fontweight="bold")
        for panel in figure.axes:
            for line in panel.get_lines():
                line.set_marker("")
        return
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", handlelength=3.2)
