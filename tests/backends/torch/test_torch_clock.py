"""The clock counts applied updates: where the native scheduler is wrong, `follow` is right."""

import copy

import numpy as np
import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop  # noqa: E402

from glidepath.torch import Scheduler  # noqa: E402

TOTAL = 24
PLAN = gp.linear(0.1, 0.0, "100%").plan(TOTAL)
NATIVE = {"start_factor": 1.0, "end_factor": 0.0, "total_iters": TOTAL}


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def fused(parameters):
    return torch.optim.SGD(parameters, lr=0.1, fused=True)


def native(optimizer):
    return torch.optim.lr_scheduler.LinearLR(optimizer, **NATIVE)


def following(optimizer):
    return Scheduler(optimizer, PLAN, follow=True)


def accumulating(loop, scheduler):
    """Four batches an update, and the scheduler stepped with every batch, as frameworks do."""
    for batch in range(4 * TOTAL):
        loop.loss().backward()
        if batch % 4 == 3:
            loop.optimizer.step()
            loop.optimizer.zero_grad()
        scheduler.step()
    return [groups[0]["learning_rate"] for groups in loop.seen]


def in_two_processes(loop, scheduler):
    """As accelerate steps a prepared scheduler: once per process."""
    for _ in range(TOTAL):
        loop.step()
        scheduler.step()
        scheduler.step()
    return [groups[0]["learning_rate"] for groups in loop.seen]


def scaled(loop, scheduler):
    """A gradient scaler that meets infinite gradients at three batches, and skips them."""
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0, growth_interval=1000)
    applied, parameter = [], next(loop.model.parameters())
    for batch in range(TOTAL + 3):
        loop.optimizer.zero_grad()
        loss = loop.loss() * (float("inf") if batch in (0, 5, 9) else 1.0)
        scaler.scale(loss).backward()
        rate, before = loop.stored("learning_rate"), parameter.detach().clone()
        scaler.step(loop.optimizer)
        scaler.update()
        if not torch.equal(parameter, before):
            applied.append(float(rate))
        scheduler.step()
    return applied


LOOPS = {
    "accumulation": (accumulating, sgd),
    "two processes": (in_two_processes, sgd),
    "AMP": (scaled, sgd),
    "AMP, fused": (scaled, fused),
}


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("name", list(LOOPS))
def test_only_applied_updates_move_the_clock(name):
    train, optimizer = LOOPS[name]
    loop = Loop(optimizer)
    scheduler = following(loop.optimizer)
    # The last rate is 0: no update can be seen there.
    wanted = PLAN.table()
    assert np.array_equal(train(loop, scheduler), wanted)
    assert scheduler.last_epoch == TOTAL

    loop = Loop(optimizer)
    theirs = train(loop, native(loop.optimizer))
    assert not np.allclose(theirs[:10], wanted[:10], rtol=1e-3)


@pytest.mark.parametrize("follow", [False, True])
def test_the_last_scheduler_flies_an_optimizer_and_an_earlier_one_says_so(follow):
    """Two would set each other's values anew, whoever counts."""
    loop = Loop(sgd)
    first = Scheduler(loop.optimizer, gp.linear(0.3, 0.1, "100%"), 10)
    copied, shared = copy.deepcopy((loop.optimizer, first)), copy.copy(first)
    loop.step(), first.step()
    second = Scheduler(loop.optimizer, 0.2, follow=follow)
    loop.optimizer.load_state_dict(loop.optimizer.state_dict())  # the first one's hook is gone
    assert (second.get_last_lr(), first.last_epoch) == ([0.2], 1)
    for earlier in (first, shared):
        with pytest.raises(gp.ArgumentError, match=r"was made later.*the later one's step"):
            earlier.step()
    loop.step(), second.step()
    assert (second.last_epoch, loop.optimizer.param_groups[0]["lr"]) == (1, 0.2)
    copied[1].step()
    assert copied[1].last_epoch == 1


def test_an_optimizer_is_followed_by_one_and_let_go_by_detach():
    loop = Loop(sgd)
    first = following(loop.optimizer)
    with pytest.raises(gp.ArgumentError, match="another scheduler follows"):
        following(loop.optimizer)
    first.detach()
    loop.step()
    assert first.last_epoch == 0
    second = following(loop.optimizer)
    loop.step()
    assert (first.last_epoch, second.last_epoch) == (0, 1)


def test_followed_through_the_wrappers_of_frameworks():
    class Wrapper(torch.optim.Optimizer):
        """As accelerate's: an optimizer to those who ask, without hooks of its own."""

        def __init__(self, optimizer):
            self.optimizer = optimizer

        @property
        def param_groups(self):
            return self.optimizer.param_groups

        def step(self, closure=None):
            self.optimizer.step(closure)

    loop = Loop(sgd)
    scheduler = following(Wrapper(loop.optimizer))
    loop.step()
    assert scheduler.last_epoch == 1
    assert loop.stored("learning_rate") == PLAN(1)


def stepped(optimizer):
    return Scheduler(optimizer, PLAN)


@pytest.mark.parametrize("name", ["accumulation", "two processes", "AMP"])
def test_by_default_a_step_without_an_update_counts_and_is_said_once(name):
    train, optimizer = LOOPS[name]
    loop = Loop(optimizer)
    with pytest.warns(UserWarning, match=r"made no update in between .*follow=True") as said:
        found = train(loop, stepped(loop.optimizer))
    assert len([each for each in said if "no update" in str(each.message)]) == 1
    assert said[0].filename == __file__
    assert not np.array_equal(found[:10], PLAN.table()[:10])


@pytest.mark.filterwarnings("error")
def test_a_loop_as_it_should_be_and_a_drawing_are_not_told_of_it():
    loop = Loop(sgd)
    scheduler = stepped(loop.optimizer)
    drawn = []
    for _ in range(TOTAL):
        drawn += scheduler.get_last_lr()
        scheduler.step()
    assert drawn == PLAN.table().tolist()
    scheduler.seek(0)
    for _ in range(TOTAL):
        loop.step()
        scheduler.step()
    assert [groups[0]["learning_rate"] for groups in loop.seen] == drawn
    # Replays of a CUDA graph run no Python: such optimizers say nothing of their updates.
    loop.optimizer.param_groups[0]["capturable"] = True
    scheduler.step()
