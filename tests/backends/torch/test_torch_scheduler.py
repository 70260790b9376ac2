"""What the optimizer applied, read back at every step of real training, is the plan's table."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop, two_groups  # noqa: E402

from glidepath.torch import Scheduler  # noqa: E402

POLICY = gp.Policy(
    gp.linear(0.01, 0.1, 5) >> gp.cosine_decay(0.1, "rest"),
    momentum=gp.linear(0.95, 0.85, "50%") >> gp.constant(0.85),
    weight_decay=gp.linear(0.1, 0.01, "100%"),
)
TOTAL = 37


def flown(loop, scheduler, steps=TOTAL):
    """Each step's values of all groups, read when the optimizer is about to use them."""
    seen = []
    for _ in range(steps):
        seen.append(loop.step())
        scheduler.step()
    return seen


def optimizers():
    sgd, adamw = torch.optim.SGD, torch.optim.AdamW
    return {
        "sgd": lambda p: sgd(p, lr=1.0, momentum=0.9),
        "sgd without momentum": lambda p: sgd(p, lr=1.0),
        "nesterov": lambda p: sgd(p, lr=1.0, momentum=0.9, nesterov=True),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1.0),
        "adamw": lambda p: adamw(p, lr=1.0),
        "adamw tensor": lambda p: adamw(p, lr=torch.tensor(1.0), capturable=False, foreach=False),
        "sgd float64 tensor": lambda p: sgd(p, lr=torch.tensor(1.0, dtype=torch.float64)),
        "fused": lambda p: adamw(p, lr=1.0, fused=True),
        "muon": lambda p: torch.optim.Muon([q for q in p if q.ndim == 2], lr=1.0),
    }


@pytest.mark.parametrize("kind", list(optimizers()))
def test_every_update_applies_the_plans_values(kind):
    loop = Loop(optimizers()[kind])
    scheduler = Scheduler(loop.optimizer, POLICY, total=TOTAL)
    plan = scheduler.plan
    seen = flown(loop, scheduler)
    for name in ("learning_rate", "momentum", "weight_decay"):
        values = [groups[0][name] for groups in seen]
        stored = loop.stored(name)
        wanted = plan.table(name)
        if isinstance(stored, torch.Tensor):
            wanted = torch.from_numpy(wanted.copy()).to(stored.dtype).double().numpy()
        else:
            assert type(stored) is float
        assert np.array_equal(values, wanted), name
    assert loop.loss_fell()


def test_past_the_end_the_last_value_holds():
    loop = Loop(optimizers()["sgd"])
    scheduler = Scheduler(loop.optimizer, gp.linear(0.1, 0.02, "100%"), total=10)
    seen = [groups[0]["learning_rate"] for groups in flown(loop, scheduler, 1500)]
    assert np.array_equal(seen, scheduler.plan(np.arange(1500)))
    assert seen[-1] == 0.02


def test_a_run_without_end_crosses_windows():
    loop = Loop(optimizers()["sgd"])
    scheduler = Scheduler(loop.optimizer, gp.inverse_sqrt(0.1, 7))
    seen = [groups[0]["learning_rate"] for groups in flown(loop, scheduler, 1100)]
    assert np.array_equal(seen, scheduler.plan(np.arange(1100)))


def test_groups_fly_their_own_policies_by_name_and_index():
    names = Loop(lambda p: torch.optim.SGD(p, momentum=0.9), named=True).model
    groups = two_groups(names)
    loop = Loop(lambda p: torch.optim.SGD(groups, lr=1.0, momentum=0.9), model=names)
    main, low = gp.cosine_decay(0.1, "100%"), gp.linear(0.001, 0.01, "100%")
    scheduler = Scheduler(loop.optimizer, main, TOTAL, groups={"first.*": low})
    seen = np.array([[g["learning_rate"] for g in step] for step in flown(loop, scheduler)])
    assert np.array_equal(seen[:, 0], low.plan(TOTAL).table())
    assert np.array_equal(seen[:, 1], main.plan(TOTAL).table())

    scheduler.detach()
    again = Scheduler(loop.optimizer, main, TOTAL, groups={1: low, "first.*": 2 * low})
    assert again.get_last_lr() == [0.002, 0.001]


