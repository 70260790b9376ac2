"""The check of an Optax training: each new state says what its update applied."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import jax

from glidepath.backends.check import no_groups
from glidepath.backends.optax.schedule import NAMES
from glidepath.errors import ArgumentError, CheckError
from glidepath.schedules.plan import Plan
from glidepath.training.checking import Clues, PlanCheck

_REMEDY = (
    "give inject_hyperparams a schedule, or use glidepath.optax.inject(policy, optax.sgd, ...)"
)


class OptimizerCheck:
    """A context that is shown every new state, and compares what was applied with a plan.

    It waits for each step that it is shown: use it to find a mistake, not in every run.
    """

    def __init__(
        self,
        optimizer: Any,
        plan: Plan,
        *,
        start: int = 0,
        tolerance: float = 1e-6,
        groups: Mapping[int | str, Plan] | None = None,
    ) -> None:
        no_groups("Optax", groups)
        if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
            raise ArgumentError(
                f"check: needs an Optax optimizer, got {type(optimizer).__name__}; give what "
                "glidepath.optax.inject or optax.inject_hyperparams(...)(...) returned"
            )
        self._check = PlanCheck(plan, start, tolerance, floor=1.0)
        self._start = start
        self.updates = 0
        """How many updates were seen, and were the plan's."""

    def __enter__(self) -> OptimizerCheck:
        self.updates, self._batches = 0, 0
        self._counts: list[int] | None = None
        self._made: int | None = None
        self._clues = Clues(processes=jax.process_count(), remedy=_REMEDY)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.updates == 0:
            raise CheckError(
                "no update was seen, so nothing was checked; show every new state to the block: "
                "with gp.check(optimizer, plan) as checked: ...; checked.saw(state)"
            )

    def saw(self, state: Any) -> None:
        """Compare what the update that gave this state applied; call it after every update.

        A state under `optax.MultiSteps` or `apply_if_finite` in which nothing was applied is
        known by what they note in it, any other by a count that has not moved.

        Args:
            state: the optimizer's state, with the hyperparameters of the update in it.

        Raises:
            ArgumentError: a state without hyperparameters, or with several updates since the last.
            CheckError: a value that is not the plan's.
        """
        places = jax.device_get(_leaves(state, "hyperparams"))
        if not places:
            raise ArgumentError(
                "check: this state does not say what was applied; make the optimizer with "
                "glidepath.optax.inject(policy, optax.sgd, ...) or optax.inject_hyperparams, or "
                "compare your schedule with the plan itself: schedule(k) with plan(k)"
            )
        self._batches += 1
        if not self._applied(state, [int(place.count) for place in places]):
            return
        self._clues.batches.append(self._batches)
        for name in self._check.plan.tracks:
            for where, place, argument in self._found(places, name):
                applied = float(place.hyperparams[argument])
                if argument not in place.hyperparams_states:
                    self._clues.own.setdefault(name, applied)
                k = self._start + self.updates
                self._check.compare(k, name, applied, self._clues, where)
        self.updates += 1

    def _applied(self, state: Any, counts: list[int]) -> bool:
        """Whether the weights were changed since the state before."""
        before, self._counts = self._counts, counts
        moved = max(counts) - (max(counts) - 1 if before is None else max(before))
        if moved > 1:
            raise ArgumentError(
                f"check: {moved} updates were made since the state before; show every new state. "
                "In a scan, return state.hyperparams from each step and compare it with "
                "plan.table() afterwards"
            )
        for several in jax.device_get(_leaves(state, "gradient_step")):
            made, self._made = self._made, int(several.gradient_step)
            return self._made > 0 and not several.mini_step if made is None else self._made > made
        for finite in jax.device_get(_leaves(state, "total_notfinite")):
            return bool(finite.last_finite)
        return moved != 0

    def _found(self, places: list[Any], name: str) -> list[tuple[str, Any, str]]:
        """The places in the state that hold a hyperparameter, in words, and its name there."""
        found = [
            (place, argument)
            for place in places
            for argument in NAMES[name]
            if argument in place.hyperparams
        ]
        if not found:
            held = sorted({each for place in places for each in place.hyperparams})
            raise ArgumentError(
                f"check: the plan flies the {name}, and the state's hyperparameters are {held}; "
                f"inject it too, or check a plan without it"
            )
        several = len(found) > 1
        return [
            (f" in injected optimizer {index}" if several else "", *each)
            for index, each in enumerate(found)
        ]


def _leaves(state: Any, field: str) -> list[Any]:
    """The parts of a state that have a field."""

    def has(part: Any) -> bool:
        return hasattr(part, "_fields") and field in part._fields

    return [part for part in jax.tree.leaves(state, is_leaf=has) if has(part)]
