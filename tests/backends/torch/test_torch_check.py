"""`check` finds each mistake that schedules are ported with, and stays quiet without one."""

import copy

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop  # noqa: E402

from glidepath.backends.check import check  # noqa: E402
from glidepath.errors import ArgumentError, CheckError  # noqa: E402
from glidepath.torch import Scheduler  # noqa: E402

TOTAL, EPOCH = 40, 8
COSINE = gp.cosine_decay(0.1, "100%").plan(TOTAL, EPOCH)
STAIRS = gp.step_decay(0.1, 0.5, EPOCH).plan(TOTAL, EPOCH)


def native(loop, total=TOTAL):
    return torch.optim.lr_scheduler.CosineAnnealingLR(loop.optimizer, total)


def loop():
    return Loop(lambda p: torch.optim.SGD(p, lr=0.1))


def good(loop, scheduler):
    for _ in range(TOTAL):
        loop.step()
        scheduler.step()


def per_epoch(loop, scheduler):
    for k in range(TOTAL):
        loop.step()
        if (k + 1) % EPOCH == 0:
            scheduler.step()


def twice(loop, scheduler):
    for _ in range(TOTAL):
        loop.step()
        scheduler.step()
        scheduler.step()


def four_times(loop, scheduler):
    for _ in range(TOTAL):
        loop.step()
        for _ in range(4):
            scheduler.step()


def never(loop, scheduler):
    for _ in range(TOTAL):
        loop.step()


def before(loop, scheduler):
    scheduler.step()
    good(loop, scheduler)


def late(loop, scheduler):
    loop.step()
    good(loop, scheduler)


def stops(loop, scheduler):
    for k in range(TOTAL):
        loop.step()
        if k < 10:
            scheduler.step()


def accumulated(loop, scheduler):
    for batch in range(4 * TOTAL):
        loop.loss().backward()
        if (batch + 1) % 4 == 0:
            loop.optimizer.step()
            loop.optimizer.zero_grad()
        scheduler.step()


def amp(loop, scheduler):
    """A scaler skips the update of one batch whose gradients are not finite."""
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for batch in range(TOTAL):
        loop.optimizer.zero_grad()
        scaler.scale(loop.loss() * (float("inf") if batch == 5 else 1.0)).backward()
        scaler.step(loop.optimizer)
        scaler.update()
        scheduler.step()


CAUSES = {
    good: None,
    per_epoch: r"stepped once per epoch \(8 updates\).*; or .*never stepped",
    twice: "stepped twice per update",
    four_times: "stepped 4 times per update",
    never: "never stepped",
    before: "one update ahead",
    late: "never stepped",
    stops: "not stepped after update 10",
    accumulated: "once per batch under accumulation: 4 batches",
    amp: "AMP skipped it",
}


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("mistake", CAUSES, ids=lambda mistake: mistake.__name__)
def test_each_mistake_is_named_at_the_first_wrong_update(mistake):
    flown = loop()
    scheduler, cause = native(flown), CAUSES[mistake]
    if cause is None:
        with check(flown.optimizer, COSINE) as checked:
            mistake(flown, scheduler)
        assert checked.updates == TOTAL
        return
    with pytest.raises(CheckError, match=cause) as caught, check(flown.optimizer, COSINE):
        mistake(flown, scheduler)
    first = {stops: 11, accumulated: 0, before: 0, amp: 5}.get(mistake, 1)
    assert str(caught.value).startswith(f"update {first} applies the learning_rate")
    assert len(flown.seen) == first + 1  # raised before the optimizer used it


def test_one_update_late_is_named():
    flown = loop()
    plan = gp.Policy(gp.constant(0.1).take(1) >> gp.linear(0.1, 0.0, "rest")).plan(TOTAL)
    shifted = gp.Policy(gp.constant(0.1).take(2) >> gp.linear(0.1, 0.0, "rest")).plan(TOTAL + 1)
    scheduler = Scheduler(flown.optimizer, shifted)
    with pytest.raises(CheckError, match="one update late"), check(flown.optimizer, plan):
        good(flown, scheduler)


