"""The report's sections, from the recommendation to how to reproduce it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from glidepath.studies.result import StudyResult
from glidepath.viewing import numbers, summary
from glidepath.viewing.report.found_plot import found_table
from glidepath.viewing.report.markup import Markup, element, join
from glidepath.viewing.report.tables import results_table, suggestions_table, swatch
from glidepath.viewing.series import MOVABLE, baseline, curve_names, ranked

SHOWN_AT_FIRST = 4
"""How many of the best policies are drawn before anyone chooses, the recommended one included."""


def top(study: StudyResult) -> Markup:
    """The headline, the recommendation and how sure it is."""
    figures = [
        element("div", element("dt", what), element("dd", value))
        for what, value in summary.facts(study)
    ]
    return element(
        "header",
        element("p", "Glidepath · learning-rate study", class_="eyebrow"),
        element("h1", summary.headline(study)),
        element("p", summary.what_was_done(study), class_="lede"),
        element("dl", *figures, class_="facts"),
        element("p", study.recommended.reason, class_="reason"),
        ties(study),
        class_="top",
    )


def ties(study: StudyResult) -> Markup:
    """The policies that cannot be told apart from the recommended one, or the sentence on that."""
    tied = study.recommended.ties
    if not tied or len(study.seeds) < 2 or not summary.recommends(study):
        return element("p", summary.ties_sentence(study), class_="ties")
    seeds = numbers.plural(len(study.seeds), "seed")
    words = (
        f"On {seeds}, {study.recommended.name} cannot be told apart from "
        f"{numbers.plural(len(tied), 'policy')}; the order among them may be chance:"
    )
    items = (element("li", swatch(name), name) for name in tied)
    return element("div", element("p", words), element("ul", *items), class_="ties")


def contents(study: StudyResult) -> Markup:
    """Links to the sections."""
    names = [
        "Results",
        "Code",
        "Range test",
        "Finder",
        "Rates and curves",
        "What if",
        "Cost",
        "Reproduce",
        "Reading",
    ]
    if study.range_test is None:
        names.remove("Range test")
    if not study.found:
        names.remove("Finder")
    if not summary.recommends(study):
        names.remove("Code")
    links = (element("a", name, href=f"#{anchor(name)}") for name in names)
    return element("nav", *links, aria_label="Sections")


def results(study: StudyResult, plots: Mapping[str, object]) -> Markup:
    """The table and the forest plots."""
    interval = (
        "± is half of a 95 % confidence interval. "
        if len(study.seeds) > 1
        else "With one seed there are no intervals. "
    )
    note = (
        f"{interval}Differences are paired by seed; “distinct” means that the interval, adjusted "
        "for the number of comparisons, leaves out zero, “unclear” that it does not. A policy with "
        "a diverged run has no mean."
    )
    return section(
        "Results",
        results_table(study),
        element("p", note, class_="note"),
        element("div", *holders(plots, ("final", "difference")), class_="pair"),
    )


def code(study: StudyResult) -> Markup | None:
    """What to paste, and a button that copies it; nothing where nothing is recommended."""
    if not summary.recommends(study):
        return None
    block = element(
        "div",
        element("button", "Copy", type="button", class_="copy", data_copies="code-text"),
        element("pre", element("code", study.recommended.code.strip("\n"), id="code-text")),
        class_="code",
    )
    return section("Code", element("p", f"{study.recommended.name}, ready to paste:"), block)


def range_test(study: StudyResult, plots: Mapping[str, object]) -> Markup | None:
    """The sweep and what is read off it."""
    result = study.range_test
    if result is None:
        return None
    sweeps = numbers.plural(max(len(result.sweeps), 1), "sweep")
    said = (
        f"{result.kind.capitalize()} sweep of the rate, {numbers.count(result.updates)} updates in "
        f"{sweeps}, {numbers.seconds(result.seconds)}. The rate to use if one is wanted: "
        f"{numbers.rate(result.suggested)}."
    )
    warnings = [element("p", words, class_="warning") for words in result.warnings]
    return section(
        "Range test",
        element("p", said),
        *warnings,
        element(
            "div",
            *holders(plots, ("range-test",)),
            element("div", suggestions_table(result), class_="scroll"),
            class_="plot-and-table",
        ),
    )


def finder(study: StudyResult, plots: Mapping[str, object]) -> Markup | None:
    """Where the finder puts the peak of each policy's shape."""
    if not study.found:
        return None
    spent = sum(found.cost.lane_updates for found in study.found.values())
    said = (
        "Short trainings of each policy's own shape, at rates around the best, say where its peak "
        f"belongs in a run of {numbers.count(study.total_steps)} updates: "
        f"{numbers.count(spent)} updates for {numbers.plural(len(study.found), 'policy')}. The "
        "policies were trained at these peaks; a ring is where the range test alone, which knows "
        "neither shape nor length, would have set them."
    )
    warnings = [
        element("p", f"{name}: {words}", class_="warning")
        for name, found in study.found.items()
        for words in found.warnings
    ]
    return section(
        "Finder",
        element("p", said),
        *warnings,
        element(
            "div",
            *holders(plots, ("found",)),
            element("div", found_table(study), class_="scroll"),
            class_="pair",
        ),
    )


