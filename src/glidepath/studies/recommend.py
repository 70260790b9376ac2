"""The policy to use, and why, in plain words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence

from glidepath.schedules import Plan, Policy
from glidepath.studies.assemble import Flight, baseline, best, judged_on
from glidepath.studies.result import Difference, PolicyResult, Recommendation
from glidepath.training import Metric

CodeFor = Callable[[Policy, Plan, int | None], str]


def recommend(
    flights: Sequence[Flight],
    results: Sequence[PolicyResult],
    metric: Metric,
    plan: Plan,
    code_for: CodeFor | None,
    batch_size: int | None = None,
) -> Recommendation:
    """The best policy by validation, with the reason as the reported split shows it.

    Args:
        flights: every policy with its records.
        results: the same, compared.
        metric: what they are judged by.
        plan: the best policy's plan for this run.
        code_for: the task's own way to write the code to paste, where it has one.
        batch_size: examples in a batch, for that code; None where it is not known.
    """
    chosen, fixed = best(flights, metric), baseline(flights)
    others = {result.name: result for result in results if result.name != chosen.name}
    mine = next(result for result in results if result.name == chosen.name)
    ties = () if mine.diverged else tuple(n for n, r in others.items() if _tied(r))
    if mine.metric_mean is None:
        reason = _nothing_held(mine, len(results))
    else:
        reason = " ".join(
            [
                _chosen(mine, metric, results, judged_on(flights)),
                *_against_fixed(mine, None if fixed is None else fixed.name, metric, results),
                _against_others(others, ties, len(chosen.records)),
                *_fallen(others),
            ]
        )
    return Recommendation(
        name=chosen.name,
        policy=chosen.policy,
        learning_rate=float(plan.table().max()),
        reason=reason,
        ties=ties,
        code=(code_for or plain_code)(chosen.policy, plan, batch_size),
    )


def plain_code(policy: Policy, plan: Plan, batch_size: int | None = None) -> str:
    """Code that makes the policy from its spec, for tasks that know no better."""
    return (
        "import json\n\n"
        "import glidepath as gp\n\n"
        f"policy = gp.from_spec(json.loads({json.dumps(policy.to_spec())!r}))\n"
        f"plan = policy.plan(total={plan.total_steps}, steps_per_epoch={plan.steps_per_epoch})\n"
        "# the learning rate of update k, counted from 0, is plan(k)\n"
    )


def _tied(result: PolicyResult) -> bool:
    """Whether nothing tells it apart from the recommended one."""
    return not result.diverged and (result.to_best is None or not result.to_best.distinct)


def places_of(results: Sequence[PolicyResult]) -> tuple[int, int]:
    """The decimals that metrics and their differences are written with, in text and tables."""
    means = [p.metric_mean for p in results if p.metric_mean is not None]
    ends = [p.metric_ci for p in results if p.metric_ci is not None]
    places = decimals([(high - low) / 2 for low, high in ends], means)
    found = [d for p in results for d in (p.to_fixed, p.to_best) if d is not None]
    differences = decimals([(d.high - d.low) / 2 for d in found], [d.mean for d in found])
    return places, max(places, differences) if found else places


def decimals(half_widths: Iterable[float], values: Iterable[float]) -> int:
    """How many decimals a column needs: two digits of a typical ±, else three of the values."""
    widths = sorted(w for w in half_widths if math.isfinite(w) and w > 0)
    sizes = sorted(abs(v) for v in values if math.isfinite(v) and v != 0)
    if widths:
        places = 1 - math.floor(math.log10(widths[len(widths) // 2]))
    elif sizes:
        places = 2 - math.floor(math.log10(sizes[len(sizes) // 2]))
    else:
        places = 3
    return min(max(places, 0), 6)


def _written(value: float, places: int, sign: str = "") -> str:
    return f"{value:{sign},.{places}f}".replace("-", "−")


def _chosen(mine: PolicyResult, metric: Metric, results: Sequence[PolicyResult], split: str) -> str:
    policies, places = len(results), places_of(results)[0]
    assert mine.metric_mean is not None and mine.validation_mean is not None
    seeds = len(mine.records)
    over = "on the one seed" if seeds == 1 else f"in the mean of {seeds} seeds"
    among = "is the only policy" if policies == 1 else f"is the best of {policies} policies"
    if mine.metric_ci is None:
        interval = "one seed: no interval"
    else:
        low, high = (_written(end, places) for end in mine.metric_ci)
        interval = f"95 % interval {low} to {high}"
    chosen = (
        f"{mine.name} {among} by the validation {metric.name} {over} "
        f"({_written(mine.validation_mean, places)})."
    )
    if split != "test":
        return (
            f"{chosen} The task has no test data: every figure is of the validation data that it "
            f"was chosen by, and flatters it ({interval})."
        )
    return (
        f"{chosen} On the test data, which took no part in the "
        f"choice, its {metric.name} is {_written(mine.metric_mean, places)} ({interval})."
    )


def _against_fixed(
    mine: PolicyResult, fixed: str | None, metric: Metric, results: Sequence[PolicyResult]
) -> list[str]:
    gap = mine.to_fixed
    if fixed is None or fixed == mine.name or gap is None:
        return []
    size = _sized(gap, places_of(results)[1])
    if not gap.distinct:
        return [
            f"Against {fixed} that is {size}: they cannot be told apart, and {fixed} is "
            "the simpler."
        ]
    word = "better" if (gap.mean > 0) == metric.rising else "worse"
    return [f"Against {fixed} that is {size}: {word}, beyond chance."]


def _sized(gap: Difference, places: int) -> str:
    mean, low, high = (_written(value, places, "+") for value in (gap.mean, gap.low, gap.high))
    return f"{mean} ({low} to {high})"


def _against_others(others: dict[str, PolicyResult], ties: tuple[str, ...], seeds: int) -> str:
    if not others:
        return "There is nothing to compare it with."
    if seeds == 1:
        return "With one seed nothing can be told apart; run more seeds."
    compared = [r for r in others.values() if r.to_best is not None]
    if not compared:
        return "Too few runs finished in pairs to compare it with the others."
    if not ties:
        return "It can be told apart from every policy that finished."
    return (
        f"It cannot be told apart from {', '.join(ties)}: any of these may be as good, and more "
        "seeds would tell."
    )


def _fallen(others: dict[str, PolicyResult]) -> list[str]:
    fallen = [f"{n} ({r.diverged} of {len(r.records)})" for n, r in others.items() if r.diverged]
    return [f"Runs diverged: {', '.join(fallen)}."] if fallen else []


def _nothing_held(mine: PolicyResult, policies: int) -> str:
    if mine.diverged == len(mine.records):
        what = "Every run of every policy diverged" if policies > 1 else "Every run diverged"
        which = f"; {mine.name} held longest" if policies > 1 else ""
    else:
        what = "Every policy diverged on some seed"
        which = f"; {mine.name} did so least ({mine.diverged} of {len(mine.records)})"
    return (
        f"{what}{which}. Nothing here can be recommended as it is: lower the rates, add a "
        "warm-up, or clip the gradients, and compare again."
    )
