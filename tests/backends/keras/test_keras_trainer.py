"""KerasTrainer: what it applies is what it was told, and one compiled step serves all."""

import keras
import numpy as np
import pytest
from keras_models import (
    BATCH,
    POLICIES,
    STEPS,
    Batches,
    Weight,
    X,
    Y,
    noisy,
    number,
    optimizer,
    regressor,
    trainer,
    weights,
)

from glidepath.backends.keras.task import Task
from glidepath.backends.keras.trainer import KerasTrainer
from glidepath.errors import ArgumentError
from glidepath.training.trainer import Trainer

pytestmark = pytest.mark.keras
RATES = {"learning_rate": np.linspace(0.01, 0.03, 20)}


@pytest.fixture(scope="module")
def pair():
    """A trainer for each kind of optimizer, for the tests that leave no trace."""
    return {kind: trainer(lambda kind=kind: regressor(kind)) for kind in ("sgd", "adamw")}


def test_implements_the_protocol(pair):
    made = pair["sgd"]
    assert isinstance(made, Trainer)
    assert made.steps_per_epoch == STEPS
    assert made.metric.name == "mae"
    assert not made.metric.rising
    assert made.hyperparameters == {"learning_rate", "momentum", "weight_decay"}
    found = made.evaluate("validation")
    assert set(found) == {"loss", "mae"}
    assert all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("name", POLICIES)
def test_applies_the_plan_exactly(pair, kind, name):
    plan = POLICIES[name].plan("3ep", STEPS)
    made = pair[kind]
    made.reset(1)
    updates = made.advance({track: plan.tracks[track].table() for track in plan.tracks})
    for track in plan.tracks:
        expected = plan.tracks[track].table().astype(np.float32)
        assert np.array_equal(updates.applied[track].astype(np.float32), expected)
    assert set(updates.applied) == made.hyperparameters


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_weights_move_as_computed_by_hand(kind):
    """Independent of every read-back: the values that are reported did move the weight."""
    rates, decays = np.linspace(0.1, 0.02, 6), np.linspace(0, 0.1, 6)
    momenta = np.asarray([0.9, 0.5, 0.0, 0.6, 0.3, 0.0])
    made = trainer(lambda: Weight.model(optimizer(kind)), (Weight.X, Weight.Y), 8)
    found = []
    for index in range(6):
        at = slice(index, index + 1)
        made.advance(
            {"learning_rate": rates[at], "momentum": momenta[at], "weight_decay": decays[at]}
        )
        found.append(number(made.model.trainable_variables[0]))
    np.testing.assert_allclose(found, Weight.by_hand(kind, rates, momenta, decays), rtol=2e-5)


def test_unnamed_hyperparameters_keep_the_compiled_value(pair):
    updates = pair["adamw"].advance({"learning_rate": np.full(2, 0.01)})
    assert updates.applied["momentum"].astype(np.float32)[0] == np.float32(0.9)
    assert updates.applied["weight_decay"].astype(np.float32)[1] == np.float32(0.004)


def test_one_trace_serves_all_rates_policies_and_seeds(pair):
    made = pair["sgd"]
    made.reset(0)
    made.advance({"learning_rate": np.full(STEPS, 0.01)})
    traced = made.traces
    assert traced <= 2  # the whole batches, and the partial last one
    for seed in range(3):
        made.reset(seed)
        made.advance({"learning_rate": np.full(STEPS, 0.1 / (seed + 1))})
        made.advance({"learning_rate": np.full(3, 0.2), "momentum": np.full(3, 0.1 * seed)})
        made.restore(made.snapshot())
    assert made.traces == traced
    if keras.backend.backend() != "torch":
        assert traced == 2


def test_losses_and_metrics_are_the_batch_own_before_the_update():
    made = trainer()
    made.reset(3)
    start = made.snapshot()
    updates = made.advance(RATES)
    made.restore(start)
    order = made.task.source("train").order(3, 0)
    for index in range(STEPS):
        chosen = order[index * BATCH : (index + 1) * BATCH]
        error = made.model.predict(X[chosen], verbose=0) - Y[chosen]
        assert updates.losses[index] == pytest.approx(np.mean(error**2), rel=1e-4)
        assert updates.metrics["mae"][index] == pytest.approx(np.mean(abs(error)), rel=1e-4)
        made.advance({"learning_rate": RATES["learning_rate"][index : index + 1]})


def test_evaluate_agrees_with_keras_and_changes_nothing():
    made = trainer(noisy)
    made.advance(RATES)
    before = weights(made.model)
    found = made.evaluate("validation")
    expected = made.model.evaluate(X[:20], Y[:20], verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-4)
    assert made.evaluate("test") == found  # without test data the validation's are reported
    after = weights(made.model)
    kept = len(before) - len(made.model.metrics_variables)
    assert kept > 0
    assert made.evaluate("validation") == found
    trained = made.advance({"learning_rate": np.full(1, 0.01)})
    assert np.isfinite(trained.losses).all()
    names = [variable.path for variable in [*made.model.variables, *made.model.optimizer.variables]]
    for name, left, right in zip(names, before, after, strict=True):
        if "mean_metric" not in name and "loss" not in name and "mae" not in name:
            assert np.array_equal(left, right), name


