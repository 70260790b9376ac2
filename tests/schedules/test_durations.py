"""Durations: what they mean, how they round, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glidepath as gp


@pytest.mark.parametrize(
    ("over", "steps"),
    [
        (7, 7),
        (np.int64(7), 7),
        ("7ep", 210),
        ("0.5ep", 15),
        ("10%", 30),
        (" 2.5 % ", 8),
        ("rest", 300),
    ],
)
def test_units(over: int | str, steps: int) -> None:
    """Updates, epochs, shares of the run, and what is left of it."""
    plan = gp.linear(0, 1, over).plan(total="10ep", steps_per_epoch=30)
    assert plan(steps) == 1.0
    assert plan(steps - 1) < 1.0


@given(
    total=st.integers(20, 5000),
    cuts=st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True),
)
def test_shares_that_add_up_to_the_run_fill_it(total: int, cuts: list[int]) -> None:
    """However the boundaries round, 100 % is the whole run and nothing overlaps."""
    edges = [0, *sorted(cuts), 100]
    ends = [round(edge * total / 100) for edge in edges]
    if min(b - a for a, b in itertools.pairwise(ends)) < 2:
        return
    phases = [
        gp.linear(i + 1, 0, f"{b - a}%") for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    schedule = phases[0]
    for phase in phases[1:]:
        schedule = schedule >> phase
    plan = schedule.plan(total)
    starts = plan.learning_rate.marks()
    assert len(starts) == len(phases)
    for i, (start, a) in enumerate(zip(starts, edges[:-1], strict=True)):
        assert abs(start - a * total / 100) <= 0.5
        assert plan(start) == i + 1
    assert plan(total) == 0.0


@pytest.mark.parametrize("repeats", [3, 7])
def test_repeats_of_a_share_fill_the_run(repeats: int) -> None:
    """20 % five times is the run, also where 20 % is no whole number of updates."""
    schedule = gp.linear(1, 0, "20%").repeat(5)
    plan = schedule.plan(total=98)
    assert plan(98) == 0.0
    assert (plan.table() == 1.0).sum() == 5
    unrolled = gp.linear(1, 0, "20%")
    for _ in range(4):
        unrolled = unrolled >> gp.linear(1, 0, "20%")
    assert plan.table().tolist() == unrolled.plan(total=98).table().tolist()


def test_total_in_epochs() -> None:
    """A run of 90 epochs of 391 updates."""
    plan = gp.constant(0.1).plan(total="90ep", steps_per_epoch=391)
    assert plan.total_steps == 35190
    assert plan.steps_per_epoch == 391
    assert plan.table().shape == (35190,)


BAD = [0, -1, -5, True, 1.5, 100.0, "5", "5x", "ep", "%", "-5%", "0ep", "0%", "0.0%", "", None]
BAD += ["1e3ep", "nan%", "infep", "5 steps", [5], 2**53, "9" * 40 + "ep", "\u0665ep"]


@pytest.mark.parametrize("over", BAD)
def test_no_duration(over: object) -> None:
    """What cannot be a duration is refused at construction, and named."""
    with pytest.raises(gp.ArgumentError, match="over"):
        gp.linear(0, 1, over)  # type: ignore[arg-type]


@pytest.mark.parametrize("total", [0, -1, "10%", "rest", "5x", 1.5, float("nan"), True])
def test_no_total(total: object) -> None:
    """A run's length is updates or epochs."""
    with pytest.raises(gp.GlidepathError, match=r'total.* updates, or epochs as "90ep"$'):
        gp.constant(0.1).plan(total=total, steps_per_epoch=10)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [0, -3, 2.5, "10", True, float("nan")])
def test_no_steps_per_epoch(steps: object) -> None:
    """Updates per epoch are a positive integer."""
    with pytest.raises(gp.PlanError, match="steps_per_epoch"):
        gp.constant(0.1).plan(total=100, steps_per_epoch=steps)  # type: ignore[arg-type]


