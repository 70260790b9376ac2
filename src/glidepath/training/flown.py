"""A plan in flight: its values with the controllers' factors on them, and the controllers' states.

This is what every adapter needs and no framework is needed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glidepath.control import MetricController, one_rolls_back, rollback
from glidepath.control.rollback import Action
from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules.durations import Duration
from glidepath.schedules.inflight import cooldown_from
from glidepath.schedules.plan import Plan
from glidepath.schedules.spec import plan_from_spec
from glidepath.training.resume import plan_to_fly, saved_plan


@dataclass(frozen=True)
class Cooling:
    """A cool-down that began in flight, and the controllers' states that are in its rates."""

    start: int
    """The update from which on the plan's rates are what is applied."""
    end: float
    """The rate that it comes to, whatever controllers do."""
    rate: float
    """The schedule's rate where it began, by which later factors are measured."""
    states: tuple[Any, ...]
    """The controllers' states there."""


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
        self.cooling: Cooling | None = None
        """What is known of a cool-down that began in flight, under controllers."""
        self._offered: tuple[Plan, Cooling | None] | None = None

    def change(self, plan: Plan) -> None:
        """Fly another plan of the same policy from now on: what `cooled` gave, an extension.

        The controllers' states go on.
        """
        if self._offered is not None and self._offered[0] is plan:
            self.cooling = self._offered[1]
        self.plan, self._offered = plan, None

    def cooled(self, step: int, over: Duration, end: float = 0.0, shape: str = "linear") -> Plan:
        """The plan with a cool-down from the rate that is applied at `step`, for `change`.

        The rate goes from there, the controllers' factors included, to `end`, in the shape that
        was asked for. What controllers change in it later multiplies what is left above `end`: the
        rate at the update k is then end + (cooled(k) − end)·r, where r is what they make of the
        schedule's rate now by what they made of it when the cool-down began.

        Args:
            step: the update at which it begins.
            over: how long it takes; a percentage is a share of the plan's length.
            end: the rate that it comes to; not above the applied rate at `step`.
            shape: "linear", "sqrt", "cosine" or "exponential"; see `Plan.cooldown_from`.
        """
        if not self.controllers:
            return self.plan.cooldown_from(step, over, end, shape)
        applied = self.values("learning_rate", step, step + 1)[0]
        plan = cooldown_from(self.plan, step, over, end, shape, applied)
        before = self.cooling
        self._offered = (
            plan,
            Cooling(
                step if before is None else min(step, before.start),
                float(end),
                float(self.plan(step)) if before is None else before.rate,
                self.states,
            ),
        )
        return plan

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
        if name != "learning_rate" or not self.controllers:
            return found
        cooling = self.cooling
        if cooling is None:
            return [self._made_of(rate, self.states) for rate in found]
        cut = min(max(cooling.start - start, 0), len(found))
        before = [self._made_of(rate, self.states) for rate in found[:cut]]
        if self.states == cooling.states:
            return before + found[cut:]
        then = self._made_of(cooling.rate, cooling.states)
        ratio = self._made_of(cooling.rate, self.states) / then if then else 1.0
        return before + [cooling.end + (rate - cooling.end) * ratio for rate in found[cut:]]

    def _made_of(self, rate: float, states: Iterable[Any]) -> float:
        """The rate that the controllers make of the schedule's, in given states."""
        for controller, state in zip(self.controllers, states, strict=True):
            rate = controller.apply(state, rate)
        return rate

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
        found = {**saved, "controllers": [asdict(state) for state in self.states]}
        if self.cooling is not None:
            states = [asdict(state) for state in self.cooling.states]
            found["cooling"] = {
                "start": self.cooling.start,
                "end": self.cooling.end,
                "rate": self.cooling.rate,
                "controllers": states,
            }
        return found

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
        if on_change != "override":
            flown.cooling = flown._cooling(saved.get("cooling"))
        return flown

    def _cooling(self, saved: Mapping[str, Any] | None) -> Cooling | None:
        """The cool-down that a checkpoint's plan is in."""
        if saved is None:
            return None
        try:
            states = tuple(
                _state(controller.init(), state)
                for controller, state in zip(self.controllers, saved["controllers"], strict=True)
            )
            return Cooling(int(saved["start"]), float(saved["end"]), float(saved["rate"]), states)
        except (KeyError, TypeError, ValueError) as error:
            raise ResumeError(
                f"the checkpoint's cool-down {dict(saved)!r} is not one ({error}); was it edited?"
            ) from error

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
            f"a controller monitors {controller.monitor!r}, which is not among the metrics "
            f"({', '.join(sorted(metrics)) or 'none were given'}); give it, or monitor another"
        )
    return float(metrics[controller.monitor])
