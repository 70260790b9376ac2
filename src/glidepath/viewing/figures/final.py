"""The result in one picture: final metric with its interval, and the difference to fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import new_figure, styled
from glidepath.viewing.series import baseline, finals, ranked
from glidepath.viewing.style import ALARM, INK, MUTED, policy_style


@styled
def final_figure(study: StudyResult) -> Figure:
    """A forest plot: each policy's final metric with its 95 % interval, the best on top.

    Small dots are seeds. Beside it, the paired difference to the fixed rate: a filled marker where
    the interval leaves out zero. A policy with a diverged run has no mean, and says so.
    """
    policies = ranked(study)
    differs = any(p.to_fixed is not None for p in policies)
    figure = new_figure(9.2 if differs else 6.6, 0.30 * len(policies) + 1.45)
    panels = figure.subplots(
        1, 1 + differs, sharey=True, squeeze=False, width_ratios=[1.25, 1][: 1 + differs]
    )[0]
    _metrics(panels[0], study, policies)
    if differs:
        _differences(panels[1], study, policies)
    rows = np.arange(len(policies))
    panels[0].set_ylim(len(policies) - 0.4, -0.6)
    panels[0].set_yticks(rows, [_label(p) for p in policies])
    for label, policy in zip(panels[0].get_yticklabels(), policies, strict=True):
        chosen = policy.name == study.recommended.name
        label.set(fontsize=9.5, fontweight="bold" if chosen else "normal")
        label.set_color(ALARM if policy.diverged else INK)
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    return figure


def _label(policy: PolicyResult) -> str:
    name = numbers.shorten(policy.name, 22)
    if not policy.diverged:
        return name
    return f"{name} ({policy.diverged} of {len(policy.records)} diverged)"


def _metrics(axes: Axes, study: StudyResult, policies: Sequence[PolicyResult]) -> None:
    name = study.metric.name
    for row, policy in enumerate(policies):
        style = policy_style(policy.name)
        if policy.metric_mean is not None:
            axes.plot(policy.metric_mean, row, style.marker, color=style.color, markersize=7)
    _seeds(axes, [finals(policy, study) for policy in policies], policies)
    _intervals(axes, [policy.metric_ci for policy in policies], policies)
    interval = "mean and 95 % interval; " if len(study.seeds) > 1 else ""
    better = "higher" if study.metric.rising else "lower"
    axes.set_xlabel(f"final {study.split} {name}\n{interval}{better} is better")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 9):g}"))
    axes.margins(x=0.06)


def _seeds(axes: Axes, values: Sequence[Array], policies: Sequence[PolicyResult]) -> None:
    """A small dot for each seed."""
    rows = np.repeat(np.arange(len(values)), [found.size for found in values])
    colors = [policy_style(policies[int(row)].name).color for row in rows]
    axes.scatter(np.concatenate(values), rows, 13, colors, alpha=0.4, linewidths=0)


def _intervals(
    axes: Axes,
    ends: Sequence[tuple[float, float] | None],
    policies: Sequence[PolicyResult],
) -> None:
    """A bar along each policy's interval, where it has one."""
    rows = [row for row, found in enumerate(ends) if found is not None]
    lines = [[(end, row) for end in ends[row] or ()] for row in rows]
    colors = [policy_style(policies[row].name).color for row in rows]
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=2.2, capstyle="round"))


def _differences(axes: Axes, study: StudyResult, policies: Sequence[PolicyResult]) -> None:
    axes.axvline(0, color=MUTED, linewidth=1.0)
    for row, policy in enumerate(policies):
        found = policy.to_fixed
        if found is None:
            continue
        style = policy_style(policy.name)
        axes.plot(
            found.mean,
            row,
            style.marker,
            markersize=7,
            markeredgecolor=style.color,
            markeredgewidth=1.4,
            markerfacecolor=style.color if found.distinct else "white",
        )
        if found.pairs < len(study.seeds):
            axes.annotate(
                f"{found.pairs} pairs",
                (found.mean, row),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=MUTED,
            )
    gaps = [policy.to_fixed for policy in policies]
    _intervals(axes, [None if gap is None else (gap.low, gap.high) for gap in gaps], policies)
    axes.set_xlabel(f"paired difference to {baseline(study)}\nfilled: distinct")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))
    axes.margins(x=0.06)


def _signed(value: float, _: int) -> str:
    near = round(value, 9)
    return "0" if near == 0 else f"{near:+g}".replace("-", "−")
