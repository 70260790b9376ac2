"""What each policy applied: a panel of its rate each, and below what some of them moved besides."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.errors import ArgumentError
from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import (
    count_axis,
    legend_above,
    log_rate_axis,
    panel_grid,
    panel_title,
    rate_axis,
    side_label,
    styled,
)
from glidepath.viewing.series import MOVABLE, Moves, applied, decimate, log_floor, moves
from glidepath.viewing.style import OTHERS, policy_style


@styled
def rates_figure(study: StudyResult) -> Figure:
    """The rate that each policy applied, read back from its runs, on one log axis for all.

    Where seeds flew different rates, as under a plateau controller, each has a line. Momentum and
    weight decay are drawn below where a policy moves them, in one panel each.
    """
    policies = study.policies
    if not policies:
        raise ArgumentError("rates_figure: the study has no policies; compare at least one")
    lines = {p.name: applied(p, "learning_rate") for p in policies}
    moved = {name: found for name in MOVABLE if (found := moves(study, name)) is not None}
    below = [1.85 + 0.05 * len(found.moved) for found in moved.values()]
    panels = panel_grid(len(policies), 2.7, 1.65, top=0.1, below=below)
    panels.small[0].set_xlim(0, _end(study))
    _scale(panels.small[0], [values for runs in lines.values() for _, values in runs])
    for axes, policy in zip(panels.small, policies, strict=True):
        _panel(axes, policy, lines[policy.name], study)
    panels.finish("epoch")
    side_label(panels, "learning rate (log)")
    for axes, (name, found) in zip(panels.below, moved.items(), strict=True):
        _moves(axes, name, found, study)
    return panels.figure


def _end(study: StudyResult) -> float:
    return 1.02 * study.total_steps / study.steps_per_epoch


def _scale(axes: Axes, tables: Sequence[Array]) -> None:
    highest = max((float(t.max()) for t in tables if t.size), default=1.0) or 1.0
    log_rate_axis(axes, "y", log_floor(tables) / 1.4, highest * 1.6)


def _panel(
    axes: Axes, policy: PolicyResult, runs: Sequence[tuple[int, Array]], study: StudyResult
) -> None:
    style = policy_style(policy.name)
    panel_title(axes, policy)
    for _, values in runs:
        chosen = decimate(values)
        axes.plot(
            chosen / study.steps_per_epoch,
            values[chosen],
            color=style.color,
            linewidth=1.8 if len(runs) == 1 else 1.0,
        )


def _moves(axes: Axes, name: str, found: Moves, study: StudyResult) -> None:
    """The policies that move a hyperparameter, and one grey line for all that do not."""
    if found.constant is not None:
        ends = [0, study.total_steps / study.steps_per_epoch]
        axes.plot(ends, [found.constant] * 2, color=OTHERS, label=found.label)
    for policy in found.moved:
        style = policy_style(policy.name)
        for index, (_, values) in enumerate(applied(policy, name)):
            chosen = decimate(values)
            axes.plot(
                chosen / study.steps_per_epoch,
                values[chosen],
                color=style.color,
                linestyle=style.linestyle,
                label=numbers.shorten(policy.name, 26) if index == 0 else None,
            )
    axes.set_xlim(0, _end(study))
    axes.set_ylabel(name.replace("_", " "))
    axes.margins(y=0.1)
    rate_axis(axes)
    count_axis(axes, "epoch", bins=8)
    legend_above(axes)
