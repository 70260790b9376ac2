"""Plans changed in flight: what was flown stays, nothing jumps, the end is where it should be."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.schedules import RECIPES

TOTAL, PER_EPOCH = 120, 12
SHAPES = ("linear", "sqrt", "cosine", "exponential")
rates = st.floats(1e-4, 2).map(lambda x: round(x, 5))
long = st.sampled_from([17, 30, "20%", "3ep", "2.5%"])

PLANS: dict[str, st.SearchStrategy[gp.Schedule | gp.Policy]] = {
    "constant": st.builds(gp.constant, rates),
    "linear": st.builds(gp.linear, rates, rates, long),
    "exponential_decay": st.builds(gp.exponential_decay, rates, st.floats(0.5, 1), long),
    "step_decay": st.builds(gp.step_decay, rates, st.floats(0.1, 1), long),
    "inverse_time_decay": st.builds(gp.inverse_time_decay, rates, rates, long, st.booleans()),
    "power_decay": st.builds(gp.power_decay, rates, long, st.floats(0, 2)),
    "polynomial_decay": st.builds(gp.polynomial_decay, rates, rates, long, rates, st.booleans()),
    "cosine_decay": st.builds(gp.cosine_decay, rates, st.just("rest"), rates),
    "cosine_restarts": st.builds(gp.cosine_restarts, rates, long, st.floats(1, 3)),
    "piecewise_constant": st.builds(
        gp.piecewise_constant, st.tuples(rates, rates, rates), st.just(["2ep", "50%"])
    ),
    "triangular": st.builds(gp.triangular, st.just(1e-5), rates, long),
    "one_cycle": st.builds(gp.one_cycle, rates, up=long, down=long),
    "wsd": st.builds(gp.wsd, rates, long, long, shape=st.sampled_from(SHAPES[:3])),
    "inverse_sqrt": st.builds(gp.inverse_sqrt, rates, long),
    "exponential_ramp": st.builds(gp.exponential_ramp, rates, rates, long),
}
by_recipe = pytest.mark.parametrize("recipe", sorted(PLANS))
quick = settings(deadline=None, max_examples=40)


def test_every_recipe_is_here() -> None:
    """A new recipe needs a line above."""
    assert set(PLANS) == set(RECIPES)


def held(values: np.ndarray) -> float:
    """The largest change between neighbours."""
    return float(np.abs(np.diff(values)).max(initial=0.0))


def again(plan: gp.Plan) -> gp.Plan:
    """The plan by way of the disk."""
    return gp.plan_from_spec(json.dumps(plan.to_spec()))


@by_recipe
@quick
@given(data=st.data())
def test_a_cooldown_never_jumps(recipe: str, data: st.DataObject) -> None:
    """Up to the step as it was, bit by bit; there the same rate; at the end the end."""
    plan = gp.as_policy(data.draw(PLANS[recipe])).plan(TOTAL, PER_EPOCH)
    step, over = data.draw(st.integers(0, TOTAL + 20)), data.draw(st.integers(1, 50))
    shape = data.draw(st.sampled_from(SHAPES))
    rate = float(plan(step))
    end = rate * data.draw(st.sampled_from([0.001, 0.1, 1.0]))
    if rate == 0:
        shape = "linear"
    new = plan.cooldown_from(step, over, end, shape)
    before = np.arange(step)
    assert new.total_steps == step + over
    assert new(before).tolist() == plan(before).tolist()
    assert new(step) == pytest.approx(rate, rel=1e-12)
    down = new(np.arange(step, step + over + 1))
    assert (np.diff(down) <= 1e-15).all()
    assert down[-1] == pytest.approx(end, rel=1e-12)
    if shape == "linear":
        assert held(down) <= (rate - end) / over * (1 + 1e-9) + 1e-15
    for name, track in plan.tracks.items():
        assert new.tracks[name](before).tolist() == track(before).tolist()
        if name != "learning_rate":
            assert set(new.tracks[name](np.arange(step, step + over + 1))) == {track(step)}
    assert again(new).table().tolist() == new.table().tolist()
    assert again(new).fingerprint == new.fingerprint != plan.fingerprint


@by_recipe
@quick
@given(data=st.data())
def test_an_extension_never_jumps(recipe: str, data: st.DataObject) -> None:
    """Up to `at` as it was; then no change is larger than before, and the end is the same."""
    plan = gp.as_policy(data.draw(PLANS[recipe])).plan(TOTAL, PER_EPOCH)
    at, more = data.draw(st.integers(0, TOTAL)), data.draw(st.integers(1, 300))
    new = plan.extend(TOTAL + more, at=at)
    assert new.total_steps == TOTAL + more
    for name, track in plan.tracks.items():
        stretched = new.tracks[name]
        before = np.arange(at + 1)
        assert stretched(before).tolist() == track(before).tolist()
        old, now = track(np.arange(at, TOTAL + 1)), stretched(np.arange(at, TOTAL + more + 1))
        assert held(now) <= held(old) * (1 + 1e-12)
        assert old.min() <= now.min()
        assert now.max() <= old.max()
        assert now[-1] == old[-1] == stretched(10**6)
    assert again(new).table().tolist() == new.table().tolist()
    assert again(new).fingerprint == new.fingerprint != plan.fingerprint


@given(st.integers(0, TOTAL - 1), st.integers(1, 200))
@settings(deadline=None)
def test_an_extended_line_is_a_line(at: int, more: int) -> None:
    """The formula of the docstring, where it is exact."""
    plan = gp.linear(1.0, 0.0, "100%").plan(TOTAL)
    k = np.arange(at, TOTAL + more + 1)
    point = at + (k - at) * (TOTAL - at) / (TOTAL + more - at)
    assert plan.extend(TOTAL + more, at=at)(k) == pytest.approx(1 - point / TOTAL, abs=1e-12)


def test_an_extended_cosine_is_nearly_the_cosine() -> None:
    """Interpolated, it stays within a second difference of the curve."""
    long_run = gp.cosine_decay(1.0, "100%").plan(2000).table()
    assert gp.cosine_decay(1.0, "100%").plan(1000).extend(2000).table() == pytest.approx(
        long_run, abs=2e-6
    )


def test_a_jump_stays_a_jump() -> None:
    """A step has no slope after it was stretched, and a warm-up's end no flat."""
    steps = gp.piecewise_constant([1.0, 0.1], [10]).plan(20).extend(60)
    assert set(steps.table()) == {1.0, 0.1}
    assert steps.table().tolist().index(0.1) == 30
    assert steps.learning_rate.marks() == [0, 30]
    warm = (gp.linear(0.0, 1.0, 10) >> gp.constant(1.0)).plan(20).extend(40)
    assert warm.table()[:21] == pytest.approx(np.arange(21) / 20)
    single = gp.piecewise_constant([1.0, 0.5, 0.1], [4, 5]).plan(10).extend(30)
    assert set(single.table()) == {1.0, 0.5, 0.1}