def rates_and_curves(study: StudyResult, plots: Mapping[str, object]) -> Markup:
    """The plots that policies can be switched on and off in, and the switches."""
    seeds = "each seed is a line where they differ"
    parts: list[object] = [
        chips(study),
        heading(
            "Learning rate as applied", f"read back from the optimizer; {seeds}", plots, "rates"
        ),
        *holders(plots, ("rates",)),
    ]
    for name in MOVABLE:
        if name in plots:
            words = name.replace("_", " ").capitalize()
            parts += [heading(words, "where a policy moves it", plots, name)]
            parts += holders(plots, (name,))
    band = "mean over seeds; the band, for up to six policies, runs from lowest to highest" if (
        len(study.seeds) > 1
    ) else "one seed"  # fmt: skip
    for name in curve_names(study):
        key = f"curve-{name}"
        if key in plots:
            words = f"{band}; dotted with a cross: a run that diverged"
            parts += [heading(f"Validation {name}", words, plots, key), *holders(plots, (key,))]
    missing = [f"{p.name} ({p.diverged} of {len(p.records)})" for p in study.policies if p.diverged]
    if missing:
        words = f"Diverged: {numbers.listing(missing)}. Diverged runs are in no mean and no band."
        parts.append(element("p", words, class_="warning"))
    return section("Rates and curves", *parts)


def chips(study: StudyResult) -> Markup:
    """A switch for each policy, and two for all and for the first choice."""
    order = [p.name for p in ranked(study)]
    first = {*order[:SHOWN_AT_FIRST], study.recommended.name, baseline(study)}
    buttons = [
        element(
            "button",
            swatch(name),
            element("span", name),
            type="button",
            class_="chip",
            aria_pressed="true" if name in first else "false",
            data_policy=name,
        )
        for name in order
    ]
    sets = [
        element("button", "All", type="button", class_="chip set", data_set="all"),
        element("button", "Best few", type="button", class_="chip set", data_set="first"),
    ]
    return element("div", *sets, *buttons, class_="chips", role="group",
                   aria_label="Policies shown in the plots")  # fmt: skip


def cost(study: StudyResult) -> Markup:
    """Updates and seconds, and where the seconds went."""
    spent = study.cost
    parts = [
        ("steps", "training steps", spent.steps),
        ("startup", "start-up and compilation", spent.startup),
        ("overhead", "overhead", spent.overhead),
    ]
    whole = sum(value for _, _, value in parts) or 1.0
    bar = [
        element("span", class_=key, style=f"width:{100 * value / whole:.2f}%", title=words)
        for key, words, value in parts
    ]
    legend = [
        element("li", element("span", class_=f"key {key}"), f"{words} {numbers.seconds(value)}")
        for key, words, value in parts
    ]
    share = spent.overhead_share
    overhead = "" if share is None else f" Overhead is {100 * share:.3g} % of the steps’ time."
    said = (
        f"{numbers.count(spent.updates)} updates in {numbers.seconds(spent.seconds)} by the clock."
        f"{overhead}"
    )
    return section(
        "Cost",
        element("p", said),
        element("div", *bar, class_="bar", role="img", aria_label=said),
        element("ul", *legend, class_="legend"),
    )


def reproduce(study: StudyResult, command: str | None) -> Markup:
    """The command, the seeds and every policy's spec."""
    shown: list[object] = []
    if command is not None:
        shown.append(
            element(
                "div",
                element("button", "Copy", type="button", class_="copy", data_copies="command"),
                element("pre", element("code", command, id="command")),
                class_="code",
            )
        )
    seeds = numbers.listing(str(seed) for seed in study.seeds)
    what = "seed" if len(study.seeds) == 1 else "seeds"
    said = (
        f"Task {study.task}; {what} {seeds}; {numbers.count(study.total_steps)} updates, "
        f"{numbers.count(study.steps_per_epoch)} per epoch. Every policy saw the same weights and "
        "the same order of data for the same seed. A spec below, saved as a .json file, is what "
        "the commands and gp.from_spec read."
    )
    details = [_spec(study, p.name, p.policy.to_spec()) for p in study.policies]
    return section("Reproduce", *shown, element("p", said), *details)


def _spec(study: StudyResult, name: str, spec: object) -> Markup:
    note = study.notes.get(name)
    return element(
        "details",
        element(
            "summary", swatch(name), element("b", name), element("span", note) if note else None
        ),
        element("pre", element("code", json.dumps(spec, indent=2, ensure_ascii=False))),
    )


def reading() -> Markup:
    """How to read the page, in short."""
    points: Iterable[str] = (
        "An update is one step of the optimizer; the clock counts them from 0.",
        "The recommendation is made on validation data; the test metric is computed once, after "
        "it.",
        "Intervals cover chance in weights and data order on this task; they say nothing about "
        "other tasks, models or longer runs.",
        "Not distinct does not mean equal: it means that these seeds cannot tell. More seeds can.",
        "Plots: drag to zoom, double-click to go back, hover for values, and switch policies on "
        "and off with the buttons above them.",
    )
    return section("Reading", element("ul", *(element("li", point) for point in points)))


def section(name: str, *parts: object) -> Markup:
    """A section with its heading and a name to link to."""
    return element("section", element("h2", name), *parts, id=anchor(name))


def heading(words: str, note: str, plots: Mapping[str, object], key: str) -> Markup:
    """A plot's heading, with the switch between linear and log where it has both."""
    plot = plots[key]
    switch = None
    if isinstance(plot, dict) and "scales" in plot:
        now = plot["layout"]["yaxis"].get("type", "linear")
        switch = element("span", *(
            element("button", scale, type="button", data_plot=key, data_scale=scale,
                    aria_pressed="true" if scale == now else "false")
            for scale in ("linear", "log")
        ), class_="switch", role="group", aria_label="Scale")  # fmt: skip
    said = join(words, element("small", note) if note else None)
    return element("div", element("h3", said), switch, class_="plot-head")


def holders(plots: Mapping[str, object], keys: Iterable[str]) -> list[Markup]:
    """The empty elements that the page's script draws the plots into."""
    return [element("div", id=f"plot-{key}", class_="plot") for key in keys if key in plots]


def anchor(name: str) -> str:
    """The section's name as an id."""
    return name.lower().replace(" ", "-")
