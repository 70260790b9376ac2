"""The report's interactive plots as plotly's JSON, built by hand.

plotly's Python objects would take longer to import and validate than all else in the report; the
JSON they would write is simple. Arrays go in as base64 of float32, a fifth of the size of lists.
The theme's colours are set in the browser, so that they follow light and dark.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.training.trainer import Array
from glidepath.viewing import numbers
from glidepath.viewing.series import (
    Broken,
    Spread,
    applied,
    baseline,
    broken,
    decimate,
    finals,
    focus,
    log_floor,
    moves,
    ranked,
    spans_decades,
    spread,
)
from glidepath.viewing.style import ALARM, OTHERS, policy_style

Json = dict[str, Any]


def numbers_of(values: ArrayLike) -> Json:
    """An array in plotly's binary form, float32."""
    data = np.ascontiguousarray(values, dtype="<f4")
    return {"dtype": "f4", "bdata": base64.b64encode(data.tobytes()).decode("ascii")}


def text(value: object) -> str:
    """A text for plotly, which reads some tags in its texts; ours are shown as they are."""
    return html.escape(str(value), quote=False)


def plot(traces: Sequence[Json], x: Json, y: Json, *, height: int, **layout: Any) -> Json:
    """A plot: traces, axes, and the height in pixels."""
    base = {
        "height": height,
        "xaxis": x,
        "yaxis": {"automargin": True, **y},
        "margin": {"l": 48, "r": 14, "t": 12, "b": 44},
        "showlegend": False,
        "hovermode": "closest",
    }
    return {"traces": list(traces), "layout": {**base, **layout}}


def title(words: str) -> Json:
    """An axis title."""
    return {"text": text(words), "standoff": 10}


def rates_plot(study: StudyResult) -> Json:
    """The learning rate of each policy over epochs, as applied."""
    traces = [
        trace | {"meta": policy.name}
        for policy in study.policies
        for trace in _applied_traces(policy, study, "learning_rate")
    ]
    tables = [values for p in study.policies for _, values in applied(p, "learning_rate")]
    epochs = {"title": title("epoch"), "range": _epoch_range(study)}
    scales = rate_scales(tables)
    start = "log" if spans_decades(tables) else "linear"
    return {
        **plot(traces, epochs, {"title": title("learning rate"), **scales[start]}, height=400),
        "scales": scales,
    }


def moves_plot(study: StudyResult, name: str) -> Json | None:
    """Momentum or weight decay of the policies that move it, and one line for all others."""
    found = moves(study, name)
    if found is None:
        return None
    traces: list[Json] = []
    if found.constant is not None:
        ends = [0.0, study.total_steps / study.steps_per_epoch]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text(found.label),
                "x": ends,
                "y": [found.constant, found.constant],
                "line": {"color": OTHERS, "width": 2},
                "hovertemplate": f"{text(found.label)}<extra></extra>",
            }
        )
    for policy in found.moved:
        mine = _applied_traces(policy, study, name)
        traces += [trace | {"showlegend": index == 0} for index, trace in enumerate(mine)]
    epochs = {"title": title("epoch"), "range": _epoch_range(study)}
    named = {"showlegend": True, "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"}}
    words = {"title": title(name.replace("_", " ")), "tickformat": "~g"}
    return plot(traces, epochs, words, height=250, **named)


def _applied_traces(policy: PolicyResult, study: StudyResult, name: str) -> list[Json]:
    """What a policy applied: one line, or one for each seed where they differ."""
    style = policy_style(policy.name)
    runs = applied(policy, name)
    traces = []
    for seed, values in runs:
        chosen = decimate(values)
        note = "" if len(runs) == 1 else f", seed {seed}"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text(policy.name),
                "x": numbers_of(chosen / study.steps_per_epoch),
                "y": numbers_of(values[chosen]),
                "line": {
                    "color": style.color,
                    "dash": style.dash,
                    "width": 2 if len(runs) == 1 else 1.2,
                },
                "hovertemplate": f"<b>{text(policy.name)}</b>{note}<br>"
                "epoch %{x:.2f}: %{y:.3~g}<extra></extra>",
            }
        )
    return traces


