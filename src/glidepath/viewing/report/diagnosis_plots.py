"""The plots of a diagnosis: the loss with the law's curves, and the rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from glidepath.analysis import Diagnosis, Prediction
from glidepath.analysis.rates import Array, RateCurve, from_plan
from glidepath.viewing.report.plots import Json, log_ticks, numbers_of, plot, text, title
from glidepath.viewing.series import thinned
from glidepath.viewing.style import ALARM, OTHERS, policy_style

_OWN = OTHERS
_INSTEAD = policy_style("cosine")
_POINTS = 400
_LARGEST = 1e38
"""What float32 holds."""
_MARKED = ("spikes", "plateau", "overfitting", "change", "warmup_short", "diverged")


def diagnosis_plots(found: Diagnosis, key: str) -> dict[str, Any]:
    """The plots of one run by the name of the element that each is drawn into."""
    return {f"{key}-loss": _loss(found), f"{key}-rate": _rate(found)}


def _loss(found: Diagnosis) -> Json:
    run = found.logged
    step, loss = thinned(run.step, run.loss, _POINTS)
    measured = _line(step, loss, "measured", ":ink", width=1.3)
    traces = [measured]
    curves = [loss[step > 0.05 * run.total]]
    if found.fitted is not None:
        traces.append(_line(found.fitted.step, found.fitted.mean, "law’s curve of it", _OWN, 1.6))
    if found.instead is not None and found.decay is not None:
        traces += [_band(found.instead), _recommended(found.instead)]
        curves += [found.instead.low[found.instead.step > 0.05 * run.total]]
    values = np.concatenate([part for part in curves if part.size] or [loss])
    low, high = float(values.min()), float(np.quantile(values, 0.99))
    margin = 0.08 * (high - low) or 0.05 * abs(high)
    words = "validation loss" if run.of == "validation" else "training loss"
    linear: Json = {"type": "linear", "range": [low - margin, high + margin], "tickformat": "~g"}
    y = {"title": title(words), **linear}
    drawn = plot(traces, _updates(found), y, height=360, **_legend(), **_marks(found))
    if low > 0:
        ends = [float(np.log10(low / 1.02)), float(np.log10(max(high, low * 1.05) * 1.05))]
        drawn["scales"] = {
            "linear": linear,
            "log": {"type": "log", "range": ends, **log_ticks(ends)},
        }
    return drawn


def _rate(found: Diagnosis) -> Json:
    run = found.logged
    traces = [_line(*_knots(run.rates), "as it was", ":ink", width=1.5)]
    best = found.recommended
    if best is not None and found.decay is not None:
        other = from_plan(best.policy.plan(run.total))
        traces.append(_line(*_knots(other), "recommended", _INSTEAD.color, width=2.0))
    y = {"title": title("learning rate"), "rangemode": "tozero", "tickformat": "~g"}
    return plot(traces, _updates(found), y, height=210, **_legend())


def _updates(found: Diagnosis) -> Json:
    total = found.logged.total
    return {"title": title("update"), "range": [-0.01 * total, 1.015 * total], "tickformat": ",d"}


def _legend() -> Json:
    look = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return {"showlegend": True, "legend": look, "margin": {"l": 48, "r": 14, "t": 30, "b": 44}}


def _line(x: Array, y: Array, name: str, color: str, width: float) -> Json:
    """A line; `:ink` is the page's own colour of text, light or dark."""
    trace: Json = {
        "type": "scatter",
        "mode": "lines",
        "name": text(name),
        "x": numbers_of(x),
        "y": numbers_of(np.clip(y, -_LARGEST, _LARGEST)),
        "line": {"color": color, "width": width},
        "hovertemplate": f"{text(name)}<br>update %{{x:,.0f}}: %{{y:.5~g}}<extra></extra>",
    }
    if color == ":ink":
        trace |= {"meta": ":ink", "line": {"width": width}}
    return trace


def _recommended(found: Prediction) -> Json:
    return _line(found.step, found.mean, "under the recommended schedule", _INSTEAD.color, 2.0)


def _band(found: Prediction) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": numbers_of(np.concatenate([found.step, found.step[::-1]])),
        "y": numbers_of(np.concatenate([found.high, found.low[::-1]])),
        "fill": "toself",
        "fillcolor": _INSTEAD.faded(0.18),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "name": "its 90 % interval",
    }


def _knots(rates: RateCurve) -> tuple[Array, Array]:
    k = np.unique(np.concatenate([rates.steps, [float(rates.total - 1)]]))
    if k.size > 4 * _POINTS:
        k = k[np.linspace(0, k.size - 1, 4 * _POINTS).round().astype(int)]
    return k, rates.at(k)


def _marks(found: Diagnosis) -> Json:
    """A dashed line with a word where each illness begins."""
    marked = [f for f in found.findings if f.step is not None and f.kind in _MARKED]
    lines = [
        {"type": "line", "x0": f.step, "x1": f.step, "y0": 0, "y1": 1, "yref": "paper",
         "line": {"width": 1.2, "dash": "dot", "color": ALARM}}
        for f in marked
    ]  # fmt: skip
    words = [
        {"x": f.step, "y": 1 - 0.09 * i, "yref": "paper", "text": text(f.kind.replace("_", " ")),
         "showarrow": False, "xanchor": "left" if _early(found, f.step) else "right",
         "yanchor": "top", "font": {"color": ALARM, "size": 12}}
        for i, f in enumerate(marked)
    ]  # fmt: skip
    return {"shapes": lines, "annotations": words}


def _early(found: Diagnosis, step: int | None) -> bool:
    return step is not None and step < 0.6 * found.logged.total
