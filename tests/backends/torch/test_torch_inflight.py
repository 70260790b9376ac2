"""A scheduler whose plan changes in flight: no jump, the whole run, and the same after a resume."""

import copy
import io
import warnings

import numpy as np
import pytest

import glidepath as gp
from glidepath.errors import ResumeError

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop, two_groups  # noqa: E402

from glidepath.torch import Scheduler  # noqa: E402

POLICY = gp.linear(0.0, 0.1, "10%") >> gp.cosine_decay(0.1, "90%")
PLATEAU = gp.reduce_on_plateau("loss", factor=0.5, patience=1)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=1.0)


def made(policy=POLICY, total=100, per_epoch=10, **more):
    loop = Loop(sgd)
    return loop, Scheduler(loop.optimizer, policy, total, per_epoch, **more)


def fly(loop, scheduler, stop=None):
    """Train to an update, or until it is done: the rates as the optimizer applied them."""
    rates = []
    while not scheduler.done and scheduler.last_epoch != stop:
        rates.append(loop.step()[0]["learning_rate"])
        scheduler.step()
    return rates


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize(("over", "steps"), [(20, 20), ("10%", 10), ("2ep", 20)])
def test_a_cooldown_ends_the_run_without_a_jump(follow, over, steps):
    loop, scheduler = made(follow=follow)
    rates = fly(loop, scheduler, 40)
    plan = scheduler.plan
    cooled = scheduler.cooldown(over, end=0.001, shape="sqrt")
    assert cooled is scheduler.plan
    assert scheduler.get_last_lr() == [plan(40)]
    rates += fly(loop, scheduler)
    wanted = plan.cooldown_from(40, over, 0.001, "sqrt")
    assert rates == wanted.table().tolist()
    assert len(rates) == 40 + steps
    assert scheduler.get_last_lr() == [0.001]


def test_an_extension_stretches_what_is_left():
    loop, scheduler = made()
    rates = fly(loop, scheduler, 40)
    plan = scheduler.plan
    scheduler.extend("15ep")
    rates += fly(loop, scheduler)
    assert rates == plan.extend(150, at=40).table().tolist()
    with pytest.raises(gp.PlanError, match="must be more than the 150 updates"):
        scheduler.extend(150)
    assert scheduler.plan.total_steps == 150


def test_a_plan_without_an_end_gets_one():
    loop, scheduler = made(gp.constant(0.1), total=None)
    fly(loop, scheduler, 30)
    assert not scheduler.done
    scheduler.cooldown(10)
    assert np.allclose(fly(loop, scheduler), np.linspace(0.1, 0, 11)[:-1])


def test_every_group_cools_down_from_its_own_rate_in_the_same_updates():
    loop = Loop(lambda p: torch.optim.SGD(two_groups(Loop(sgd).model), lr=1.0))
    scheduler = Scheduler(
        loop.optimizer, gp.constant(0.1), 100, 10, groups={1: gp.linear(0, 0.4, "100%")}
    )
    scheduler.seek(50)
    scheduler.cooldown("10%")
    seen = []
    for _ in range(11):
        seen.append(scheduler.get_last_lr())
        scheduler.step()
    assert np.allclose(seen, np.outer(np.linspace(1, 0, 11), [0.1, 0.2]))
    assert scheduler.done


def test_controllers_go_on():
    _loop, scheduler = made(gp.Policy(gp.constant(0.1), controllers=[PLATEAU]))
    for _ in range(2):
        scheduler.epoch_end({"loss": 1.0})
    scheduler.cooldown(10, end=0.01)
    assert scheduler.get_last_lr() == [0.05]
    scheduler.seek(10)
    assert scheduler.get_last_lr() == [0.01]  # what was asked for, not half of it
    scheduler.seek(0)
    scheduler.epoch_end({"loss": 1.0})
    assert np.allclose(scheduler.get_last_lr(), [0.01 + 0.04 / 2])