def rate_scales(tables: Sequence[Array]) -> dict[str, Json]:
    """The two scales of a rate's axis, with their ranges."""
    top = max((float(t.max()) for t in tables if t.size), default=1.0) or 1.0
    floor = log_floor(tables)
    ends = [float(np.log10(floor / 1.3)), float(np.log10(top * 1.4))]
    return {
        "linear": {"type": "linear", "range": [-0.02 * top, 1.05 * top], "tickformat": "~g"},
        "log": {"type": "log", "range": ends, **log_ticks(ends)},
    }


def log_ticks(ends: Sequence[float]) -> Json:
    """Plain labels on a log axis: at decades, and at 2 and 5 between where there is room.

    Args:
        ends: the logarithms of the axis's ends.
    """
    decades = ends[1] - ends[0]
    exponents = range(int(np.floor(ends[0])), int(np.ceil(ends[1])) + 1)
    within = (1, 2, 5) if decades < 2 else (1,)
    ticks = [m * 10.0**e for e in exponents for m in within]
    shown = [t for t in ticks if ends[0] <= np.log10(t) <= ends[1]]
    return {"tickmode": "array", "tickvals": shown, "ticktext": [numbers.rate(t) for t in shown]}


def curves_plot(study: StudyResult, name: str) -> Json | None:
    """Validation curves: mean over seeds with a band; runs that did not finish by themselves."""
    traces: list[Json] = []
    spreads = []
    for policy in study.policies:
        item = spread(policy, "validation", name)
        if item is not None:
            spreads.append(item)
            traces += _spread_traces(policy, item, study)
    limits = focus(spreads, study.total_steps)
    for policy in study.policies:
        for run in broken(policy, "validation", name):
            if run.steps.size:
                traces += _broken_traces(policy, run, study, limits)
    if not traces:
        return None
    y: Json = {"title": title(f"validation {name}"), "tickformat": "~g"}
    linear: Json = {"type": "linear"}
    if limits is not None:
        linear["range"] = list(limits)
    epochs = {"title": title("epoch"), "range": _epoch_range(study)}
    lows = np.concatenate([s.low for s in spreads]) if spreads else np.ones(1)
    if name != "loss" or not float(lows.min()) > 0:
        return plot(traces, epochs, {**y, **linear}, height=380)
    highs = np.concatenate([s.high for s in spreads]) if spreads else np.ones(1)
    ends = [float(np.log10(lows.min() / 1.15)), float(np.log10(highs.max() * 1.15))]
    scales = {"linear": linear, "log": {"type": "log", "range": ends, **log_ticks(ends)}}
    return {**plot(traces, epochs, {**y, **linear}, height=380), "scales": scales}


def _spread_traces(policy: PolicyResult, item: Spread, study: StudyResult) -> list[Json]:
    style = policy_style(policy.name)
    x = item.steps / study.steps_per_epoch
    mean: Json = {
        "type": "scatter",
        "mode": "lines",
        "name": text(policy.name),
        "x": numbers_of(x),
        "y": numbers_of(item.mean),
        "line": {"color": style.color, "dash": style.dash, "width": 2},
        "hovertemplate": f"<b>{text(policy.name)}</b>, mean of {item.runs}<br>"
        "epoch %{x:.4~g}: %{y:.4~g}<extra></extra>",
        "meta": policy.name,
    }
    if item.runs < 2:
        return [mean]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": numbers_of(np.concatenate([x, x[::-1]])),
        "y": numbers_of(np.concatenate([item.high, item.low[::-1]])),
        "fill": "toself",
        "fillcolor": style.faded(0.16),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "meta": policy.name,
    }
    return [band, mean]


def _broken_traces(
    policy: PolicyResult, run: Broken, study: StudyResult, limits: tuple[float, float] | None
) -> list[Json]:
    """A run that did not finish, and a cross at its end, on the edge if the end is off the plot."""
    style = policy_style(policy.name)
    end = float(run.values[-1])
    pinned = end if limits is None else float(np.clip(end, *limits))
    x = run.steps / study.steps_per_epoch
    words = (
        f"<b>{text(policy.name)}</b>, seed {run.seed}: {text(run.outcome)} "
        f"after {numbers.count(run.stopped)} updates<br>"
    )
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": numbers_of(x),
        "y": numbers_of(run.values),
        "line": {"color": style.color, "dash": "dot", "width": 1.3},
        "hovertemplate": f"{words}epoch %{{x:.4~g}}: %{{y:.4~g}}<extra></extra>",
        "meta": policy.name,
    }
    cross = {
        "type": "scatter",
        "mode": "markers",
        "x": [float(x[-1])],
        "y": [pinned],
        "cliponaxis": False,
        "marker": {"symbol": "x", "color": ALARM, "size": 9},
        "hovertemplate": f"{words}last value {end:.4g}<extra></extra>",
        "meta": policy.name,
    }
    return [line, cross]


