"""A plan in flight: its values with the controllers' factors on them, and the controllers' states.

This is what every adapter needs and no framework is needed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from glidepath.control import MetricController, one_rolls_back, rollback
from glidepath.control.rollback import Action
from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules.plan import Plan
from glidepath.schedules.spec import plan_from_spec
from glidepath.training.resume import plan_to_fly, saved_plan


class FlownPlan:
    """One plan, flown by one optimizer or by some of its parameter groups.

    The counter of updates is the adapter's; this holds the plan and the controllers' states.

    Args:
        plan: what is flown.

    Raises:
        ArgumentError: a controller lacks a method of `MetricController`, or several roll back.
    """

    def __init__(self, plan: Plan) -> None:
        self._take(plan)
        self.made = self.plan
        """The plan that the program made; another than `plan` once that was changed in flight."""

    def change(self, plan: Plan) -> None:
        """Fly another plan of the same policy from now on: a cool-down, an extension.

        The controllers' states go on.
        """
        self.plan = plan

    def _take(self, plan: Plan) -> None:
        controllers: list[MetricController] = []
        for controller in plan.controllers:
            if not isinstance(controller, MetricController):
                raise ArgumentError(
                    f"controllers must have monitor, init, update and apply, got {controller!r}; "
                    "see glidepath.control.MetricController"
                )
            controllers.append(controller)
        self.plan = plan
        self.controllers = tuple(controllers)
        self.rolls_back = one_rolls_back(controllers)
        """Whether `epoch_end` may say "keep" and "restore"."""
        self.states = tuple(controller.init() for controller in controllers)

    def values(self, name: str, start: int, stop: int) -> list[float]:
        """A hyperparameter at the updates start, …, stop − 1, past the end the value that holds."""
        found: list[float] = self.plan.tracks[name](np.arange(start, stop)).tolist()
        if name == "learning_rate":
            for controller, state in zip(self.controllers, self.states, strict=True):
                found = [controller.apply(state, rate) for rate in found]
        return found

    def epoch_end(self, metrics: Mapping[str, Any], step: int) -> Action | None:
        """Tell every controller its metric of an epoch that ended with `step` updates done.

        Returns:
            What a controller with `restore_best=True` asks for: "keep" to copy the weights and
            the optimizer's slots, "restore" to put the copy back; see `glidepath.control.rollback`.

        Raises:
            ArgumentError: a controller monitors what is not among the metrics.
        """
        if not self.controllers:
            return None
        before = self.states
        last = self.values("learning_rate", max(step - 1, 0), max(step, 1))[0]
        self.states = tuple(
            controller.update(state, _monitored(controller, metrics), last)
            for controller, state in zip(self.controllers, self.states, strict=True)
        )
        asked = map(rollback, self.controllers, before, self.states)
        return next((action for action in asked if action is not None), None)

    def state_dict(self) -> dict[str, Any]:
        """The plan's spec and fingerprint and the controllers' states, as plain JSON data."""
        saved = saved_plan(self.plan, self.made)
        return {**saved, "controllers": [asdict(state) for state in self.states]}

    def loaded(self, saved: Mapping[str, Any], on_change: str, where: str = "plan") -> FlownPlan:
        """The flight that a checkpoint continues; see `glidepath.training.resume.plan_to_fly`.

        Under "override" a controller keeps its state where it is the controller that was saved.
        """
        flown = FlownPlan(plan_to_fly(saved, self.made, on_change, where))
        if flown.plan is not self.made:
            flown.made = _made(saved, flown.plan, self.made)
        flown.states = tuple(
            state if kept is None else _state(state, kept)
            for state, kept in zip(flown.states, flown._kept(saved), strict=True)
        )
        return flown

    def _kept(self, saved: Mapping[str, Any]) -> list[Any]:
        """The saved state of each controller that was there when the checkpoint was written."""
        states = saved.get("controllers", [])
        if saved.get("fingerprint") == saved_plan(self.plan)["fingerprint"]:
            nodes = [controller.node() for controller in self.plan.controllers]
        else:
            nodes = ((saved.get("plan") or {}).get("policy") or {}).get("controllers", [])
        if len(nodes) != len(states):
            raise ResumeError(
                f"the checkpoint holds the states of {len(states)} controllers, and its plan has "
                f"{len(nodes)}; was it edited?"
            )
        pairs = list(zip(nodes, states, strict=True))
        found: list[Any] = []
        for controller in self.plan.controllers:
            match = next((pair for pair in pairs if pair[0] == controller.node()), None)
            found.append(None if match is None else match[1])
            if match is not None:
                pairs.remove(match)
        return found


def _made(saved: Mapping[str, Any], flown: Plan, now: Plan) -> Plan:
    """The program's own plan of a run that goes on with a saved plan."""
    made = saved.get("made")
    if made is None:
        return flown
    same = made["fingerprint"] == saved_plan(now)["fingerprint"]
    return now if same else plan_from_spec(made["plan"])


def _state(fresh: Any, kept: Mapping[str, Any]) -> Any:
    try:
        return type(fresh)(**kept)
    except TypeError as error:
        raise ResumeError(
            f"the checkpoint's controller state {dict(kept)!r} is not a {type(fresh).__name__} "
            f"({error}); was it written by another version?"
        ) from error


def _monitored(controller: MetricController, metrics: Mapping[str, Any]) -> float:
    if controller.monitor not in metrics:
        raise ArgumentError(
            f"a controller monitors {controller.monitor!r}, which is not among the metrics; give "
            f"one of {', '.join(sorted(metrics)) or 'them'}, or monitor another"
        )
    return float(metrics[controller.monitor])
