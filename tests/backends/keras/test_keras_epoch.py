"""EpochFunction: Keras's LearningRateScheduler, without its traps."""

import keras
import pytest
from keras_models import BATCH, X, Y, number, regressor

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError

pytestmark = pytest.mark.keras


def fit(model, callback, epochs=4):
    return model.fit(X, Y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[callback]).history


@pytest.mark.parametrize("f", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 * 0.5**epoch])
def test_gives_what_keras_gives(f):
    keras.utils.set_random_seed(1)
    theirs = fit(regressor(), keras.callbacks.LearningRateScheduler(f))
    keras.utils.set_random_seed(1)
    ours = fit(regressor(), gk.EpochFunction(f))
    assert ours["learning_rate"] == pytest.approx(theirs["learning_rate"])
    assert ours["loss"] == pytest.approx(theirs["loss"])


def test_a_type_error_inside_the_function_is_raised():
    def f(epoch, rate=0.0):
        return rate + "1"

    with pytest.raises(TypeError, match="unsupported operand"):
        fit(regressor(), gk.EpochFunction(f))


@pytest.mark.parametrize("value", [None, "fast", float("nan"), -1.0, float("inf")])
def test_bad_rates_are_refused(value):
    model = regressor()
    with pytest.raises(ArgumentError, match="finite rate"):
        fit(model, gk.EpochFunction(lambda epoch: value))
    assert number(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_refuses_what_is_no_function_and_a_schedule():
    with pytest.raises(ArgumentError, match="needs a function"):
        gk.EpochFunction(0.1)
    model = regressor(keras.optimizers.SGD(gk.schedule(gp.constant(0.1), 10)))
    with pytest.raises(ArgumentError, match="schedule of its own"):
        fit(model, gk.EpochFunction(lambda epoch: 0.1))
