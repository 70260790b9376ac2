"""Flight: the callback that flies a policy in `model.fit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from glidepath.backends.keras import flight_log, flight_plan, live, logbook, moved, processes
from glidepath.backends.keras.best import Best
from glidepath.backends.keras.changes import Changeable
from glidepath.backends.keras.flight_log import FlightLog
from glidepath.backends.keras.flight_plan import OwnRate
from glidepath.backends.keras.flight_source import FlightSource
from glidepath.backends.keras.loss_tap import LossTap
from glidepath.backends.keras.metric import metric_of
from glidepath.control.protocol import MetricController
from glidepath.errors import ArgumentError, SpecError
from glidepath.schedules import checks
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Flyable, Policy
from glidepath.training.flown import FlownPlan
from glidepath.training.records import RunInfo
from glidepath.training.resume import ON_CHANGE, saved_plan

_RING = 2**16
"""Updates between two epochs' ends that are flown where fit does not know an epoch's length."""
_AHEAD = 2**13
"""So many updates at the least are placed at once where no controller changes them."""


class Flight(Changeable, keras.callbacks.Callback):
    """Flies a policy during `model.fit`: rate, momentum and weight decay at every update.

    `model.fit(x, y, epochs=30, callbacks=[Flight(gp.one_cycle(peak=0.1))])`. The momentum is beta_1
    in optimizers of Adam's family. Values are the plan's in float32, at the optimizer's own count
    of updates, so a run that was saved and is continued (`initial_epoch`) flies on where it was.
    After training the optimizer is the user's again, with the learning rate that was applied last.

    Every checkpoint that Keras writes of the model holds the flight's state beside the weights.
    `BackupAndRestore` and `model.load_weights` bring it back by themselves; after `load_model`
    say `Flight(policy, state="model.keras")`. With controllers, put the flight before the callback
    that saves.

    Args:
        policy: a policy, a schedule or a number for a constant rate, planned for the run that
            `fit` is asked for, or a plan. None keeps the optimizer's own rate, whatever it is, for
            `controllers` to multiply.
        controllers: metric-driven factors on the rate, e.g. `[gp.reduce_on_plateau()]`, in addition
            to the policy's.
        record: a file for the run record: what the optimizer applied at every update, the loss of
            its batch, and the validation after each epoch. Of several processes the first writes
            it, and each reads it where a run is continued.
        tensorboard: a folder for event files of the same.
        start: the optimizer's update at which the policy begins; a model that was trained before
            and starts a new policy needs `start=int(model.optimizer.iterations)`. None: 0, or
            what `state` says.
        name: the policy's name in the record.
        state: of the flight that is continued: a checkpoint's path, or what `flight.state` was.
        on_change: what to do where `state` or the record is of another plan: "strict" raises with
            what differs, "keep" flies the saved plan, "override" the new one from here on.

    Raises:
        ArgumentError: here or when training begins, what cannot be flown: a momentum where the
            optimizer keeps none, weight decay where it applies none, an unknown number of steps.
        ResumeError: here or when training begins, a state that is none, or of another plan.
    """

    def __init__(
        self,
        policy: Flyable | None = None,
        controllers: Iterable[MetricController] = (),
        record: Path | str | None = None,
        tensorboard: Path | str | None = None,
        start: int | None = None,
        *,
        name: str = "flight",
        state: Mapping[str, Any] | Path | str | None = None,
        on_change: str = "strict",
    ) -> None:
        super().__init__()
        self._given = flight_plan.given(policy, controllers)
        self._own = policy is None
        if start is not None:
            checks.count("Flight", "start", start, least=0)
        self._asked, self._start = start, start or 0
        self._record = None if record is None else Path(record)
        self._tensorboard = None if tensorboard is None else Path(tensorboard)
        self._name = name
        self._on_change = checks.choice("Flight", "on_change", on_change, ON_CHANGE)
        self._best = Best()
        self._landed = self._changed = False
        self._seen = self._longest = self._begun = 0
        self._saved: dict[str, Any] | None = None
        """The state to continue from."""
        if isinstance(state, str | Path):
            self._saved, self._best.arrays = logbook.read(state)
        elif state is not None:
            self._saved = logbook.checked(state)
        self._flown: FlownPlan | None = None
        self._source: FlightSource | None = None
        self._log: FlightLog | None = None
        self.plan: Plan | None = None
        """The plan that is flown, once training began; None with the optimizer's own rate."""

    @property
    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside the model, as plain JSON data, for `Flight(state=...)`.

        The plan's spec and fingerprint, the update it began at, and the controllers' states. The
        counter is the optimizer's own. Without a flight yet, what was given.
        """
        if self._flown is None:
            return dict(self._saved or {})
        wall = {} if self._wall is None else {"wall_clock": self._wall.state_dict()}
        return {**self._flown.state_dict(), "start": self._start, **wall}

    def set_model(self, model: Any) -> None:
        """Take the model, and let its checkpoints carry the flight's state."""
        super().set_model(model)
        logbook.hang(self.model, self)

    def pack(self) -> tuple[dict[str, Any], list[Any]]:
        """What the model's checkpoint is to hold: the state, and the best epoch's arrays."""
        if self._source is not None and self._flown is not None and self._flown.controllers:
            steps, every = self.params.get("steps"), self._every()
            if steps is not None and self._updates() - self._seen >= steps // every:
                flight_plan.warn_of_an_unseen_epoch()
        return self.state, self._best.arrays

    def unpack(self, state: Mapping[str, Any], best: list[Any]) -> None:
        """Take what a checkpoint held that the model was loaded from."""
        self._saved, self._best.arrays = logbook.checked(state), best
        self._landed = self._changed = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Land what an exception kept from landing, this flight or another."""
        _end_stale(self)
        self._source = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Take the optimizer over, and give it the epoch's part of the plan.

        Here and not when training begins: by now every callback that loads a checkpoint has.
        """
        if self._source is None:
            self._take_off()
        assert self._source is not None
        now = self._updates()
        self._watch(now, self._longest)
        if self._controlled or not self._source.holds(now, now + self._longest):
            self._place(now)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Read back what was applied, write it, and let the controllers see the epoch's metrics."""
        assert self._source is not None
        values = logs if logs is not None else {}
        first, stop = self._seen, self._updates()
        if stop == first:
            return
        if stop - first > self._longest + 1:
            raise ArgumentError(
                f"Flight: an epoch had {stop - first} updates, and only {self._longest + 1} can be "
                "flown where fit does not know the number; give fit(steps_per_epoch=...)"
            )
        if self._logs and processes.first():
            # Opened late: on TensorFlow the metrics are not built before the first step.
            self._log = self._log or self._opened(first)
            self._log.updates(first, self._source.read(first, stop))
            found = {k[4:]: float(v) for k, v in values.items() if k.startswith("val_")}
            if found:
                self._log.evaluation(stop, epoch + 1, found)
        self._seen = stop
        last = self._source.last(stop - 1)
        self._control(values, last["learning_rate"])
        values.update({name: last[name] for name in self._names()})
        if self._done(stop):
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Give the optimizer back, with the rate that was applied last."""
        if self._source is not None and self.model.stop_training:
            self._warn_unfinished(self._seen)
        self._land(finished=True)

    def _land(self, *, finished: bool) -> None:
        """Undo what `on_train_begin` did."""
        if self._source is None:
            return
        optimizer = self.model.optimizer
        done = self._updates()
        last = self._source.last(done - 1) if done > self._begun else None
        if self._tap is not None:
            self._tap.remove()
        live.detach(optimizer)
        self._source.remove()
        self._source = None
        if self._log is not None:
            self._log.close(finished=finished)
            self._log = None
        if last and self.plan and isinstance(optimizer._learning_rate, keras.Variable):
            optimizer.learning_rate = last["learning_rate"]
        self.model.train_function = None
        self._saved, self._landed = self.state, True

    def _take_off(self) -> None:
        """Plan the policy for this fit, and take over the optimizer's hyperparameters."""
        optimizer = self.model.optimizer
        live.refuse_wrapped(optimizer)
        _end_stale(self)
        steps, every = self.params.get("steps"), self._every()
        self._seen = self._begun = self._updates()
        self._flown = self._resumed(flight_plan.flown(self._resolve(steps, every)))
        self.plan = None if isinstance(self._flown, OwnRate) else self._flown.plan
        self._begin_wall(self._saved, steps // every if steps else None)
        names = () if self.plan is None else tuple(self.plan.tracks)
        live.refuse_unflown(optimizer, names)
        if self.plan is not None:
            moved.warn_of_porting(self.plan.policy, optimizer)
            flight_plan.warn_past_the_end(self.plan, self._seen, self._start)
        if self._record is not None:
            flight_log.check_record(self._record, self._seen)
        self._longest = _RING - 1 if steps is None else -(-steps // every)
        kept = self._longest + 1
        self._source = FlightSource(
            optimizer,
            names,
            size=2 + (kept if self._controlled else max(kept, _AHEAD)),
            noted=kept if self._logs else int(self.plan is None),
            bounds=self._bounds(),
        )
        self._source.flight = self
        live.attach(optimizer, self._source)
        self._tap = LossTap(self.model, self._source) if self._logs else None
        self._fit = self.model.history
        self._recompile()

    def _resumed(self, now: FlownPlan) -> FlownPlan:
        """What is flown, by the plan of now, the state to continue from, and the record."""
        # A flight that landed and takes off with a fresh model begins anew.
        new = self._landed and self._seen <= self._start
        saved = None if new else self._saved
        how, found = self._on_change, now
        if self._changed and not new:
            assert self._flown is not None
            found, how = self._flown, "override"
        elif saved is not None:
            found = flight_plan.resumed(now, saved, how)
            self._start = flight_plan.resumed_start(self._asked, saved, how)
            how = "strict" if how == "strict" else "override"
        if self._record is not None and self._seen and not isinstance(found, OwnRate):
            flight_log.check_record(self._record, self._seen)
            plan = flight_log.recorded_plan(self._record, found.plan, how)
            found = found if plan is found.plan else flight_plan.flown(plan)
        if saved is None and self._seen > self._start and found.controllers:
            flight_plan.warn_of_fresh_controllers(self._seen)
        return found

    def _change(self, plan: Plan) -> Plan:
        """Fly another plan from the update of now on."""
        assert self._flown is not None
        self._flown.change(plan)
        self.plan, self._changed, self._saved = plan, True, self.state
        if self._source is not None:
            self._place(self._updates())
        if self._record is not None and self._log is not None:
            self._log.retitle(self._record, self._info(), self._seen)
        elif self._record is not None and self._source is None and processes.first():
            flight_log.retitle(self._record, self._info())
        return plan

    def _place(self, now: int) -> None:
        """Put the values of the updates to come where the compiled step looks them up."""
        assert self._source is not None and self._flown is not None
        begin, count = max(now - self._start, 0), self._source.size - 1
        # Before the policy begins its first value holds.
        early = min(max(self._start - now, 0), count - 1)
        rows = [
            np.pad(self._flown.values(name, begin, begin + count - early), (early, 0), "edge")
            for name in self._source.names
        ]
        self._source.place(now, np.asarray(rows, np.float32).reshape(-1, count), self._bounds())

    def _resolve(self, steps: int | None, every: int) -> Plan:
        if self._own:
            assert isinstance(self._given, Policy)
            return self._given.plan()
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

    def _every(self) -> int:
        """Batches in an update."""
        return self.model.optimizer.gradient_accumulation_steps or 1

    def _names(self) -> tuple[str, ...]:
        return ("learning_rate",) if self.plan is None else tuple(self.plan.tracks)

    def _control(self, logs: Mapping[str, Any], rate: float) -> None:
        """Let every controller see its metric, and roll back where one asks for it."""
        assert self._flown is not None
        if isinstance(self._flown, OwnRate):
            self._flown.rate = rate
        match self._flown.epoch_end(logs, max(self._seen - self._start, 0)):
            case "keep":
                self._best.keep(self.model)
            case "restore":
                self._best.restore(self.model)

    def _bounds(self) -> Any:
        return self._flown.bounds() if isinstance(self._flown, OwnRate) else None

    @property
    def _controlled(self) -> bool:
        """Whether an epoch's metrics may change the values."""
        return self._flown is not None and bool(self._flown.controllers)

    @property
    def _logs(self) -> bool:
        return self._record is not None or self._tensorboard is not None

    def _opened(self, first: int) -> FlightLog:
        return FlightLog(self._record, self._tensorboard, self._info(), first)

    def _info(self) -> RunInfo:
        """The record's first line."""
        metric, steps = metric_of(self.model), self.params.get("steps")
        per_epoch = 0 if steps is None else steps // self._every()
        total = self.params["epochs"] * per_epoch
        return RunInfo(
            task=self.model.name,
            policy=self._name,
            spec=None if self.plan is None else _spec(self.plan.policy),
            seed=0,
            total_steps=total if self.plan is None else self.plan.total_steps or total,
            steps_per_epoch=per_epoch,
            metric=metric.name,
            rising=metric.rising,
            fingerprint=None if self.plan is None else saved_plan(self.plan)["fingerprint"],
        )

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


def _spec(policy: Policy) -> Any:
    try:
        return policy.to_spec()
    except SpecError:
        return None