def test_same_seed_same_run_whatever_ran_before():
    made = trainer(noisy)
    made.reset(5)
    first = made.advance(RATES)
    made.reset(6)
    other = made.advance({"learning_rate": np.full(7, 3.0)})
    made.reset(5)
    again = made.advance(RATES)
    assert np.array_equal(first.losses, again.losses)
    assert not np.array_equal(first.losses[:7], other.losses)


@pytest.mark.parametrize(
    ("data", "kind"),
    [("arrays", "sgd"), ("arrays", "adamw"), ("stream", "sgd"), ("py_dataset", "adamw")],
)
def test_restore_is_exact_after_divergence(kind, data):
    train, size = _data(data)
    made = trainer(lambda: noisy(kind), train, size)
    made.reset(2)
    made.advance({"learning_rate": np.full(10, 0.02)})
    kept = made.snapshot()
    wanted = made.advance(RATES)
    wanted_weights = weights(made.model)
    for _ in range(2):  # a snapshot stays good
        made.restore(kept)
        wild = made.advance({"learning_rate": np.geomspace(0.1, 1e30, 30)})
        assert not np.isfinite(wild.losses).all() or wild.losses[-1] > 1e6
        made.evaluate("validation")
        made.restore(kept)
        found = made.advance(RATES)
        assert np.array_equal(found.losses, wanted.losses)
        for left, right in zip(weights(made.model), wanted_weights, strict=True):
            assert np.array_equal(left, right)


def _data(kind):
    if kind == "arrays":
        return (X, Y), BATCH
    if kind == "stream":
        return Batches(), None

    class Shuffled(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.order = np.arange(len(X))

        def __len__(self):
            return STEPS

        def __getitem__(self, index):
            chosen = self.order[index * BATCH : (index + 1) * BATCH]
            return X[chosen], Y[chosen]

        def on_epoch_end(self):
            np.random.shuffle(self.order)

    return Shuffled(), None


def test_generators_of_user_code_are_restored():
    made = trainer()
    kept = made.snapshot()
    first = np.random.random()
    made.restore(kept)
    assert np.random.random() == first


def test_accumulation_counts_updates():
    steps = 2
    made = KerasTrainer(
        Task(
            lambda: Weight.model(
                keras.optimizers.SGD(0.1, momentum=0.5, gradient_accumulation_steps=steps)
            ),
            (Weight.X, Weight.Y),
            (Weight.X, Weight.Y),
            batch_size=2,
        )
    )
    assert made.steps_per_epoch == 2
    rates = np.asarray([0.1, 0.05, 0.2])
    updates = made.advance({"learning_rate": rates})
    assert np.array_equal(updates.applied["learning_rate"], rates.astype(np.float32))
    assert len(updates.losses) == 3
    w, v = 1.0, 0.0
    for index, rate in enumerate(rates):
        assert updates.losses[index] == pytest.approx(w**2, rel=1e-5)
        v = 0.5 * v - rate * 2 * w
        w += v
    assert number(made.model.trainable_variables[0]) == pytest.approx(w, rel=1e-5)


def test_advance_refuses_what_cannot_be_flown():
    made = KerasTrainer(
        Task(lambda: regressor(keras.optimizers.SGD(0.1)), (X, Y), (X, Y), batch_size=BATCH)
    )
    assert made.hyperparameters == {"learning_rate"}
    with pytest.raises(ArgumentError, match=r"momentum=0\.9"):
        made.advance({"learning_rate": np.ones(1), "momentum": np.ones(1)})
    with pytest.raises(ArgumentError, match=r"weight_decay=0\.0"):
        made.advance({"learning_rate": np.ones(1), "weight_decay": np.ones(1)})
    with pytest.raises(ArgumentError, match="learning_rate"):
        made.advance({})
    able = trainer()
    with pytest.raises(ArgumentError, match="same length"):
        able.advance({"learning_rate": np.ones(2), "momentum": np.ones(1)})
    with pytest.raises(ArgumentError, match="snapshot"):
        made.restore(None)
    with pytest.raises(ArgumentError, match="split"):
        made.evaluate("tests")
    assert made.advance({"learning_rate": np.empty(0)}).losses.size == 0


def test_metric_and_its_direction():
    loss_only = KerasTrainer(Task(lambda: regressor(metrics=()), (X, Y), (X, Y)))
    assert (loss_only.metric.name, loss_only.metric.rising) == ("loss", False)
    rising = KerasTrainer(
        Task(lambda: regressor(metrics=[keras.metrics.R2Score()]), (X, Y), (X, Y))
    )
    assert (rising.metric.name, rising.metric.rising) == ("r2_score", True)