def test_each_process_steps_the_scheduler(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    flown = loop()
    with (
        pytest.raises(CheckError, match=r"once per process \(2 of them\)"),
        check(flown.optimizer, COSINE),
    ):
        twice(flown, native(flown))


def test_a_resumed_run_whose_scheduler_was_not_loaded():
    flown = loop()
    scheduler = Scheduler(flown.optimizer, COSINE)
    with (
        pytest.raises(CheckError, match="began again at update 0"),
        check(flown.optimizer, COSINE, start=10),
    ):
        good(flown, scheduler)
    scheduler.seek(10)
    with check(flown.optimizer, COSINE, start=10) as checked:
        good(flown, scheduler)
    assert checked.updates == TOTAL


def test_a_scheduler_that_multiplies_the_optimizers_own_rate():
    flown = loop()
    scheduler = torch.optim.lr_scheduler.LambdaLR(flown.optimizer, lambda k: float(COSINE(k)))
    with (
        pytest.raises(CheckError, match=r"multiplies the optimizer's own learning_rate \(0\.1\)"),
        check(flown.optimizer, COSINE),
    ):
        good(flown, scheduler)


def test_what_nobody_sets_and_what_somebody_else_sets():
    flown = Loop(lambda p: torch.optim.SGD(p, lr=0.7, momentum=0.5))
    with (
        pytest.raises(CheckError, match="nothing flies the learning_rate"),
        check(flown.optimizer, COSINE),
    ):
        never(flown, None)
    flown.optimizer.param_groups[0]["lr"] = 0.0987
    with (
        pytest.raises(CheckError, match=r"something else sets .* 0.987 times"),
        check(flown.optimizer, COSINE),
    ):
        never(flown, None)
    flown.optimizer.param_groups[0]["lr"] = 0.1
    cycle = gp.Policy(0.1, momentum=gp.linear(0.95, 0.85, "100%")).plan(TOTAL)
    with (
        pytest.raises(CheckError, match="nothing flies the momentum"),
        check(flown.optimizer, cycle),
    ):
        never(flown, None)


def test_it_is_quiet_with_the_scheduler_groups_tensors_and_amp():
    model = torch.nn.Linear(2, 2)
    groups = [{"params": [model.weight]}, {"params": [model.bias]}]
    optimizer = torch.optim.AdamW(groups, lr=torch.tensor(0.1))
    scheduler = Scheduler(optimizer, COSINE, groups={1: STAIRS}, follow=True)
    with check(optimizer, COSINE, groups={1: STAIRS}) as checked:
        for _ in range(TOTAL):
            model(torch.ones(2)).sum().backward()
            optimizer.step()
            scheduler.step()
    assert checked.updates == TOTAL
    with (
        pytest.raises(CheckError, match="in parameter group 1"),
        check(optimizer, COSINE, start=40),
    ):
        optimizer.step()


def test_updates_that_a_fused_optimizer_skips_are_not_counted():
    """The scaler calls its step(), which skips inside."""
    flown = Loop(lambda p: torch.optim.SGD(p, lr=0.1, fused=True))
    scheduler = Scheduler(flown.optimizer, COSINE, follow=True)
    with check(flown.optimizer, COSINE) as checked:
        amp(flown, scheduler)
    assert checked.updates == scheduler.last_epoch == TOTAL - 1


def test_the_hooks_are_removed_and_an_empty_check_is_none():
    flown = loop()
    hooks = copy.copy(flown.optimizer._optimizer_step_pre_hooks)
    with pytest.raises(CheckError, match="no update was seen"), check(flown.optimizer, COSINE):
        pass
    assert flown.optimizer._optimizer_step_pre_hooks == hooks
    never(flown, None)  # is not watched any more


def test_what_cannot_be_watched_is_refused():
    with pytest.raises(gp.ArgumentError, match="of torch, keras, optax, got str"):
        check("adam", COSINE)
    with pytest.raises(gp.ArgumentError, match="needs a plan, got Policy"):
        check(loop().optimizer, gp.one_cycle(0.1))
    with pytest.raises(gp.ArgumentError, match="flies the momentum, and Adagrad"):
        check(torch.optim.Adagrad(torch.nn.Linear(1, 1).parameters()), gp.one_cycle(0.1).plan(100))


def test_a_plan_with_controllers_is_refused():
    policy = gp.Policy(gp.constant(0.1), controllers=[gp.reduce_on_plateau("loss")])
    with pytest.raises(ArgumentError, match=r"without them: gp\.Policy\(\*\*policy\.schedules\)"):
        check(loop().optimizer, policy.plan(TOTAL))
    check(loop().optimizer, gp.Policy(**policy.schedules).plan(TOTAL))


def test_groups_that_fly_different_rates_are_named_as_the_cause():
    first, second = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.1)
    policy = gp.constant(0.1)
    flown = Scheduler(optimizer, policy, TOTAL, groups={1: 0.1 * policy})
    with (
        pytest.raises(CheckError, match=r"cause: the parameter groups 0 and 1 .* groups=\{1: plan"),
        check(optimizer, flown.plan),
    ):
        optimizer.step()
    with check(optimizer, flown.plan, groups={1: (0.1 * policy).plan(TOTAL)}):
        optimizer.step()
