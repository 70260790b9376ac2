"""Validation curves of a study: a panel per policy, against the fixed rate and all the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from glidepath.errors import ArgumentError
from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.viewing.figures.canvas import panel_grid, panel_title, rate_axis, side_label, styled
from glidepath.viewing.series import Broken, Spread, baseline, broken, focus, ranked, spread
from glidepath.viewing.style import ALARM, MUTED, REST, policy_style


@styled
def curves_figure(study: StudyResult, name: str | None = None) -> Figure:
    """A validation curve per policy: mean over seeds, and the range from lowest to highest seed.

    Each panel shows one policy in its colour, the fixed rate dashed, and the others in grey; runs
    that diverged are drawn by themselves, up to the cross where they ended.

    Args:
        study: the study.
        name: the metric to draw, "loss" among them; the task's metric if None.
    """
    chosen = study.metric.name if name is None else name
    policies = ranked(study)
    if not policies:
        raise ArgumentError("curves_figure: the study has no policies; compare at least one")
    reference = baseline(study)
    spreads = {p.name: spread(p, "validation", chosen) for p in policies}
    per_epoch = study.steps_per_epoch
    panels = panel_grid(len(policies), 2.7, 1.85, top=0.42 if len(policies) > 4 else 0.75)
    panels.small[0].set_xlim(0, 1.02 * study.total_steps / per_epoch)
    limits = focus([s for s in spreads.values() if s is not None], study.total_steps)
    if limits is not None:
        panels.small[0].set_ylim(*limits)
    for axes, policy in zip(panels.small, policies, strict=True):
        _rest(axes, spreads, (policy.name, reference), per_epoch)
        _highlight(axes, policy, spreads[policy.name], per_epoch)
    for axes, policy in zip(panels.small, policies, strict=True):
        for run in broken(policy, "validation", chosen):
            _broken(axes, run, per_epoch, policy_style(policy.name).color)
    rate_axis(panels.small[0], bins=5)
    panels.finish("epoch")
    side_label(panels, f"validation {chosen}")
    _title(panels.figure, study, chosen)
    return panels.figure


def _title(figure: Figure, study: StudyResult, chosen: str) -> None:
    several = len(study.seeds) > 1
    seeds = f"mean of {len(study.seeds)} seeds; band: lowest to highest" if several else "one seed"
    reference = baseline(study)
    dashed = "" if reference is None else f"; dashed: {reference}"
    words = f"{study.task}: validation {chosen}, {seeds}{dashed}; grey: the others"
    figure.text(
        0.12 / figure.get_figwidth(),
        1 - 0.1 / figure.get_figheight(),
        textwrap.fill(words, int(13 * figure.get_figwidth())),
        va="top",
        fontsize=10,
        color=MUTED,
    )


def _rest(
    axes: Axes,
    spreads: Mapping[str, Spread | None],
    names: tuple[str, str | None],
    per_epoch: int,
) -> None:
    """The others in grey; `names` are the panel's policy and the one that is dashed."""
    name, reference = names
    lines = [
        np.column_stack([item.steps / per_epoch, item.mean])
        for other, item in spreads.items()
        if item is not None and other not in names
    ]
    axes.add_collection(LineCollection(lines, colors=REST, linewidths=0.7), autolim=False)
    fixed = None if reference is None else spreads.get(reference)
    if fixed is not None and name != reference:
        axes.plot(
            fixed.steps / per_epoch,
            fixed.mean,
            color=MUTED,
            linestyle=(0, (4, 2)),
            linewidth=1.1,
        )


def _highlight(axes: Axes, policy: PolicyResult, item: Spread | None, per_epoch: int) -> None:
    color = policy_style(policy.name).color
    panel_title(axes, policy)
    if item is None:
        return
    x = item.steps / per_epoch
    edge = np.column_stack([np.append(x, x[::-1]), np.append(item.low, item.high[::-1])])
    band = PolyCollection([edge], facecolors=color, alpha=0.22, linewidths=0)
    axes.add_collection(band, autolim=False)
    axes.plot(x, item.mean, color=color, linewidth=1.8)


def _broken(axes: Axes, run: Broken, per_epoch: int, color: str) -> None:
    """A run that did not finish: dotted, a cross at its last value, pinned to the edge if off."""
    if not run.steps.size:
        return
    x = run.steps / per_epoch
    axes.plot(x, run.values, color=color, linestyle=":", linewidth=1.2)
    end = np.clip(run.values[-1:], *axes.get_ylim())
    (cross,) = axes.plot(x[-1:], end, marker="x", color=ALARM, markersize=6, markeredgewidth=1.6)
    cross.set(clip_on=False, zorder=5)
