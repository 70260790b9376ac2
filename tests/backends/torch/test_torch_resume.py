"""Resume is a contract: the same rates and weights, or a readable refusal."""

import io
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp
from glidepath.errors import ResumeError

torch = pytest.importorskip("torch", reason="torch is not installed")

import killed  # noqa: E402
from killing import kill  # noqa: E402
from torch_loop import Loop  # noqa: E402

from glidepath.torch import Scheduler  # noqa: E402

SCRIPT = Path(killed.__file__)


def uninterrupted():
    loop, scheduler = killed.make()
    rates = {}
    killed.run(loop, scheduler, rates.__setitem__)
    return loop, rates


def same_weights(loop, other):
    pairs = zip(loop.model.parameters(), other.model.parameters(), strict=True)
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)


@pytest.mark.parametrize("order", ["optimizer first", "scheduler first"])
def test_a_resumed_run_is_the_run(tmp_path, order):
    wanted, rates = uninterrupted()
    assert len(set(rates.values())) > 290
    loop, scheduler = killed.make()
    killed.run(loop, scheduler, lambda k, rate: None, 133)
    killed.save(tmp_path / "checkpoint", loop, scheduler)
    again, resumed = killed.make()
    if order == "scheduler first":
        states = torch.load(tmp_path / "checkpoint", weights_only=True)
        resumed.load_state_dict(states["scheduler"])
        again.model.load_state_dict(states["model"])
        again.optimizer.load_state_dict(states["optimizer"])
        again.count = states["batches"]
    else:
        killed.load(tmp_path / "checkpoint", again, resumed)
    assert resumed.last_epoch == 133
    seen = {}
    killed.run(again, resumed, seen.__setitem__)
    assert seen == {k: rate for k, rate in rates.items() if k >= 133}
    assert same_weights(again, wanted)


def test_kill_9_and_resume(tmp_path):
    """Killed while it trains; the rest follows the optimizer, where the first part was stepped."""
    wanted, rates = uninterrupted()
    command = [sys.executable, str(SCRIPT), str(tmp_path)]
    kill(command, tmp_path, random.randrange(20, 200))
    subprocess.run([*command, "follow"], check=True)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    seen = [(int(line[0]), float(line[1])) for line in lines]
    assert {k for k, _ in seen} == set(range(killed.TOTAL))
    assert all(rates[k] == rate for k, rate in seen)
    loop, scheduler = killed.make()
    killed.load(tmp_path / "checkpoint.pt", loop, scheduler)
    assert same_weights(loop, wanted)


def scheduler_of(policy, total=40, **more):
    loop = Loop(lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9))
    return Scheduler(loop.optimizer, policy, total, **more)


def test_the_state_is_plain_data():
    scheduler = scheduler_of(gp.one_cycle(0.1), groups={0: gp.constant(0.2)})
    scheduler.step()
    state = scheduler.state_dict()
    assert json.loads(json.dumps(state)) == state
    assert state["step"] == 1
    assert state["main"]["fingerprint"] == scheduler.plan.fingerprint
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == state


def test_another_plan_is_refused_with_what_differs():
    old = scheduler_of(gp.linear(0, 0.1, 5) >> gp.cosine_decay(0.1, "rest"))
    old.seek(20)
    state = old.state_dict()
    new = scheduler_of(gp.linear(0, 0.2, 5) >> gp.cosine_decay(0.2, "rest"), total=60)
    with pytest.raises(ResumeError) as caught:
        new.load_state_dict(state)
    said = str(caught.value)
    assert "policy.learning_rate.then[0].end: saved 0.1, now 0.2" in said
    assert "policy.learning_rate.then[1].rate: saved 0.1, now 0.2" in said
    assert "total_steps: saved 40, now 60" in said
    assert "start:" not in said
    assert new.last_epoch == 0
    assert new.get_last_lr() == [new.plan(0)]  # nothing was taken over

    new.load_state_dict(state, on_change="override")
    assert (new.last_epoch, new.get_last_lr()) == (20, [new.plan(20)])
    keeping = scheduler_of(gp.constant(0.3), on_change="keep")
    keeping.load_state_dict(state)
    assert (keeping.last_epoch, keeping.get_last_lr()) == (20, [old.plan(20)])
    keeping.step()
    assert keeping.get_last_lr() == [old.plan(21)]
    assert keeping.plan.fingerprint == old.plan.fingerprint


