"""A budget of time: when the cool-down begins, by a clock that the test turns."""

import json
from datetime import timedelta

import numpy as np
import pytest

import glidepath as gp
from glidepath.errors import ResumeError
from glidepath.testing import ToyTrainer
from glidepath.training import drive
from glidepath.training.wallclock import CooldownBy, WallClock, cooldown_by


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def run(wall, clock, seconds, first=0, total=None, until=10**6):
    """Train until the cool-down's end: (its first update, its updates, the seconds used)."""
    began, k = None, first
    while k < until and (began is None or k < sum(began)):
        clock.now += seconds(k)
        k += 1
        steps = wall.tick(k, total)
        if steps is not None:
            assert began is None
            began = (k, steps)
    return began, wall.elapsed


def steady(k):
    return 0.5


def evaluating(k):
    """Twenty updates an epoch, and an evaluation that takes as long as ten."""
    return 0.5 + (5.0 if k % 20 == 0 and k else 0.0)


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        ("90min", 5400),
        ("1h30min", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("45s", 45),
        (12.5, 12.5),
        (timedelta(minutes=2), 120),
    ],
)
def test_a_budget_is_a_time(budget, seconds):
    assert cooldown_by(budget).budget == seconds


@pytest.mark.parametrize(
    "budget", ["", "90", "min", "-3min", "1h-30min", "1y", 0, -5, None, "9" * 80]
)
def test_what_is_no_time(budget):
    with pytest.raises(gp.ArgumentError, match="cooldown_by: budget must"):
        cooldown_by(budget)


def test_what_is_no_cooldown():
    for arguments, said in [
        ({"over": "rest"}, "over must be a duration"),
        ({"over": "120%"}, "at most 100%"),
        ({"shape": "exponential"}, "never reaches 0"),
        ({"shape": "bent"}, "shape must be"),
        ({"end": -1.0}, "end must"),
    ]:
        with pytest.raises(gp.ArgumentError, match=said):
            cooldown_by("90min", **arguments)
    with pytest.raises(gp.PlanError, match="steps_per_epoch is not known"):
        WallClock(cooldown_by("90min", "2ep"))
    with pytest.raises(gp.ArgumentError, match="cooldown_by\\('90min'\\)"):
        WallClock("90min")


@pytest.mark.parametrize("seconds", [steady, evaluating])
@pytest.mark.parametrize(("over", "share"), [("20%", 0.2), (100, None), ("5ep", None)])
def test_the_run_ends_with_the_budget(seconds, over, share):
    clock = Time()
    wall = WallClock(cooldown_by("10min", over), 20, clock)
    (began, steps), elapsed = run(wall, clock, seconds)
    pace = 0.5 if seconds is steady else 0.75
    assert elapsed == pytest.approx(600, abs=6)
    wanted = 100 if share is None else share * 600 / pace
    assert steps == pytest.approx(wanted, abs=3)
    assert began + steps == pytest.approx(600 / pace, rel=0.02)


def test_a_slow_start_and_a_hold_up_do_not_begin_it_early():
    clock = Time()
    wall = WallClock(cooldown_by("10min", 100), 20, clock)
    slow = {0: 30.0, 1: 10.0, 2: 10.0, 200: 60.0}
    (began, steps), elapsed = run(wall, clock, lambda k: slow.get(k, 0.5))
    assert steps == 100
    assert began == pytest.approx((600 - 110) / 0.5 - 100, abs=12)
    assert elapsed == pytest.approx(600, abs=6)


def test_where_epochs_are_not_known_evaluation_counts_in_the_mean():
    clock = Time()
    wall = WallClock(cooldown_by("10min", 100), None, clock)
    (_, steps), elapsed = run(wall, clock, evaluating)
    assert steps == pytest.approx(100, abs=2)
    assert elapsed == pytest.approx(600, abs=10)