def test_what_is_refused_changes_nothing():
    _, scheduler = made(groups={0: gp.constant(0.001)})
    scheduler.seek(50)
    plan = scheduler.plan
    with pytest.raises(gp.ArgumentError, match="end must not be above"):
        scheduler.cooldown(10, end=0.01)  # the group's rate is below it
    with pytest.raises(gp.ArgumentError, match="shape"):
        scheduler.cooldown(10, shape="bent")
    assert scheduler.plan is plan


def saved(scheduler):
    torch.save(scheduler.state_dict(), file := io.BytesIO())
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("change", ["cooldown", "extend", "both"])
def test_the_same_program_resumes_a_changed_plan(change):
    loop, scheduler = made(gp.Policy(POLICY, controllers=[PLATEAU]))
    fly(loop, scheduler, 40)
    if change != "cooldown":
        scheduler.extend(200)
    if change != "extend":
        scheduler.cooldown(20)
    fly(loop, scheduler, 45)
    again, resumed = made(gp.Policy(POLICY, controllers=[PLATEAU]))
    resumed.load_state_dict(saved(scheduler))
    assert resumed.state_dict() == scheduler.state_dict()
    assert fly(again, resumed) == fly(loop, scheduler)


def test_another_program_is_refused_by_what_it_made():
    _, scheduler = made()
    scheduler.seek(40)
    scheduler.cooldown(20)
    state = saved(scheduler)
    other = 2 * POLICY
    with pytest.raises(ResumeError, match=r"policy\.learning_rate") as caught:
        made(other)[1].load_state_dict(state)
    assert "planned" not in str(caught.value)
    _, kept = made(other)
    kept.load_state_dict(state, "keep")
    assert kept.plan.fingerprint == scheduler.plan.fingerprint
    made()[1].load_state_dict(kept.state_dict())  # it still says which program made it
    _, new = made(other)
    new.load_state_dict(state, "override")
    assert new.get_last_lr() == [new.plan(40)] == [2 * POLICY.plan(100)(40)]


def test_a_function_that_was_changed_cannot_be_saved():
    function = gp.from_function(lambda k: 0.1)
    _, scheduler = made(function)
    scheduler.seek(40)
    scheduler.cooldown(20)
    with pytest.raises(ResumeError, match="was a Python function"):
        made(function)[1].load_state_dict(scheduler.state_dict())


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def timed(loop, scheduler, clock, stop=10**6):
    while not scheduler.done and scheduler.last_epoch < stop:
        loop.step()
        clock.now += 1.0 + (5.0 if scheduler.last_epoch % 10 == 9 else 0.0)
        scheduler.step()


@pytest.mark.parametrize("follow", [False, True])
def test_a_budget_of_time_ends_the_run(follow):
    """1.5 seconds an update, so 400 of them in ten minutes."""
    clock = Time()
    loop, scheduler = made(gp.linear(0, 0.1, 10) >> gp.constant(0.1), 1000, follow=follow)
    scheduler.cooldown_by("10min", over="20%", clock=clock)
    timed(loop, scheduler, clock)
    assert scheduler.plan.total_steps == pytest.approx(400, abs=3)
    assert clock.now == pytest.approx(600, abs=6)
    rates = [row[0]["learning_rate"] for row in loop.seen]
    start = next(k for k in range(20, 1000) if rates[k] < 0.1) - 1
    assert start == pytest.approx(320, abs=3)
    assert rates == scheduler.plan.table().tolist()
    assert max(-np.diff(rates)) < 0.1 / 70


