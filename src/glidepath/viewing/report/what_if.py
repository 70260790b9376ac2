"""The report's "what if": what other schedules would have given, from the study's own runs."""

from __future__ import annotations

from glidepath.analysis.reading.records import from_record
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.what_if import ASKING, SHARE, Row, WhatIf, what_if
from glidepath.errors import RecordError
from glidepath.studies.result import PolicyResult, StudyResult
from glidepath.viewing import numbers
from glidepath.viewing.answers import difference, places_for
from glidepath.viewing.report.markup import Markup, element
from glidepath.viewing.series import ranked

NAME = "What if"


def what_if_section(study: StudyResult) -> Markup:
    """Predicted losses at the end, or why there are none."""
    steps = study.cost.steps
    if steps * SHARE < ASKING:
        return element("section", element("h2", NAME), _unasked(study, steps), id="what-if")
    chosen = study.recommended.name
    order = sorted(ranked(study), key=lambda policy: policy.name != chosen)
    found = what_if([(policy.name, _runs(policy)) for policy in order])
    parts = [_refusal(found)] if found.source is None else _answer(found)
    return element("section", element("h2", NAME), *parts, id="what-if")


def _unasked(study: StudyResult, steps: float) -> Markup:
    policy = study.recommended.name
    return element(
        "p",
        f"Not asked: all training steps together took {numbers.seconds(steps)}, and to fit a law "
        f"of the loss would take a tenth of that or more. The records of {policy} are in the "
        "study's folder: glidepath diagnose and glidepath predict read them.",
    )


def _runs(policy: PolicyResult) -> list[LoggedRun]:
    runs = []
    for record in policy.records:
        if record.outcome == "finished":
            try:
                runs.append(from_record(record, policy.name))
            except RecordError:
                continue
    return runs


def _refusal(found: WhatIf) -> Markup:
    first = next(iter(found.refused.items()), None)
    if first is None:
        return element("p", "No policy has a run to learn from.")
    name, why = first
    others = len(found.refused) - 1
    more = f" Nor can those of {numbers.plural(others, 'other policy')}." if others else ""
    return element(
        "p",
        f"What another schedule would have given cannot be told from the runs of {name}: {why}."
        f"{more}",
    )


def _answer(found: WhatIf) -> list[Markup]:
    kind = "validation" if found.of == "validation" else "training"
    best = found.recommended
    assert best is not None
    said = (
        f"A law of the loss, fitted to {numbers.plural(found.runs, 'run')} of {found.source}, "
        f"predicts the {kind} loss at the end of schedules with the same peak rate, "
        f"{numbers.rate(found.peak)}. Nothing of this was trained; ± is half of a 90 % interval. "
        f"{best.message[:1].upper()}{best.message[1:]}."
    )
    heads = ("Schedule", "Updates", f"{kind.capitalize()} loss", "Difference")
    head = element(
        "tr",
        *(
            element("th", words, scope="col", class_=None if words == heads[0] else "number")
            for words in heads
        ),
    )
    rows = [_row(row) for row in found.rows]
    table = element("table", element("thead", head), element("tbody", *rows), class_="plain")
    parts = [element("p", said), element("div", table, class_="scroll")]
    parts += [element("p", f"Careful: {words}.", class_="note") for words in best.warnings]
    if found.refused:
        names = numbers.listing(found.refused)
        parts.append(element("p", f"Runs that cannot answer: {names}.", class_="note"))
    return parts


def _row(row: Row) -> Markup:
    places = places_for(row.width)
    loss = numbers.plus_minus(row.final, (row.final - row.width, row.final + row.width), places)
    against = numbers.NONE
    if row.against is not None:
        against = difference(row.against, places_for(row.against.width))
    return element(
        "tr",
        element("th", row.schedule, scope="row"),
        element("td", numbers.count(row.total), class_="number"),
        element("td", loss, class_="number"),
        element("td", against, class_="number"),
    )
