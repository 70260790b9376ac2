"""Grid and random search by full-length trainings."""

import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import grid_search, random_search
from glidepath.testing import ToyTrainer

COSINE = gp.cosine_decay(1, "100%")
RATES = [0.01, 0.1, 0.5, 100.0]


def test_the_grid_takes_the_rate_that_trains_best_and_leaves_the_trainer_alone():
    trainer, fresh = ToyTrainer(), ToyTrainer()
    found = grid_search(trainer, 7 * COSINE, 200, RATES, seed=2)
    for run, rate in zip(found.runs, RATES, strict=True):
        record = gp.drive(ToyTrainer(), rate * COSINE, 200, seed=2)
        assert run.rate == rate
        assert list(run.losses[:20]) == pytest.approx(list(record.series["loss"][:20]))
        if record.outcome == "finished":
            assert run.score == pytest.approx(record.evaluations[-2].values["loss"])
    scores = [math.inf if math.isnan(run.score) else run.score for run in found.runs]
    assert found.learning_rate == RATES[int(np.argmin(scores))]
    assert found.updates == sum(len(run.losses) for run in found.runs)
    rates = {"learning_rate": np.full(10, 0.05)}
    assert np.array_equal(trainer.advance(rates).losses, fresh.advance(rates).losses)


def test_random_rates_are_inside_and_follow_from_the_seed():
    first, again, other = (
        random_search(ToyTrainer(), COSINE, 20, 6, low=1e-3, high=1e-1, seed=seed)
        for seed in (1, 1, 2)
    )
    rates = [run.rate for run in first.runs]
    assert rates == [run.rate for run in again.runs] != [run.rate for run in other.runs]
    assert len(rates) == 6
    assert all(1e-3 <= rate <= 1e-1 for rate in rates)


def test_where_every_run_diverges_there_is_no_rate():
    assert grid_search(ToyTrainer(), COSINE, 2000, [1e6]).learning_rate is None


def test_what_cannot_be_is_refused():
    with pytest.raises(gp.ArgumentError, match="rates"):
        grid_search(ToyTrainer(), COSINE, 10, [])
    with pytest.raises(gp.ArgumentError, match="rate"):
        grid_search(ToyTrainer(), COSINE, 10, [0.0])
    with pytest.raises(gp.ArgumentError, match="swap"):
        random_search(ToyTrainer(), COSINE, 10, 3, low=1, high=0.1)
    with pytest.raises(gp.ArgumentError, match="runs"):
        random_search(ToyTrainer(), COSINE, 10, 0)
