"""PlanSchedule: a plan's learning rate as a Keras `LearningRateSchedule`."""

from __future__ import annotations

import base64
import sys
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from glidepath.backends.keras.moved import warn_of_porting
from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules.durations import Duration
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, as_policy
from glidepath.schedules.spec import plan_from_spec


@keras.saving.register_keras_serializable("glidepath")
class PlanSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a plan: at update k exactly `plan(k)` in float32, and held past the end.

    It is saved with the model; `import glidepath.keras` before loading such a model.

    Args:
        plan: the plan, which must have a length and fly the learning rate alone.
        accumulation: the optimizer's `gradient_accumulation_steps`, because Keras hands schedules
            the count of batches. An optimizer with another number is refused when it first asks.

    Raises:
        ArgumentError: a plan without end, with momentum, weight decay or controllers (those are
            for `Flight`), or an accumulation that is not a positive integer.
    """

    def __init__(self, plan: Plan, accumulation: int = 1) -> None:
        if not isinstance(plan, Plan):
            raise ArgumentError(
                f"PlanSchedule: needs a plan, got {type(plan).__name__}; give "
                "policy.plan(total=..., steps_per_epoch=...)"
            )
        if plan.total_steps is None:
            raise ArgumentError("PlanSchedule: the plan has no end; give total to plan()")
        extra = [name for name in plan.tracks if name != "learning_rate"]
        extra += ["controllers"] * bool(plan.controllers)
        if extra:
            raise ArgumentError(
                f"PlanSchedule: a Keras schedule flies the learning rate alone, and this plan has "
                f"{', '.join(extra)} too; use the callback glidepath.keras.Flight, or plan "
                "policy.learning_rate"
            )
        self._start(plan_values(plan)[0], accumulation)
        self.plan: Plan | None = plan

    def _start(self, values: Any, accumulation: int) -> None:
        whole = isinstance(accumulation, int | np.integer) and not isinstance(accumulation, bool)
        if not whole or accumulation < 1:
            raise ArgumentError(
                f"PlanSchedule: accumulation must be a positive integer, got {accumulation!r}; "
                "give the optimizer's gradient_accumulation_steps, or leave it out"
            )
        self.accumulation = int(accumulation)
        self.values = values
        """The rate at the updates 0, ..., total, in float32."""
        self._table = ops.convert_to_tensor(values)
        self._looked = False

    def __call__(self, step: Any) -> Any:
        """The rate at Keras's count of batches `step`, as an engine's float32 scalar."""
        self._check_caller(sys._getframe(1).f_locals.get("self"))
        update = ops.floor_divide(ops.cast(step, "int32"), self.accumulation)
        return ops.take(self._table, ops.clip(update, 0, len(self.values) - 1), axis=0)

    def _check_caller(self, caller: Any) -> None:
        """Refuse the optimizer that counts otherwise: its schedule would run N times too fast.

        Keras does not tell a schedule whose it is, so the asking optimizer is looked at.
        """
        if not isinstance(caller, keras.optimizers.Optimizer):
            return
        steps = caller.gradient_accumulation_steps or 1
        if steps != self.accumulation:
            raise ArgumentError(
                f"PlanSchedule(accumulation={self.accumulation}) is in an optimizer with "
                f"gradient_accumulation_steps={caller.gradient_accumulation_steps}; give both the "
                "same number"
            )
        if self.plan is not None and not self._looked:
            self._looked = True
            warn_of_porting(self.plan.policy, caller)

    def get_config(self) -> dict[str, Any]:
        """The plan's spec; for a plan without one, its float32 table."""
        config: dict[str, Any] = {"accumulation": self.accumulation}
        try:
            if self.plan is not None:
                return {**config, "plan": self.plan.to_spec()}
        except SpecError:
            pass
        data = base64.b64encode(np.asarray(self.values, "<f4").tobytes()).decode("ascii")
        return {**config, "table": data}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The schedule that `get_config` described.

        Raises:
            SpecError: neither a plan nor a table, or a table that is cut off.
        """
        accumulation = config.get("accumulation", 1)
        if "plan" in config:
            return cls(plan_from_spec(config["plan"]), accumulation)
        try:
            values = np.frombuffer(base64.b64decode(config["table"], validate=True), "<f4")
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError(
                f"the configuration of a PlanSchedule needs a whole 'plan' or 'table' ({error}); "
                "was it cut off?"
            ) from error
        if values.size == 0 or not np.isfinite(values).all() or values.min() < 0:
            raise SpecError("the table of a PlanSchedule must hold finite rates, 0 or above")
        made = cls.__new__(cls)
        made._start(values.astype(np.float32), accumulation)
        made.plan = None
        return made


def schedule(
    policy: Flyable,
    total: Duration | None = None,
    steps_per_epoch: int | None = None,
    accumulation: int = 1,
) -> PlanSchedule:
    """A Keras schedule of a policy: `SGD(learning_rate=schedule(policy, "90ep", 391))`.

    Args:
        policy: a schedule, a policy of the learning rate alone, a number for a constant rate, or a
            plan of one.
        total: the run's length in updates, or in epochs ("90ep"); not with a plan, which has its
            own.
        steps_per_epoch: updates in an epoch, the partial last batch included.
        accumulation: the optimizer's `gradient_accumulation_steps`.
    """
    if not isinstance(policy, Plan):
        return PlanSchedule(as_policy(policy).plan(total, steps_per_epoch), accumulation)
    if total is not None or steps_per_epoch is not None:
        raise ArgumentError(
            "schedule: a plan has its own length; leave total and steps_per_epoch out"
        )
    return PlanSchedule(policy, accumulation)


def plan_values(plan: Plan) -> Any:
    """Per hyperparameter a row of its values at the updates 0, ..., total, in float32."""
    assert plan.total_steps is not None
    rows = [np.append(track.table(), track(plan.total_steps)) for track in plan.tracks.values()]
    return np.asarray(rows).astype(np.float32)
