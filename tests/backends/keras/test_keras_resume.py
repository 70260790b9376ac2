"""Resume is a contract: the same rates and weights, or a readable refusal."""

import json
import random
import sys
from pathlib import Path

import keras
import keras_killed as killed
import numpy as np
import pytest
from keras_models import BATCH, STEPS, X, Y, number, regressor, weights
from killing import kill

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError, ResumeError
from glidepath.training.records import read_record

pytestmark = pytest.mark.keras
SCRIPT = Path(killed.__file__)
once = pytest.mark.skipif(keras.backend.backend() != "jax", reason="the same on every engine")
PLATEAU = gp.reduce_on_plateau("loss", factor=0.5, patience=1, min_delta=1e9)
POLICY = gp.Policy(gp.linear(0.01, 0.002, "100%"), controllers=[PLATEAU])


def fit(model, *callbacks, epochs=4, **more):
    return model.fit(
        X,
        Y,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[*callbacks],
        **more,
    )


class Interrupt(keras.callbacks.Callback):
    """Ends a fit as a kill would: after an epoch that the others have seen."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def seeded():
    keras.utils.set_random_seed(11)
    return regressor()


def interrupted(flight, after, *callbacks, **more):
    model = seeded()
    with pytest.raises(KeyboardInterrupt):
        fit(model, flight, *callbacks, Interrupt(after), **more)
    return model


def as_array(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable))


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def same_record(found, wanted):
    assert found.series.keys() == wanted.series.keys()
    for name, column in wanted.series.items():
        assert np.array_equal(found.series[name], column), name
    assert found.info.fingerprint == wanted.info.fingerprint


@once
@pytest.mark.parametrize("kind", ["model"])
def test_kill_9_and_resume(tmp_path, kind):
    """Also to be run by hand with "backup", and on the other engines, which take longer."""
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    folder.mkdir(), whole.mkdir()
    wanted = weights(killed.train(whole, "model"))
    kill([sys.executable, SCRIPT, folder, kind], folder, random.randrange(3, 40))
    found = weights(killed.train(folder, kind))
    record = read_record(folder / "run.jsonl")
    same_record(record, read_record(whole / "run.jsonl"))
    assert len(set(record.series["learning_rate"])) == killed.EPOCHS * killed.STEPS
    assert same(found, wanted)


def test_a_backup_brings_the_controllers_back_by_itself(tmp_path):
    whole = seeded()
    fit(whole, gk.Flight(POLICY, record=tmp_path / "whole.jsonl"))
    record = tmp_path / "part.jsonl"
    saver = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    interrupted(gk.Flight(POLICY, record=record), 1, saver)
    model, flight = regressor(), gk.Flight(POLICY, record=record)
    # In either order: the flight takes off when every callback has loaded what it loads.
    with pytest.warns(UserWarning, match="put the Flight before"):
        fit(model, keras.callbacks.BackupAndRestore(tmp_path / "backup"), flight)
    same_record(read_record(record), read_record(tmp_path / "whole.jsonl"))
    assert same(weights(model), weights(whole))
    assert flight.state["controllers"][0]["factor"] == 0.125


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_a_file_of_keras_holds_the_state_and_loads_without_glidepath(tmp_path, suffix):
    flight, path = gk.Flight(POLICY), str(tmp_path / f"model{suffix}")
    model = interrupted(flight, 1)
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    if suffix == ".keras":
        again = keras.models.load_model(path)
    else:
        again = regressor()
        again.optimizer.build(again.trainable_variables)
        again.load_weights(path)
    assert number(again.optimizer.iterations) == 2 * STEPS
    assert same(map(as_array, again.weights), map(as_array, model.weights))
    resumed = gk.Flight(POLICY, state=path)
    assert resumed.state == flight.state == json.loads(json.dumps(flight.state))
    rates = fit(again, resumed, initial_epoch=2).history["learning_rate"]
    table = POLICY.plan("4ep", STEPS).table()
    assert rates == pytest.approx([table[11] * 0.5, table[15] * 0.25])
    # And by load_weights, where a flight was there before.
    again.load_weights(path)
    assert fit(again, resumed, initial_epoch=2).history["learning_rate"] == rates


@once
def test_another_plan_is_refused_with_what_differs(tmp_path):
    old = gk.Flight(POLICY, record=tmp_path / "run.jsonl")
    model = interrupted(old, 1)
    state, path = json.loads(json.dumps(old.state)), tmp_path / "model.keras"
    model.save(path)
    new = gp.Policy(gp.linear(0.02, 0.002, "100%"), controllers=[PLATEAU])

    def rates(policy, epochs=4, **more):
        again = keras.models.load_model(path)
        return fit(again, gk.Flight(policy, **more), epochs=epochs, initial_epoch=2).history[
            "learning_rate"
        ]

    for given in (state, path):
        with pytest.raises(ResumeError) as caught:
            rates(new, state=given, epochs=5)
        said = str(caught.value)
        assert "policy.learning_rate.start: saved 0.01, now 0.02" in said
        assert "total_steps: saved 16, now 20" in said
        assert "policy.learning_rate.end" not in said
    was, now = POLICY.plan("4ep", STEPS).table(), new.plan("4ep", STEPS).table()
    kept = rates(new, epochs=5, state=state, on_change="keep")[:2]
    assert kept == pytest.approx([was[11] / 2, was[15] / 4])
    overridden = rates(new, state=state, on_change="override")
    assert overridden == pytest.approx([now[11] / 2, now[15] / 4])


@once
def test_a_record_of_another_policy_is_not_appended_to(tmp_path):
    record, path = tmp_path / "run.jsonl", tmp_path / "model.keras"
    first, second = gp.linear(0.01, 0.002, "100%"), gp.constant(0.02)
    interrupted(gk.Flight(first, record=record), 1).save(path)
    before = record.read_bytes()

    def resume(**more):
        again, flight = keras.models.load_model(path), gk.Flight(second, record=record, **more)
        fit(again, flight, initial_epoch=2)
        return flight, read_record(record)

    with pytest.raises(ResumeError, match=r"recipe|learning_rate.*saved linear"):
        resume()
    assert record.read_bytes() == before
    flight, found = resume(on_change="keep")
    table = first.plan("4ep", STEPS).table()
    assert np.array_equal(np.float32(found.series["learning_rate"]), table.astype(np.float32))
    assert found.info.fingerprint == flight.plan.fingerprint == first.plan("4ep", STEPS).fingerprint
    flight, found = resume(on_change="override")
    assert found.series["learning_rate"][7:9] == pytest.approx([table[7], 0.02])
    assert found.info.fingerprint == second.plan("4ep", STEPS).fingerprint


@once
def test_a_record_survives_a_kill_while_it_is_written_anew(tmp_path):
    record, path = tmp_path / "run.jsonl", tmp_path / "model.keras"
    interrupted(gk.Flight(gp.constant(0.01), record=record), 1).save(path)
    record.rename(tmp_path / "run.jsonl.old")
    record.write_text('{"glidepath_rec')
    fit(keras.models.load_model(path), gk.Flight(gp.constant(0.01), record=record), initial_epoch=2)
    assert read_record(record).steps == 16
    assert not (tmp_path / "run.jsonl.old").exists()


@once
def test_controllers_that_begin_anew_and_epochs_they_miss_are_said(tmp_path):
    path = tmp_path / "{epoch}.keras"
    saver = keras.callbacks.ModelCheckpoint(str(path))
    with pytest.warns(UserWarning, match="put the Flight before"):
        fit(regressor(), saver, gk.Flight(POLICY), epochs=2)
    again = keras.models.load_model(tmp_path / "2.keras")
    with pytest.warns(UserWarning, match="continues at update 8, and the policy's controllers"):
        fit(again, gk.Flight(POLICY), epochs=3, initial_epoch=2)


@once
def test_a_flight_that_is_used_again(tmp_path):
    flight = gk.Flight(POLICY)
    fit(regressor(), flight)
    assert flight.state["controllers"][0]["factor"] == 0.125
    model = regressor()  # a new run
    fit(model, flight)
    assert flight.state["controllers"][0]["factor"] == 0.125
    with pytest.raises(ResumeError, match="total_steps: saved 16, now 32"):
        fit(model, flight, epochs=8, initial_epoch=4)


@once
def test_the_start_is_part_of_the_contract(tmp_path):
    model, policy, path = regressor(), gp.linear(0.01, 0.002, 8), tmp_path / "model.keras"
    fit(model, epochs=1)
    flight = gk.Flight(policy, start=STEPS)
    with pytest.raises(KeyboardInterrupt):
        fit(model, flight, Interrupt(1), initial_epoch=1, epochs=3)
    model.save(path)
    table = policy.plan(8).table()
    again = keras.models.load_model(path)
    rates = fit(again, gk.Flight(policy, state=path), epochs=3, initial_epoch=2).history
    assert rates["learning_rate"] == pytest.approx([table[7]])
    with pytest.raises(ResumeError, match="began at update 4 in the checkpoint, and start=8"):
        fit(again, gk.Flight(policy, start=8, state=path), epochs=3, initial_epoch=2)


def test_what_is_no_state_of_ours(tmp_path):
    path = tmp_path / "model.keras"
    regressor().save(path)
    with pytest.raises(ResumeError, match="holds no flight's state"):
        gk.Flight(POLICY, state=path)
    with pytest.raises(ResumeError, match="cannot be read"):
        gk.Flight(POLICY, state=tmp_path / "none.keras")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ResumeError, match="cannot be read"):
        gk.Flight(POLICY, state=path)
    for bad in ({}, {"controllers": []}, 3, []):
        with pytest.raises(ResumeError, match=r"state must be what flight\.state was"):
            gk.Flight(POLICY, state=bad)
    with pytest.raises(ArgumentError, match="on_change"):
        gk.Flight(POLICY, on_change="ignore")
