"""Plans that change while fit runs, and roll-back to the best epoch."""

import functools

import keras
import numpy as np
import pytest
from keras_models import BATCH, STEPS, X, Y, number, regressor

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError
from glidepath.training.records import read_record

pytestmark = pytest.mark.keras
LINEAR = gp.linear(0.03, 0.01, "100%")
once = pytest.mark.skipif(keras.backend.backend() != "jax", reason="the same on every engine")


def fit(model, *callbacks, epochs, **more):
    options = {"batch_size": BATCH, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, callbacks=[*callbacks], **options, **more)


class Act(keras.callbacks.Callback):
    """Does something at one update of the run, counted from 1, or after one epoch."""

    def __init__(self, action, *, update=None, epoch=None):
        super().__init__()
        self.action, self.update, self.epoch, self.seen = action, update, epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.update:
            self.action()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.action()


def count_traces(model):
    """How often the model's step is run as Python, which on JAX and TensorFlow is a trace."""
    traces, step = [], model.train_step

    def counted(*arguments):
        traces.append(None)
        return step(*arguments)

    model.__dict__["train_step"] = counted
    return traces


@functools.cache
def plain():
    """The traces of a fit in which nothing is changed."""
    model = regressor()
    traces = count_traces(model)
    fit(model, gk.Flight(LINEAR), epochs=1)
    return len(traces)


@pytest.mark.parametrize("when", [{"update": 6}, pytest.param({"epoch": 1}, marks=once)])
def test_a_cooldown_in_the_middle_of_fit(tmp_path, when):
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=1, min_delta=1e9)
    model, policy = regressor(), gp.Policy(LINEAR, controllers=[plateau])
    traces = count_traces(model)
    flight = gk.Flight(policy, record=tmp_path / "run.jsonl")
    act = Act(lambda: flight.cooldown("1ep", shape="sqrt"), **when)
    history = fit(model, flight, act, epochs=9).history
    at, plan = (
        when.get("update", 8),
        policy.plan("9ep", STEPS).cooldown_from(when.get("update", 8), "1ep", shape="sqrt"),
    )
    record = read_record(tmp_path / "run.jsonl")
    factors = np.repeat([1, 1, 0.5, 0.25], STEPS)[: record.steps]
    table = plan(np.arange(record.steps)) * factors
    # To a rounding: where the factor fell before the cool-down, that begins at the applied rate.
    assert np.allclose(record.series["learning_rate"], table, rtol=1e-7, atol=0)
    assert flight.plan(at) == pytest.approx(plan(at) * factors[at])
    assert plan.total_steps == flight.plan.total_steps == at + STEPS
    # The training ends with the epoch in which the cool-down does.
    assert len(history["loss"]) == record.steps // STEPS == -(-(at + STEPS) // STEPS)
    assert record.info.fingerprint == flight.plan.fingerprint
    if keras.backend.backend() != "torch":
        assert len(traces) == plain()


@once
def test_a_cooldown_is_resumed_by_the_same_program(tmp_path):
    path = tmp_path / "2.keras"
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=1, min_delta=1e9)
    policy = gp.Policy(LINEAR, controllers=[plateau])
    model, flight = regressor(), gk.Flight(policy)
    fit(model, flight, Act(lambda: flight.cooldown("2ep"), epoch=1), saver, epochs=9)
    again, resumed = keras.models.load_model(path), gk.Flight(policy, state=path)
    history = fit(again, resumed, epochs=9, initial_epoch=2).history
    assert resumed.plan.fingerprint == flight.plan.fingerprint
    # The factor of its beginning is in the plan; the one of the next epoch multiplies.
    assert history["learning_rate"] == pytest.approx([flight.plan(11), 0.5 * flight.plan(15)])
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        assert np.array_equal(*map(keras.ops.convert_to_numpy, (mine, theirs)))


@once
def test_a_run_is_lengthened_between_two_fits_and_cooled_down(tmp_path):
    model, flight = regressor(), gk.Flight(LINEAR, record=tmp_path / "run.jsonl")
    fit(model, flight, epochs=2)
    with pytest.raises(gp.PlanError, match="more than the 8 updates"):
        flight.extend("2ep")
    plan = LINEAR.plan("2ep", STEPS)
    flight.extend("4ep")
    fit(model, flight, epochs=4, initial_epoch=2)
    plan = plan.extend("4ep", 8)
    assert flight.plan.fingerprint == plan.fingerprint
    flight.cooldown("50%")
    fit(model, flight, epochs=9, initial_epoch=4)
    plan = plan.cooldown_from(16, "50%")
    record = read_record(tmp_path / "run.jsonl")
    assert record.steps == plan.total_steps == 24
    assert np.array_equal(np.float32(record.series["learning_rate"]), np.float32(plan.table()))
    assert record.info.fingerprint == flight.state["fingerprint"] == plan.fingerprint


