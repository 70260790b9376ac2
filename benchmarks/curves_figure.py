"""A picture of predicted against measured curves on the published data, for benchmarks/laws.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from published import Published

from glidepath.analysis import LoggedRun
from glidepath.analysis.ensemble import MIXED, RESTARTED, Ensemble, assemble
from glidepath.analysis.evidence import kept
from glidepath.analysis.widths import NORMAL_90
from glidepath.viewing.figures.canvas import count_axis, new_figure, save, styled
from glidepath.viewing.series import thinned
from glidepath.viewing.style import INK, MUTED, policy_style

Array = np.ndarray


def draw(data: Published, path: Path) -> None:
    """Four panels: what the law was learnt from, what it predicted, and what was measured."""
    save(_figure(data), path)


@styled
def _figure(data: Published) -> Any:
    figure = new_figure(11.0, 8.2)
    panels = figure.subplots(2, 2)
    probe = next(n for n in data.schaipp(1e-3, 25_000) if "linear_0.2" in n)
    far = data.schaipp(1e-3, 50_000)
    shown = {
        "linear 60 %": next(n for n in far if "linear_0.6" in n),
        "WSD 20 %": next(n for n in far if "linear_0.2" in n),
        "cosine": next(n for n in far if n.startswith("cos-ze")),
    }
    _panel(panels[0, 0], data, "124M language model, rate 1e-3: 25,000 → 50,000 updates",
           probe, shown, (2.9, 3.32))  # fmt: skip
    names = {
        "cosine": "25M_cosine_72000",
        "step": "25M_wsdcon_9",
        "linear": "25M_wsdld_20000_24000",
    }
    _panel(panels[0, 1], data, "25M language model: one WSD run → other schedules",
           "25M_wsd_20000_24000", names, (3.17, 3.62))  # fmt: skip
    for axes, model, name, limits in (
        (panels[1, 0], "resnet", "ImageNet ResNet-50", (0.9, 2.3)),
        (panels[1, 1], "vit", "ImageNet ViT", (0.9, 2.1)),
    ):
        one, two = (f"cyclic_lr_imagenet_{model}_study_0_trial_{t}" for t in (3, 5))
        title = f"{name}: one cosine cycle → two"
        _panel(axes, data, title, one, {"two cycles": two}, limits, RESTARTED)
    return figure


_COLORS = {
    "linear 60 %": "polynomial",
    "linear": "1cycle",
    "WSD 20 %": "wsd",
    "cosine": "cosine",
    "step": "step",
    "two cycles": "triangular",
}


def _panel(
    axes: Any,
    data: Published,
    title: str,
    probe: str,
    others: dict[str, str],
    limits: tuple[float, float],
    laws: Any = MIXED,
) -> None:
    run = data.run(probe)
    ensemble = assemble((run,), laws)
    axes.plot(*_thin(run), color=INK, linewidth=1.4, label="logged: the law is learnt from it")
    for label, name in others.items():
        other, color = data.run(name), policy_style(_COLORS[label]).color
        late = kept(other)
        step, loss = thinned(other.step[late], other.loss[late], 45)
        axes.plot(step, loss, "o", color=color, markersize=3, label=f"{label}: measured")
        _predicted(axes, ensemble, other, color, f"{label}: predicted, 90 % interval")
    axes.set_ylim(*limits)
    axes.set_title(title)
    words = "validation loss" if run.of == "validation" else "training loss"
    axes.set_ylabel(words)
    count_axis(axes, "update", bins=6)
    axes.legend(loc="upper right", fontsize=8, labelcolor=MUTED)


def _predicted(axes: Any, ensemble: Ensemble, other: LoggedRun, color: str, label: str) -> None:
    step = np.linspace(max(other.rates.warmup, 0.03 * other.total), other.total, 300)
    curves = ensemble.curves(other.rates, step)
    mean, width = ensemble.centre(curves), NORMAL_90 * ensemble.spread(curves, other.rates, step)
    axes.plot(step, mean, color=color, linewidth=1.5, label=label)
    axes.fill_between(step, mean - width, mean + width, color=color, alpha=0.18, linewidth=0)


def _thin(run: LoggedRun) -> tuple[Array, Array]:
    return thinned(run.step, run.loss, 300)
