"""Which parameter group flies which policy: rules by the group's index or by names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from glidepath.backends.torch import hyperparameters as hyper
from glidepath.errors import ArgumentError
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, as_policy

Rule = int | str
"""A group's index, or a pattern for its name or the names of all its parameters."""


def as_plan(
    value: Flyable, total: Duration | None, steps_per_epoch: int | None, where: str
) -> Plan:
    """A plan as it is, or a policy resolved for the run."""
    if not isinstance(value, Plan):
        return as_policy(value).plan(total, steps_per_epoch)
    if total not in (None, value.total_steps) or steps_per_epoch not in (
        None,
        value.steps_per_epoch,
    ):
        raise ArgumentError(
            f"{where}: a plan has its own length ({value.total_steps} updates, "
            f"{value.steps_per_epoch} per epoch), got total={total!r}, "
            f"steps_per_epoch={steps_per_epoch!r}; leave them out, or give the policy"
        )
    return value


def assign(rules: Sequence[Rule], groups: Sequence[Mapping[str, Any]]) -> list[Rule | None]:
    """The first rule that matches each group; None where none does.

    Raises:
        ArgumentError: a pattern matches some of a group's parameters and not the others.
    """
    return [
        next((rule for rule in rules if _matches(rule, index, group)), None)
        for index, group in enumerate(groups)
    ]


def check_rules(rules: Mapping[Any, Any], groups: Sequence[Mapping[str, Any]]) -> None:
    """ArgumentError for a rule that is not one, that matches no group, or that is there twice."""
    for rule in rules:
        if isinstance(rule, str) and any(str(o) == rule for o in rules if isinstance(o, int)):
            raise ArgumentError(
                f"Scheduler: groups: the index {rule} and the name {rule!r} are the same in a "
                "checkpoint, got both; give both groups by index"
            )
    for rule in rules:
        if isinstance(rule, bool) or not isinstance(rule, int | str):
            raise ArgumentError(
                f"Scheduler: groups must be keyed by an index or a name pattern, got {rule!r}; "
                "give e.g. {'backbone.*': policy} or {1: policy}"
            )
        if not any(_matches(rule, index, group) for index, group in enumerate(groups)):
            raise ArgumentError(
                f"Scheduler: groups: {rule!r} matches no parameter group; there are "
                f"{_listed(groups)}. Build the optimizer from model.named_parameters(), or give "
                "its groups a 'name', to match by name; for a group that is added later, call "
                "scheduler.assign({...}) after adding it"
            )


def refuse_flattening(plan: Plan, groups: Mapping[int, Mapping[str, Any]]) -> None:
    """ArgumentError where groups that were set up to differ would be given the same value.

    Args:
        plan: what they would all fly.
        groups: the parameter groups that no rule names, by their index.
    """
    for name in plan.tracks:
        found = {index: hyper.read(group, name) for index, group in groups.items()}
        first = next(iter(found), None)
        for index, value in found.items():
            if first is not None and value != found[first]:
                raise ArgumentError(
                    f"Scheduler: the parameter groups {first} and {index} have the {name} "
                    f"{found[first]:g} and {value:g}, and the policy would give both the same "
                    f"value; say what each flies, e.g. groups={{{index}: 0.1 * policy}}, or give "
                    f"them the same {name} first"
                )


def _matches(rule: Rule, index: int, group: Mapping[str, Any]) -> bool:
    if isinstance(rule, int):
        return rule == index
    if isinstance(group.get("name"), str) and fnmatchcase(group["name"], rule):
        return True
    names = group.get("param_names") or []
    hits = [name for name in names if fnmatchcase(name, rule)]
    if hits and len(hits) < len(names):
        missed = next(name for name in names if name not in hits)
        raise ArgumentError(
            f"Scheduler: groups: {rule!r} matches {len(hits)} of the {len(names)} parameters of "
            f"group {index} ({hits[0]!r}, but not {missed!r}), and a group has one rate; put what "
            "differs into parameter groups of its own"
        )
    return bool(hits)


def _listed(groups: Sequence[Mapping[str, Any]]) -> str:
    def said(index: int, group: Mapping[str, Any]) -> str:
        name = group.get("name") or ", ".join((group.get("param_names") or [])[:2])
        return f"{index} ({name or 'without names'})"

    shown = [said(index, group) for index, group in enumerate(groups[:5])]
    return ", ".join(shown) + (", ..." if len(groups) > 5 else "")
