"""Greedy: up while the metric improves, down while it does not."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.control import GreedyState, MetricController, greedy
from glidepath.testing import ToyTrainer


def factors(controller, values):
    """The factor after each epoch."""
    state, seen = controller.init(), []
    for value in values:
        state = controller.update(state, value, 1.0)
        seen.append(state.factor)
    return seen


def test_it_rises_while_the_metric_improves_and_falls_while_it_does_not():
    controller = greedy(factor=0.5, patience=1)
    assert factors(controller, [5, 4, 3, 2, 2, 2, 2, 2]) == [1, 2, 2, 4, 4, 2, 2, 1]


def test_patience_is_what_is_let_pass():
    assert factors(greedy(factor=0.5, patience=0), [3, 2, 2]) == [2, 4, 2]
    assert factors(greedy(factor=0.5, patience=2), [5, 4, 3, 2, 1, 0]) == [1, 1, 2, 2, 2, 4]


def test_an_epoch_of_the_other_kind_starts_the_count_anew():
    assert factors(greedy(factor=0.5, patience=1), [3, 3, 2, 2, 1, 1]) == [1] * 6


def test_the_factor_is_bounded():
    controller = greedy(factor=0.5, patience=0, min_factor=0.3, max_factor=3.0)
    assert factors(controller, [3, 2, 1, 1, 1, 1, 1]) == [2, 3, 3, 1.5, 0.75, 0.375, 0.3]


def test_nothing_counts_while_it_rests():
    controller = greedy(factor=0.5, patience=0, hold=2, cooldown=1)
    # 9 raises, two epochs rest, 9 is no improvement: lowers, one rests, and 8 is one.
    assert factors(controller, [9, 1, 1, 9, 1, 8]) == [2, 2, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("monitor", "mode", "values"),
    [
        ("val_loss", "auto", [-1.0, -2.0, -3.0]),
        ("val_accuracy", "auto", [0.1, 0.2, 0.3]),
        ("reward", "max", [-3.0, -2.0, -1.0]),
    ],
)
def test_the_mode_says_what_is_better(monitor, mode, values):
    controller = greedy(monitor, 0.5, 0, mode)
    assert factors(controller, values) == [2, 4, 8]
    assert factors(controller, values[::-1]) == [2, 1, 0.5]


def test_only_changes_above_min_delta_are_improvements():
    assert factors(greedy(factor=0.5, patience=0, min_delta=0.5), [2, 1.6, 1.4]) == [2, 1, 2]


def test_what_is_not_a_number_improves_nothing():
    assert factors(greedy(factor=0.5, patience=0), [math.nan, math.inf, 1.0]) == [0.5, 0.25, 0.5]


@settings(deadline=None)
@given(
    st.lists(st.floats(-2.0, 3.0), min_size=5, max_size=60),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["min", "max"]),
)
def test_the_counting_is_that_of_transformers(metrics, patience, cooldown, hold, mode):
    native = pytest.importorskip(
        "transformers.optimization", reason="transformers is not installed"
    )
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not hasattr(native, "GreedyLR"):
        pytest.skip("this transformers has no GreedyLR")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    scheduler = native.GreedyLR(
        optimizer, mode, 0.7, patience, 1e-6, "abs", cooldown, hold, 0.02, 1.0, 0.0,
        reset_start=10**9,
    )  # fmt: skip
    controller = greedy(
        "x", 0.7, patience, mode, cooldown=cooldown, hold=hold, min_factor=0.1, max_factor=5.0
    )
    theirs = []
    for metric in metrics:
        scheduler.step(metric)
        theirs.append(optimizer.param_groups[0]["lr"])
    assert [0.2 * f for f in factors(controller, metrics)] == pytest.approx(theirs, rel=1e-12)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30), st.integers(0, 2))
def test_the_state_survives_json_at_any_epoch(values, patience):
    controller = greedy(patience=patience, hold=1, cooldown=2)
    state, stored = controller.init(), controller.init()
    for value in values:
        state = controller.update(state, value, 1.0)
        stored = GreedyState(**json.loads(json.dumps(asdict(stored))))
        stored = controller.update(stored, value, 1.0)
        assert stored == state
        assert 0.01 <= state.factor <= 10


def test_it_is_flown_on_top_of_a_schedule():
    """The rates of the record are the schedule's times the factor, from the next epoch on."""
    controller = gp.greedy("val_loss", 0.5, 0, max_factor=2.0, min_delta=0.0)
    policy = gp.Policy(gp.linear(0.0, 0.01, 5) >> gp.constant(0.01), controllers=[controller])
    record = gp.drive(ToyTrainer(steps_per_epoch=10), policy, "3ep")
    plan = policy.plan(30, 10).table()
    assert isinstance(controller, MetricController)
    losses = [e.values["loss"] for e in record.evaluations if e.split == "validation"]
    expected = [1.0, *factors(controller, losses)][:3]
    assert expected[1] == 2.0
    applied = record.series["learning_rate"]
    for epoch, factor in enumerate(expected):
        part = slice(10 * epoch, 10 * epoch + 10)
        assert applied[part].tolist() == (plan[part] * factor).astype(np.float32).tolist()


def test_the_spec_round_trips():
    controller = greedy("loss", 0.8, 3, "min", 0.1, cooldown=2, hold=1, min_factor=0.5)
    policy = gp.Policy(0.1, controllers=[controller])
    assert gp.from_spec(json.loads(json.dumps(policy.to_spec()))) == policy


@pytest.mark.parametrize(
    "arguments",
    [
        {"monitor": ""},
        {"factor": 1.0},
        {"factor": 0.0},
        {"patience": -1},
        {"mode": "up"},
        {"min_delta": -1.0},
        {"cooldown": -1},
        {"hold": 0.5},
        {"min_factor": 0.0},
        {"min_factor": 1.5},
        {"max_factor": 0.5},
        {"max_factor": math.inf},
    ],
)
def test_bad_arguments_are_refused_by_name(arguments):
    with pytest.raises(gp.ArgumentError, match=f"greedy: {next(iter(arguments))}"):
        greedy(**arguments)
