"""Lightning: every update applies the plan, under accumulation, AMP and resume."""

import math
import warnings

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

from lightning.pytorch.plugins import MixedPrecision  # noqa: E402
from lightning_module import (  # noqa: E402
    BATCHES,
    EPOCHS,
    PLATEAU,
    POLICY,
    Module,
    fit,
    loader,
    planned,
    trainer,
)

from glidepath.lightning import Flight, configure  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def configured(policy=POLICY, **arguments):
    return lambda module, optimizer: configure(optimizer, policy, module.trainer, **arguments)


def flown(tmp_path, how, policy=POLICY, checkpoint=None, on_change="strict", **arguments):
    """A training with the callback or with the dictionary."""
    if how == "callback":
        flight = Flight(policy, on_change=on_change)
        return fit(Module(), trainer(tmp_path, flight, **arguments), checkpoint)
    module = Module(configured(policy, on_change=on_change))
    return fit(module, trainer(tmp_path, **arguments), checkpoint)


HOW = pytest.mark.parametrize("how", ["callback", "dictionary"])


@HOW
@pytest.mark.parametrize("accumulate", [1, 4])
def test_every_update_applies_the_plan(tmp_path, how, accumulate):
    module = flown(tmp_path, how, accumulate_grad_batches=accumulate)
    assert module.rates() == planned(EPOCHS * math.ceil(BATCHES / accumulate))


def test_the_native_schedule_stays_almost_constant_without_an_interval(tmp_path):
    def native(module, optimizer):
        total = module.trainer.estimated_stepping_batches
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
        return {"optimizer": optimizer, "lr_scheduler": cosine}

    total = EPOCHS * BATCHES
    rates = fit(Module(native), trainer(tmp_path)).rates()
    wanted = planned(total, gp.as_policy(gp.cosine_decay(0.1, "100%")))
    assert min(rates) > 0.09
    assert min(wanted) < 0.001


@HOW
def test_epochs_and_max_steps_are_the_trainers(tmp_path, how):
    stairs = gp.step_decay(0.1, 0.5, "1ep")
    module = flown(tmp_path, how, stairs, accumulate_grad_batches=2, max_steps=5)
    assert module.rates() == planned(5, stairs, 3)


@HOW
def test_a_plan_of_the_trainings_length_is_flown(tmp_path, how):
    plan = POLICY.plan(EPOCHS * BATCHES)
    assert flown(tmp_path, how, plan).rates() == planned(EPOCHS * BATCHES)
    with pytest.raises(gp.ArgumentError, match="a plan has its own length"):
        flown(tmp_path, how, POLICY.plan(7))


@HOW
def test_parameter_groups_fly_policies_of_their_own(tmp_path, how):
    groups = {"layers.0.*": 0.1 * POLICY}
    if how == "callback":
        module = fit(Module(groups=True), trainer(tmp_path, Flight(POLICY, groups=groups)))
    else:
        module = fit(Module(configured(groups=groups), groups=True), trainer(tmp_path))
    total = EPOCHS * BATCHES
    slow = planned(total, gp.as_policy(0.1 * POLICY))
    assert module.applied == [list(row) for row in zip(slow, planned(total), strict=True)]


def half_precision():
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=8.0))


@HOW
def test_an_update_that_amp_skips_is_not_counted(tmp_path, how):
    arguments = {"plugins": [half_precision()]}
    if how == "callback":
        module = Module(overflow_at=(5,))
        fit(module, trainer(tmp_path, Flight(POLICY), **arguments))
    else:
        module = Module(configured(), overflow_at=(5,))
        fit(module, trainer(tmp_path, **arguments))
    assert module.rates() == planned(EPOCHS * BATCHES)[:-1]


