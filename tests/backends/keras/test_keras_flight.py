"""Flight: a whole policy in `model.fit`, read back from the optimizer at every update."""

import json

import keras
import numpy as np
import pytest
from keras_models import (
    BATCH,
    EPOCHS,
    POLICIES,
    STEPS,
    Batches,
    Weight,
    X,
    Y,
    number,
    optimizer,
    regressor,
    weights,
)

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError, PlanError
from glidepath.training.records import read_record

pytestmark = pytest.mark.keras
not_torch = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras on torch runs one batch at a time"
)


def fit(model, *callbacks, epochs=EPOCHS, **more):
    return model.fit(
        X, Y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[*callbacks], **more
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "sgd") for name in POLICIES] + [("one_cycle", "adamw"), ("everything", "adamw")],
)
def test_real_training_applies_the_plan_exactly(tmp_path, name, kind):
    policy, record = POLICIES[name], tmp_path / "run.jsonl"
    model = regressor(kind)
    own = type(model.optimizer), len(model.optimizer.variables)
    flight = gk.Flight(policy, record=record, name=name)
    history = fit(model, flight, validation_data=(X, Y)).history
    plan = policy.plan("3ep", STEPS)
    found = read_record(record)
    for track in plan.tracks:
        expected = plan.table(track).astype(np.float32)
        assert np.array_equal(found.series[track].astype(np.float32), expected), track
        assert history[track] == pytest.approx(expected[STEPS - 1 :: STEPS].tolist(), rel=1e-7)
    assert flight.plan.fingerprint == plan.fingerprint
    assert (found.outcome, found.info.policy, found.info.metric) == ("finished", name, "mae")
    assert found.info.spec == json.loads(json.dumps(gp.as_policy(policy).to_spec()))
    assert found.curve("validation", "loss")[0].tolist() == [4, 8, 12]
    assert found.curve("validation", "loss")[1] == pytest.approx(history["val_loss"])
    # The optimizer is the user's again, at the rate that was applied last.
    assert (type(model.optimizer), len(model.optimizer.variables) - own[1]) in (
        (own[0], 0),
        (own[0], len(model.trainable_variables) * (1 if kind == "sgd" else 2)),
    )
    assert number(model.optimizer.learning_rate) == np.float32(plan.table()[-1])


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_weights_move_as_computed_by_hand(kind):
    """Independent of every read-back: the values that are recorded did move the weight."""
    policy = gp.Policy(
        gp.linear(0.1, 0.02, 6), momentum=gp.linear(0.9, 0.5, 6), weight_decay=gp.linear(0, 0.1, 6)
    )
    plan, model = policy.plan(6), Weight.model(optimizer(kind))
    model.fit(Weight.X, Weight.Y, batch_size=4, epochs=3, verbose=0, callbacks=[gk.Flight(policy)])
    tables = [plan.table(name) for name in ("learning_rate", "momentum", "weight_decay")]
    expected = Weight.by_hand(kind, *tables)[-1]
    assert number(model.trainable_variables[0]) == pytest.approx(expected, rel=2e-5)