REFUSED = [
    (gp.linear(0, 1, "10%"), {}, "no end"),
    (gp.linear(0, 1, "rest"), {}, "no end"),
    (gp.one_cycle(0.1, up=10, down=10), {}, "no end"),
    (gp.linear(0, 1, "2ep"), {"total": 100}, "steps_per_epoch"),
    (gp.constant(0.1), {"total": "2ep"}, "steps_per_epoch"),
    (gp.linear(0, 1, 101), {"total": 100}, "longer than the run"),
    (gp.linear(0, 1, 60) >> gp.linear(1, 0, 60), {"total": 100}, "longer than the run"),
    (gp.linear(0, 1, 60).repeat(2), {"total": 100}, "longer than the run"),
    (gp.constant(1).take(101), {"total": 100}, "longer than the run"),
    (gp.linear(0, 1, 100) >> gp.constant(1), {"total": 100}, "has ended"),
    (gp.linear(0, 1, "0.1%"), {"total": 100}, "empty phase"),
    (gp.step_decay(1, 0.5, "0.01ep"), {"total": 100, "steps_per_epoch": 10}, "less than one"),
    (gp.one_cycle(0.1, up="50%", down="50%"), {"total": 100}, "empty phase"),
    (gp.wsd(0.1, "50%", "50%"), {"total": 100}, "no stable phase"),
    (gp.constant(1) >> gp.constant(2), {"total": 100}, "no end of its own"),
    (gp.constant(1).repeat(2), {"total": 100}, "no end of its own"),
    (gp.wsd(0.1, "5%", "5%") >> gp.constant(1), {"total": 100}, "has ended"),
    (gp.piecewise_constant([1, 2, 3], [50, "10%"]), {"total": 100}, "do not rise"),
]


@pytest.mark.parametrize(("schedule", "run", "message"), REFUSED)
def test_what_a_run_cannot_hold(
    schedule: gp.Schedule | gp.Policy, run: dict[str, int], message: str
) -> None:
    """plan refuses, and says why."""
    with pytest.raises(gp.PlanError, match=message):
        schedule.plan(**run)  # type: ignore[arg-type]


def test_a_cut_plan_is_there_on_request() -> None:
    """strict=False cuts what is too long at the end of the run."""
    plan = gp.linear(0, 1, 200).plan(total=100, strict=False)
    assert plan(100) == 0.5


@pytest.mark.parametrize(
    "schedule",
    [
        gp.step_decay(1.0, 0.9, 1),
        gp.triangular(0.1, 1.0, 1),
        gp.cosine_restarts(1.0, 1, stretch=1.0),
        gp.linear(0, 1, 2).repeat(2**40),
        gp.one_cycle(0.1),
    ],
)
def test_enormous_runs_cost_nothing_until_they_are_asked_for(
    schedule: gp.Schedule | gp.Policy,
) -> None:
    """Planning, marking and looking up do not fill the memory; a table is refused."""
    plan = schedule.plan(total=2**50)
    assert len(plan.learning_rate.marks()) <= 1001
    assert 0 <= plan(2**45) <= 1
    with pytest.raises(gp.PlanError, match="too large"):
        plan.table()


def test_a_share_is_not_repeated_beyond_all_measure() -> None:
    """Copies whose lengths differ by an update are resolved one by one, up to a bound."""
    with pytest.raises(gp.PlanError, match="copies"):
        gp.linear(0, 1, "10.5%").repeat(10**9).plan(total=101, strict=False)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("5.0%", "5%"), ("05 %", "5%"), ("0.50ep", "0.5ep"), ("10ep", "10ep"), ("100%", "100%")],
)
def test_a_duration_has_one_way_to_be_written(written: str, canonical: str) -> None:
    """Equal durations are equal in specs and fingerprints, however they were typed."""
    one, other = gp.linear(0, 0.1, written), gp.linear(0, 0.1, canonical)
    assert one == other
    assert one.fingerprint == other.fingerprint
    assert one.to_spec()["over"] == canonical
