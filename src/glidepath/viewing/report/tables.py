"""The report's tables: results by policy, suggestions of the range test."""

from __future__ import annotations

from collections.abc import Sequence

from glidepath.finding.result import RangeTest
from glidepath.studies.result import Difference, PolicyResult, StudyResult
from glidepath.viewing import numbers
from glidepath.viewing.marks import meaning, suggestion_marks
from glidepath.viewing.report.markup import Markup, element, join, void
from glidepath.viewing.series import baseline, ranked
from glidepath.viewing.style import policy_style
from glidepath.viewing.summary import places_of, recommends


def swatch(name: str) -> Markup:
    """A short piece of the policy's line."""
    style = policy_style(name)
    line = void(
        "line", x1=1, y1=5, x2=23, y2=5, stroke=style.color, stroke_width=2.6,
        stroke_dasharray=style.svg_dash or None,
    )  # fmt: skip
    return element("svg", line, class_="swatch", viewBox="0 0 24 10", aria_hidden="true")


def results_table(study: StudyResult) -> Markup:
    """Final metric, paired differences, updates to fixed's result and diverged runs."""
    best = study.recommended.name
    reference = baseline(study)
    heads = ["Policy", f"{study.split.capitalize()} {study.metric.name}", f"Difference to {best}"]
    if reference is not None and best != reference:
        heads.append(f"Difference to {reference}")
    if reference is not None:
        heads.append(f"Updates to {reference}’s result")
    heads.append("Diverged")
    places = places_of(study)
    table = element(
        "table",
        element("thead", element("tr", *(_head(words) for words in heads))),
        element("tbody", *(_row(study, policy, heads, places) for policy in ranked(study))),
        class_="sortable",
    )
    return element(
        "div", table, class_="scroll", tabindex="0", role="region", aria_label="Results by policy"
    )


def _head(words: str) -> Markup:
    kind = "text" if words == "Policy" else "number"
    button = element("button", words, type="button")
    return element("th", button, scope="col", class_=kind, data_kind=kind)


def _row(
    study: StudyResult, policy: PolicyResult, heads: Sequence[str], places: tuple[int, int]
) -> Markup:
    recommended = policy.name == study.recommended.name and recommends(study)
    best = policy.name == study.recommended.name
    label = join(swatch(policy.name), element("span", policy.name))
    if recommended:
        label = join(label, element("span", "recommended", class_="pill good"))
    cells = [
        element("th", label, scope="row", class_="policy", data_sort=policy.name),
        _metric(policy, places[0]),
        _difference(study, policy.to_best, places[1], same=best),
    ]
    reference = baseline(study)
    if reference is not None and reference != study.recommended.name:
        same = policy.name == reference
        cells.append(_difference(study, policy.to_fixed, places[1], same=same))
    if reference is not None:
        cells.append(_cell(numbers.count(policy.steps_to_target), policy.steps_to_target))
    broken = f"{policy.diverged} of {len(policy.records)}" if policy.diverged else "0"
    cells.append(_cell(broken, policy.diverged, "alarm" if policy.diverged else None))
    return element("tr", *cells, class_="recommended" if recommended else None)


def _metric(policy: PolicyResult, places: int) -> Markup:
    if policy.metric_mean is None:
        words = "no mean" if policy.diverged else numbers.NONE
        return _cell(words, None, "alarm" if policy.diverged else None)
    return _cell(
        numbers.plus_minus(policy.metric_mean, policy.metric_ci, places), policy.metric_mean
    )


def _difference(study: StudyResult, found: Difference | None, places: int, *, same: bool) -> Markup:
    if found is None:
        return _cell("reference" if same else numbers.NONE, 0.0 if same else None, "quiet")
    half = numbers.fixed((found.high - found.low) / 2, places)
    words = f"{numbers.signed(found.mean, places)} ± {half}"
    better = (found.mean > 0) == study.metric.rising
    look = ("good" if better else "bad") if found.distinct else "tie"
    pill = element("span", "distinct" if found.distinct else "unclear", class_=f"pill {look}")
    tip = (
        f"{numbers.signed(found.low, places)} to {numbers.signed(found.high, places)}, "
        f"{numbers.plural(found.pairs, 'pair')}"
    )
    fewer = found.pairs < len(study.seeds)
    note = element("small", numbers.plural(found.pairs, "pair")) if fewer else None
    return _cell(join(words, " ", pill, note), found.mean, None, tip)


def _cell(
    words: object, sort: float | None, class_: str | None = None, tip: str | None = None
) -> Markup:
    value = "" if sort is None else repr(float(sort))
    classes = "number" if class_ is None else f"number {class_}"
    return element("td", words, class_=classes, data_sort=value, title=tip)


def suggestions_table(result: RangeTest) -> Markup:
    """What is read off the range test, with the badges of its plot."""
    rows = [
        _suggestion(badge(number, mark.color), mark.label, numbers.rate(mark.rate), mark.meaning)
        for number, mark in enumerate(suggestion_marks(result), start=1)
    ]
    for name, value in result.suggestions.items():
        if value is None:
            words = f"{meaning(name)}: not found here"
            rows.append(_suggestion(None, name, numbers.NONE, words))
    band = f"{numbers.rate(result.low)} to {numbers.rate(result.high)}"
    words = "the shaded band: base and top rate for cyclical schedules"
    rows.append(_suggestion(element("span", class_="key band"), "low to high", band, words))
    if result.diverged_at is not None:
        edge = element("span", class_="key edge")
        at = numbers.rate(result.diverged_at)
        rows.append(_suggestion(edge, "diverged", at, "where the loss left all bounds"))
    else:
        words = "not before the sweep ended"
        rows.append(_suggestion(None, "diverged", numbers.NONE, words))
    head = element(
        "tr",
        element("th", "Mark", scope="col", colspan="2"),
        element("th", "Rate", scope="col", class_="number"),
    )
    return element("table", element("thead", head), element("tbody", *rows), class_="plain")


def badge(number: int, color: str) -> Markup:
    """The numbered disc that a mark has on the plot."""
    return element("span", number, class_="badge", style=f"background:{color}")


def _suggestion(sign: Markup | None, name: str, rate: str, words: str) -> Markup:
    return element(
        "tr",
        element("td", sign, class_="sign"),
        element("th", name, element("small", words), scope="row"),
        element("td", rate, class_="number"),
    )
