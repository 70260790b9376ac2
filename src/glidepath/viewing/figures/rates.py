"""What each policy applied: a panel of its rate each, and the momentum of those that fly it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glidepath.errors import ArgumentError
from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.training.trainer import Array
from glidepath.viewing.figures.canvas import (
    count_axis,
    log_rate_axis,
    panel_grid,
    panel_title,
    rate_axis,
    side_label,
    styled,
)
from glidepath.viewing.series import applied, decimate, log_floor
from glidepath.viewing.style import policy_style


@styled
def rates_figure(study: StudyResult) -> Figure:
    """The rate that each policy applied, read back from its runs, on one log axis for all.

    Where seeds flew different rates, as under a plateau controller, each has a line. Momentum is
    drawn below, in one panel for all policies that fly it.
    """
    policies = study.policies
    if not policies:
        raise ArgumentError("rates_figure: the study has no policies; compare at least one")
    lines = {p.name: applied(p, "learning_rate") for p in policies}
    flying = [p for p in policies if any("momentum" in r.series for r in p.records)]
    panels = panel_grid(len(policies), 2.7, 1.65, top=0.1, below=1.8 if flying else 0.0)
    _scale(panels.small[0], [values for runs in lines.values() for _, values in runs])
    for axes, policy in zip(panels.small, policies, strict=True):
        _panel(axes, policy, lines[policy.name], study)
    panels.edges("epoch")
    side_label(panels, "learning rate (log)")
    if panels.below is not None:
        _momentum(panels.below, flying, study)
    return panels.figure


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
    axes.set_xlim(0, 1.02 * study.total_steps / study.steps_per_epoch)


def _momentum(axes: Axes, flying: Sequence[PolicyResult], study: StudyResult) -> None:
    for policy in flying:
        style = policy_style(policy.name)
        for index, (_, values) in enumerate(applied(policy, "momentum")):
            chosen = decimate(values)
            axes.plot(
                chosen / study.steps_per_epoch,
                values[chosen],
                color=style.color,
                linestyle=style.linestyle,
                label=policy.name if index == 0 else None,
            )
    axes.set_xlim(0, 1.02 * study.total_steps / study.steps_per_epoch)
    axes.set_ylabel("momentum")
    axes.margins(y=0.1)
    rate_axis(axes)
    count_axis(axes, "epoch", bins=8)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
