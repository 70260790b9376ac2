"""The sheet of all recipes: a small panel each, with the code that makes it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.demos.gallery import EPOCHS, STEPS_PER_EPOCH, Entry
from glidepath.schedules import as_policy, one_cycle
from glidepath.viewing.figures.canvas import count_axis, new_figure, rate_axis, styled
from glidepath.viewing.figures.plans import plan_figure
from glidepath.viewing.style import MUTED, policy_style

_COLUMNS = 3
_WRAP = 38


@styled
def policies_figure(entries: Sequence[Entry]) -> Figure:
    """Every entry's learning rate over ten epochs, its name above and its code below the name."""
    rows = math.ceil(len(entries) / _COLUMNS)
    figure = new_figure(9.2, 1.9 * rows + 0.3)
    panels = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for index, axes in enumerate(panels.flat):
        if index >= len(entries):
            axes.set_visible(False)
            continue
        _panel(axes, entries[index])
    panels[0, 0].set_xlim(0, EPOCHS)
    panels[0, 0].set_ylim(0, 0.108)
    for axes in panels[:, 0]:
        axes.set_ylabel("rate")
    for axes in panels[-1]:
        count_axis(axes, "epoch", bins=5)
    rate_axis(panels[0, 0], bins=2)
    return figure


def one_cycle_figure() -> Figure:
    """1cycle's learning rate, and below it the momentum that moves against it."""
    plan = as_policy(one_cycle(0.1)).plan(f"{EPOCHS}ep", STEPS_PER_EPOCH)
    return plan_figure({"1cycle": plan})


def _panel(axes: Axes, entry: Entry) -> None:
    plan = entry.plan
    assert plan.total_steps is not None
    table = plan.table()
    style = policy_style(entry.name.partition(",")[0])
    epochs = [k / STEPS_PER_EPOCH for k in range(plan.total_steps)]
    axes.plot(epochs, table, color=style.color, linewidth=1.8)
    code = textwrap.fill(entry.code.replace("gp.", ""), _WRAP, break_on_hyphens=False)
    axes.set_title(entry.name, color=style.color, y=1.0, pad=26)
    axes.annotate(
        code, (0, 1), (0, 25), xycoords="axes fraction", textcoords="offset points", va="top",
        family="monospace", fontsize=7.6, color=MUTED,
    )  # fmt: skip
