"""What the finder's answer may not depend on, where the best rate lies well below the cliff."""

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding.finder.evidence import gather
from glidepath.finding.finder.lanes import Flyer
from glidepath.finding.finder.law import least_expected, predict
from glidepath.testing import ToyTrainer
from glidepath.training import Updates

STEADY = gp.constant(1.0)
FALLING = gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%")
SHAPES = {"constant": STEADY, "cosine": FALLING}
NOISE = {"constant": 12.0, "cosine": 40.0}
"""Of the targets: so much that a rate near the cliff is too high."""


class Noisy(ToyTrainer):
    """The toy trainer with a probe in parts; its losses in another unit."""

    def __init__(self, noise=NOISE["constant"], unit=1.0, **options):
        super().__init__(noise=noise, **options)
        self.unit = unit

    def probe(self, examples):
        x, y = self._splits["validation"]
        with np.errstate(all="ignore"):
            losses = (x @ self._weights - y) ** 2 / 2 + self._offset
        return self.unit * losses[:examples].reshape(8, -1).mean(axis=1)

    def advance(self, values):
        found = super().advance(values)
        return Updates(self.unit * found.losses, found.applied, found.metrics)


@pytest.fixture(scope="module", params=SHAPES)
def shape(request):
    return request.param


@pytest.fixture(scope="module")
def found(shape):
    return gp.find(Noisy(NOISE[shape]), SHAPES[shape], 600)


def test_the_best_rate_is_well_below_the_cliff(found):
    """Or the other tests here could not fail."""
    held = [lane.rate for lane in found.lanes if not lane.diverged]
    assert found.learning_rate < 0.6 * max(held)


def test_the_same_seed_gives_the_same_answer(shape, found):
    again = gp.find(Noisy(NOISE[shape]), SHAPES[shape], 600)
    assert again.learning_rate == found.learning_rate
    assert again.interval == found.interval
    assert again.lanes == found.lanes
    other = gp.find(Noisy(NOISE[shape]), SHAPES[shape], 600, seed=1)
    assert [lane.losses for lane in other.lanes] != [lane.losses for lane in found.lanes]


@pytest.mark.parametrize(("unit", "offset"), [(64.0, 0.0), (1.0, -70.0), (1e-3, 8.0)])
def test_the_unit_of_the_loss_and_what_is_added_to_it_do_not_matter(shape, found, unit, offset):
    other = gp.find(Noisy(NOISE[shape], unit, offset=offset), SHAPES[shape], 600)
    assert other.learning_rate == pytest.approx(found.learning_rate, rel=1e-9)
    assert other.interval == pytest.approx(found.interval, rel=1e-9)


@pytest.mark.parametrize("factor", [16.0, 1 / 8, 3.0])
def test_another_scale_of_rates_moves_the_answer_with_it(shape, found, factor):
    bounds = {"low": 1e-7 * factor, "high": 100 * factor}
    trainer = Noisy(NOISE[shape], diverges_above=factor)
    other = gp.find(trainer, SHAPES[shape], 600, **bounds)
    assert other.learning_rate == pytest.approx(factor * found.learning_rate, rel=1e-3)
    assert other.interval == pytest.approx(factor * np.array(found.interval), rel=1e-3)


def test_the_peak_that_the_policy_was_given_does_not_matter(shape, found):
    other = gp.find(Noisy(NOISE[shape]), 0.003 * SHAPES[shape], 600)
    assert other.learning_rate == pytest.approx(found.learning_rate, rel=1e-9)


def test_the_order_in_which_lanes_are_read_does_not_matter(shape, found):
    trainer = Noisy(NOISE[shape])
    trainer.reset(0)
    start = trainer.probe(1024)

    def read(lanes):
        return least_expected(predict(gather(lanes, start, 16, 0), 600, steady=shape == "constant"))

    shuffled = np.random.default_rng(1).permutation(len(found.lanes))
    assert read([found.lanes[i] for i in shuffled]) == read(found.lanes)
    assert 2 ** read(found.lanes) == pytest.approx(found.learning_rate)


def test_the_order_in_which_lanes_are_flown_does_not_matter(shape, found, monkeypatch):
    straight = Flyer.fly_all

    def reversed_(self, start, rates, updates, look=False):
        return straight(self, start, rates[::-1], updates, look=look)[::-1]

    monkeypatch.setattr(Flyer, "fly_all", reversed_)
    other = gp.find(Noisy(NOISE[shape]), SHAPES[shape], 600)
    assert other.learning_rate == found.learning_rate
    assert other.lanes == found.lanes
