"""The one loop: what it applies, what it records, when it stops, and where the time goes."""

import json
import math
import time

import numpy as np
import pytest

import glidepath as gp
from glidepath.testing import ToyTrainer
from glidepath.training import Metric, Outputs, Updates, drive, read_record

FLOWN = gp.Policy(
    gp.linear(0, 0.2, "10%") >> gp.cosine_decay(0.2, "90%"),
    momentum=gp.linear(0.9, 0.8, "100%"),
    weight_decay=0.01,
)


class Scripted:
    """A trainer whose losses and evaluations are given, for what the loop does about them."""

    steps_per_epoch = 4
    metric = Metric("accuracy", True)
    hyperparameters = frozenset({"learning_rate"})

    def __init__(self, losses, judged=()):
        self.losses, self.judged = np.asarray(losses, float), list(judged)
        self.calls, self.step, self.interrupt_at = [], 0, None

    def reset(self, seed):
        self.calls.append(("reset", seed))
        self.step = self.judgements = 0

    def advance(self, values):
        count = len(values["learning_rate"])
        self.calls.append(("advance", count))
        if self.interrupt_at is not None and self.step >= self.interrupt_at:
            raise KeyboardInterrupt
        losses = self.losses[self.step : self.step + count]
        self.step += count
        return Updates(losses, dict(values), {"accuracy": losses / 10})

    def evaluate(self, split):
        self.calls.append(("evaluate", split))
        values = self.judged[self.judgements] if self.judged else {"loss": 1.0, "accuracy": 0.5}
        self.judgements += 1
        return values

    def snapshot(self):
        return self.step

    def restore(self, state):
        self.step = state


def same_record(ours, theirs):
    assert ours.info == theirs.info
    assert ours.outcome == theirs.outcome
    assert ours.seconds == theirs.seconds
    assert repr(ours.evaluations) == repr(theirs.evaluations)  # NaN equals NaN here
    assert list(ours.series) == list(theirs.series)
    for name, values in ours.series.items():
        np.testing.assert_array_equal(values, theirs.series[name])


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_the_plan_is_what_was_applied(kind):
    trainer = ToyTrainer(kind)
    record = drive(trainer, FLOWN, "5ep")
    plan = FLOWN.plan("5ep", 20)
    for name in ("learning_rate", "momentum", "weight_decay"):
        np.testing.assert_array_equal(record.series[name], plan.table(name).astype(np.float32))
    assert record.outcome == "finished"
    assert record.steps == 100


def test_it_is_training_by_hand():
    record = drive(ToyTrainer(), FLOWN, 50, seed=3)
    trainer, plan = ToyTrainer(), FLOWN.plan(50, 20)
    trainer.reset(3)
    updates = trainer.advance({name: plan.table(name) for name in plan.tracks})
    np.testing.assert_array_equal(record.series["loss"], updates.losses)
    assert record.final("test", "rmse") == trainer.evaluate("test")["rmse"]
    assert record.final("validation", "loss") == trainer.evaluate("validation")["loss"]


def test_the_order_of_things_with_a_partial_last_epoch():
    trainer = Scripted(np.ones(10))
    record = drive(trainer, gp.constant(0.1), 10, seed=5)
    assert trainer.calls == [
        ("reset", 5),
        ("advance", 4),
        ("evaluate", "validation"),
        ("advance", 4),
        ("evaluate", "validation"),
        ("advance", 2),
        ("evaluate", "validation"),
        ("evaluate", "test"),
    ]
    assert [(e.step, e.epoch, e.split) for e in record.evaluations] == [
        (4, 1, "validation"),
        (8, 2, "validation"),
        (10, 3, "validation"),
        (10, 3, "test"),
    ]


def test_the_test_split_can_be_left_alone():
    trainer = Scripted(np.ones(8))
    drive(trainer, gp.constant(0.1), "2ep", evaluate_test=False)
    assert ("evaluate", "test") not in trainer.calls


def test_a_plan_is_taken_as_it_is():
    plan = gp.one_cycle(0.1).plan("3ep", 20)
    assert drive(ToyTrainer(), plan).info.fingerprint == plan.fingerprint
    assert drive(ToyTrainer(), plan, 60).steps == 60
    with pytest.raises(gp.ArgumentError, match="total='5ep'"):
        drive(ToyTrainer(), plan, "5ep")
    with pytest.raises(gp.ArgumentError, match=r"20 updates per epoch.*trainer 7"):
        drive(ToyTrainer(steps_per_epoch=7), plan)