@pytest.mark.parametrize("cut", [200, 370])
@pytest.mark.parametrize("load_first", [True, False])
def test_a_budget_goes_on_after_a_resume(cut, load_first):
    policy = gp.constant(0.1)
    clock = Time()
    loop, scheduler = made(policy, 1000)
    scheduler.cooldown_by("10min", clock=clock)
    timed(loop, scheduler, clock, cut)
    state, used, clock.now = saved(scheduler), clock.now, 1e6
    again, resumed = made(policy, 1000)
    if load_first:
        resumed.load_state_dict(state)
    resumed.cooldown_by("10min", clock=clock)
    if not load_first:
        resumed.load_state_dict(state)
    timed(again, resumed, clock)
    assert used + clock.now - 1e6 == pytest.approx(600, abs=6)
    assert resumed.plan.total_steps == pytest.approx(400, abs=3)
    assert resumed.get_last_lr() == [0.0]


def test_a_budget_holds_for_groups_whose_rate_is_down_already():
    clock = Time()
    loop, scheduler = made(gp.constant(0.1), 1000, groups={0: gp.constant(0.001)})
    scheduler.cooldown_by("10min", 20, end=0.01, shape="exponential", clock=clock)
    timed(loop, scheduler, clock)
    assert scheduler.get_last_lr() == [0.001]
    assert scheduler.plan(10**6) == pytest.approx(0.01)


def test_stopping_early_at_a_high_rate_is_said_with_the_numbers():
    _, scheduler = made(gp.linear(0.1, 0.0, "100%"), 1000)
    scheduler.seek(700)
    with pytest.warns(UserWarning, match="at update 700 of 1000") as caught:
        scheduler.finish()
    said = str(caught[0].message)
    assert "30% of its peak (0.0301 of 0.1)" in said
    assert "train 70 more updates" in said
    assert "scheduler.cooldown(70)" in said
    assert caught[0].filename == __file__
    scheduler.cooldown(70)
    scheduler.seek(770)
    endless = made(gp.constant(0.1), None)[1]
    endless.seek(50)
    with pytest.warns(UserWarning, match="at update 50 with .* at 100%"):
        endless.finish()
    fresh, low = made(POLICY)[1], made(gp.linear(0.1, 0.0, "100%"), 1000)[1]
    low.seek(905)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.finish()  # at its end
        low.finish()  # below a tenth
        fresh.finish()  # nothing was trained


def late(scheduler, share=0.5):
    """The rates over the run of a group that is added now, at a share of the others'."""
    extra = torch.nn.Parameter(torch.ones(1))
    scheduler.optimizer.add_param_group({"params": [extra], "name": "late"})
    scheduler.assign({"late": share * POLICY})
    return scheduler._ruled["late"].plan.table()


@pytest.mark.parametrize(
    "change", [lambda s: s.extend(200), lambda s: s.cooldown(20, shape="sqrt")]
)
def test_a_group_that_is_added_after_a_change_takes_part_in_it(change):
    loop, scheduler = made()
    fly(loop, scheduler, 40)
    change(scheduler)
    before = copy.deepcopy(scheduler.state_dict())
    rates = late(scheduler)
    np.testing.assert_allclose(rates, 0.5 * scheduler.plan.table(), rtol=1e-12, atol=1e-15)
    _, resumed = made()  # before the group is added
    resumed.load_state_dict(before)
    np.testing.assert_array_equal(late(resumed), rates)
    _, again = made()  # and after it
    late(again)
    again.load_state_dict(scheduler.state_dict())
    assert again.get_last_lr() == scheduler.get_last_lr()


def test_a_group_that_is_added_under_keep_is_as_long_as_what_is_kept():
    loop, scheduler = made(total=60)
    fly(loop, scheduler, 10)
    _, kept = made(total=100, on_change="keep")
    kept.load_state_dict(scheduler.state_dict())
    np.testing.assert_array_equal(late(kept), 0.5 * scheduler.plan.table())


def test_a_group_by_index_and_one_by_the_same_name_are_refused():
    optimizer = torch.optim.SGD([{"params": [torch.ones(1)], "name": n} for n in "x0"], lr=0.1)
    with pytest.raises(gp.ArgumentError, match="the index 0 and the name '0'"):
        Scheduler(optimizer, POLICY, 100, groups={0: POLICY, "0": POLICY})