def test_without_a_record_one_variable_is_added_and_the_run_is_the_same(tmp_path, monkeypatch):
    """What every step carries costs a small model some percent; long runs are placed in pieces."""
    monkeypatch.setattr("glidepath.backends.keras.flight._AHEAD", 6)
    added, ends, policy = [], [], POLICIES["one_cycle"]

    class Count(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            added.append(len(self.model.optimizer.__dict__["_glidepath_variables"]))

    for record in (None, tmp_path / "run.jsonl"):
        keras.utils.set_random_seed(1)
        model = regressor()
        flight = gk.Flight(policy, record=record)
        history = fit(model, flight, Count(), epochs=5, shuffle=False).history
        ends.append((weights(model), history["learning_rate"], history["momentum"]))
    pairs = zip(ends[0][0], ends[1][0], strict=True)
    assert all(np.array_equal(left, right) for left, right in pairs)
    assert ends[0][1:] == ends[1][1:]
    table = policy.plan("5ep", STEPS).table().astype(np.float32)
    found = read_record(tmp_path / "run.jsonl").series["learning_rate"]
    assert np.array_equal(found.astype(np.float32), table)
    host = keras.backend.backend() == "torch"
    assert added == ([0] * 10 if host else [1] * 5 + [2] * 5)


def test_losses_are_the_batch_own(tmp_path):
    model, record = Weight.model(optimizer("sgd")), tmp_path / "run.jsonl"
    policy = gp.Policy(0.1, momentum=0.9)
    x = np.arange(1, 9, dtype=np.float32)[:, None]
    flight = gk.Flight(policy, record=record)
    model.fit(x, x, batch_size=1, epochs=1, shuffle=False, verbose=0, callbacks=[flight])
    w, v, losses = np.float32(1), 0.0, []
    for value in x[:, 0]:
        losses.append((w * value - value) ** 2)
        gradient = 2 * (w - 1) * value**2
        v = 0.9 * v - 0.1 * gradient
        w += 0.9 * v - 0.1 * gradient
    found = read_record(record).series["loss"]
    assert found == pytest.approx(losses, rel=1e-4, abs=1e-8)
    model = Weight.model(keras.optimizers.SGD(0.0))
    y = np.zeros_like(x)
    flight = gk.Flight(gp.constant(0.0), record=record)
    model.fit(x, y, batch_size=1, epochs=1, shuffle=False, verbose=0, callbacks=[flight])
    assert read_record(record).series["loss"] == pytest.approx(x[:, 0] ** 2)


@pytest.mark.parametrize("at_once", [1, pytest.param(3, marks=not_torch)])
def test_accumulation(tmp_path, at_once):
    """The clock counts applied updates only, also where Keras runs several batches at once."""
    policy = gp.one_cycle(0.05)
    model = regressor(gradient_accumulation_steps=2)
    model.steps_per_execution = at_once  # of 4 batches in an epoch: 3 and 1
    fit(model, gk.Flight(policy, record=tmp_path / "run.jsonl"))
    found, plan = read_record(tmp_path / "run.jsonl"), policy.plan("3ep", 2)
    for track in plan.tracks:
        assert np.array_equal(
            found.series[track].astype(np.float32), plan.table(track).astype(np.float32)
        )
    assert found.steps == 6
    # The loss of an update is the mean over its batches.
    x = np.arange(1, 9, dtype=np.float32)[:, None]
    still = Weight.model(keras.optimizers.SGD(0.0, gradient_accumulation_steps=4))
    flight = gk.Flight(0.0, record=tmp_path / "still.jsonl")
    still.fit(x, 0 * x, batch_size=1, shuffle=False, verbose=0, callbacks=[flight])
    losses = read_record(tmp_path / "still.jsonl").series["loss"]
    assert losses == pytest.approx([np.mean(x[:4] ** 2), np.mean(x[4:] ** 2)])


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_saved_in_mid_run_and_continued_exactly(tmp_path, kind):
    policy = POLICIES["everything"]
    path, record = tmp_path / "model.keras", tmp_path / "run.jsonl"
    saver = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"))
    whole = regressor(kind)
    whole.save(path)
    fit(whole, gk.Flight(policy, record=tmp_path / "whole.jsonl"), saver, epochs=4, shuffle=False)
    first = keras.models.load_model(path)
    part = gk.Flight(policy.plan("4ep", STEPS), record=record)
    fit(first, part, epochs=2, shuffle=False)
    for start in (first, keras.models.load_model(tmp_path / "2.keras")):
        start.save(path)
        again = keras.models.load_model(path)
        fit(again, gk.Flight(policy, record=record), epochs=4, initial_epoch=2, shuffle=False)
        pairs = zip(weights(again), weights(whole), strict=True)
        assert all(np.array_equal(left, right) for left, right in pairs)
    wanted, found = read_record(tmp_path / "whole.jsonl"), read_record(record)
    for name, column in wanted.series.items():
        assert np.array_equal(found.series[name], column), name


def test_a_flight_after_an_earlier_fit_is_not_ignored(tmp_path):
    model = regressor()
    fit(model, epochs=1)
    start = int(number(model.optimizer.iterations))
    for rate in (0.02, 0.04):
        policy = gp.linear(rate, 0, "100%")
        flight = gk.Flight(policy, tensorboard=tmp_path / "tb", start=start)
        found = fit(model, flight, epochs=1).history["learning_rate"]
        assert found == pytest.approx([policy.plan(STEPS)(STEPS - 1)])
        start += STEPS
    with pytest.warns(UserWarning, match=r"began at 0, is over.*last rate, 0\..*start=12\)"):
        fit(model, gk.Flight(policy), epochs=1)
    fit(model, epochs=1)
    assert number(model.optimizer.learning_rate) == 0.0


@pytest.mark.parametrize("kind", ["number", "schedule", "policy"])
def test_plateau_on_top_of_any_rate(tmp_path, kind):
    """On a metric that never improves, patience 2 reduces after epochs 2, 4 and 6, as Keras."""
    base = gp.linear(0.01, 0.001, "100%")
    plan = (gp.constant(0.01) if kind == "number" else base).plan("8ep", STEPS)
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=1e9, min_rate=0.002)
    rate = gk.PlanSchedule(plan) if kind == "schedule" else 0.01
    policy = base if kind == "policy" else None
    record = tmp_path / "run.jsonl"
    flight = gk.Flight(policy, controllers=plateau, record=record)
    fit(regressor(keras.optimizers.SGD(rate)), flight, epochs=8)
    factors = np.repeat([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125], STEPS)
    expected = np.maximum(plan.table() * factors, np.minimum(plan.table(), 0.002))
    found = read_record(record).series["learning_rate"]
    assert found == pytest.approx(expected, rel=1e-6)
    assert found[0] == np.float32(0.01)
    assert flight.state["controllers"][0]["factor"] == 0.125 or kind != "number"


