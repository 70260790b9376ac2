"""Trainer: cool-downs in flight, the trainer's end with them, and early ends."""

import warnings

import pytest

import glidepath as gp

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("accelerate", reason="accelerate is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from trainer_model import trainer  # noqa: E402

from glidepath.transformers import fly  # noqa: E402

LEVEL = gp.as_policy(gp.linear(0.0, 0.01, 2) >> gp.constant(0.01))
TOTAL = 24


class At(transformers.TrainerCallback):
    """Does something after some updates."""

    def __init__(self, step, do):
        self.step, self.do = step, do

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            self.do(control)


def cooling(folder, first, cool=True, **arguments):
    made, read = trainer(folder, **arguments)
    changing = At(8, lambda control: flight.cooldown(6) if cool else None)
    if first:
        made.add_callback(changing)
    flight = fly(made, LEVEL)
    if not first:
        made.add_callback(changing)
    return made, read


@pytest.mark.parametrize("first", [True, False])
def test_the_training_ends_where_the_cooldown_does(tmp_path, first):
    made, read = cooling(tmp_path, first)
    made.train()
    wanted = LEVEL.plan(TOTAL, 12).cooldown_from(8, 6).table().tolist()
    assert read.rates == wanted
    assert read.logged == pytest.approx(wanted)
    assert made.state.global_step == 14


def test_the_same_program_resumes_a_cooldown(tmp_path):
    saving = {"save_strategy": "steps", "save_steps": 10}
    made, read = cooling(tmp_path, True, **saving)
    made.train()
    again, found = cooling(tmp_path, True, **saving)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-10"))
    assert found.rates == read.rates[10:]
    assert len(found.rates) == 4


def test_a_budget_of_time_ends_the_training(tmp_path):
    """A second an update by this clock."""
    made, read = trainer(tmp_path, num_train_epochs=10)
    flight, seconds = fly(made, LEVEL), iter(range(10**6))
    flight.cooldown_by("40s", over="25%", clock=lambda: next(seconds))
    made.train()
    assert len(read.rates) == pytest.approx(40, abs=4)
    assert read.rates[:25] == LEVEL.plan(120).table()[:25].tolist()
    assert read.rates[-1] < 0.003


def test_a_trainer_trains_no_longer_than_it_set_out_to(tmp_path):
    made, _ = trainer(tmp_path)
    flight = fly(made, LEVEL)
    with pytest.raises(gp.ArgumentError, match="nothing flies yet"):
        flight.cooldown(5)
    made.add_callback(At(8, lambda control: flight.cooldown(17)))
    with pytest.raises(gp.ArgumentError, match="takes 17 updates, and the trainer has 16 left"):
        made.train()
    with pytest.raises(gp.ArgumentError, match=r"plan\.extend\(total, at=updates_done\)"):
        flight.extend(100)


def test_stopping_early_at_a_high_rate_is_said(tmp_path):
    def stopping(policy, at):
        made, _ = trainer(tmp_path)
        fly(made, policy)
        made.add_callback(At(at, lambda control: setattr(control, "should_training_stop", True)))
        made.train()

    with pytest.warns(UserWarning, match=r"at update 9 of 24 .* at 100% of its peak"):
        stopping(LEVEL, 9)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="training stopped at")
        stopping(gp.linear(0.1, 0.0, 6) >> gp.constant(0.0), 9)
        stopping(LEVEL, 99)
