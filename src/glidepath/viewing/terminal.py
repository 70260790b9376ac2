"""What the terminal shows: tables of a study and a range test that fit 80 columns, sparklines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.table import Table
from rich.text import Text

from glidepath.viewing import numbers
from glidepath.viewing.summary import headline, places_of, recommends, ties_sentence

if TYPE_CHECKING:
    from glidepath.finding.result import RangeTest
    from glidepath.studies.result import PolicyResult, StudyResult

_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_NAME = 16
"""The longest policy name that is shown whole."""


def sparkline(values: Sequence[float] | NDArray[np.float64], width: int) -> str:
    """A curve in one line of text: eight heights from the least value to the greatest.

    Args:
        values: the curve; each character stands for the mean of its share of them. Values that
            are not finite are shown as `·`.
        width: how many characters at most.
    """
    data = np.asarray(values, dtype=np.float64).ravel()
    if not data.size or width < 1:
        return ""
    parts = np.array_split(data, min(width, data.size))
    means = np.array([p[np.isfinite(p)].mean() if np.isfinite(p).any() else np.nan for p in parts])
    finite = means[np.isfinite(means)]
    if not finite.size:
        return _GAP * means.size
    low, high = float(finite.min()), float(finite.max())
    span = high - low
    if span <= 1e-12 * max(abs(high), abs(low)):
        levels = np.full(means.size, 3 if high else 0)
    else:
        shares = np.nan_to_num((means - low) / span)
        levels = np.minimum((shares * len(_BARS)).astype(int), len(_BARS) - 1)
    return "".join(
        _BARS[level] if np.isfinite(mean) else _GAP
        for level, mean in zip(levels, means, strict=True)
    )


def study_table(result: StudyResult) -> Group:
    """The study's outcome: a row per policy, the best first, and what to make of it.

    `*` after a difference means that it is distinct; `→` marks the recommended policy.
    """
    from glidepath.viewing.series import baseline, ranked

    places, difference_places = places_of(result)
    reference = baseline(result)
    differs = reference is not None and len(result.seeds) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("  policy", no_wrap=True, overflow="ellipsis", max_width=_NAME + 2)
    table.add_column(f"{result.split} {numbers.shorten(result.metric.name, 20)}", justify="right")
    named = numbers.shorten(reference or "", 10)
    if differs:
        table.add_column(f"against {named}", no_wrap=True)
    if reference is not None:
        table.add_column(f"updates to\n{named}’s", justify="right")
    table.add_column("diverged", justify="right", no_wrap=True)
    policies = ranked(result)
    differences = _differences(policies, difference_places, result.metric.rising)
    for policy, difference in zip(policies, differences, strict=True):
        recommended = policy.name == result.recommended.name and recommends(result)
        mark = "→ " if recommended else "  "
        cells = [Text(mark + numbers.shorten(policy.name, _NAME)), _metric(policy, places)]
        if differs:
            cells.append(difference)
        if reference is not None:
            cells.append(Text(numbers.count(policy.steps_to_target)))
        cells.append(_diverged(policy))
        table.add_row(*cells, style="bold" if recommended else None)
    closing = [Text(headline(result), style="bold"), Text(ties_sentence(result))]
    return Group(
        table,
        Text(_legend(result, reference if differs else None), style="dim"),
        Text(""),
        *closing,
    )


def _legend(result: StudyResult, reference: str | None) -> str:
    parts = ["→ recommended"] if recommends(result) else []
    if len(result.seeds) > 1:
        parts.append("± half of a 95 % interval")
    if reference is not None:
        parts.append(f"* distinct from {reference}")
    return "; ".join(parts)


def _metric(policy: PolicyResult, places: int) -> Text:
    if policy.metric_mean is None and policy.diverged:
        return Text("no mean", style="red")
    return Text(numbers.plus_minus(policy.metric_mean, policy.metric_ci, places))


def _differences(policies: Sequence[PolicyResult], places: int, rising: bool) -> list[Text]:
    """The differences to fixed, padded so that their ± stand below each other."""
    words = []
    for policy in policies:
        found = policy.to_fixed
        half = None if found is None else (found.high - found.low) / 2
        mean = numbers.signed(None if found is None else found.mean, places)
        words.append(mean if half is None else f"{mean} ± {numbers.fixed(half, places)}")
    width = max(map(len, words), default=0)
    texts = []
    for policy, word in zip(policies, words, strict=True):
        found = policy.to_fixed
        distinct = found is not None and found.distinct
        look = "green" if found is not None and (found.mean > 0) == rising else "red"
        texts.append(Text(word.rjust(width) + " *" * distinct, style=look if distinct else ""))
    return texts


def _diverged(policy: PolicyResult) -> Text:
    if not policy.diverged:
        return Text("0")
    return Text(f"{policy.diverged} of {len(policy.records)}", style="red")


def range_test_table(result: RangeTest) -> Group:
    """What a range test found: its curve in one line, and each mark with its rate."""
    from glidepath.viewing.marks import loss_range, meaning, suggestion_marks

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("mark", no_wrap=True)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("where", style="dim")
    for mark in suggestion_marks(result):
        chosen = np.isclose(mark.rate, result.suggested, rtol=1e-3)
        style = "bold" if chosen else None
        table.add_row(mark.label, numbers.rate(mark.rate), mark.meaning, style=style)
    for name, value in result.suggestions.items():
        if value is None:
            table.add_row(name, numbers.NONE, f"{meaning(name)}: not found here")
    band = f"{numbers.rate(result.low)} to {numbers.rate(result.high)}"
    table.add_row("low to high", band, "base and top rate for cyclical schedules")
    edge = "where the loss left all bounds" if result.diverged_at else "not before the sweep ended"
    table.add_row("diverged", numbers.rate(result.diverged_at), edge)
    positive = result.rates[result.rates > 0]
    ends = (numbers.rate(float(positive.min())), numbers.rate(float(positive.max())))
    curve = np.clip(result.smoothed, *loss_range(result))
    line = f"loss  {ends[0]} {sparkline(curve, 48)} {ends[1]}"
    warnings = [Text(f"careful: {words}", style="yellow") for words in result.warnings]
    return Group(Text(line), Text(""), table, *warnings)