def test_plateau_counts_as_keras_does():
    """Random metrics, patience, cooldown and thresholds: the same rate after every epoch."""
    draw = np.random.default_rng(3)
    for _ in range(40):
        patience, cooldown = (int(n) for n in draw.integers(1, 4, 2))
        mode = str(draw.choice(["min", "max"]))
        options = {"monitor": "loss", "factor": 0.5, "mode": mode, "min_delta": 0.1}
        options |= {"patience": patience, "cooldown": cooldown}
        theirs = keras.callbacks.ReduceLROnPlateau(**options, min_lr=0.02, verbose=0)
        ours = gp.reduce_on_plateau(**options, min_rate=0.02)
        model = regressor(keras.optimizers.SGD(0.1))
        theirs.set_model(model)
        theirs.on_train_begin()
        state = ours.init()
        for epoch, value in enumerate(draw.normal(size=25).round(2).tolist()):
            state = ours.update(state, value, ours.apply(state, 0.1))
            theirs.on_epoch_end(epoch, {"loss": value})
            wanted = number(model.optimizer.learning_rate)
            assert ours.apply(state, 0.1) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("own", [False, True])
def test_controller_state_continues(own):
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=1e9)
    base = None if own else gp.constant(0.01).plan("6ep", STEPS)
    whole, model = gk.Flight(base, controllers=[plateau]), regressor()
    fit(model, whole, epochs=6)
    first = gk.Flight(base, controllers=[plateau])
    model = regressor()
    fit(model, first, epochs=4)
    kept = json.loads(json.dumps(first.state))
    second = gk.Flight(base, controllers=[plateau], state=kept)
    rates = fit(model, second, epochs=6, initial_epoch=4).history["learning_rate"]
    assert second.state["controllers"][0]["factor"] == whole.state["controllers"][0]["factor"]
    assert rates == pytest.approx([0.005, 0.0025])