def test_the_native_schedule_counts_skipped_updates(tmp_path):
    total = EPOCHS * BATCHES
    plan = gp.linear(0.1, 0.01, "100%").plan(total)

    def native(module, optimizer):
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: plan(k) / 0.1)
        return [optimizer], [{"scheduler": scheduler, "interval": "step"}]

    module = Module(native, overflow_at=(5,))
    rates = fit(module, trainer(tmp_path, plugins=[half_precision()])).rates()
    table = plan.table()[:total].tolist()
    assert rates == pytest.approx(table[:5] + table[6:])


class Manual(Module):
    """Two optimizers, stepped by hand; the second every other batch."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.second = []

    def configure_optimizers(self):
        first = super().configure_optimizers()
        other = torch.optim.SGD(self.parameters(), lr=1.0)
        other.register_step_pre_hook(lambda o, a, k: self.second.append(o.param_groups[0]["lr"]))
        return [first, other]

    def training_step(self, batch, index):
        first, second = self.optimizers()
        self.manual_backward(super().training_step(batch, index))
        first.step()
        if index % 2:
            second.step()


def test_each_of_several_optimizers_has_its_flight(tmp_path):
    module, half = Manual(), EPOCHS * BATCHES // 2
    slow = gp.linear(1.0, 0.5, half)
    flights = [Flight(POLICY), Flight(slow, optimizer=1)]
    assert len({flight.state_key for flight in flights}) == 2
    fit(module, trainer(tmp_path, *flights))
    assert module.rates() == planned(EPOCHS * BATCHES)
    assert module.second == planned(half, gp.as_policy(slow))


def checkpointed(tmp_path, how, checkpoint=None, accumulate=1, **when):
    keep = lightning.callbacks.ModelCheckpoint(
        tmp_path, save_top_k=-1, filename="{epoch}-{step}", **when
    )
    callbacks = [keep, Flight(POLICY)] if how == "callback" else [keep]
    settings = {"accumulate_grad_batches": accumulate, "enable_checkpointing": True}
    module = Module() if how == "callback" else Module(configured())
    return fit(module, trainer(tmp_path, *callbacks, **settings), checkpoint)


@HOW
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, how):
    whole = checkpointed(tmp_path, how, every_n_epochs=1)
    again = checkpointed(tmp_path, how, tmp_path / "epoch=0-step=6.ckpt")
    assert again.rates() == whole.rates()[6:]
    weights = whole.state_dict()
    assert all(torch.equal(weights[k], value) for k, value in again.state_dict().items())


@HOW
@pytest.mark.parametrize("accumulate", [1, 2])
def test_rates_go_on_in_the_middle_of_an_epoch(tmp_path, how, accumulate):
    """Lightning begins the epoch's data again there, so the weights are not the same."""
    whole = checkpointed(tmp_path, how, accumulate=accumulate, every_n_train_steps=4)
    (saved,) = tmp_path.glob("*step=4.ckpt")
    again = checkpointed(tmp_path, how, saved, accumulate=accumulate)
    assert again.rates() == whole.rates()[4:]


@HOW
def test_a_checkpoint_of_another_plan(tmp_path, how):
    total, other = EPOCHS * BATCHES, gp.as_policy(gp.cosine_decay(0.2, "100%"))
    made = trainer(tmp_path, *([Flight(POLICY)] if how == "callback" else []))
    fit(Module(None if how == "callback" else configured()), made)
    path = tmp_path / "end.ckpt"
    made.save_checkpoint(path)
    longer = {"max_epochs": EPOCHS + 1}
    with pytest.raises(gp.ResumeError, match=f"saved {total}, now {total + BATCHES}"):
        flown(tmp_path, how, checkpoint=path, **longer)
    with pytest.warns(UserWarning, match=f"at update {total}, and the training at"):
        kept = flown(tmp_path, how, other, path, "keep", **longer)
    assert kept.rates() == [POLICY.plan(total)(total)] * BATCHES
    new = flown(tmp_path, how, other, path, "override", **longer)
    assert new.rates() == planned(total + BATCHES, other)[total:]