@given(st.integers(0, TOTAL), st.integers(0, 200), st.integers(0, 60))
@settings(deadline=None, max_examples=50)
def test_blocks_are_the_table(at: int, start: int, length: int) -> None:
    """Looked up in any portion it is the same."""
    plan = (gp.linear(0, 1, 30) >> gp.step_decay(1.0, 0.5, 20)).plan(TOTAL).extend(250, at=at)
    whole = plan.learning_rate.block(0, 300)
    assert plan.learning_rate.block(start, start + length).tolist() == (
        whole[start : start + length].tolist()
    )


def test_changes_follow_each_other() -> None:
    """Extended twice, then cooled down, and read back: the past is never rewritten."""
    first = gp.wsd(1.0, "10%", "20%").plan("10ep", 10)
    second = first.extend("20ep", at=50)
    third = second.extend("30ep", at=120)
    last = again(third.cooldown_from(200, "10%", shape="sqrt"))
    assert last.total_steps == 230
    assert last.table()[:51].tolist() == first.table()[:51].tolist()
    assert last.table()[:121].tolist() == second.table()[:121].tolist()
    assert last.table()[:201].tolist() == third.table()[:201].tolist()
    assert last(230) == 0.0


def test_percentages_are_those_of_the_old_run() -> None:
    """A new length does not move what was planned in shares of the old one."""
    plan = gp.cosine_decay(1.0, "100%").plan(100)
    assert plan.cooldown_from(60, 40)(59) == plan(59)
    assert plan.cooldown_from(60, 10)(59) == plan(59)


def test_a_run_without_end_can_be_ended() -> None:
    """And has a table then."""
    plan = gp.inverse_sqrt(1.0, 10).plan()
    ended = again(plan.cooldown_from(1000, 100))
    assert ended.table()[:1001].tolist() == plan(np.arange(1001)).tolist()
    assert ended(1100) == 0.0