def test_what_cannot_be_flown_is_refused():
    cases = [
        (keras.optimizers.SGD(0.1), gp.one_cycle(0.1), r"SGD\(momentum=0\.9\)"),
        (keras.optimizers.Adagrad(0.1), gp.one_cycle(0.1), "has none"),
        (
            keras.optimizers.SGD(0.1, momentum=0.9),
            gp.Policy(0.1, weight_decay=0.1),
            r"weight_decay=0\.0",
        ),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), gp.constant(0.1), "wraps"),
    ]
    for chosen, policy, message in cases:
        with pytest.raises(ArgumentError, match=message):
            fit(regressor(chosen), gk.Flight(policy))
    plateau = gp.Policy(0.1, controllers=[gp.reduce_on_plateau("val_loss")])
    with pytest.raises(ArgumentError, match="'val_loss'"):
        fit(regressor(), gk.Flight(plateau))
    with pytest.raises(ArgumentError, match="has two"):
        fit(regressor(), gk.Flight(gp.constant(0.1)), gk.Flight(gp.constant(0.1)))
    with pytest.raises(PlanError):
        fit(regressor(), gk.Flight(gp.linear(0, 1, "9ep")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a policy or controllers"),
        ({"policy": "0.1"}, "needs a policy, a schedule, or a number"),
        ({"policy": gp.constant(0.1), "controllers": [3]}, "must be controllers"),
        ({"policy": gp.constant(0.1), "start": -1}, "start must be"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        gk.Flight(**arguments)


def test_unknown_steps_are_asked_for(tmp_path):
    def endless():
        while True:
            yield from Batches()

    model, policy = regressor(), gp.linear(0.01, 0, "100%")
    with pytest.raises(ArgumentError, match="steps_per_epoch"):
        model.fit(iter(Batches()), epochs=1, verbose=0, callbacks=[gk.Flight(policy)])
    flight = gk.Flight(policy.plan(STEPS), record=tmp_path / "run.jsonl")
    model.fit(iter(Batches()), epochs=1, verbose=0, callbacks=[flight])
    # On TensorFlow Keras itself counts an update when such data end, which no batch made.
    losses = read_record(tmp_path / "run.jsonl").series["loss"]
    assert np.isfinite(losses).sum() == STEPS
    assert len(losses) == STEPS + (keras.backend.backend() == "tensorflow")
    flight = gk.Flight(policy, start=STEPS)
    model.fit(endless(), epochs=1, steps_per_epoch=3, verbose=0, callbacks=[flight])
    assert flight.plan.total_steps == 3


def test_a_record_that_does_not_reach_the_start_is_refused(tmp_path):
    model = regressor()
    fit(model, epochs=1)
    flight = gk.Flight(gp.constant(0.1), record=tmp_path / "run.jsonl")
    with pytest.raises(ArgumentError, match="continues at update 4"):
        fit(model, flight, epochs=2)


def test_an_interrupted_fit_leaves_a_record_and_can_fly_again(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    model, record = regressor(), tmp_path / "run.jsonl"
    with pytest.raises(KeyboardInterrupt):
        fit(model, gk.Flight(gp.constant(0.1), record=record), Stop())
    assert read_record(record).outcome == "interrupted"
    flight = gk.Flight(gp.constant(0.2), record=record, on_change="override")
    found = fit(model, flight, initial_epoch=1).history
    assert found["learning_rate"] == pytest.approx([0.2, 0.2])
    assert read_record(record).series["learning_rate"] == pytest.approx([0.1] * 4 + [0.2] * 8)


def test_scalars_reach_tensorboard(tmp_path):
    loader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_file_loader",
        reason="tensorboard is not installed",
    )
    policy = POLICIES["one_cycle"]
    fit(regressor(), gk.Flight(policy, tensorboard=tmp_path), validation_data=(X, Y))
    (path,) = tmp_path.glob("events*")
    found = {}
    for event in loader.EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            number_ = value.tensor.float_val[0] if value.HasField("tensor") else value.simple_value
            found.setdefault(value.tag, []).append(number_)
    plan = policy.plan("3ep", STEPS)
    assert np.array_equal(np.float32(found["learning_rate"]), plan.table().astype(np.float32))
    assert np.array_equal(np.float32(found["momentum"]), plan.table("momentum").astype(np.float32))
    assert len(found["loss"]) == 12
    assert len(found["validation/loss"]) == 3
