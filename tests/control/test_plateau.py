"""Reduce on plateau: its counting is Keras's, worked by hand."""

import json
import math
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.control import MetricController, PlateauState, reduce_on_plateau


def factors(controller, values, rate=1.0):
    """The factor after each epoch, at a schedule that says `rate` throughout."""
    state, seen = controller.init(), []
    for value in values:
        state = controller.update(state, value, controller.apply(state, rate))
        seen.append(state.factor)
    return seen


def reductions(controller, values, rate=1.0):
    """The epochs, from 0, after which the factor fell."""
    seen = [1.0, *factors(controller, values, rate)]
    return [epoch for epoch in range(len(values)) if seen[epoch + 1] < seen[epoch]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"patience": 2}, [2, 4, 6, 8]),
        ({"patience": 1}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ({"patience": 3}, [3, 6, 9]),
        # After a reduction the cooldown's epochs are not counted but the last, as in Keras.
        ({"patience": 2, "cooldown": 2}, [2, 5, 8]),
        ({"patience": 1, "cooldown": 3}, [1, 4, 7]),
        ({"patience": 2, "cooldown": 1}, [2, 4, 6, 8]),
    ],
)
def test_reductions_on_a_flat_metric(arguments, expected):
    assert reductions(reduce_on_plateau(**arguments), [1.0] * 10) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"patience": 0}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ({"patience": 2}, [3, 6, 9]),
        ({"patience": 3}, [4, 8]),
        ({"patience": 2, "cooldown": 2}, [3, 8]),
        ({"patience": 0, "cooldown": 1}, [1, 3, 5, 7, 9, 11]),
    ],
)
def test_reductions_on_a_flat_metric_in_torchs_counting(arguments, expected):
    controller = reduce_on_plateau(counting="torch", **arguments)
    assert reductions(controller, [1.0] * 12) == expected


def test_a_relative_threshold_is_a_share_of_the_size_of_the_best():
    """So that it is right for negative metrics, as torch's is not."""
    controller = reduce_on_plateau(counting="torch", patience=0, min_delta=0.1, relative=True)
    assert reductions(controller, [10.0, 9.5, 8.5, 8.0]) == [1, 3]
    assert reductions(controller, [-10.0, -10.0, -10.5, -11.5]) == [1, 2]
    rising = reduce_on_plateau("reward", patience=1, mode="max", min_delta=0.1, relative=True)
    assert reductions(rising, [-10.0, -9.5, -8.5]) == [1]
    absolute = reduce_on_plateau(counting="torch", patience=0, min_delta=0.1)
    assert reductions(absolute, [10.0, 9.5, 9.45]) == [2]


@given(
    st.lists(st.floats(0.1, 3.0), min_size=10, max_size=60),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.floats(0.0, 0.2),
)
@settings(deadline=None)
def test_torchs_counting_is_that_of_the_native_scheduler(
    metrics, patience, cooldown, mode, kind, threshold
):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    native = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, 0.5, patience, threshold, kind, cooldown, eps=0.0
    )
    controller = reduce_on_plateau(
        "x", 0.5, patience, mode, threshold, cooldown, relative=kind == "rel", counting="torch"
    )
    theirs = []
    for metric in metrics:
        native.step(metric)
        theirs.append(optimizer.param_groups[0]["lr"])
    assert factors(controller, metrics) == theirs


def test_each_reduction_multiplies():
    assert factors(reduce_on_plateau(patience=1, factor=0.5), [1.0] * 4) == [1, 0.5, 0.25, 0.125]


def test_an_improvement_starts_the_count_anew():
    values = [1.0, 1.0, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4]
    assert reductions(reduce_on_plateau(patience=2), values) == [4, 7]


def test_only_changes_above_min_delta_are_improvements():
    falling = [1.0, 0.95, 0.90, 0.85, 0.80]
    assert reductions(reduce_on_plateau(patience=2, min_delta=0.04), falling) == []
    # 0.90 is the first that is better than 1.0 by more than 0.07, 0.80 is better than that.
    assert reductions(reduce_on_plateau(patience=1, min_delta=0.07), falling) == [1, 3]