def test_extended_in_the_middle_of_fit_without_a_compilation(tmp_path):
    model, flight = regressor(), gk.Flight(LINEAR, record=tmp_path / "run.jsonl")
    traces = count_traces(model)
    fit(model, flight, Act(lambda: flight.extend("40ep"), update=6), epochs=3)
    plan = LINEAR.plan("3ep", STEPS).extend("40ep", 6)
    rates = read_record(tmp_path / "run.jsonl").series["learning_rate"]
    assert np.array_equal(np.float32(rates), np.float32(plan.table()[:12]))
    if keras.backend.backend() != "torch":
        assert len(traces) == plain()


class Time(keras.callbacks.Callback):
    """A clock in which every epoch takes ten seconds."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def on_epoch_end(self, epoch, logs=None):
        self.now += 10.0


@once
def test_a_budget_of_time_begins_the_cooldown_in_time(tmp_path):
    """100 s are 10 epochs, and a fifth of them cools down, also where the run is resumed."""
    clock, path = Time(), tmp_path / "5.keras"
    flight, model = gk.Flight(gp.constant(0.01), record=tmp_path / "run.jsonl"), regressor()
    flight.cooldown_by("100s", clock=lambda: clock.now)
    # The clock before the saver: the checkpoint holds the epoch's time.
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    history = fit(model, clock, flight, saver, epochs=50).history
    plan = gp.constant(0.01).plan("50ep", STEPS).cooldown_from(8 * STEPS, "2ep")
    rates = read_record(tmp_path / "run.jsonl").series["learning_rate"]
    assert np.array_equal(np.float32(rates), np.float32(plan.table()))
    assert len(history["loss"]) == 10
    clock.now += 1000.0  # between two processes
    again = gk.Flight(gp.constant(0.01), state=path)
    again.cooldown_by("100s", clock=lambda: clock.now)
    fit(keras.models.load_model(path), again, clock, epochs=50, initial_epoch=5)
    assert again.plan.total_steps == flight.plan.total_steps == 10 * STEPS


@once
def test_stopping_early_with_a_high_rate_is_said():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    with pytest.warns(UserWarning, match="stopped at update 4 of 36 with the learning rate at 94%"):
        fit(regressor(), gk.Flight(LINEAR), Stop(), epochs=9)


@once
def test_what_cannot_be_changed():
    flight = gk.Flight(LINEAR)
    with pytest.raises(ArgumentError, match="has begun"):
        flight.cooldown("1ep")
    own = gk.Flight(controllers=gp.reduce_on_plateau("loss"))
    fit(regressor(), own, epochs=1)
    with pytest.raises(ArgumentError, match="has begun"):
        own.extend("3ep")


@pytest.mark.parametrize("kind", [pytest.param("sgd", marks=once), "adamw"])
def test_a_plateau_rolls_back_weights_and_slots_but_not_the_clock(kind):
    """The first epoch stays the best; after the third the weights are the first's again."""
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=1e9, restore_best=True)
    policy = gp.Policy(LINEAR, momentum=0.9, controllers=[plateau])
    model, seen = regressor(kind), []

    class See(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            own = [v for v in self.model.optimizer.variables if "glidepath" not in v.name]
            seen.append(
                [np.array(keras.ops.convert_to_numpy(v)) for v in [*self.model.weights, *own]]
            )

    fit(model, gk.Flight(policy), See(), epochs=4)
    count = len(model.weights)
    first, second, third, fourth = seen
    for index, (a, b, c) in enumerate(zip(first, second, third, strict=True)):
        clock = index in (count, count + 1)
        assert np.array_equal(a, c) != (index == count), index
        assert clock or not np.array_equal(a, b), index
    assert number(model.optimizer.iterations) == 4 * STEPS
    assert third[count] == 3 * STEPS
    assert not np.array_equal(third[0], fourth[0])  # and it trains on from there


def test_the_best_epoch_is_in_the_checkpoint(tmp_path):
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=1e9, restore_best=True)
    policy, path = gp.Policy(LINEAR, controllers=[plateau]), tmp_path / "2.keras"
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    model = regressor()
    fit(model, gk.Flight(policy), saver, epochs=3)
    again, flight = keras.models.load_model(path), gk.Flight(policy, state=path)
    fit(again, flight, epochs=3, initial_epoch=2)
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        assert np.array_equal(*map(keras.ops.convert_to_numpy, (mine, theirs)))
    again = keras.models.load_model(path)
    with pytest.warns(UserWarning, match="best epoch are not there"):
        fit(again, gk.Flight(policy, state=keras_state(path)), epochs=3, initial_epoch=2)


def keras_state(path):
    return gk.Flight(gp.constant(0.1), state=path).state