def test_a_controllers_state_comes_back_and_under_override_where_it_is_the_same():
    plateau = gp.reduce_on_plateau(factor=0.5, patience=1)
    policy = gp.Policy(gp.constant(0.1), controllers=[plateau])
    old = scheduler_of(policy)
    for _ in range(3):
        old.epoch_end({"val_loss": 1.0})
    assert old.get_last_lr() == [0.025]
    same = scheduler_of(policy)
    same.load_state_dict(old.state_dict())
    assert same.get_last_lr() == [0.025]
    other = gp.Policy(gp.constant(0.4), controllers=[gp.reduce_on_plateau("loss"), plateau])
    moved = scheduler_of(other)
    moved.load_state_dict(old.state_dict(), "override")
    assert moved.get_last_lr() == [0.1]
    fresh = scheduler_of(gp.Policy(0.4, controllers=[gp.reduce_on_plateau("loss")]))
    fresh.load_state_dict(old.state_dict(), "override")
    assert fresh.get_last_lr() == [0.4]


def test_groups_come_back_with_their_own_plans():
    make = lambda low: scheduler_of(gp.constant(0.3), groups={0: gp.linear(0, low, 40)})  # noqa: E731
    old = make(0.1)
    old.seek(10)
    new = make(0.1)
    new.load_state_dict(old.state_dict())
    assert new.get_last_lr() == [gp.linear(0, 0.1, 40).plan(40)(10)]
    with pytest.raises(ResumeError, match=r"another plan of groups\[0\]"):
        make(0.2).load_state_dict(old.state_dict())
    with pytest.raises(ResumeError, match=r"groups \['0'\], and the scheduler \[\]"):
        scheduler_of(gp.constant(0.3)).load_state_dict(old.state_dict())


def test_what_is_no_state_of_ours():
    native = torch.optim.lr_scheduler.StepLR(Loop(torch.optim.SGD).optimizer, 3)
    scheduler = scheduler_of(gp.constant(0.1))
    for part, wrong in (("step", -1), ("step", "3"), ("main", None), ("groups", [])):
        with pytest.raises(ResumeError, match="not the state of a Glidepath scheduler"):
            scheduler.load_state_dict({**scheduler.state_dict(), part: wrong})
    with pytest.raises(ResumeError, match=r"scheduler.seek\(updates_done\)"):
        scheduler.load_state_dict(native.state_dict())
    function = gp.from_function(lambda k: 0.1)
    state = scheduler_of(function).state_dict()
    scheduler_of(function).load_state_dict(state)  # cannot be told apart from another
    with pytest.raises(ResumeError, match="cannot be saved"):
        scheduler.load_state_dict(state, "keep")
    with pytest.raises(ResumeError, match="a Python function"):
        scheduler.load_state_dict(state)
    with pytest.raises(gp.ArgumentError, match="on_change"):
        scheduler.load_state_dict(state, "ignore")
    broken = scheduler_of(gp.Policy(0.1, controllers=[gp.reduce_on_plateau()])).state_dict()
    broken["main"]["controllers"] = []
    with pytest.raises(ResumeError, match="states of 0 controllers, and its plan has 1"):
        scheduler_of(gp.Policy(0.1, controllers=[gp.reduce_on_plateau()])).load_state_dict(broken)
    broken["main"]["controllers"] = [{"gone": 1}]
    with pytest.raises(ResumeError, match="written by another version"):
        scheduler_of(gp.Policy(0.1, controllers=[gp.reduce_on_plateau()])).load_state_dict(broken)


def test_loading_the_optimizer_alone_leaves_the_plan_in_force():
    old, policy = Loop(lambda p: torch.optim.SGD(p, lr=0.7)), gp.linear(0.1, 0.0, "100%")
    loop = Loop(lambda p: torch.optim.SGD(p, lr=torch.tensor(1.0)))
    scheduler = Scheduler(loop.optimizer, policy, 10)
    scheduler.seek(3)
    loop.optimizer.load_state_dict(old.optimizer.state_dict())
    assert loop.stored("learning_rate") == scheduler.plan(3)
    scheduler.step()
    assert np.isclose(float(loop.stored("learning_rate")), scheduler.plan(4), rtol=1e-6)
