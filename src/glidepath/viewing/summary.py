"""A study in sentences: what was done, what to use, and how sure that is."""

from __future__ import annotations

from glidepath.studies import recommend
from glidepath.studies.result import StudyResult
from glidepath.viewing import numbers
from glidepath.viewing.series import baseline


def finished(study: StudyResult) -> bool:
    """Whether any run finished."""
    return any(r.outcome == "finished" for p in study.policies for r in p.records)


def recommends(study: StudyResult) -> bool:
    """Whether there is anything to recommend: the policy that was chosen never diverged."""
    chosen = (p for p in study.policies if p.name == study.recommended.name)
    return finished(study) and not any(p.diverged for p in chosen)


def headline(study: StudyResult) -> str:
    """The recommendation in one line."""
    chosen = study.recommended
    if not finished(study):
        return f"{study.task}: no run finished"
    if not recommends(study):
        return f"{study.task}: no policy held on every seed"
    how = "at" if chosen.name == baseline(study) else "with rates up to"
    return f"{study.task}: use {chosen.name} {how} {numbers.rate(chosen.learning_rate)}"


def what_was_done(study: StudyResult) -> str:
    """Policies, seeds and length, in one sentence."""
    policies, seeds = len(study.policies), len(study.seeds)
    epochs = study.total_steps / study.steps_per_epoch
    runs = f"{numbers.plural(policies, 'policy')} on {numbers.plural(seeds, 'seed')}"
    length = f"{epochs:.4g} epochs ({numbers.count(study.total_steps)} updates)"
    before = ""
    if study.range_test is not None:
        updates = numbers.count(study.range_test.updates)
        before = f" A range test of {updates} updates set their rates beforehand."
        if study.found:
            before = f" After a range test of {updates} updates, searches set their peak rates."
    return f"Compared {runs}, {length} each, by {study.metric.name}.{before}"


def ties_sentence(study: StudyResult) -> str:
    """What the recommended policy cannot be told apart from; says so when there is nothing."""
    if not recommends(study):
        return "Nothing is recommended; see below where each run stopped."
    if len(study.seeds) < 2:
        return (
            "With a single seed nothing can be said about chance: run more seeds before "
            "relying on the order."
        )
    ties = study.recommended.ties
    seeds = numbers.plural(len(study.seeds), "seed")
    if ties:
        return (
            f"On {seeds}, {study.recommended.name} cannot be told apart from "
            f"{numbers.listing(ties)}: the order among them may be chance."
        )
    if len(study.policies) < 2:
        return "It was the only policy, so there is nothing to tell it apart from."
    if any(p.to_best is not None for p in study.policies):
        return f"On {seeds}, it can be told apart from every policy it could be compared with."
    return "Too few runs finished in pairs to say whether the differences are real."


def places_of(study: StudyResult) -> tuple[int, int]:
    """The decimals of the metric's column and of the differences'."""
    return recommend.places_of(study.policies)


def facts(study: StudyResult) -> list[tuple[str, str]]:
    """The recommended policy in a few figures: (what, value)."""
    places, difference_places = places_of(study)
    reference = baseline(study)
    found = next((p for p in study.policies if p.name == study.recommended.name), None)
    if not recommends(study):
        return []
    shown = [("highest rate", numbers.rate(study.recommended.learning_rate))]
    if found is None:
        return shown
    if found.metric_mean is not None:
        value = numbers.plus_minus(found.metric_mean, found.metric_ci, places)
        shown.insert(0, (f"{study.split} {study.metric.name}", value))
    if found.to_fixed is not None:
        difference = numbers.signed(found.to_fixed.mean, difference_places)
        sure = "distinct" if found.to_fixed.distinct else "unclear"
        shown.append((f"against {reference} ({sure})", difference))
    if found.steps_to_target is not None and reference not in (None, found.name):
        share = found.steps_to_target / study.total_steps
        shown.append((f"of the run to reach {reference}’s result", f"{100 * share:.0f} %"))
    return shown
