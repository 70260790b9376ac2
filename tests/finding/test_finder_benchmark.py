"""The benchmark of finders: its scores, and a row of it run anew."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optax", reason="Optax is not installed")
pytest.importorskip("sklearn", reason="scikit-learn is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from finders_compare import gather, trainer_of
from finders_lanes import SHAPES, factory, policy
from finders_left import LENGTHS, Surface
from finders_oracle import Row, load
from finders_tasks import DEVELOPMENT, problems

import glidepath as gp

REPORTED = (
    "breast-cancer", "california", "california-nll", "large-batch", "small-batch", "fashion-cnn",
    "fine-tuning", "char-gru", "char-transformer",
)  # fmt: skip
RIVALS = ("quick", "standard", "minimum/10, five sweeps", "fastai-valley")


def row(table, start=10.0):
    table = np.array(table, float)
    positions = np.arange(table.shape[1], dtype=float) / 2
    return Row("t", "h", "sgd", "cosine", 600, positions, table, np.full(len(table), start))


def test_regret_is_the_share_of_what_there_was_to_gain():
    found = row([[6, 4, 2, 3, 8, 10], [6, 4, 2, 3, 8, 10]])
    assert found.positions[found.best] == 1
    assert found.regret(1.0) == 0
    assert found.regret(0.5) == pytest.approx(0.25)
    assert found.regret(0.25) == pytest.approx((5 - 2) / 8)
    assert found.regret(2.5) == found.regret(9.0) == 1
    assert found.regret(None) == found.regret(math.nan) == 1
    assert 0.5 < found.regret(-4) < found.regret(-8) == found.regret(-50) == 1


def test_what_cannot_be_told_from_the_best_has_no_regret():
    # At 0.5 one seed is better and one worse than at 1; at 1.5 both are worse by the same.
    found = row([[9, 1.5, 2.2, 3, 9], [9, 2.6, 1.8, 2.6, 9]])
    assert found.interval() == (0.5, 1.0)
    assert found.regret(0.6) == 0
    assert found.regret(0.6, forgiving=False) > 0
    assert found.regret(1.5) > 0


def test_what_is_committed_says_what_the_page_says():
    """The figures of docs/finder.md, loosely: they are of these files."""
    judged = [item for item in gather(REPORTED) if item.row.half == "reporting"]
    assert len({(j.row.task, j.row.optimizer, j.row.shape) for j in judged}) == 81

    def regrets(method, shape=None):
        return [
            100 * j.regret for j in judged if j.method == method and shape in (None, j.row.shape)
        ]

    mean = {name: np.mean(regrets(name)) for name in RIVALS}
    assert mean["standard"] < 1.1
    assert np.median(regrets("standard")) < 0.1
    assert np.quantile(regrets("standard"), 0.9) < 3
    assert all(np.mean(regrets("standard", shape)) < 1.3 for shape in SHAPES)
    assert mean["standard"] < mean["quick"] < 2.2
    assert mean["quick"] < mean["minimum/10, five sweeps"] < mean["fastai-valley"]


def test_what_a_search_leaves_is_read_off_between_real_trainings():
    """Rates 1, 2 and 4; the loss falls by 1 with every doubling of the length."""
    positions = np.array([0.0, 1.0, 2.0])
    table = np.array([[[9.0 - k, 7.0 - k, 8.0 - k]] * 3 for k in range(len(LENGTHS))])
    surface = Surface("sgd", "cosine", 10.0, positions, table)
    assert surface.loss(1.0, 300) == pytest.approx(5)
    assert surface.loss(0.5, 300) == pytest.approx(6)
    assert surface.loss(1.0, 300 * 2**0.5) == pytest.approx(4.5)
    assert surface.loss(1.0, 37.5) == pytest.approx((10 + 7) / 2)
    assert surface.loss(1.0, 0) == surface.loss(1.0, -50) == 10
    assert surface.regret(surface.loss(1.0, 600), 600) == 0
    assert surface.regret(surface.loss(1.0, 300), 600) == pytest.approx(1 / (10 - 4))


def test_every_oracle_has_its_best_inside_its_grid():
    for problem in problems(None):
        for found in load(problem.name):
            assert 2 <= found.best < len(found.positions) - 2, (found.task, found.optimizer)
            assert len(found.table) >= 3


def test_a_row_run_anew():
    """An ill-conditioned linear regression under plain SGD."""
    problem = next(problem for problem in problems(None) if problem.name == "linear")
    assert problem.half == DEVELOPMENT
    assert callable(factory("sgd"))
    [oracle] = [r for r in load("linear") if (r.optimizer, r.shape) == ("sgd", "cosine")]
    trainer = trainer_of(problem, "sgd")
    regrets = [
        oracle.regret(
            math.log2(gp.find(trainer, policy("cosine", "sgd"), 600, seed=seed).learning_rate)
        )
        for seed in range(3)
    ]
    assert np.mean(regrets) < 0.05, regrets