def test_a_name_of_the_group_itself_matches():
    model = torch.nn.Linear(2, 2)
    groups = [{"params": [model.weight], "name": "body"}, {"params": [model.bias], "name": "head"}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    scheduler = Scheduler(optimizer, 0.1, groups={"he*": 0.3})  # numbers are constants
    assert scheduler.get_last_lr() == [0.1, 0.3]


def test_tensor_rates_are_each_groups_own_and_the_users_is_left_alone():
    rate = torch.tensor(0.5)
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD([{"params": [model.weight]}, {"params": [model.bias]}], lr=rate)
    scheduler = Scheduler(optimizer, gp.linear(0.0, 0.1, "100%"), 10, groups={1: gp.constant(0.3)})
    first = [group["lr"] for group in optimizer.param_groups]
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == first
    assert all(a["lr"] is b for a, b in zip(optimizer.param_groups, first, strict=True))
    assert [float(value) for value in first] == [float(np.float32(0.01)), float(np.float32(0.3))]
    assert float(rate) == 0.5


def test_a_group_added_later_is_scheduled():
    loop = Loop(optimizers()["adamw"])
    scheduler = Scheduler(loop.optimizer, POLICY, TOTAL)
    flown(loop, scheduler, 3)
    extra = torch.nn.Parameter(torch.zeros(2))
    loop.optimizer.add_param_group({"params": [extra], "lr": 0.7})
    flown(loop, scheduler, 1)
    scheduler.assign({1: gp.constant(0.5)})
    assert scheduler.get_last_lr() == [scheduler.plan(4), 0.5]
    for k in range(4, TOTAL):
        assert loop.step()[1] == {
            "learning_rate": 0.5,
            "momentum": loop.optimizer.param_groups[1]["betas"][0],
            "weight_decay": loop.optimizer.param_groups[1]["weight_decay"],
        }
        scheduler.step()
        assert scheduler.get_last_lr()[0] == scheduler.plan(k + 1)


def unfreeze(optimizer):
    """A group that is added later, with a rate of its own."""
    extra = torch.nn.Parameter(torch.zeros(2))
    optimizer.add_param_group({"params": [extra], "lr": 0.7, "momentum": 0.1})


@pytest.mark.parametrize("follow", [False, True])
def test_added_groups_fly_the_main_policy_at_the_next_update(follow):
    """Added where an epoch ends: after step(), and before the next optimizer.step()."""
    loop = Loop(optimizers()["sgd"])
    scheduler = Scheduler(loop.optimizer, POLICY, TOTAL, follow=follow)
    flown(loop, scheduler, 3)
    loop.optimizer.register_step_pre_hook(loop._read)  # after the scheduler's
    loop.optimizer.param_groups[0]["lr"] = 0.3  # somebody's own, not to be touched
    unfreeze(loop.optimizer)
    mine, added = loop.step()
    assert mine["learning_rate"] == 0.3
    assert added == {name: track(3) for name, track in scheduler.plan.tracks.items()}
    scheduler.step()
    assert scheduler.get_last_lr() == [scheduler.plan(4)] * 2
    assert loop.optimizer.param_groups[1]["momentum"] == scheduler.plan.momentum(4)


def copied(how, things):
    if how == "deepcopy":
        return copy.deepcopy(things)
    return pickle.loads(pickle.dumps(things))  # noqa: S301 - what was just written


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
@pytest.mark.parametrize("follow", [False, True])
def test_a_copy_with_its_optimizer_goes_on_where_it_was(how, follow):
    plateau = gp.reduce_on_plateau("loss", factor=0.5, patience=1)
    policy = gp.Policy(**POLICY.schedules, controllers=[plateau])
    groups = [{"params": [weight]} for weight in Loop(torch.optim.SGD).model.parameters()]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    scheduler = Scheduler(optimizer, policy, 100, groups={1: gp.constant(0.01)}, follow=follow)
    scheduler.cooldown_by("90min")

    def train(optimizer, scheduler, updates):
        seen = []
        for _ in range(updates):
            optimizer.step()
            scheduler.step()
            seen.append([dict(group, params=None) for group in optimizer.param_groups])
        return seen

    train(optimizer, scheduler, 30)
    scheduler.epoch_end({"loss": 1.0})
    scheduler.epoch_end({"loss": 1.0})
    scheduler.cooldown(40, end=0.001)
    again, found = copied(how, (optimizer, scheduler))
    assert found.optimizer is again
    assert found.state_dict().keys() == scheduler.state_dict().keys()
    wanted = train(optimizer, scheduler, 20)
    assert train(again, found, 20) == wanted
    assert (found.last_epoch, found.plan(60)) == (50, scheduler.plan(60))
    with pytest.raises(ValueError, match="read-only"):
        found.plan.table()[0] = 1.0
    # The copy's hooks are its own.
    unfreeze(again)
    train(again, found, 1)
    assert [len(each.get_last_lr()) for each in (found, scheduler)] == [3, 2]
    assert again.param_groups[2]["lr"] == found.get_last_lr()[0]


def test_a_copy_is_small_and_one_that_was_let_go_stays_so():
    loop = Loop(optimizers()["sgd"])
    scheduler = Scheduler(loop.optimizer, POLICY, 10**6, follow=True)
    assert len(pickle.dumps(scheduler)) < 20_000
    with pytest.raises(gp.ArgumentError, match="another scheduler follows"):
        copy.copy(scheduler)  # of the same optimizer
    scheduler.detach()
    again = copy.deepcopy(scheduler)
    assert not again.optimizer._optimizer_step_post_hooks


def test_nothing_of_a_scheduler_that_was_dropped_stays():
    loop = Loop(optimizers()["sgd"])
    before = len(loop.optimizer._optimizer_step_pre_hooks)
    scheduler = Scheduler(loop.optimizer, POLICY, TOTAL)
    assert len(loop.optimizer._optimizer_step_pre_hooks) == before + 1
    kept = weakref.ref(scheduler)
    del scheduler
    gc.collect()
    assert kept() is None
    assert len(loop.optimizer._optimizer_step_pre_hooks) == before
    assert not loop.optimizer._optimizer_load_state_dict_post_hooks
    loop.step()


def test_it_is_a_scheduler_to_those_who_ask_and_patches_nothing():
    loop = Loop(optimizers()["sgd"])
    before = loop.optimizer.step
    scheduler = Scheduler(loop.optimizer, gp.constant(0.1), 10)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert loop.optimizer.step == before
    assert "step" not in vars(loop.optimizer)
    assert not hasattr(loop.optimizer.step, "_wrapped_by_lr_sched")
    assert scheduler.optimizer is loop.optimizer
    assert scheduler.base_lrs == [1.0]
    assert (scheduler.last_epoch, scheduler._step_count) == (0, 1)
    scheduler.step()
    assert (scheduler.last_epoch, scheduler._step_count) == (1, 2)
    assert scheduler.get_last_lr() == scheduler._last_lr == scheduler.get_lr() == [0.1]
    assert not hasattr(scheduler, "total_steps")  # accelerate would stop stepping there


def test_a_controller_multiplies_the_rate_after_an_epoch_without_progress():
    loop = Loop(optimizers()["sgd"])
    policy = gp.Policy(
        gp.linear(0.02, 0.1, 4) >> gp.constant(0.1),
        controllers=[gp.reduce_on_plateau(factor=0.5, patience=2)],
    )
    scheduler = Scheduler(loop.optimizer, policy, "6ep", 4)
    seen = []
    for _ in range(6):
        seen += [groups[0]["learning_rate"] for groups in flown(loop, scheduler, 4)]
        scheduler.epoch_end({"val_loss": torch.tensor(1.0)})
    factors = np.repeat([1, 1, 1, 0.5, 0.5, 0.25], 4)
    assert np.array_equal(seen, factors * scheduler.plan.table())
    with pytest.raises(gp.ArgumentError, match="monitors 'val_loss'"):
        scheduler.epoch_end({"loss": 1.0})


def test_a_controller_is_told_the_rate_that_was_applied_last():
    plateau = gp.reduce_on_plateau(factor=0.5, patience=1, min_rate=0.05)
    policy = gp.Policy(gp.piecewise_constant([0.1, 0.01], [2]), controllers=[plateau])
    scheduler = Scheduler(Loop(optimizers()["sgd"]).optimizer, policy, 4)
    for _ in range(2):
        scheduler.step()
        scheduler.epoch_end({"val_loss": 1.0})
    # The last rate was 0.1, above min_rate; the next is 0.01, below it.
    assert scheduler.state_dict()["main"]["controllers"][0]["factor"] == 0.5


def test_seek_goes_anywhere():
    loop = Loop(optimizers()["sgd"])
    scheduler = Scheduler(loop.optimizer, POLICY, TOTAL)
    for k in (30, 2, 36, 5000, 0):
        scheduler.seek(k)
        assert scheduler.get_last_lr() == [scheduler.plan(k)]
        scheduler.step(k + 1)
        assert scheduler.get_last_lr() == [scheduler.plan(k + 1)]


@pytest.mark.parametrize("wrong", [-1, 0.5, True, "3"])
def test_seek_refuses_what_is_not_an_update(wrong):
    scheduler = Scheduler(Loop(optimizers()["sgd"]).optimizer, POLICY, TOTAL)
    with pytest.raises(gp.ArgumentError, match="integer of at least 0"):
        scheduler.seek(wrong)


def refused():
    sgd, zeros = torch.optim.SGD, lambda: torch.nn.Parameter(torch.zeros(2))
    rate, cycle = gp.constant(0.1), gp.one_cycle(0.1)
    pair = lambda **second: [{"params": [zeros()]}, {"params": [zeros()], **second}]  # noqa: E731
    named = [{"params": [("a.w", zeros()), ("b.w", zeros())]}]
    return {
        "needs a torch optimizer": lambda: Scheduler("adam", rate, 10),
        "flies the momentum, and Adagrad": lambda: Scheduler(
            torch.optim.Adagrad([zeros()]), cycle, 10
        ),
        "flies the weight_decay, and Rprop": lambda: Scheduler(
            torch.optim.Rprop([zeros()]), gp.Policy(0.1, weight_decay=0.1), 10
        ),
        "above 0 at the first update": lambda: Scheduler(
            torch.optim.RMSprop([zeros()]), gp.Policy(rate, gp.linear(0, 0.9, 5) >> rate), 10
        ),
        "would give both the same": lambda: Scheduler(sgd(pair(lr=0.5), lr=0.1), rate, 10),
        "the weight_decay 0.1 and 0,": lambda: Scheduler(
            sgd(pair(weight_decay=0.0), lr=0.1, weight_decay=0.1),
            gp.Policy(0.1, weight_decay=0.1),
            10,
        ),
        "matches no parameter group": lambda: Scheduler(
            sgd(pair(), lr=0.1), rate, 10, groups={"head.*": rate}
        ),
        "2 matches no parameter group": lambda: Scheduler(
            sgd(pair(), lr=0.1), rate, 10, groups={2: rate}
        ),
        "keyed by an index": lambda: Scheduler(sgd(pair(), lr=0.1), rate, 10, groups={0.5: rate}),
        "1 of the 2 parameters": lambda: Scheduler(
            sgd(named, lr=0.1), rate, 10, groups={"a.*": rate}
        ),
        "its own length": lambda: Scheduler(sgd([zeros()], lr=0.1), rate.plan(10), 20),
        "has no end": lambda: Scheduler(sgd([zeros()], lr=0.1), cycle),
        "on_change must be": lambda: Scheduler(
            sgd([zeros()], lr=0.1), rate, 10, on_change="ignore"
        ),
    }


@pytest.mark.parametrize("message", list(refused()))
def test_what_cannot_be_flown_is_refused_at_construction(message):
    with pytest.raises(gp.GlidepathError, match=message):
        refused()[message]()
