"""Roll-back in a PyTorch loop: weights, buffers and slots of the best epoch, in place."""

import io

import pytest

import glidepath as gp
from glidepath.errors import ResumeError

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch_loop import Loop, build  # noqa: E402

from glidepath.backends.torch import state  # noqa: E402
from glidepath.torch import Scheduler  # noqa: E402

EPOCH = 4
BACK = gp.reduce_on_plateau("loss", factor=0.5, patience=2, min_delta=0.0, restore_best=True)
POLICY = gp.Policy(gp.linear(0.05, 0.01, "100%"), controllers=[BACK])
VALUES = [3.0, 2.0, 2.5, 2.5, 1.0, 1.5, 1.5, 1.5]
"""Best after the epochs 1 and 4; reduced after 3 and 6."""


class Normed(Loop):
    """With batch normalisation, whose statistics are buffers."""

    def __init__(self, optimizer):
        model = torch.nn.Sequential(build(), torch.nn.BatchNorm1d(1))
        super().__init__(optimizer, model=model)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1.0)


def learned(loop):
    """Everything that goes back, copied."""
    return [*state.module_state(loop.model).values(), *_slots(loop.optimizer)]


def _slots(optimizer):
    return [t for slots in state.slots(optimizer) for t in slots.values()]


def same(found, wanted):
    return all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def fly(loop, scheduler, epochs, seen):
    for epoch in epochs:
        for _ in range(EPOCH):
            seen.append(loop.step()[0]["learning_rate"])
            scheduler.step()
        before = learned(loop)
        scheduler.epoch_end({"loss": VALUES[epoch]}, model=loop.model)
        yield epoch, before


@pytest.mark.parametrize("make", [adam, lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9)])
def test_the_best_epoch_comes_back_where_the_rate_falls(make):
    loop = Normed(make)
    scheduler = Scheduler(loop.optimizer, POLICY, 32)
    places = [p.data_ptr() for p in loop.model.parameters()]
    ends, seen = {}, []
    for epoch, before in fly(loop, scheduler, range(8), seen):
        ends[epoch] = before
        went_back = not same(learned(loop), before)
        assert went_back == (epoch in (3, 6))
        if went_back:
            assert same(learned(loop), ends[{3: 1, 6: 4}[epoch]])
    assert [p.data_ptr() for p in loop.model.parameters()] == places
    factors = [1.0] * 16 + [0.5] * 12 + [0.25] * 4
    table = scheduler.plan.table()
    assert seen == [factor * rate for factor, rate in zip(factors, table, strict=True)]


def test_the_best_epoch_is_in_the_checkpoint():
    def run(cut):
        loop, seen = Normed(adam), []
        scheduler = Scheduler(loop.optimizer, POLICY, 32)
        list(fly(loop, scheduler, range(cut), seen))
        if cut < 8:
            file = io.BytesIO()
            torch.save([loop.model.state_dict(), loop.optimizer.state_dict()], file)
            torch.save(scheduler.state_dict(), kept := io.BytesIO())
            file.seek(0), kept.seek(0)
            again = Normed(adam)
            again.count = loop.count
            resumed = Scheduler(again.optimizer, POLICY, 32)
            weights, slots = torch.load(file, weights_only=True)
            again.model.load_state_dict(weights)
            again.optimizer.load_state_dict(slots)
            resumed.load_state_dict(torch.load(kept, weights_only=True))
            list(fly(again, resumed, range(cut, 8), seen))
            loop = again
        return learned(loop), seen

    wanted, rates = run(8)
    found, again = run(6)  # the best is the epoch 4, and the rate falls after the epoch 6
    assert again == rates
    assert same(found, wanted)


def test_a_checkpoint_without_the_best_epoch_says_so_when_it_is_wanted():
    loop = Normed(adam)
    scheduler = Scheduler(loop.optimizer, POLICY, 32)
    scheduler.epoch_end({"loss": 1.0}, model=loop.model)
    saved = scheduler.state_dict()
    del saved["best"]
    fresh = Normed(adam)
    resumed = Scheduler(fresh.optimizer, POLICY, 32)
    resumed.load_state_dict(saved)
    resumed.epoch_end({"loss": 2.0}, model=fresh.model)
    with pytest.raises(ResumeError, match="without the best epoch's weights"):
        resumed.epoch_end({"loss": 2.0}, model=fresh.model)


def test_the_model_is_asked_for_and_only_then():
    loop = Loop(adam)
    scheduler = Scheduler(loop.optimizer, POLICY, 32)
    with pytest.raises(gp.ArgumentError, match="epoch_end\\(metrics, model=model\\)"):
        scheduler.epoch_end({"loss": 1.0})
    scheduler.detach()
    plain = Scheduler(loop.optimizer, gp.constant(0.1), 32)
    plain.epoch_end({"loss": 1.0})
    assert "best" not in plain.state_dict()


def test_two_that_roll_back_are_refused():
    loop = Loop(lambda p: torch.optim.SGD(p, lr=1.0))
    with pytest.raises(gp.ArgumentError, match="leave it to one"):
        Scheduler(loop.optimizer, POLICY, 32, groups={0: POLICY})
