"""Trainer: every update applies the plan, under accumulation, AMP and resume."""

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")
accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")


from trainer_model import (  # noqa: E402
    BATCH,
    EPOCHS,
    EXAMPLES,
    POLICY,
    data,
    model,
    planned,
    trainer,
)

from glidepath.transformers import fly  # noqa: E402


@pytest.mark.parametrize("accumulate", [1, 5])
def test_every_update_applies_and_logs_the_plan(tmp_path, accumulate):
    made, read = trainer(tmp_path, gradient_accumulation_steps=accumulate)
    flight = fly(made, POLICY)
    made.train()
    total = EPOCHS * -(-(EXAMPLES // BATCH) // accumulate)
    assert flight.plan.total_steps == total
    assert flight.plan.steps_per_epoch == total // EPOCHS
    assert read.rates == planned(total)
    assert read.logged == pytest.approx(planned(total))


@pytest.mark.parametrize("epochs", [1.1, 2.5])
def test_epochs_are_the_trainers(tmp_path, epochs):
    made, read = trainer(tmp_path, num_train_epochs=epochs)
    stairs = gp.step_decay(0.01, 0.5, "1ep")
    fly(made, stairs)
    made.train()
    assert read.rates == planned(len(read.rates), stairs, EXAMPLES // BATCH)


def test_with_max_steps_the_epoch_is_to_be_given(tmp_path):
    made, read = trainer(tmp_path, max_steps=5)
    stairs = gp.step_decay(0.01, 0.5, "1ep")
    fly(made, stairs)
    with pytest.raises(gp.PlanError, match="steps_per_epoch"):
        made.train()
    fly(made, stairs, steps_per_epoch=2)
    made.train()
    assert read.rates == [0.01, 0.01, 0.005, 0.005, 0.0025]


def test_groups_and_weight_decay(tmp_path):
    made, read = trainer(tmp_path, weight_decay=0.1)
    decayed = gp.Policy(POLICY, weight_decay=gp.linear(0.1, 0.0, "100%"))
    flight = fly(made, decayed, groups={1: POLICY})
    made.train()
    total = len(read.decays)
    assert read.decays == planned(total, gp.as_policy(gp.linear(0.1, 0.0, "100%")))
    assert [group["weight_decay"] for group in flight.scheduler.optimizer.param_groups] == [0, 0]


class Overflowing(torch.nn.Module):
    """The loss of one batch is not finite."""

    def __init__(self, at):
        super().__init__()
        self.inner, self.at, self.count = model(), at, 0

    def forward(self, input_ids, labels):
        loss = self.inner(input_ids=input_ids, labels=labels).loss
        self.count += 1
        return {"loss": loss * (float("inf") if self.count - 1 == self.at else 1.0)}


def overflowing(tmp_path, **arguments):
    made, read = trainer(tmp_path, network=Overflowing(at=5), num_train_epochs=1, **arguments)
    made.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    return made, read


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused"])
def test_an_update_that_amp_skips_is_not_counted(tmp_path, optim):
    made, read = overflowing(tmp_path, optim=optim)
    fly(made, POLICY)
    made.train()
    assert read.rates == planned(EXAMPLES // BATCH)[:-1]


def test_the_native_schedule_counts_what_a_fused_optimizer_skips(tmp_path):
    """Transformers' default optimizer is fused."""
    made, read = overflowing(tmp_path, learning_rate=0.01, optim="adamw_torch_fused")
    made.train()
    native = planned(EXAMPLES // BATCH, gp.as_policy(gp.linear(0.01, 0.0, "100%")))
    assert read.rates == pytest.approx(native[:5] + native[6:])


def interrupted(tmp_path, policy=POLICY, **arguments):
    """A run of which a checkpoint at update 6 is left."""
    made, read = trainer(tmp_path, save_strategy="steps", save_steps=6, **arguments)
    fly(made, policy)
    made.train()
    return read.rates, made.model.state_dict()


def resumed(tmp_path, policy=POLICY, on_change="strict", **arguments):
    made, read = trainer(tmp_path, network=model(seed=1), **arguments)
    flight = fly(made, policy, on_change=on_change)
    made.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    return read.rates, made.model.state_dict(), flight


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole, weights = interrupted(tmp_path, gradient_accumulation_steps=2)
    rates, again, _ = resumed(tmp_path, gradient_accumulation_steps=2)
    assert rates == whole[6:]
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_a_checkpoint_of_another_plan(tmp_path):
    total = EPOCHS * EXAMPLES // BATCH
    other = gp.as_policy(gp.cosine_decay(0.02, "100%"))
    interrupted(tmp_path)
    with pytest.raises(gp.ResumeError, match="override"):
        resumed(tmp_path, other)
    with pytest.raises(gp.ResumeError, match=f"saved {total}, now {2 * total}"):
        resumed(tmp_path, num_train_epochs=2 * EPOCHS)
    rates, _, flight = resumed(tmp_path, other, "keep")
    assert rates == planned(total)[6:]
    assert flight.plan.fingerprint == POLICY.plan(total, EXAMPLES // BATCH).fingerprint
    assert resumed(tmp_path, other, "override")[0] == planned(total, other)[6:]
    with pytest.warns(
        UserWarning, match=f"ends at update {total}, and the training at {2 * total}"
    ):
        resumed(tmp_path, on_change="keep", num_train_epochs=2 * EPOCHS)


def test_controllers_are_told_the_evaluations_of_training_only(tmp_path):
    plateau = gp.reduce_on_plateau(monitor="eval_loss", factor=0.5, patience=1, min_delta=100.0)
    policy = gp.Policy(gp.constant(0.01), controllers=[plateau])
    epoch = EXAMPLES // BATCH
    settings = {"num_train_epochs": 4, "eval_strategy": "epoch", "eval_on_start": True}
    made, read = trainer(tmp_path, save_strategy="epoch", **settings)
    flight = fly(made, policy)
    made.train()
    # Five evaluations, the one before training included.
    assert sum("eval_loss" in row for row in made.state.log_history) == 5
    assert read.rates[::epoch] == [0.01, 0.01, 0.005, 0.0025]
    state = flight.scheduler.state_dict()
    made.evaluate()
    assert flight.scheduler.state_dict() == state

    again, found = trainer(tmp_path, **settings)
    fly(again, policy)
    again.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{2 * epoch}"))
    assert found.rates == read.rates[2 * epoch :]

    blind, _ = trainer(tmp_path)
    fly(blind, policy)
    with pytest.raises(gp.ArgumentError, match="eval_strategy"):
        blind.train()


def test_the_best_evaluation_comes_back_where_the_rate_falls(tmp_path):
    """The first evaluation is the best by this count; the rate falls after the second."""
    plateau = gp.reduce_on_plateau(
        "eval_loss", factor=0.5, patience=1, min_delta=100.0, restore_best=True
    )
    made, _ = trainer(tmp_path, num_train_epochs=2, eval_strategy="epoch")
    fly(made, gp.Policy(gp.constant(0.1), controllers=[plateau]))
    made.train()
    losses = [row["eval_loss"] for row in made.state.log_history if "eval_loss" in row]
    assert losses[1] != losses[0]
    assert made.evaluate()["eval_loss"] == losses[0]


def test_what_cannot_be_flown_is_refused(tmp_path):
    with pytest.raises(gp.ArgumentError, match=r"needs a transformers\.Trainer, got int"):
        fly(3, POLICY)
    made, _ = trainer(tmp_path)
    with pytest.raises(gp.ArgumentError, match="needs a policy, a schedule, or a number"):
        fly(made, "cosine")
    with pytest.raises(gp.ArgumentError, match="on_change"):
        fly(made, POLICY, on_change="hope")
    optimizer = torch.optim.SGD(made.model.parameters(), lr=0.1)
    native = torch.optim.lr_scheduler.ConstantLR(optimizer)
    owned = transformers.Trainer(
        made.model, made.args, train_dataset=data(), optimizers=(optimizer, native)
    )
    with pytest.raises(gp.ArgumentError, match="has a ConstantLR already"):
        fly(owned, POLICY)


def test_a_second_training_flies_from_its_beginning(tmp_path):
    made, read = trainer(tmp_path, num_train_epochs=1)
    fly(made, POLICY)
    made.train()
    read.rates.clear()
    fly(made, 0.003)
    made.train()
    assert set(read.rates) == {0.003}
    assert sum(type(each).__name__ == "Flight" for each in made.callback_handler.callbacks) == 1


@pytest.mark.parametrize("monitor", ["val_loss", "loss"])
def test_the_usual_names_of_losses_are_known(tmp_path, monitor):
    plateau = gp.reduce_on_plateau(monitor, factor=0.5, patience=1, min_delta=100.0)
    policy = gp.Policy(gp.constant(0.01), controllers=[plateau])
    made, read = trainer(tmp_path, num_train_epochs=3, eval_strategy="epoch")
    fly(made, policy)
    made.train()
    assert read.rates[:: EXAMPLES // BATCH] == [0.01, 0.01, 0.005]


LOGS = {  # of epochs of 6 updates; when the loss is logged first, or None where that is in time
    "never": ({"eval_strategy": "epoch", "logging_strategy": "no"}, "nothing is logged"),
    "after an epoch": ({"eval_strategy": "epoch", "logging_steps": 7}, "update 6, .* update 7;"),
    "with an epoch": ({"eval_strategy": "epoch", "logging_steps": 6}, None),
    "at its end": ({"eval_strategy": "epoch", "logging_strategy": "epoch"}, None),
    "after some steps": (
        {"eval_strategy": "steps", "eval_steps": 3, "logging_steps": 4},
        "update 3, before the first log, after update 4; .*logging_steps=3",
    ),
    "later than them": (
        {"eval_strategy": "steps", "eval_steps": 6, "logging_strategy": "epoch"},
        "update 6, before the first log, after update 6;",
    ),
    "late, but evaluated later": (
        {"eval_strategy": "steps", "eval_steps": 3, "eval_delay": 4, "logging_steps": 5},
        None,
    ),
    "late, but an epoch later": (
        {"eval_strategy": "epoch", "eval_delay": 2, "logging_steps": 7},
        None,
    ),
    "at first": (
        {"eval_strategy": "epoch", "logging_steps": 99, "logging_first_step": True},
        None,
    ),
    "in shares of the run": (
        {"eval_strategy": "steps", "eval_steps": 0.3, "logging_steps": 0.4},
        "update 4, before the first log, after update 5",
    ),
    "at the end": ({"eval_strategy": "steps", "eval_steps": 99, "logging_steps": 13}, "update 12"),
}


@pytest.mark.parametrize("when", list(LOGS))
def test_a_training_loss_that_is_logged_too_late_is_refused_at_the_start(tmp_path, when):
    """And where it is not, the controller is told it."""
    arguments, message = LOGS[when]
    policy = gp.Policy(gp.constant(0.01), controllers=[gp.reduce_on_plateau("loss")])
    made, read = trainer(tmp_path, gradient_accumulation_steps=2, **arguments)
    flight = fly(made, policy)
    if message is None:
        made.train()
        assert flight.scheduler.state_dict()["main"]["controllers"][0]["best"] is not None
        return
    with pytest.raises(gp.ArgumentError, match=message):
        made.train()
    assert not read.rates


def test_a_resumed_loss_is_the_one_that_was_logged_last(tmp_path):
    """So nothing needs to be logged before the first evaluation after it."""
    policy = gp.Policy(gp.constant(0.01), controllers=[gp.reduce_on_plateau("loss")])
    when = {"eval_strategy": "steps", "eval_steps": 5, "logging_steps": 99}
    first = {"logging_first_step": True, "save_strategy": "steps", "save_steps": 6}
    made, _ = trainer(tmp_path, **first, **when)
    fly(made, policy)
    made.train()
    again, read = trainer(tmp_path, **when)
    fly(again, policy)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    assert len(read.rates) == EPOCHS * EXAMPLES // BATCH - 6
