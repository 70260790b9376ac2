"""The built-in tasks and the user's train; what a user's file does wrong is said."""

import keras
import numpy as np
import pytest
from keras_models import X, Y, regressor

import glidepath as gp
from glidepath.errors import TaskError
from glidepath.tasks import code_for, load_task

pytestmark = pytest.mark.keras
MINE = """
import keras, numpy as np
from helper import data
from glidepath.keras import Task

def task():
    def model():
        made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        made.compile("sgd", loss="mse")
        return made
    return Task(model, data(), data(), batch_size=4)

def fails(): raise RuntimeError("no data")
def returns_three(): return 3
constant = 4
"""


@pytest.mark.parametrize(
    ("name", "steps", "metric", "rate"),
    [
        ("digits", 29, ("accuracy", True), 0.1),
        ("digits-cnn", 29, ("accuracy", True), 0.1),
        ("breast-cancer", 12, ("accuracy", True), 0.1),
        ("diabetes", 9, ("mean_absolute_error", False), 0.01),
    ],
)
def test_built_in_tasks_learn(name, steps, metric, rate):
    made = load_task(name).open()
    assert made.steps_per_epoch == steps
    assert (made.metric.name, made.metric.rising) == metric
    assert made.hyperparameters == {"learning_rate", "momentum"}
    before = made.evaluate("validation")
    made.advance({"learning_rate": np.full(3 * steps, rate)})
    after = made.evaluate("validation")
    assert after["loss"] < 0.9 * before["loss"]
    assert (after[metric[0]] > before[metric[0]]) == metric[1]
    assert made.evaluate("test") != after


def test_splits_are_stratified_and_apart():
    from glidepath.tasks.builtin import TASKS

    task = TASKS["digits"]()
    parts = [task.train, task.validation, task.test]
    assert [len(x) for x, _ in parts] == [1149, 288, 360]
    for _, y in parts:
        share = np.bincount(y.astype(int), minlength=10) / len(y)
        assert np.all(abs(share - 0.1) < 0.01)
    rows = np.concatenate([x for x, _ in parts])
    assert len(np.unique(rows, axis=0)) == len(rows) == 1797
    x, _ = TASKS["breast-cancer"]().train
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-5)


def test_a_users_file(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "helper.py").write_text(
        "import numpy as np\ndef data(): return np.ones((9, 1)), np.ones((9, 1))\n"
    )
    made = load_task(f"{tmp_path}/mine.py:task").open()
    assert made.steps_per_epoch == 3
    for function, message in (
        ("fails", r"fails\(\) in .* failed with RuntimeError: no data"),
        ("returns_three", r"must return .*Task.*, got int"),
        ("constant", "no function 'constant', got int"),
        ("absent", "no function 'absent'"),
    ):
        with pytest.raises(TaskError, match=message):
            load_task(f"{tmp_path}/mine.py:{function}").open()


@pytest.mark.parametrize("text", ["import no_such_module", "def task(:", "1 / 0"])
def test_a_file_that_does_not_import(tmp_path, text):
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(TaskError, match=r"importing .*broken\.py failed"):
        load_task(f"{tmp_path}/broken.py:task").open()


def test_the_code_to_paste_runs():
    policy = gp.Policy(
        gp.one_cycle(0.02).learning_rate,
        momentum=gp.linear(0.9, 0.8, "100%"),
        controllers=[gp.reduce_on_plateau()],
    )
    for flown in (policy, gp.one_cycle(0.02)):
        model = regressor()
        code = code_for(flown, epochs=5).replace("epochs=5,", "epochs=5, verbose=0,")
        space = {"model": model, "x_train": X, "y_train": Y, "x_validation": X, "y_validation": Y}
        exec(code, space)
        assert space["policy"] == flown
        expected = flown.plan(5 * 2, 2)(9)
        assert model.history.history["learning_rate"][-1] == pytest.approx(expected)
        assert keras.ops.convert_to_numpy(model.optimizer.iterations) == 10
