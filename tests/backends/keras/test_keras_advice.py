"""CooldownAdvice in `model.fit`: what it says, where, and the cool-down that it begins."""

import keras
import numpy as np
import pytest
from keras_models import BATCH, STEPS, X, Y, optimizer, regressor

import glidepath as gp
import glidepath.keras as gk
from glidepath.analysis import Advice, Difference
from glidepath.errors import ArgumentError

pytestmark = pytest.mark.keras

WORDS = "a cool-down now would give about −0.08 ± 0.02"


class Known:
    """An adviser that answers what it is told to, and keeps what it was told."""

    def __init__(self, due_at=None):
        self.seen, self.due_at = [], due_at

    def saw(self, step, loss, rate):
        self.seen.append((step, loss, rate))

    def noisy(self, trace):
        raise AssertionError

    def advise(self, plan=None, *, ahead=False):
        gain = Difference(-0.08, -0.10, -0.06, ())
        begin = self.due_at if ahead else None
        return Advice(self.seen[-1][0], 5, gain, begin, None, "law")


def fitted(*callbacks, epochs=4, verbose=0):
    model = regressor()
    return model.fit(
        X, Y, validation_data=(X, Y), epochs=epochs, batch_size=BATCH, callbacks=list(callbacks),
        verbose=verbose, shuffle=False,
    )  # fmt: skip


def test_it_says_so_and_the_number_is_in_the_logs(capsys):
    adviser, flight = Known(), gk.Flight(gp.constant(0.01))
    advice = gk.CooldownAdvice(adviser, flight)
    history = fitted(flight, advice, verbose=2).history
    assert advice.said == [WORDS]
    out = capsys.readouterr().out
    assert WORDS in out and "cooldown_gain: -8.0000e-02" in out
    assert history["cooldown_gain"] == [-0.08] * 4
    assert [step for step, _, _ in adviser.seen] == [STEPS * n for n in (1, 2, 3, 4)]
    np.testing.assert_allclose([loss for _, loss, _ in adviser.seen], history["val_loss"])
    assert {rate for _, _, rate in adviser.seen} == {float(np.float32(0.01))}
    assert advice.applied_at is None


def test_it_begins_the_cool_down_in_time_if_it_may(tmp_path):
    flight = gk.Flight(gp.constant(0.01), record=tmp_path / "run.jsonl")
    advice = gk.CooldownAdvice(Known(due_at=STEPS + 1), flight, apply=True)
    fitted(flight, advice)
    rates = gp.read_record(tmp_path / "run.jsonl").series["learning_rate"]
    assert advice.applied_at == 2 * STEPS
    np.testing.assert_allclose(rates[: 2 * STEPS], 0.01, rtol=1e-6)
    left = np.arange(2 * STEPS) / (2 * STEPS)
    np.testing.assert_allclose(rates[2 * STEPS :], 0.01 * (1 - left), rtol=1e-5)


class Seldom(Known):
    """Answers in the third epoch only."""

    def advise(self, plan=None, *, ahead=False):
        return super().advise(plan, ahead=ahead) if len(self.seen) == 3 else None


def test_the_number_is_in_the_logs_of_silent_epochs_too(tmp_path):
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = fitted(gk.CooldownAdvice(Seldom()), log).history
    np.testing.assert_array_equal(history["cooldown_gain"], [np.nan, np.nan, -0.08, np.nan])
    assert "-0.08" in (tmp_path / "log.csv").read_text()


def test_without_a_flight_the_optimizers_own_rate_is_told():
    adviser = Known()
    fitted(gk.CooldownAdvice(adviser, monitor="loss"), epochs=1)
    assert adviser.seen[0][2] == pytest.approx(float(optimizer("sgd").learning_rate))


def test_what_cannot_be_is_refused():
    with pytest.raises(ArgumentError, match="Adviser"):
        gk.CooldownAdvice(object())
    with pytest.raises(ArgumentError, match="flight"):
        gk.CooldownAdvice(Known(), apply=True)
    with pytest.raises(ArgumentError, match="'accuracy'"):
        fitted(gk.CooldownAdvice(Known(), monitor="accuracy"), epochs=1)
    assert keras.backend.backend()
