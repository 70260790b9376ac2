"""Task: what is not a task is said to be so, with what was got and what to do."""

import keras
import numpy as np
import pytest
from keras_models import BATCH, Batches, X, Y, regressor

from glidepath.backends.keras.task import Task
from glidepath.backends.keras.trainer import KerasTrainer
from glidepath.errors import TaskError

pytestmark = pytest.mark.keras


class Endless(Batches):
    def __len__(self):
        raise TypeError("no length")


class Names:
    def __len__(self):
        return 1

    def __iter__(self):
        yield "x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "function that builds"),
        ({"train": 3}, r"arrays \(x, y\)"),
        ({"train": "data.csv"}, r"arrays \(x, y\)"),
        ({"train": (X, Y[:3])}, r"same, positive number of rows, got \[3, 60\]"),
        ({"train": (X[:0], Y[:0])}, "positive number"),
        ({"validation": (np.asarray(["a", object()]), Y[:2])}, "must hold numbers"),
        ({"test": 0}, "test must be"),
        ({"train": iter([(X, Y)])}, "again and again"),
        ({"train": Batches(), "batch_size": 4}, "batches of its own"),
        ({"train": Endless()}, "assert_cardinality"),
        ({"batch_size": 0}, "positive integer"),
        ({"batch_size": 2.5}, "positive integer"),
        ({"batch_size": True}, "positive integer"),
    ],
)
def test_bad_arguments(arguments, message):
    good = {"model": regressor, "train": (X, Y), "validation": (X, Y)}
    with pytest.raises(TaskError, match=message):
        Task(**{**good, **arguments})


def test_it_opens_its_trainer_as_other_frameworks_tasks_do():
    assert isinstance(Task(regressor, (X, Y), (X, Y)).open(), KerasTrainer)


def test_an_already_built_model_is_no_function():
    with pytest.raises(TaskError, match="function that builds"):
        Task(regressor(), (X, Y), (X, Y))


def _uncompiled():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


def _changing(widths=iter(range(1, 9))):  # noqa: B008
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(next(widths))])
    model.compile("sgd", loss="mse")
    return model


def _shared(optimizer=keras.optimizers.SGD(0.1)):  # noqa: B008
    return regressor(optimizer)


def _scaled():
    inner = keras.optimizers.SGD(0.1)
    return regressor(keras.optimizers.LossScaleOptimizer(inner))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: None, "got NoneType"),
        (_uncompiled, "compiled model"),
        (_changing, "same architecture"),
        (_shared, "new optimizer"),
        (_scaled, "auto_scale_loss=False"),
        (lambda: regressor(gradient_accumulation_steps=9), "smaller batches"),
    ],
)
def test_bad_models(model, message):
    with pytest.raises(TaskError, match=message):
        KerasTrainer(Task(model, (X, Y), (X, Y), batch_size=BATCH))


def test_bad_batches_and_bad_trainer():
    with pytest.raises(TaskError, match="must yield batches"):
        KerasTrainer(Task(regressor, Names(), (X, Y)))
    with pytest.raises(TaskError, match=r"glidepath\.keras\.Task"):
        KerasTrainer("digits")


def test_a_length_decides_the_epoch():
    made = KerasTrainer(Task(regressor, Batches(16), (X, Y)))
    assert made.steps_per_epoch == 4
    assert KerasTrainer(Task(regressor, (X, Y), (X, Y))).steps_per_epoch == 2


def test_several_inputs_and_sample_weights():
    inputs = {"a": keras.Input((2,), name="a"), "b": keras.Input((2,), name="b")}

    def model():
        joined = keras.layers.Concatenate()([inputs["a"], inputs["b"]])
        made = keras.Model(inputs, keras.layers.Dense(1)(joined))
        made.compile("sgd", loss="mse", weighted_metrics=["mae"])
        return made

    data = ({"a": X[:, :2].astype(float), "b": X[:, 2:]}, Y, np.ones(len(X)))
    made = KerasTrainer(Task(model, data, data, batch_size=16))
    updates = made.advance({"learning_rate": np.full(10, 0.05)})
    assert updates.losses[-1] < updates.losses[0]
    assert made.evaluate("validation")["loss"] > 0