def forest_plots(study: StudyResult) -> tuple[Json, Json | None]:
    """The final metric of each policy, and the paired difference to fixed."""
    policies = ranked(study)
    height = 26 * len(policies) + 70
    y = {
        "tickmode": "array",
        "tickvals": list(range(len(policies))),
        "ticktext": [_row_label(p, study) for p in policies],
        "range": [len(policies) - 0.4, -0.6],
        "fixedrange": True,
        "showgrid": False,
    }
    better = "higher" if study.metric.rising else "lower"
    words = f"final {study.split} {study.metric.name} ({better} is better)"
    x = {"title": title(words), "nticks": 6, "tickformat": "~g"}
    metric = plot(_final_traces(study, policies), x, y, height=height)
    if not any(p.to_fixed is not None for p in policies):
        return metric, None
    x = {"title": title(f"difference to {baseline(study)}"), "nticks": 5, "tickformat": "+~g"}
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "opacity": 0.6,
            "line": {"width": 1, "color": "#7a828e"}, "layer": "below"}  # fmt: skip
    return metric, plot(_difference_traces(policies), x, y, height=height, shapes=[line])


def _row_label(policy: PolicyResult, study: StudyResult) -> str:
    name = text(numbers.shorten(policy.name, 20))
    if policy.diverged:
        name = f'<span style="color:{ALARM}">{name} ✕{policy.diverged}</span>'
    return f"<b>{name}</b>" if policy.name == study.recommended.name else name


def _final_traces(study: StudyResult, policies: Sequence[PolicyResult]) -> list[Json]:
    traces: list[Json] = []
    for row, policy in enumerate(policies):
        style = policy_style(policy.name)
        seeds = finals(policy, study)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": numbers_of(seeds),
                "y": numbers_of(np.full(seeds.size, row)),
                "marker": {"color": style.faded(0.45), "size": 5},
                "hovertemplate": f"{text(policy.name)}, one seed: %{{x:.4~g}}<extra></extra>",
            }
        )
        if policy.metric_mean is not None:
            ends = policy.metric_ci or (policy.metric_mean, policy.metric_mean)
            traces.append(_interval(policy, row, (policy.metric_mean, *ends), filled=True))
    return traces


def _difference_traces(policies: Sequence[PolicyResult]) -> list[Json]:
    return [
        _interval(
            policy,
            row,
            (found.mean, found.low, found.high),
            filled=found.distinct,
            note=f"{numbers.plural(found.pairs, 'pair')}, "
            + ("distinct" if found.distinct else "cannot be told apart"),
        )
        for row, policy in enumerate(policies)
        if (found := policy.to_fixed) is not None
    ]


def _interval(
    policy: PolicyResult,
    row: int,
    values: tuple[float, float, float],
    *,
    filled: bool,
    note: str = "",
) -> Json:
    mean, low, high = values
    style = policy_style(policy.name)
    more = f"<br>{note}" if note else ""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [mean],
        "y": [row],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [high - mean],
            "arrayminus": [mean - low],
            "color": style.color,
            "thickness": 2.2,
            "width": 0,
        },
        "marker": {
            "color": style.color,
            "symbol": style.symbol if filled else f"{style.symbol}-open",
            "size": 10,
            "line": {"width": 0 if filled else 2, "color": style.color},
        },
        "hovertemplate": f"<b>{text(policy.name)}</b>: %{{x:.4~g}}<br>"
        f"95 % interval {low:.4g} to {high:.4g}{more}<extra></extra>",
    }


def _epoch_range(study: StudyResult) -> list[float]:
    epochs = study.total_steps / study.steps_per_epoch
    return [-0.01 * epochs, 1.015 * epochs]
