"""The finder on Keras, on every engine."""

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is not installed")

import keras

import glidepath as gp
import glidepath.keras
from glidepath.tasks.loader import TaskReference
from glidepath.tasks.optimizers import open_with
from glidepath.training import Prober

pytestmark = pytest.mark.keras
COSINE = gp.linear(0, 1, "10%") >> gp.cosine_decay(1, "90%")


def task():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(320, 6)).astype(np.float32)
    y = (x[:, :1] > 0).astype(np.float32)

    def model():
        made = keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(8, activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.2),
                keras.layers.Dense(1),
            ]
        )
        made.compile(
            keras.optimizers.SGD(0.1, momentum=0.9),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )
        return made

    parts = [(x[cut], y[cut]) for cut in (slice(160), slice(160, 240), slice(240, 320))]
    return glidepath.keras.Task(model, *parts, batch_size=32)


def test_fit_after_find_is_fit_and_the_probe_is_the_validation_loss():
    trainer = glidepath.keras.KerasTrainer(task())
    assert isinstance(trainer, Prober)
    rates = {"learning_rate": np.full(6, 0.05)}
    trainer.reset(4)
    trainer.advance(rates)
    state = trainer.snapshot()
    wanted, judged = trainer.advance(rates).losses, trainer.evaluate("validation")
    trainer.restore(state)
    parts = trainer.probe(1024)
    assert parts.shape == (8,)
    assert parts.mean() == pytest.approx(trainer.evaluate("validation")["loss"], rel=1e-4)
    found = gp.find(trainer, COSINE, 8, effort="quick")
    assert 1e-7 <= found.learning_rate <= 100
    assert np.array_equal(trainer.advance(rates).losses, wanted)
    assert trainer.evaluate("validation") == judged


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_built_in_tasks_under_another_optimizer(name):
    trainer = open_with(TaskReference("breast-cancer", "breast-cancer"), name)
    optimizer = trainer.model.optimizer
    wanted = {"sgd": keras.optimizers.SGD, "adamw": keras.optimizers.AdamW}[name]
    assert isinstance(optimizer, wanted)
    assert ("momentum" in trainer.hyperparameters) == (name == "adamw")


OWN = """
import keras
import numpy as np
from glidepath.keras import Task


def task():
    x = np.zeros((64, 3), "float32")

    def model():
        made = keras.Sequential([keras.layers.Dense(1)])
        made.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        return made

    return Task(model, (x, x[:, :1]), (x, x[:, :1]), batch_size=32)
"""


def test_a_task_of_the_users_own_under_another_optimizer(tmp_path):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    trainer = open_with(TaskReference(f"{tmp_path / 'own.py'}:task", "own"), "adamw")
    assert isinstance(trainer.model.optimizer, keras.optimizers.AdamW)
    found = trainer.advance({"learning_rate": np.full(2, 0.01, np.float32)})
    assert np.isfinite(found.losses).all()