def test_an_improvement_of_exactly_min_delta_is_none():
    assert reductions(reduce_on_plateau(patience=1, min_delta=0.5), [1.0, 0.5]) == [1]


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "expected"),
    [
        ("val_accuracy", "auto", [0.1, 0.2, 0.3], []),
        ("val_accuracy", "auto", [0.3, 0.2, 0.1], [1, 2]),
        ("val_loss", "auto", [0.3, 0.2, 0.1], []),
        ("val_loss", "auto", [0.1, 0.2, 0.3], [1, 2]),
        ("val_accuracy", "min", [0.3, 0.2, 0.1], []),
        ("val_loss", "max", [0.1, 0.2, 0.3], []),
        ("val_loss", "max", [-3.0, -2.0, -1.0], []),
    ],
)
def test_the_mode_says_what_is_better(monitor, mode, values, expected):
    controller = reduce_on_plateau(monitor, patience=1, mode=mode)
    assert reductions(controller, values) == expected


def test_losses_may_be_negative():
    assert reductions(reduce_on_plateau(patience=2), [-1.0, -2.0, -2.0, -2.0, -3.0]) == [3]


def test_a_value_that_is_not_a_number_counts_as_no_improvement():
    nan = math.nan
    assert reductions(reduce_on_plateau(patience=2), [nan, nan, 1.0, nan, nan, 0.5]) == [1, 4]


def test_an_infinite_first_loss_counts_as_no_improvement():
    assert reductions(reduce_on_plateau(patience=2), [math.inf, math.inf, 1.0, 0.5]) == [1]
    assert reductions(reduce_on_plateau("accuracy", patience=1), [-math.inf, 1.0]) == [0]


def test_min_rate_bounds_the_controller():
    controller = reduce_on_plateau(patience=1, factor=0.1, min_rate=0.05)
    state = controller.init()
    applied = []
    for _ in range(5):
        state = controller.update(state, 1.0, controller.apply(state, 1.0))
        applied.append(controller.apply(state, 1.0))
    assert applied == [1.0, 0.1, 0.05, 0.05, 0.05]
    assert state.factor == pytest.approx(0.01), "no further reduction once the bound is reached"


def test_min_rate_does_not_lift_a_schedule():
    controller = reduce_on_plateau(min_rate=0.05)
    assert controller.apply(controller.init(), 0.001) == 0.001
    assert controller.apply(PlateauState(factor=0.1), 0.001) == 0.001


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
    st.integers(1, 4),
    st.integers(0, 4),
)
def test_the_state_survives_json_at_any_epoch(values, patience, cooldown):
    controller = reduce_on_plateau(patience=patience, cooldown=cooldown, factor=0.3)
    state, stored = controller.init(), controller.init()
    for value in values:
        state = controller.update(state, value, 1.0)
        stored = PlateauState(**json.loads(json.dumps(asdict(stored))))
        stored = controller.update(stored, value, 1.0)
        assert stored == state
        assert 0 < state.factor <= 1


def test_the_spec_round_trips():
    other = reduce_on_plateau("loss", 0.5, 3, "min", 0.0, 2, 1e-5)
    for controller in (other, reduce_on_plateau(counting="torch", relative=True, patience=0)):
        policy = gp.Policy(0.1, controllers=[controller])
        assert gp.from_spec(json.loads(json.dumps(policy.to_spec()))) == policy


def test_it_is_a_metric_controller():
    assert isinstance(reduce_on_plateau(), MetricController)


@pytest.mark.parametrize(
    "arguments",
    [
        {"monitor": ""},
        {"monitor": 3},
        {"factor": 1.0},
        {"factor": 0.0},
        {"factor": math.nan},
        {"patience": 0},
        {"patience": 1.5},
        {"mode": "up"},
        {"min_delta": -1.0},
        {"cooldown": -1},
        {"min_rate": math.inf},
        {"counting": "optax"},
        {"relative": 1},
    ],
)
def test_bad_arguments_are_refused_by_name(arguments):
    with pytest.raises(gp.ArgumentError, match=f"reduce_on_plateau: {next(iter(arguments))}"):
        reduce_on_plateau(**arguments)
