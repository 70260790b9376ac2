"""The shape of a policy: what it flies over the whole run, with its peak rate taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glidepath.errors import ArgumentError
from glidepath.schedules import Duration, Policy, Schedule, as_policy
from glidepath.training.trainer import Array, Trainer

_RISE = 0.1
"""A rise or a fall of less than this share of the peak is none."""


@dataclass(frozen=True)
class Shape:
    """The tables of a run of `total` updates; the rate's has a peak of 1."""

    total: int
    rate: Array
    others: Mapping[str, Array]
    """Momentum and weight decay, where the policy flies them; these are not scaled."""

    @cached_property
    def steady(self) -> bool:
        """Whether nothing changes during the run, so that a short run begins a long one."""
        return all(float(np.ptp(table)) == 0 for table in (self.rate, *self.others.values()))

    @cached_property
    def returns(self) -> bool:
        """Whether the rate comes back up: cycles and restarts."""
        fallen, extreme = False, 0.0
        up = True
        for value in self.rate.tolist():
            extreme = max(extreme, value) if up else min(extreme, value)
            if abs(value - extreme) > _RISE:
                if fallen:
                    return True
                up, fallen, extreme = False, True, value
        return False

    def hottest(self, updates: int) -> slice:
        """The updates in a row, so many, over which the mean rate is the highest."""
        sums = np.concatenate([[0.0], np.cumsum(self.rate)])
        length = min(updates, self.total)
        first = int(np.argmax(np.round(sums[length:] - sums[:-length], 9)))
        return slice(first, first + length)

    def flown(self, peak: float, updates: int) -> dict[str, Array]:
        """The tables of a run of so many updates whose peak rate is `peak`.

        Update k has the mean of the whole run's values over the share k/updates to
        (k + 1)/updates of it, so that the mean rate is the same at every length.
        """
        tables = self._compressed.get(updates)
        if tables is None:
            whole = {"learning_rate": self.rate, **self.others}
            tables = {name: compress(table, updates) for name, table in whole.items()}
            self._compressed[updates] = tables
        return {**tables, "learning_rate": peak * tables["learning_rate"]}

    @cached_property
    def _compressed(self) -> dict[int, dict[str, Array]]:
        """The tables by length: all lanes of one length fly the same ones."""
        return {}


def compress(table: Array, updates: int) -> Array:
    """A table of `updates` entries, each the mean of its share of the long one."""
    if updates == len(table) or float(np.ptp(table)) == 0:
        return np.full(updates, table[0]) if updates != len(table) else table
    area = np.concatenate([[0.0], np.cumsum(table)])
    edges = np.arange(updates + 1) * (len(table) / updates)
    means = np.diff(np.interp(edges, np.arange(len(area)), area)) * (updates / len(table))
    kept: Array = np.clip(means, table.min(), table.max())
    return kept


def shape_of(
    policy: Policy | Schedule, budget: Duration, trainer: Trainer, where: str = "find"
) -> tuple[Shape, list[str]]:
    """The shape that a policy has over a budget on a trainer, and what was left out of it.

    Raises:
        ArgumentError: no trainer, no length, a rate of 0 throughout, or what the optimizer cannot
            fly; it begins with `where`.
        PlanError: the policy does not fit the budget.
    """
    if not isinstance(trainer, Trainer):
        raise ArgumentError(
            f"{where}: needs a trainer, got {type(trainer).__name__}; give e.g. "
            "glidepath.torch.Task(...).open(), or what follows glidepath.training.Trainer"
        )
    chosen = as_policy(policy)
    plan = chosen.plan(budget, trainer.steps_per_epoch)
    if plan.total_steps is None:
        raise ArgumentError(f"{where}: the budget has no length; give e.g. budget='20ep'")
    lacking = [name for name in plan.tracks if name not in trainer.hyperparameters]
    if lacking:
        raise ArgumentError(
            f"{where}: the policy flies {', '.join(lacking)}, which this trainer's optimizer does "
            f"not have (it has {', '.join(sorted(trainer.hyperparameters))}); leave it out of the "
            "policy (one_cycle: momentum=None), or use an optimizer that has it"
        )
    rate = plan.table()
    peak = float(rate.max())
    if peak <= 0:
        raise ArgumentError(f"{where}: the policy's rate is 0 all the time; give it a peak above 0")
    others = {name: plan.table(name) for name in plan.tracks if name != "learning_rate"}
    notes = []
    if plan.controllers:
        notes.append(
            "the policy's controllers take no part in the search: the rate is that of its schedule "
            "alone"
        )
    return Shape(plan.total_steps, rate / peak, others), notes