def test_controllers_are_told_every_validation_but_the_sanity_check(tmp_path):
    policy = gp.Policy(gp.constant(0.1), controllers=[PLATEAU])
    flight = Flight(policy)
    made = trainer(tmp_path, flight, max_epochs=4, limit_val_batches=1.0)
    module = fit(Module(), made)
    assert module.rates()[::BATCHES] == [0.1, 0.1, 0.05, 0.025]
    state = flight.state_dict()
    made.validate(module, loader(), verbose=False)
    assert flight.state_dict() == state


def test_a_checkpoint_of_a_validation_holds_what_the_controllers_decided(tmp_path):
    policy = gp.Policy(gp.constant(0.1), controllers=[PLATEAU])

    def run(checkpoint=None):
        keep = lightning.callbacks.ModelCheckpoint(tmp_path, save_top_k=-1, filename="{epoch}")
        settings = {"max_epochs": 5, "limit_val_batches": 1.0, "enable_checkpointing": True}
        return fit(Module(), trainer(tmp_path, keep, Flight(policy), **settings), checkpoint)

    whole = run().rates()
    assert whole[-1] == 0.0125
    assert run(tmp_path / "epoch=2.ckpt").rates() == whole[3 * BATCHES :]


class Ends(lightning.Callback):
    """The weights as each validation found them, before the flight hears of it."""

    def __init__(self):
        self.weights = []

    def on_validation_epoch_end(self, trainer, module):
        self.weights.append([p.detach().clone() for p in module.parameters()])


def test_the_best_epoch_comes_back_where_the_rate_falls(tmp_path):
    """The first validation is the best by this count; the rate falls after the second."""
    plateau = gp.reduce_on_plateau(
        "val_loss", factor=0.5, patience=1, min_delta=100.0, restore_best=True
    )
    flight, ends = Flight(gp.Policy(gp.constant(0.1), controllers=[plateau])), Ends()
    settings = {"limit_val_batches": 1.0, "num_sanity_val_steps": 0, "max_epochs": 2}
    module = fit(Module(), trainer(tmp_path, flight, ends, **settings))
    now = list(module.parameters())
    assert not all(torch.equal(a, b) for a, b in zip(now, ends.weights[1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(now, ends.weights[0], strict=True))
    slots = flight.scheduler.optimizer.state.values()
    assert not any(slot["momentum_buffer"].is_inference() for slot in slots)
    assert not any(t.is_inference() for t in flight.state_dict()["best"]["model"].values())


def test_what_cannot_be_flown_is_refused(tmp_path):
    policy = gp.Policy(gp.constant(0.1), controllers=[PLATEAU])
    with pytest.raises(gp.ArgumentError, match="nothing is validated"):
        fit(Module(), trainer(tmp_path, Flight(policy)))
    other = gp.reduce_on_plateau(monitor="accuracy")
    unlogged = Flight(gp.Policy(gp.constant(0.1), controllers=[other]))
    with pytest.raises(gp.ArgumentError, match="monitors 'accuracy'"):
        fit(Module(), trainer(tmp_path, unlogged, limit_val_batches=1.0))
    with pytest.raises(gp.ArgumentError, match="Flight"):
        fit(Module(configured(policy)), trainer(tmp_path))
    with pytest.raises(gp.ArgumentError, match="a FitScheduler for this optimizer already"):
        fit(Module(configured()), trainer(tmp_path, Flight(POLICY)))
    with pytest.raises(gp.ArgumentError, match=r"returns 1 of them"):
        fit(Module(), trainer(tmp_path, Flight(0.1, optimizer=1)))
    with pytest.raises(gp.ArgumentError, match="needs a policy, a schedule, or a number"):
        Flight("cosine")
    optimizer = torch.optim.SGD(Module().parameters(), lr=0.1)
    with pytest.raises(gp.ArgumentError, match=r"self\.trainer"):
        configure(optimizer, POLICY, None)
