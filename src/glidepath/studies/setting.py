"""A study's setting: what the task is like, and every policy with its rates.

Rates come from the range test, and are then moved to where the finder puts the peak of each
policy's own shape over the whole run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glidepath.errors import PlanError, RecordError, SpecError, StudyError
from glidepath.finding.finder import Found
from glidepath.finding.result import RangeTest
from glidepath.schedules import Plan, Policy, as_policy, from_spec, polynomial_decay
from glidepath.studies.defaults import DEFAULTS, SetPolicy, fit_to, set_default
from glidepath.studies.worker import Described
from glidepath.training import Metric
from glidepath.training.trainer import Array


@dataclass(frozen=True)
class Setting:
    """What the runs of a study are flown from."""

    described: Described
    epochs: int
    test: RangeTest | None
    """The range test; None where every policy was given."""
    policies: Mapping[str, SetPolicy]
    found: Mapping[str, Found]
    """What the finder found for the shape of each policy that it set, by the policy's name."""

    def to_json(self) -> dict[str, Any]:
        """As JSON data, for `from_json`."""
        return {
            "steps_per_epoch": self.described.steps_per_epoch,
            "metric": [self.described.metric.name, self.described.metric.rising],
            "hyperparameters": self.described.hyperparameters,
            "batch_size": self.described.batch_size,
            "epochs": self.epochs,
            "range_test": None if self.test is None else json.loads(self.test.to_json()),
            "policies": {
                name: {"spec": chosen.policy.to_spec(), "note": chosen.note}
                for name, chosen in self.policies.items()
            },
            "found": {name: json.loads(found.to_json()) for name, found in self.found.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Setting:
        """The setting that `to_json` wrote.

        Raises:
            StudyError: it is damaged.
        """
        try:
            described = Described(
                data["steps_per_epoch"],
                Metric(*data["metric"]),
                tuple(data["hyperparameters"]),
                data["batch_size"],
            )
            test = data["range_test"] and RangeTest.from_json(json.dumps(data["range_test"]))
            policies = {
                name: SetPolicy(as_policy(from_spec(item["spec"])), item["note"])
                for name, item in data["policies"].items()
            }
            found = {
                name: Found.from_json(json.dumps(item)) for name, item in data["found"].items()
            }
            return cls(described, data["epochs"], test, policies, found)
        except (AttributeError, KeyError, TypeError, RecordError, SpecError) as error:
            raise StudyError(f"the study's setting is damaged ({error})") from error

    def plans(self, task: str) -> dict[str, Plan]:
        """Every policy's plan; refused before any training where one does not fit.

        Raises:
            PlanError: a policy that does not fit the run.
            StudyError: a policy that flies what the task's optimizer does not have.
        """
        found = {}
        for name, item in self.policies.items():
            try:
                found[name] = self._plan(item.policy)
            except PlanError as error:
                raise PlanError(
                    f"the policy {name!r} does not fit a run of {self.epochs} epochs of "
                    f"{self.described.steps_per_epoch} updates: {error}"
                ) from error
            lacking = sorted(set(found[name].tracks) - set(self.described.hyperparameters))
            if lacking:
                raise StudyError(
                    f"the policy {name!r} flies {', '.join(lacking)}, which the optimizer of "
                    f"{task!r} does not have; leave it out of the policy"
                )
        return found

    def moved(self, found: Mapping[str, Found]) -> Setting:
        """The setting with its default policies moved to the peaks that the finder found."""
        policies = dict(self.policies)
        for name, one in found.items():
            assert self.test is not None
            steps = self.described.steps_per_epoch
            peak = range_test_peak(name, self.test, self.epochs, steps)
            factor = one.learning_rate / peak
            test = self.test
            scaled = replace(
                test,
                suggested=test.suggested * factor,
                low=test.low * factor,
                high=test.high * factor,
            )
            made = set_default(name, scaled, self.epochs, self.described.steps_per_epoch)
            low, high = one.interval
            note = (
                f"{DEFAULTS[name].shape} Its peak is the finder's for this shape over the whole "
                f"run, {one.learning_rate:.3g} ({low:.3g} to {high:.3g}); the range test alone "
                f"would have set {peak:.3g}."
            )
            policies[name] = self._fitted(SetPolicy(made.policy, note))
        return replace(self, policies=policies, found=dict(found))

    def _plan(self, policy: Policy) -> Plan:
        return policy.plan(f"{self.epochs}ep", self.described.steps_per_epoch)

    def _fitted(self, chosen: SetPolicy) -> SetPolicy:
        return fit_to(chosen, self.described.hyperparameters)


def set_policies(
    described: Described,
    epochs: int,
    test: RangeTest | None,
    policies: Mapping[str, Policy | None],
) -> Setting:
    """The setting before the finder: given policies as they are, default ones by the range test."""
    chosen = {}
    for name, policy in policies.items():
        if policy is not None:
            made = SetPolicy(policy, "As it was given.")
        else:
            assert test is not None
            made = set_default(name, test, epochs, described.steps_per_epoch)
        chosen[name] = fit_to(made, described.hyperparameters)
    return Setting(described, epochs, test, chosen, {})


def range_test_peak(name: str, test: RangeTest, epochs: int, steps_per_epoch: int) -> float:
    """The highest rate of a default policy that the range test alone sets."""
    policy = set_default(name, test, epochs, steps_per_epoch).policy
    return float(policy.plan(f"{epochs}ep", steps_per_epoch).table().max())


def shapes(setting: Setting, names: Iterable[str]) -> dict[str, Policy]:
    """What the finder flies for each of these default policies.

    It is the policy itself, but for one with controllers: what they will do is not known, and a
    rate that falls in a straight line stands in for one that falls when it must.
    """
    falling = as_policy(polynomial_decay(1.0, 0.0, "100%"))
    found = {}
    for name in names:
        policy = setting.policies[name].policy
        found[name] = falling if policy.controllers else policy
    return found


def alike(setting: Setting, wanted: Mapping[str, Policy]) -> dict[str, str]:
    """For every name the first one whose policy has the same shape, so that it is searched once."""
    seen: list[tuple[str, dict[str, Array]]] = []
    found = {}
    for name, policy in wanted.items():
        plan = setting._plan(policy)
        tables = {track: plan.table(track) for track in plan.tracks}
        tables["learning_rate"] = tables["learning_rate"] / tables["learning_rate"].max()
        twin = next((first for first, other in seen if _same(tables, other)), name)
        if twin == name:
            seen.append((name, tables))
        found[name] = twin
    return found


def _same(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    return set(one) == set(other) and all(
        np.allclose(table, other[track], rtol=1e-9, atol=1e-12) for track, table in one.items()
    )
