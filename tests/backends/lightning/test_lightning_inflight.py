"""Lightning: plans that change in flight, the trainer's end with them, and early ends."""

import warnings

import pytest

import glidepath as gp

torch = pytest.importorskip("torch", reason="torch is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning is not installed")

from lightning_module import BATCHES, EPOCHS, Module, fit, trainer  # noqa: E402

from glidepath.lightning import Flight  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:::lightning", "ignore:::torch")
LEVEL = gp.as_policy(gp.linear(0.0, 0.1, 2) >> gp.constant(0.1))


class At(lightning.Callback):
    """Does something once, after some updates."""

    def __init__(self, step, do):
        self.step, self.do = step, do

    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == self.step and self.do is not None:
            self.do, do = None, self.do
            do(trainer)


CHANGES = {
    "cooldown": (lambda flight: flight.cooldown(5), lambda plan: plan.cooldown_from(8, 5)),
    "extend": (lambda flight: flight.extend(23), lambda plan: plan.extend(23, at=8)),
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_the_training_ends_where_the_changed_plan_does(tmp_path, change, first):
    do, wanted = CHANGES[change]
    flight = Flight(LEVEL)
    changing = At(8, lambda _: do(flight))
    order = (changing, flight) if first else (flight, changing)
    made = trainer(tmp_path, *order)
    module = fit(Module(), made)
    assert module.rates() == wanted(LEVEL.plan(EPOCHS * BATCHES, BATCHES)).table().tolist()
    assert (made.max_epochs, made.max_steps) == (EPOCHS, -1)


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_program_resumes_a_changed_plan(tmp_path, change):
    """The extended one past the trainer's own end."""
    do, wanted = CHANGES[change]
    at = 10 if change == "cooldown" else EPOCHS * BATCHES
    flight = Flight(LEVEL)
    path = tmp_path / "kept.ckpt"
    keep = At(at, lambda trainer: trainer.save_checkpoint(path))
    fit(Module(), trainer(tmp_path, At(8, lambda _: do(flight)), keep, flight))
    again = fit(Module(), trainer(tmp_path, Flight(LEVEL)), path)
    table = wanted(LEVEL.plan(EPOCHS * BATCHES, BATCHES)).table().tolist()
    assert again.rates() == table[at:]


def test_a_budget_of_time_ends_the_training(tmp_path):
    """A second an update by this clock."""
    flight, seconds = Flight(LEVEL), iter(range(10**6))
    flight.cooldown_by("40s", over="25%", clock=lambda: next(seconds))
    module = fit(Module(), trainer(tmp_path, flight, max_epochs=20))
    assert len(module.rates()) == pytest.approx(40, abs=4)
    assert module.rates()[:25] == LEVEL.plan(120).table()[:25].tolist()
    assert module.rates()[-1] < 0.03
    assert flight.scheduler.get_last_lr() == [0.0]


def test_before_training_there_is_nothing_to_change():
    with pytest.raises(gp.ArgumentError, match="nothing flies yet"):
        Flight(LEVEL).cooldown(5)
    with pytest.raises(gp.ArgumentError, match="budget must be a time"):
        Flight(LEVEL).cooldown_by("soon")


class Stop(At):
    def __init__(self, step):
        super().__init__(step, lambda trainer: setattr(trainer, "should_stop", True))


def test_stopping_early_at_a_high_rate_is_said(tmp_path):
    said = r"at update 9 of 18 .* at 100% of its peak .*cooldown_from\(9, 1\)"
    with pytest.warns(UserWarning, match=said):
        fit(Module(), trainer(tmp_path, Flight(LEVEL), Stop(9)))
    low = gp.linear(0.1, 0.0, 6) >> gp.constant(0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="training stopped at")
        fit(Module(), trainer(tmp_path, Flight(low), Stop(9)))
        fit(Module(), trainer(tmp_path, Flight(LEVEL)))