def test_a_run_that_ends_in_time_is_left_alone():
    clock = Time()
    wall = WallClock(cooldown_by("10min", "20%"), 20, clock)
    began, _ = run(wall, clock, steady, total=1150, until=1150)
    assert began is None
    wall = WallClock(cooldown_by("10min", "20%"), 20, clock)
    (began, steps), _ = run(wall, clock, steady, total=1300)
    assert began + steps == pytest.approx(1200, abs=4)


@pytest.mark.parametrize("cut", [3, 700, 1100])
def test_the_time_before_a_resume_counts_and_the_time_between_does_not(cut):
    """At 1100 the cool-down has begun."""
    clock, rule = Time(), cooldown_by("10min", "20%")
    wall = WallClock(rule, 20, clock)
    first, _ = run(wall, clock, steady, until=cut)
    saved = json.loads(json.dumps(wall.state_dict()))
    assert saved["elapsed"] == pytest.approx(cut / 2)
    clock.now += 1e6
    again = WallClock(rule, 20, clock)
    again.load_state_dict(saved)
    second, elapsed = run(again, clock, steady, first=cut, until=1300 if cut < 1000 else 1101)
    began = first if cut == 1100 else second
    assert (first is None) == (cut < 1000)
    assert (second is None) == (cut > 1000)
    assert sum(began) == pytest.approx(1200, abs=4)
    if cut < 1000:
        assert elapsed == pytest.approx(600, abs=4)
    with pytest.raises(ResumeError, match="not the state of a wall clock"):
        again.load_state_dict({"elapsed": 3.0})


def test_a_budget_that_is_used_up_cools_down_at_once():
    clock = Time()
    wall = WallClock(cooldown_by("10s"), 20, clock)
    wall.load_state_dict({"elapsed": 11.0, "pace": None, "begun": False})
    assert wall.tick(50) == 1
    assert wall.begun
    assert wall.tick(51) is None


def test_the_description_is_frozen_and_compares():
    assert cooldown_by("1min", "10.0%") == CooldownBy(60.0, "10%")
    assert np.isfinite(cooldown_by(1).budget)


class Slow(ToyTrainer):
    """Half a second an update, and two an evaluation, by a clock of its own."""

    def __init__(self, clock):
        super().__init__(momentum=0.9)
        self.clock = clock

    def advance(self, values):
        self.clock.now += 0.5 * len(values["learning_rate"])
        return super().advance(values)

    def evaluate(self, split):
        self.clock.now += 2.0
        return super().evaluate(split)


@pytest.mark.parametrize("over", ["20%", 150])
def test_drive_ends_a_plan_with_the_budget(monkeypatch, over):
    """0.6 s an update with evaluation: 500 updates in 300 s."""
    clock = Time()
    monkeypatch.setattr("glidepath.training.loop.WallClock", lambda r, n: WallClock(r, n, clock))
    plan = gp.constant(0.02).plan("100ep", 20)
    record = drive(Slow(clock), plan, cooldown_by("5min", over))
    assert record.outcome == "finished"
    steps = 100 if over == "20%" else 150
    assert record.steps == pytest.approx(500, abs=10)
    assert clock.now - 1000 == pytest.approx(300, abs=8)
    cooled = plan.cooldown_from(record.steps - steps, steps)
    applied = record.series["learning_rate"]
    np.testing.assert_array_equal(applied, cooled.table().astype(np.float32))
    assert record.evaluations[-1].split == "test"
    assert record.evaluations[-1].step == record.steps


def test_drive_leaves_a_plan_alone_that_ends_in_time(monkeypatch):
    plan = gp.linear(0.02, 0.0, "100%").plan("3ep", 20)
    record = drive(ToyTrainer(), plan, cooldown_by("1h"))
    assert record.steps == 60
    with pytest.raises(gp.ArgumentError, match="a budget of time shortens a plan"):
        drive(ToyTrainer(), gp.constant(0.1), cooldown_by("1h"))