def test_a_run_needs_a_length():
    with pytest.raises(gp.ArgumentError, match="no length"):
        drive(ToyTrainer(), gp.constant(0.1))


def test_what_the_trainer_cannot_fly_is_refused_before_training():
    trainer = Scripted(np.ones(8))
    with pytest.raises(gp.ArgumentError, match=r"flies momentum.*it has learning_rate"):
        drive(trainer, gp.one_cycle(0.1), "2ep")
    assert trainer.calls == []


def test_the_record_tells_the_run():
    record = drive(ToyTrainer("classification"), FLOWN, "2ep", seed=4, task="toy", name="mine")
    info = record.info
    assert (info.task, info.policy, info.seed) == ("toy", "mine", 4)
    assert (info.total_steps, info.steps_per_epoch) == (40, 20)
    assert (info.metric, info.rising) == ("accuracy", True)
    assert gp.from_spec(info.spec) == FLOWN
    assert info.fingerprint == FLOWN.plan("2ep", 20).fingerprint


def test_a_python_function_has_no_spec():
    record = drive(ToyTrainer(), gp.from_function(lambda k: 0.1), "1ep")
    assert record.info.spec is None
    assert record.info.fingerprint is None


@pytest.mark.parametrize("rate", [0.1, 50.0, 1e30])
def test_the_file_holds_the_same_record(tmp_path, rate):
    trainer = ToyTrainer("classification")
    record = drive(trainer, rate_policy(rate), "8ep", outputs=Outputs(tmp_path / "a" / "r.jsonl"))
    assert record.outcome == ("finished" if rate < 1 else "diverged")
    same_record(record, read_record(tmp_path / "a" / "r.jsonl"))


def rate_policy(rate):
    return gp.Policy(rate, momentum=0.5, controllers=[gp.reduce_on_plateau(patience=1)])


