"""PlanSchedule: the plan's table in float32, in the optimizer, saved and reloaded."""

import keras
import numpy as np
import pytest
from keras_models import BATCH, POLICIES, X, Y, number, regressor, weights

import glidepath as gp
import glidepath.keras as gk
from glidepath.errors import ArgumentError, SpecError

pytestmark = pytest.mark.keras
COSINE = POLICIES["warm-up and cosine"]


class Rates(keras.callbacks.Callback):
    """The rate that the optimizer says it will use, before every batch."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_begin(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.rates.append(number(self.model.optimizer.learning_rate))


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_real_training_applies_the_table(kind):
    plan = COSINE.plan("3ep", 4)
    make = keras.optimizers.SGD if kind == "sgd" else keras.optimizers.AdamW
    model, seen = regressor(make(gk.PlanSchedule(plan))), Rates()
    model.fit(X, Y, batch_size=BATCH, epochs=4, verbose=0, callbacks=[seen])
    held = np.append(plan.table(), [plan(plan.total_steps)] * 4)
    assert np.array_equal(np.float32(seen.rates), held.astype(np.float32))


def test_long_plans_are_exact_at_every_update():
    plan = gp.exponential_decay(1.0, 0.1, "100%").plan(2**20 + 3)
    made = gk.PlanSchedule(plan)
    some = np.random.default_rng(0).integers(0, 2**20, 50)
    found = [number(made(keras.ops.convert_to_tensor(int(k), "int32"))) for k in some]
    assert np.array_equal(np.float32(found), plan(some).astype(np.float32))


def test_accumulation_divides_the_count_and_cannot_be_forgotten():
    plan = COSINE.plan(8)
    model = regressor(keras.optimizers.SGD(gk.PlanSchedule(plan, 2), gradient_accumulation_steps=2))
    seen = Rates()
    model.fit(X, Y, batch_size=BATCH, epochs=4, verbose=0, callbacks=[seen])
    assert np.array_equal(np.float32(seen.rates), np.repeat(plan.table(), 2).astype(np.float32))
    for accumulation, steps in ((1, 2), (2, None), (3, 2)):
        wrong = keras.optimizers.SGD(
            gk.PlanSchedule(plan, accumulation), gradient_accumulation_steps=steps
        )
        with pytest.raises(ArgumentError, match="give both the same number"):
            regressor(wrong).fit(X, Y, verbose=0)


@pytest.mark.parametrize("source", ["spec", "function"])
def test_saved_in_mid_run_and_continued_exactly(tmp_path, source):
    policy = COSINE if source == "spec" else gp.from_function(lambda k: 0.05 / (1 + k))
    model = regressor(keras.optimizers.Adam(gk.schedule(policy, "4ep", 4)))
    fit = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    model.fit(X, Y, epochs=2, **fit)
    model.save(tmp_path / "model.keras")
    model.fit(X, Y, epochs=4, initial_epoch=2, **fit)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    seen = Rates()
    loaded.fit(X, Y, epochs=4, initial_epoch=2, callbacks=[seen], **fit)
    assert np.array_equal(
        np.float32(seen.rates), policy.plan("4ep", 4).table()[8:].astype(np.float32)
    )
    for left, right in zip(weights(model), weights(loaded), strict=True):
        assert np.array_equal(left, right)


def test_config_round_trips_exactly():
    plan = COSINE.plan(20)
    made = gk.PlanSchedule(plan, 3)
    again = gk.PlanSchedule.from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert np.array_equal(again.values, made.values)
    table = gk.PlanSchedule(gp.from_function(lambda k: 1 / (1 + k)).plan(20))
    kept = gk.PlanSchedule.from_config(table.get_config())
    assert "table" in table.get_config()
    assert np.array_equal(kept.values, table.values)
    assert kept.get_config() == table.get_config()


@pytest.mark.parametrize("config", [{}, {"table": "???"}, {"table": ""}, {"table": "AACAvw=="}])
def test_bad_configs(config):
    with pytest.raises(SpecError):
        gk.PlanSchedule.from_config(config)


def test_what_a_schedule_cannot_fly_is_refused():
    with pytest.raises(ArgumentError, match="needs a plan"):
        gk.PlanSchedule(COSINE)
    with pytest.raises(ArgumentError, match="no end"):
        gk.PlanSchedule(gp.constant(0.1).plan())
    with pytest.raises(ArgumentError, match=r"momentum too.*Flight"):
        gk.PlanSchedule(gp.one_cycle(0.1).plan(10))
    plateau = gp.Policy(0.1, controllers=[gp.reduce_on_plateau()])
    with pytest.raises(ArgumentError, match=r"controllers too.*Flight"):
        gk.PlanSchedule(plateau.plan(10))
    for bad in (0, 1.5, True):
        with pytest.raises(ArgumentError, match="positive integer"):
            gk.PlanSchedule(COSINE.plan(10), bad)


def test_a_plan_is_taken_as_it_is():
    plan = COSINE.plan(8)
    assert gk.schedule(plan).plan is plan
    assert gk.schedule(0.1, 8).get_config() == gk.schedule(gp.constant(0.1), 8).get_config()
    with pytest.raises(ArgumentError, match="own length"):
        gk.schedule(plan, 8)
