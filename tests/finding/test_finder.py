"""The finder on the toy trainer: what it answers, what it leaves alone, what it refuses."""

import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import Found
from glidepath.finding.finder.shape import compress
from glidepath.testing import ToyTrainer

COSINE = gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%")


def train(trainer, policy, total):
    record = gp.drive(trainer, policy, total, seed=0)
    return record.series["loss"]


@pytest.fixture(scope="module")
def found():
    return gp.find(ToyTrainer(), COSINE, 600)


def test_it_finds_a_rate_that_trains_well(found):
    def loss(rate):
        record = gp.drive(ToyTrainer(), rate * COSINE, 600, seed=0)
        return record.evaluations[-1].values["loss"]

    others = [loss(2.0**x) for x in np.arange(-6, 1)]
    assert loss(found.learning_rate) < min(others) + 0.03 * (max(others) - min(others))


def test_the_answer_holds_together(found):
    low, high = found.interval
    assert 1e-7 <= low <= found.learning_rate <= high <= 100
    assert found.cyclical["low"] < found.cyclical["high"]
    assert found.cost.lane_updates == sum(len(lane.losses) for lane in found.lanes)
    assert found.cost.budget == 600
    assert found.cost.lane_updates <= 1000


def test_json_round_trip(found):
    text = found.to_json()
    assert Found.from_json(text).to_json() == text
    with pytest.raises(gp.RecordError, match="version"):
        Found.from_json("{}")


def test_fit_after_find_is_fit():
    trainer, fresh = ToyTrainer(), ToyTrainer()
    for each in (trainer, fresh):
        each.reset(3)
        each.advance({"learning_rate": np.full(7, 0.01)})
    gp.find(trainer, COSINE, 300, effort="quick")
    rates = {"learning_rate": np.full(30, 0.05)}
    assert np.array_equal(trainer.advance(rates).losses, fresh.advance(rates).losses)
    assert trainer.evaluate("validation") == fresh.evaluate("validation")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_state_is_restored_whatever_happens(error):
    class Failing(ToyTrainer):
        left = 12

        def advance(self, values):
            self.left -= 1
            if self.left == 0:
                raise error
            return super().advance(values)

    trainer, fresh = Failing(), ToyTrainer()
    with pytest.raises(error):
        gp.find(trainer, COSINE, 300)
    rates = {"learning_rate": np.full(30, 0.05)}
    assert np.array_equal(trainer.advance(rates).losses, fresh.advance(rates).losses)


def test_compressing_keeps_the_area_and_the_shape():
    table = COSINE.plan(600).table()
    for updates in (7, 50, 600):
        short = compress(table, updates)
        assert len(short) == updates
        assert math.isclose(short.mean(), table.mean(), rel_tol=1e-9)
    assert np.array_equal(compress(table, 600), table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"low": 1, "high": 2}, "four times"),
        ({"effort": "much"}, "effort"),
        ({"low": 0}, "low"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_refused(change, words):
    with pytest.raises(gp.ArgumentError, match=words):
        gp.find(ToyTrainer(), COSINE, 100, **change)


def test_a_policy_without_a_rate_is_refused():
    with pytest.raises(gp.ArgumentError, match="above 0"):
        gp.find(ToyTrainer(), gp.constant(0.0), 100)
