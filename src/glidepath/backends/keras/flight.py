"""Flight: the callback that flies a policy in `model.fit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from glidepath.backends.keras import live
from glidepath.backends.keras.flight_log import FlightLog, check_record
from glidepath.backends.keras.flight_source import FlightSource
from glidepath.backends.keras.loss_tap import LossTap
from glidepath.backends.keras.metric import metric_of
from glidepath.control.protocol import MetricController
from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Policy, as_policy
from glidepath.schedules.schedule import Schedule
from glidepath.training.records import RunInfo

_RING = 2**16
"""Updates that are noted between two epochs' ends where fit does not know an epoch's length."""


class Flight(keras.callbacks.Callback):
    """Flies a policy during `model.fit`: rate, momentum and weight decay at every update.

    `model.fit(x, y, epochs=30, callbacks=[Flight(gp.one_cycle(peak=0.1))])`. The momentum is beta_1
    in optimizers of Adam's family. Values are the plan's in float32, at the optimizer's own count
    of updates, so a run that was saved and is continued (`initial_epoch`) flies on where it was.
    After training the optimizer is the user's again, with the learning rate that was applied last.

    Args:
        policy: a policy or a schedule, planned for the run that `fit` is asked for, or a plan.
            None keeps the optimizer's own rate, whatever it is, for `controllers` to multiply.
        controllers: metric-driven factors on the rate, e.g. `[gp.reduce_on_plateau()]`, in addition
            to the policy's.
        record: a file for the run record: what the optimizer applied at every update, the loss of
            its batch, and the validation after each epoch.
        tensorboard: a folder for event files of the same.
        start: the optimizer's update at which the policy begins; a model that was trained before
            and starts a new policy needs `start=int(model.optimizer.iterations)`.
        name: the policy's name in the record.
        state: what `flight.state` was when an earlier part of the run ended: the controllers'.

    Raises:
        ArgumentError: here or when training begins, what cannot be flown: a momentum where the
            optimizer keeps none, weight decay where it applies none, an unknown number of steps.
    """

    def __init__(
        self,
        policy: Policy | Schedule | Plan | None = None,
        controllers: Iterable[MetricController] = (),
        record: Path | str | None = None,
        tensorboard: Path | str | None = None,
        start: int = 0,
        *,
        name: str = "flight",
        state: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._given = policy if policy is None or isinstance(policy, Plan) else as_policy(policy)
        inside = () if self._given is None else self._given.controllers
        more = (controllers,) if isinstance(controllers, MetricController) else controllers
        self._controllers = _checked((*inside, *more))
        if self._given is None and not self._controllers:
            raise ArgumentError(
                "Flight: needs a policy or controllers, got neither; give e.g. "
                "Flight(gp.one_cycle(peak=0.1))"
            )
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
            raise ArgumentError(
                f"Flight: start must be an update, 0 or above, got {start!r}; give an integer"
            )
        self._start = start
        self._record = None if record is None else Path(record)
        self._tensorboard = None if tensorboard is None else Path(tensorboard)
        self._name = name
        self._states = _states(self._controllers, state)
        self._source: FlightSource | None = None
        self._log: FlightLog | None = None
        self.plan: Plan | None = None
        """The plan that is flown, once training began; None with the optimizer's own rate."""

    @property
    def state(self) -> dict[str, Any]:
        """The controllers' states as plain JSON data, for `Flight(..., state=...)` on resuming."""
        return {"controllers": [asdict(state) for state in self._states]}

    def on_train_begin(self, logs: Any = None) -> None:
        """Plan the policy for this fit, and take over the optimizer's hyperparameters."""
        optimizer = self.model.optimizer
        live.refuse_wrapped(optimizer)
        _end_stale(self)
        steps, every = self.params.get("steps"), optimizer.gradient_accumulation_steps or 1
        self.plan = self._resolve(steps, every)
        names = () if self.plan is None else tuple(self.plan.tracks)
        live.refuse_unflown(optimizer, names)
        self._seen = self._updates()
        if self._record is not None:
            check_record(self._record, self._seen)
        size = _RING if steps is None else -(-steps // every) + 1
        self._source = FlightSource(
            optimizer,
            self._table(),
            names,
            start=self._start,
            size=size,
            bounds=self._bounds(),
        )
        self._source.flight = self
        live.attach(optimizer, self._source)
        self._tap = LossTap(self.model, self._source) if self._logs else None
        self._fit = self.model.history
        self._recompile()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Read back what was applied, write it, and let the controllers see the epoch's metrics."""
        assert self._source is not None
        values = logs if logs is not None else {}
        first, stop = self._seen, self._updates()
        if stop == first:
            return
        columns = self._read(first, stop)
        if self._logs:
            # Opened late: on TensorFlow the metrics are not built before the first step.
            self._log = self._log or self._opened(first)
            self._log.updates(first, columns)
            found = {k[4:]: float(v) for k, v in values.items() if k.startswith("val_")}
            if found:
                self._log.evaluation(stop, epoch + 1, found)
        self._seen = stop
        last = {name: float(column[-1]) for name, column in columns.items() if name != "loss"}
        self._control(values, last["learning_rate"])
        values.update({name: last[name] for name in self._flown()})

    def on_train_end(self, logs: Any = None) -> None:
        """Give the optimizer back, with the rate that was applied last."""
        self._land(finished=True)

    def _land(self, *, finished: bool) -> None:
        """Undo what `on_train_begin` did."""
        if self._source is None:
            return
        optimizer = self.model.optimizer
        last = self._read(self._seen - 1, self._seen) if self._seen else None
        if self._tap is not None:
            self._tap.remove()
        live.detach(optimizer)
        self._source.remove()
        self._source = None
        if self._log is not None:
            self._log.close(finished=finished)
            self._log = None
        if last and self.plan and isinstance(optimizer._learning_rate, keras.Variable):
            optimizer.learning_rate = float(last["learning_rate"][0])
        self.model.train_function = None

    def _resolve(self, steps: int | None, every: int) -> Plan | None:
        if self._given is None:
            return None
        if isinstance(self._given, Plan) and self._given.total_steps is not None:
            return self._given
        if steps is None:
            raise ArgumentError(
                "Flight: fit does not know how many batches an epoch has, so the policy cannot be "
                "planned; give fit(steps_per_epoch=...) or a data set with a length, or plan it "
                "yourself: Flight(policy.plan(total=..., steps_per_epoch=...))"
            )
        policy = self._given.policy if isinstance(self._given, Plan) else self._given
        per_epoch = steps // every if steps % every == 0 else None
        return policy.plan(self.params["epochs"] * steps // every, per_epoch)

    def _updates(self) -> int:
        return int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def _read(self, first: int, stop: int) -> dict[str, Any]:
        assert self._source is not None
        size = self._source.size
        if stop - first > size:
            raise ArgumentError(
                f"Flight: an epoch had {stop - first} updates, and only {size} can be kept where "
                "fit does not know the number; give fit(steps_per_epoch=...)"
            )
        return self._source.read(first, stop)

    def _flown(self) -> tuple[str, ...]:
        return ("learning_rate",) if self.plan is None else tuple(self.plan.tracks)

    def _control(self, logs: Mapping[str, Any], rate: float) -> None:
        """Let every controller see its metric, and put what they say into effect."""
        before = self._states
        self._states = tuple(
            controller.update(state, _monitored(controller, logs), rate)
            for controller, state in zip(self._controllers, self._states, strict=True)
        )
        if self._states != before:
            assert self._source is not None
            table = None if self.plan is None else self._table()
            self._source.replace(table, self._bounds())

    def _table(self) -> Any:
        """The plan's values from its first update to its end, controllers included, in float32."""
        if self.plan is None:
            return np.zeros((0, 1), np.float32)
        total = self.plan.total_steps
        assert total is not None
        rows = {n: np.append(t.table(), t(total)) for n, t in self.plan.tracks.items()}
        if any(state != c.init() for c, state in zip(self._controllers, self._states, strict=True)):
            rates = rows["learning_rate"].tolist()
            for controller, state in zip(self._controllers, self._states, strict=True):
                rates = [controller.apply(state, rate) for rate in rates]
            rows["learning_rate"] = np.asarray(rates)
        return np.asarray(list(rows.values())).astype(np.float32)

    def _bounds(self) -> Any:
        """With the optimizer's own rate: each controller's factor and smallest rate."""
        if self.plan is not None:
            return None
        pairs = [
            (state.factor, getattr(controller, "min_rate", 0.0))
            for controller, state in zip(self._controllers, self._states, strict=True)
        ]
        return np.asarray(pairs, np.float32)

    @property
    def _logs(self) -> bool:
        return self._record is not None or self._tensorboard is not None

    def _opened(self, first: int) -> FlightLog:
        metric, steps = metric_of(self.model), self.params.get("steps")
        every = self.model.optimizer.gradient_accumulation_steps or 1
        per_epoch = 0 if steps is None else steps // every
        total = self.params["epochs"] * per_epoch
        info = RunInfo(
            task=self.model.name,
            policy=self._name,
            spec=_spec(self._given),
            seed=0,
            total_steps=total if self.plan is None else self.plan.total_steps or total,
            steps_per_epoch=per_epoch,
            metric=metric.name,
            rising=metric.rising,
        )
        return FlightLog(self._record, self._tensorboard, info, first)

    def _recompile(self) -> None:
        """Have Keras compile its step anew: one compiled before the flight knows nothing of it."""
        self.model.make_train_function(force=True)


def _end_stale(flight: Flight) -> None:
    """Land a flight that an exception kept from landing; refuse a second one in the same fit."""
    source = flight.model.optimizer.__dict__.get("_glidepath_source")
    stale = getattr(source, "flight", None)
    if stale is None:
        return
    if stale._fit is flight.model.history:
        raise ArgumentError(
            "Flight: this fit has two; give it one, of a policy with all hyperparameters"
        )
    stale._land(finished=False)


def _checked(controllers: tuple[Any, ...]) -> tuple[MetricController, ...]:
    for controller in controllers:
        if not isinstance(controller, MetricController):
            raise ArgumentError(
                f"Flight: controllers must be controllers, got {controller!r}; give e.g. "
                "[gp.reduce_on_plateau(patience=3)]"
            )
    return controllers


def _states(
    controllers: tuple[MetricController, ...], state: Mapping[str, Any] | None
) -> tuple[Any, ...]:
    first = tuple(controller.init() for controller in controllers)
    if state is None:
        return first
    listed = state.get("controllers") if isinstance(state, Mapping) else None
    if not isinstance(listed, list) or len(listed) != len(first):
        raise ArgumentError(
            f"Flight: state must be what flight.state was with the same {len(first)} controllers, "
            f"got {state!r}"
        )
    try:
        return tuple(type(new)(**kept) for new, kept in zip(first, listed, strict=True))
    except TypeError as error:
        raise ArgumentError(
            f"Flight: state is not of these controllers ({error}); give what flight.state was"
        ) from error


def _monitored(controller: MetricController, logs: Mapping[str, Any]) -> float:
    if controller.monitor not in logs:
        raise ArgumentError(
            f"a controller monitors {controller.monitor!r}, and the epoch has {sorted(logs)}; "
            "choose one of them, or give fit the validation data"
        )
    return float(logs[controller.monitor])


def _spec(given: Policy | Plan | None) -> Any:
    policy = given.policy if isinstance(given, Plan) else given
    try:
        return None if policy is None else policy.to_spec()
    except SpecError:
        return None