def test_every_line_on_disk_is_strict_json(tmp_path):
    drive(ToyTrainer(), gp.constant(1e30), "2ep", outputs=Outputs(tmp_path / "r.jsonl"))

    def refuse(name):
        raise AssertionError(name)

    for line in (tmp_path / "r.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_controllers_multiply_from_the_next_epoch_on():
    judged = [{"loss": 1.0, "accuracy": 0.5}] * 6
    policy = gp.Policy(
        gp.piecewise_constant([0.4, 0.2], ["4ep"]),
        controllers=[gp.reduce_on_plateau("val_loss", 0.5, patience=2)],
    )
    record = drive(Scripted(np.ones(20), judged), policy, "5ep")
    # Reduced after epoch 2 (from 0) and after 4: epochs 3 and 4 fly half the schedule.
    expected = np.repeat([0.4, 0.4, 0.4, 0.2, 0.1], 4)
    np.testing.assert_array_equal(record.series["learning_rate"], expected)


def test_controllers_may_watch_training_means_and_there_may_be_several():
    losses = np.repeat([3.0, 2.0, 2.0, 2.0], 4)
    policy = gp.Policy(
        0.8,
        controllers=[
            gp.reduce_on_plateau("loss", 0.5, patience=1),
            gp.reduce_on_plateau("accuracy", 0.1, patience=1),
        ],
    )
    record = drive(Scripted(losses), policy, "4ep")
    # accuracy = loss/10 falls, so the second reduces after epochs 1, 2; the first after 2 only.
    np.testing.assert_allclose(record.series["learning_rate"][::4], [0.8, 0.8, 0.08, 0.004])


def test_an_unknown_monitor_is_named_with_what_there_is():
    policy = gp.Policy(0.1, controllers=[gp.reduce_on_plateau("val_auc")])
    with pytest.raises(gp.ArgumentError, match=r"'val_auc'.*accuracy, loss, val_accuracy, val_los"):
        drive(Scripted(np.ones(8)), policy, "2ep")


def test_the_listener_hears_each_epoch():
    heard = []
    losses = np.repeat([3.0, 2.0], 4)
    drive(Scripted(losses), gp.constant(0.1), 6, outputs=Outputs(on_epoch=heard.append))
    assert [(p.epoch, p.step, p.total_steps) for p in heard] == [(1, 4, 6), (2, 6, 6)]
    assert heard[0].values == {
        "loss": 3.0,
        "accuracy": pytest.approx(0.3),
        "val_loss": 1.0,
        "val_accuracy": 0.5,
    }


def test_a_loss_that_is_not_finite_ends_the_run():
    losses = np.ones(20)
    losses[6] = np.nan
    trainer = Scripted(losses)
    record = drive(trainer, gp.constant(0.1), "5ep")
    assert record.outcome == "diverged"
    assert record.steps == 8
    assert [e.step for e in record.evaluations] == [4]
    assert math.isnan(record.final("validation", "loss"))


@pytest.mark.parametrize("name", ["loss", "accuracy"])
def test_an_evaluation_that_is_not_finite_ends_the_run(name):
    good = {"loss": 1.0, "accuracy": 0.5}
    record = drive(Scripted(np.ones(20), [good, good | {name: math.inf}]), gp.constant(0.1), "5ep")
    assert record.outcome == "diverged"
    assert record.steps == 8
    assert math.isnan(record.evaluations[-1].values[name])


def test_a_further_metric_need_not_be_finite():
    judged = [{"loss": 1.0, "accuracy": 0.5, "auc": math.nan}] * 3
    assert drive(Scripted(np.ones(8), judged), gp.constant(0.1), "2ep").outcome == "finished"


def test_an_infinite_test_result_is_divergence():
    good = {"loss": 1.0, "accuracy": 0.5}
    record = drive(Scripted(np.ones(4), [good, good | {"loss": math.nan}]), gp.constant(0.1), "1ep")
    assert record.outcome == "diverged"


@pytest.mark.parametrize("offset", [0.0, -100.0, 1e3])
def test_rates_far_too_high_diverge_whatever_the_sign_of_the_loss(offset):
    trainer = ToyTrainer(offset=offset, diverges_above=1.0)
    assert drive(trainer, gp.constant(0.5), "10ep").outcome == "finished"
    assert drive(trainer, gp.constant(3.0), "10ep").outcome == "diverged"


def test_an_interrupt_leaves_a_readable_record(tmp_path):
    trainer = Scripted(np.ones(20))
    trainer.interrupt_at = 8
    with pytest.raises(KeyboardInterrupt):
        drive(
            trainer, gp.constant(0.1), "5ep", outputs=Outputs(tmp_path / "r.jsonl", tmp_path / "b")
        )
    record = read_record(tmp_path / "r.jsonl")
    assert record.outcome == "interrupted"
    assert record.steps == 8
    assert [e.step for e in record.evaluations] == [4, 8]


def test_the_seconds_add_up(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr("glidepath.training.loop.time.perf_counter", lambda: float(next(ticks)))
    record = drive(Scripted(np.ones(8)), gp.constant(0.1), "2ep")
    # Ticks: 1 at the start, 2 per timed call (2 advances, 3 evaluations), 1 at the end.
    assert record.seconds == {"steps": 2.0, "evaluation": 3.0, "other": 6.0}


def test_the_same_seed_is_the_same_run():
    runs = [drive(ToyTrainer(), FLOWN, "2ep", seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0].series["loss"], runs[1].series["loss"])
    assert not np.array_equal(runs[0].series["loss"], runs[2].series["loss"])


@pytest.mark.speed
@pytest.mark.parametrize(("where", "microseconds"), [("nowhere", 5), ("record", 20), ("both", 30)])
def test_the_loops_own_time_per_update(tmp_path, where, microseconds):
    """Of 29 updates an epoch, the digits task's; what remains is for slow shared machines."""
    trainer = Scripted(np.random.default_rng(0).random(1160))
    trainer.steps_per_epoch = 29
    record = None if where == "nowhere" else tmp_path / "r.jsonl"
    outputs = Outputs(record, tmp_path / "b" if where == "both" else None)
    best = math.inf
    for _ in range(10):
        began = time.process_time()
        drive(trainer, gp.constant(0.1), "40ep", outputs=outputs)
        best = min(best, time.process_time() - began)
    assert best / 1160 < microseconds * 1e-6
