"""The result in one picture: final test metric with its interval, and the difference to fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.viewing import numbers
from glidepath.viewing.figures.canvas import new_figure, styled
from glidepath.viewing.series import baseline, finals, ranked
from glidepath.viewing.style import ALARM, INK, MUTED, policy_style


@styled
def final_figure(study: StudyResult) -> Figure:
    """A forest plot: each policy's final test metric with its 95 % interval, the best on top.

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
        seeds = finals(policy, name)
        axes.plot(seeds, np.full(seeds.size, row), "o", color=style.color, markersize=3, alpha=0.4)
        if policy.metric_mean is not None:
            ends = policy.metric_ci or (policy.metric_mean, policy.metric_mean)
            axes.plot(ends, [row, row], color=style.color, linewidth=2.2)
            axes.plot(policy.metric_mean, row, style.marker, color=style.color, markersize=7)
    interval = "mean and 95 % interval; " if len(study.seeds) > 1 else ""
    better = "higher" if study.metric.rising else "lower"
    axes.set_xlabel(f"final test {name}\n{interval}{better} is better")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 9):g}"))
    axes.margins(x=0.06)


def _differences(axes: Axes, study: StudyResult, policies: Sequence[PolicyResult]) -> None:
    axes.axvline(0, color=MUTED, linewidth=1.0)
    for row, policy in enumerate(policies):
        found = policy.to_fixed
        if found is None:
            continue
        style = policy_style(policy.name)
        axes.plot([found.low, found.high], [row, row], color=style.color, linewidth=2.2)
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
    axes.set_xlabel(f"paired difference to {baseline(study)}\nfilled: distinct")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(_signed))
    axes.margins(x=0.06)


def _signed(value: float, _: int) -> str:
    near = round(value, 9)
    return "0" if near == 0 else f"{near:+g}".replace("-", "−")
