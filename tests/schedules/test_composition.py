"""The algebra of schedules: laws that hold for whatever is put together."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import glidepath as gp
from glidepath.testing import check_schedule

rates = st.floats(0, 10, allow_nan=False).map(lambda x: round(x, 6))
positive = st.floats(1e-6, 10).map(lambda x: round(x, 6)).filter(lambda x: x > 0)
lengths = st.integers(1, 40)
periods = st.one_of(lengths, st.sampled_from(["1ep", "0.5ep", "10%", "2.5%"]))

finite = st.one_of(
    st.builds(gp.linear, rates, rates, lengths),
    st.builds(gp.cosine_decay, rates, lengths, rates),
    st.builds(gp.polynomial_decay, rates, rates, lengths, positive),
    st.builds(gp.exponential_ramp, positive, positive, lengths),
)
endless = st.one_of(
    st.builds(gp.constant, rates),
    st.builds(gp.exponential_decay, rates, st.floats(0.1, 1), periods, st.booleans()),
    st.builds(gp.step_decay, rates, st.floats(0.1, 1), periods),
    st.builds(gp.inverse_time_decay, rates, rates, periods, st.booleans()),
    st.builds(gp.power_decay, rates, periods, st.floats(0, 3)),
    st.builds(gp.cosine_restarts, rates, lengths, st.floats(1, 3), st.floats(0.1, 1), st.just(0.0)),
    st.builds(gp.triangular, st.just(0.01), positive.map(lambda x: x + 0.01), periods),
    st.builds(gp.polynomial_decay, rates, rates, lengths, positive, st.just(True)),
)
bounded = st.recursive(
    st.one_of(finite, st.builds(gp.Schedule.take, endless, lengths)),
    lambda inner: st.one_of(
        st.builds(gp.Schedule.then, inner, inner),
        st.builds(gp.Schedule.repeat, inner, st.integers(1, 4)),
        st.builds(lambda a, x: x * a, inner, rates),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, x: a.clip(0.01, 0.01 + x), inner, rates),
    ),
    max_leaves=5,
)
anything = st.one_of(bounded, endless, st.builds(gp.Schedule.then, bounded, endless))
TOTAL = 400


def table(schedule: gp.Schedule) -> np.ndarray:
    return schedule.plan(TOTAL, steps_per_epoch=20, strict=False).table()


@given(anything)
def test_every_schedule_passes_the_published_checks(schedule: gp.Schedule) -> None:
    """The suite that users may run on their own schedules."""
    try:
        schedule.plan(TOTAL, 20)
    except gp.PlanError:
        assume(False)
    check_schedule(schedule, TOTAL, 20)


@given(anything)
def test_specs_round_trip_through_json(schedule: gp.Schedule) -> None:
    """The same schedule comes back: equal, with the same fingerprint and the same table."""
    again = gp.from_spec(json.dumps(schedule.to_spec()))
    assert again == schedule
    assert again.fingerprint == schedule.fingerprint
    assert isinstance(again, gp.Schedule)
    assert table(again).tolist() == table(schedule).tolist()


@given(bounded, bounded, anything)
def test_then_is_associative(a: gp.Schedule, b: gp.Schedule, c: gp.Schedule) -> None:
    """However it is bracketed, it is the same schedule."""
    assert (a >> b) >> c == a >> (b >> c)
    assert a.then(b).then(c) == a >> b >> c


@given(bounded, anything)
def test_then_starts_the_second_from_its_own_zero(a: gp.Schedule, b: gp.Schedule) -> None:
    """The first as it is up to its length, then the second as it is."""
    length = a.plan(10**6, 20).learning_rate.curve.length
    assert length is not None
    joined = (a >> b).plan(length + 100, 20, strict=False)
    alone = b.plan(length + 100, 20, strict=False)
    assert joined.table()[:length].tolist() == a.plan(length + 100, 20).table()[:length].tolist()
    assert joined.table()[length:].tolist() == alone.table()[:100].tolist()


@given(bounded, st.integers(1, 5))
def test_repeat_is_then_with_itself(a: gp.Schedule, times: int) -> None:
    """Three times is once, and once, and once."""
    chained = a
    for _ in range(times - 1):
        chained = chained >> a
    assert table(a.repeat(times)).tolist() == table(chained).tolist()


@given(anything, anything, rates)
def test_products(a: gp.Schedule, b: gp.Schedule, factor: float) -> None:
    """Multiplication is update by update, and with a number it is scaling."""
    assert table(a * b).tolist() == (table(a) * table(b)).tolist()
    assert table(factor * a).tolist() == (factor * table(a)).tolist()
    assert factor * a == a * factor


@given(anything, rates, rates)
def test_clip(a: gp.Schedule, x: float, y: float) -> None:
    """Between the bounds as it was, elsewhere the bound."""
    low, high = min(x, y), max(x, y)
    assert table(a.clip(low, high)).tolist() == np.clip(table(a), low, high).tolist()


@given(anything, lengths)
def test_take(a: gp.Schedule, over: int) -> None:
    """The first updates as they were, then the value at the new end."""
    taken, whole = table(a.take(over)), table(a)
    assert taken[:over].tolist() == whole[:over].tolist()
    assert (taken[over:] == whole[over]).all()


def test_rest_inside_take_is_the_taken_part() -> None:
    """A schedule that fills the run fills what it is given."""
    plan = (gp.wsd(1.0, 10, 10).take(50) >> gp.constant(2.0)).plan(100)
    assert plan(40) == 1.0
    assert plan(45) == 0.5
    assert plan(50) == 2.0


def test_a_policy_flies_several_hyperparameters() -> None:
    """Each has its own table; a number is a constant."""
    policy = gp.Policy(
        learning_rate=gp.linear(0, 1, 10) >> gp.constant(1),
        momentum=gp.linear(0.9, 0.8, 10),
        weight_decay=0.01,
    )
    plan = policy.plan(20)
    assert plan(5) == 0.5
    assert plan.momentum is not None
    assert plan.weight_decay is not None
    assert plan.momentum(5) == pytest.approx(0.85)
    assert (plan.weight_decay.table() == 0.01).all()
    assert gp.from_spec(json.dumps(policy.to_spec())) == policy


def test_policies_combine_like_schedules() -> None:
    """Scaling, taking, repeating and joining whole policies."""
    cycle = gp.one_cycle(0.4, up=10, down=10).take(30)
    assert (0.5 * cycle).plan(30)(10) == 0.2
    assert (0.5 * cycle).plan(30).momentum(10) == 0.85  # type: ignore[misc]
    twice = cycle.repeat(2).plan(60)
    assert twice(40) == 0.4
    assert twice.momentum(40) == 0.85  # type: ignore[misc]
    joined = (cycle >> gp.one_cycle(0.1, up=10, down=10)).plan(60)
    assert joined(40) == 0.1
    assert cycle.clip(0.0, 0.3).plan(30)(10) == 0.3
    assert gp.as_policy(gp.constant(1.0)) == gp.Policy(1.0) == gp.as_policy(1)
    for bad in ("0.1", True, -0.1, float("inf"), None):
        with pytest.raises(gp.ArgumentError, match=r"a number|a finite number"):
            gp.as_policy(bad)
    with pytest.raises(gp.ArgumentError, match="the same hyperparameters"):
        cycle >> gp.constant(0.1)
    with pytest.raises(gp.ArgumentError, match="the same hyperparameters"):
        gp.linear(0, 1, 10) >> cycle


def test_controllers_travel_with_the_policy() -> None:
    """They are part of the spec and of the fingerprint."""
    plateau = gp.reduce_on_plateau("val_loss", factor=0.5, patience=3)
    policy = gp.Policy(gp.linear(0, 1, "5ep") >> gp.constant(1), controllers=[plateau])
    again = gp.from_spec(json.dumps(policy.to_spec()))
    assert again == policy
    assert policy.plan("10ep", 10).controllers == (plateau,)
    assert policy.fingerprint != gp.Policy(policy.learning_rate).fingerprint
