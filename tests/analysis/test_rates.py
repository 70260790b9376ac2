"""The compressed rate of a run against the table it came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.analysis.rates import SMALLEST, RateCurve, from_log, from_plan
from glidepath.errors import ArgumentError

PLANS = {
    "wsd": gp.wsd(0.1, 100, "20%").plan(5000),
    "cosine": (gp.linear(0, 0.1, 50) >> gp.cosine_decay(0.1, "rest")).plan(5000),
    "step": gp.step_decay(0.1, 0.1, 1000).plan(5000),
    "cycles": gp.cosine_restarts(0.1, 1000).plan(5000),
    "long": gp.wsd(0.1, 5000, "30%").plan(100_001),
    "long steps": gp.step_decay(0.1, 0.5, 7001).plan(60_000),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_area_is_the_sum_of_the_table(name):
    plan = PLANS[name]
    sums = np.concatenate([[0.0], np.cumsum(plan.table())])
    moments = np.unique(np.linspace(0, plan.total_steps, 777).astype(int))
    found = from_plan(plan).area(moments)
    np.testing.assert_allclose(found, sums[moments], rtol=2e-6, atol=1e-9)


def test_the_area_goes_on_at_the_last_rate_after_the_end():
    curve = RateCurve(np.array([0.0, 1.0, 4.0]), np.array([1.0, 2.0, 0.5]), 5)
    assert curve.area(7) == pytest.approx(1 + 2 + 1.5 + 1 + 0.5 * 3)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("most", [50, 300])
def test_drops_add_up_and_are_few(name, most):
    curve = from_plan(PLANS[name])
    drops = curve.drops(most)
    end = float(curve.rates[-1])
    assert drops.size.sum() == pytest.approx(curve.peak - end, rel=0.011)
    assert drops.step.size <= 2 * most + 2
    assert np.all(drops.rate >= SMALLEST * curve.peak)
    assert np.all(drops.step > curve.warmup)


def test_a_jump_stays_a_jump_where_it_is():
    schedule = gp.linear(0, 1, 10) >> gp.constant(1).take(500) >> gp.linear(0.5, 0.2, "rest")
    drops = from_plan(schedule.plan(30_000)).drops(40)
    jump = int(np.argmax(drops.size))
    assert drops.step[jump] == pytest.approx(510, abs=2)
    assert drops.size[jump] == pytest.approx(0.5, abs=0.02)


def test_warm_up_is_no_change_and_a_restart_is_one():
    curve = from_plan(gp.cosine_restarts(0.1, 1000).plan(3000))
    sizes = curve.drops().size
    assert sizes[sizes < 0].sum() == pytest.approx(-0.1, rel=0.01)
    assert curve.rises_again
    assert not from_plan(PLANS["wsd"]).rises_again


def test_a_log_that_repeats_its_rate_holds_it_until_the_new_one_shows():
    step = np.arange(0.0, 1000, 50)
    curve = from_log(step, np.where(step < 500, 0.1, 0.01), 1000)
    assert curve.at(499) == 0.1
    assert curve.at(500) == 0.01


def test_a_cool_down_after_a_constant_rate_is_joined_by_lines():
    step = np.arange(0.0, 10_001, 100)
    rates = 0.1 * np.minimum(1, (10_000 - step) / 1000)
    curve = from_log(step, rates, 10_000)
    assert curve.at(9550) == pytest.approx(0.045)


def test_the_rate_before_the_first_entry_may_be_given():
    curve = from_log(np.array([100.0, 200.0, 300.0]), np.array([0.1, 0.1, 0.1]), 400, start=0.0)
    assert curve.at(50) == pytest.approx(0.05)
    assert curve.warmup == 100


def test_a_smooth_log_is_joined_by_lines():
    step = np.arange(0.0, 1001, 100)
    curve = from_log(step, 0.1 * (1 - step / 2000), 1000)
    assert curve.at(150) == pytest.approx(0.1 * (1 - 150 / 2000))


@pytest.mark.parametrize(
    ("steps", "rates", "word"),
    [
        ([], [], "one length"),
        ([0, 1], [1.0], "one length"),
        ([0, 1], [1.0, np.nan], "finite"),
        ([0, 1], [1.0, -1.0], "not negative"),
        ([0, 1], [0.0, 0.0], "not all zero"),
        ([1, 1], [1.0, 1.0], "must rise"),
    ],
)
def test_impossible_rates_are_refused(steps, rates, word):
    with pytest.raises(ArgumentError, match=word):
        RateCurve(np.asarray(steps, dtype=float), np.asarray(rates, dtype=float), 10)


def test_a_plan_without_end_is_refused():
    with pytest.raises(ArgumentError, match="no end"):
        from_plan(gp.constant(0.1).plan())


@settings(max_examples=50, deadline=None)
@given(
    rates=st.lists(st.floats(1e-4, 1.0), min_size=2, max_size=40),
    gaps=st.lists(st.integers(1, 30), min_size=39, max_size=39),
)
def test_area_and_rate_agree_for_any_knots(rates, gaps):
    steps = np.concatenate([[0], np.cumsum(gaps[: len(rates) - 1])]).astype(float)
    curve = RateCurve(steps, np.asarray(rates), int(steps[-1]) + 5)
    each = curve.at(np.arange(curve.total))
    np.testing.assert_allclose(
        curve.area(np.arange(curve.total + 1)), np.concatenate([[0], np.cumsum(each)]), rtol=1e-9
    )


@pytest.mark.parametrize("every", [10, 100, 200])
def test_a_decay_that_was_logged_sparsely_does_what_the_whole_one_does(every):
    """The changes of a line between two entries count at their mean place, not at its end."""
    whole = from_plan(gp.wsd(1e-3, 200, "50%").plan(10_000))
    knots = np.append(np.arange(0, 10_000, every), 9999).astype(float)
    sparse = RateCurve(knots, whole.at(knots), 10_000)

    def mean(curve, name):
        drops = curve.drops(10**9)
        falls = drops.size > 0
        return np.average(getattr(drops, name)[falls], weights=drops.size[falls])

    assert mean(sparse, "step") == pytest.approx(mean(whole, "step"), abs=0.6)
    assert mean(sparse, "area") == pytest.approx(mean(whole, "area"), rel=1e-3)
    assert mean(sparse, "rate") == pytest.approx(mean(whole, "rate"), rel=1e-3)


@pytest.mark.parametrize("every", [37, 50, 130, 400])
@pytest.mark.parametrize("after", ["plateau", "decay"])
def test_a_sparse_log_shows_where_its_warm_up_ended(every, after):
    """The line of the warm-up is carried on to what comes after, not to the next entry."""
    rise = gp.linear(0, 1e-3, 910)
    falls = gp.linear(1e-3, 0, "rest")
    whole = from_plan(
        (rise >> (falls if after == "decay" else gp.constant(1e-3).take(5000) >> falls)).plan(9000)
    )
    step = np.arange(0, 9000, every, dtype=float)
    sparse = from_log(step, whole.at(step), 9000)
    assert sparse.warmup == pytest.approx(910, abs=1)
    assert sparse.peak == pytest.approx(whole.peak, rel=1e-3)
    np.testing.assert_allclose(sparse.area(step), whole.area(step), rtol=1e-3)


def test_a_warm_up_between_the_first_two_entries_is_a_line():
    step = np.arange(0, 2000, 100, dtype=float)
    rates = np.where(step == 0, 0.0, 0.1)
    assert from_log(step, rates, 2000).at(50) == pytest.approx(0.05)


def test_what_is_no_line_is_not_carried_on():
    step = np.arange(0, 2000, 100, dtype=float)
    bent = np.minimum(0.1, 0.1 * (step / 470) ** 3)
    np.testing.assert_array_equal(from_log(step, bent, 2000).steps, step)