def test_controllers_and_functions_stay() -> None:
    """A schedule without a spec can be changed in flight too, but not saved."""
    policy = gp.Policy(gp.from_function(lambda k: 1.0 / (1 + k)), controllers=[gp.greedy()])
    for plan in (policy.plan(10).extend(20, at=5), policy.plan(10).cooldown_from(5, 5)):
        assert plan.controllers == policy.controllers
        assert plan(3) == 0.25
        with pytest.raises(gp.SpecError):
            plan.to_spec()


COSINE = gp.cosine_decay(1.0, "rest").plan(100, 10)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda: COSINE.extend(100), gp.PlanError, "more than the 100"),
        (lambda: COSINE.extend("5ep"), gp.PlanError, "more than the 100"),
        (lambda: COSINE.extend(2**40), gp.PlanError, "at most"),
        (lambda: COSINE.extend(200, at=101), gp.PlanError, "at=101 is after the end"),
        (lambda: COSINE.extend(200, at=-1), gp.ArgumentError, "extend: at"),
        (lambda: COSINE.extend("rest"), gp.ArgumentError, "total must be"),
        (lambda: gp.constant(1).plan().extend(10), gp.PlanError, "no end"),
        (lambda: COSINE.cooldown_from(-1, 5), gp.ArgumentError, "cooldown_from: step"),
        (lambda: COSINE.cooldown_from(5.0, 5), gp.ArgumentError, "cooldown_from: step"),  # type: ignore[arg-type]
        (lambda: COSINE.cooldown_from(5, 0), gp.ArgumentError, "cooldown_from: over"),
        (lambda: COSINE.cooldown_from(5, "rest"), gp.ArgumentError, "cooldown_from: over"),
        (lambda: COSINE.cooldown_from(5, 5, 2.0), gp.ArgumentError, "must not be above"),
        (lambda: COSINE.cooldown_from(5, 5, shape="square"), gp.ArgumentError, "shape"),
        (lambda: COSINE.cooldown_from(5, 5, shape="exponential"), gp.ArgumentError, "never"),
        (lambda: gp.constant(1).plan().cooldown_from(5, "10%"), gp.PlanError, "no end"),
    ],
)
def test_what_cannot_be_changed(
    change: Callable[[], gp.Plan], error: type[Exception], message: str
) -> None:
    """What was wrong, what was got, and what to do."""
    with pytest.raises(error, match=message):
        change()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"planned": {"recipe": "constant", "rate": 1}, "total": 5}, "steps_per_epoch"),
        (
            {"planned": {"recipe": "constant", "rate": 1}, "total": -5, "steps_per_epoch": None},
            "total must be",
        ),
        (
            {"planned": {"recipe": "constant", "rate": 1}, "total": 5, "steps_per_epoch": "x"},
            "steps_per_epoch must be",
        ),
        ({"stretch": {"recipe": "constant", "rate": 1}, "at": 1, "to": 9}, "no end of its own"),
        (
            {"stretch": {"recipe": "linear", "start": 1, "end": 0, "over": 5}, "at": 6, "to": 9},
            "must lie inside",
        ),
        (
            {"stretch": {"recipe": "linear", "start": 1, "end": 0, "over": 5}, "at": 1, "to": 5},
            "must lie inside",
        ),
        (
            {"stretch": {"recipe": "linear", "start": 1, "end": 0, "over": 5}, "at": -1, "to": 9},
            "at must be",
        ),
        (
            {
                "stretch": {"recipe": "linear", "start": 1, "end": 0, "over": 5},
                "at": 1,
                "to": 2**60,
            },
            "at most",
        ),
    ],
)
def test_bad_specs_are_refused(spec: dict[str, object], message: str) -> None:
    """By their reader, or by the plan."""
    with pytest.raises(gp.GlidepathError, match=message):
        gp.from_spec({"version": 1, **spec}).plan(100)


def test_extending_a_run_that_has_decayed_is_warned_of():
    plan = gp.cosine_decay(0.1, "100%").plan(100)
    with pytest.warns(UserWarning, match="every update that is added has the rate 0; extend bef"):
        plan.extend(200, at=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan.extend(200, at=90)
        gp.constant(0.1).plan(100).extend(200, at=100)
