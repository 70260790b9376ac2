"""Roll-back to the best epoch: when, and what goes back where Glidepath drives."""

import json
import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.control import one_rolls_back, reduce_on_plateau, rollback
from glidepath.testing import ToyTrainer
from glidepath.training import drive


def actions(controller, values):
    """What is asked for after each epoch."""
    state, found = controller.init(), []
    for value in values:
        after = controller.update(state, value, controller.apply(state, 0.1))
        found.append(rollback(controller, state, after))
        state = after
    return found


def test_keep_the_best_and_go_back_where_the_rate_falls():
    controller = reduce_on_plateau(patience=2, restore_best=True)
    values = [1.0, 0.5, 0.6, 0.7, 0.4, 0.4, 0.4, 0.4, 0.4]
    assert actions(controller, values) == [
        *("keep", "keep", None, "restore"),
        *("keep", None, "restore", None, "restore"),
    ]
    rising = reduce_on_plateau("val_accuracy", patience=1, restore_best=True)
    assert actions(rising, [0.1, 0.3, 0.2]) == ["keep", "keep", "restore"]


def test_nothing_is_put_back_that_was_never_kept():
    controller = reduce_on_plateau(patience=1, restore_best=True)
    assert actions(controller, [math.nan, math.nan, 1.0, 2.0]) == [None, None, "keep", "restore"]


def test_a_rate_at_its_least_is_not_reduced_and_nothing_goes_back():
    controller = reduce_on_plateau(patience=1, restore_best=True, min_rate=0.1)
    assert actions(controller, [1.0, 1.0, 1.0]) == ["keep", None, None]


def test_only_those_that_were_asked_to_roll_back():
    assert actions(reduce_on_plateau(patience=1), [1.0, 1.0, 0.5]) == [None] * 3
    assert actions(gp.greedy(patience=0), [1.0, 1.0, 0.5]) == [None] * 3
    one = reduce_on_plateau(restore_best=True)
    assert one_rolls_back([gp.greedy(), one])
    assert not one_rolls_back([gp.greedy(), reduce_on_plateau()])
    with pytest.raises(gp.ArgumentError, match="one of them; leave it to one"):
        one_rolls_back([one, reduce_on_plateau("loss", restore_best=True)])
    with pytest.raises(gp.ArgumentError, match="restore_best must be"):
        reduce_on_plateau(restore_best=1)


def test_it_is_in_the_spec():
    policy = gp.Policy(0.1, controllers=[reduce_on_plateau(restore_best=True)])
    spec = json.loads(json.dumps(policy.to_spec()))
    assert spec["controllers"][0]["restore_best"] is True
    assert gp.from_spec(spec) == policy
    del spec["controllers"][0]["restore_best"]  # as specs were written before
    assert gp.from_spec(spec) == gp.Policy(0.1, controllers=[reduce_on_plateau()])


@pytest.mark.parametrize("restore_best", [True, False])
def test_drive_goes_on_from_the_best_epoch_and_the_clock_counts_on(restore_best):
    """Against the same training by hand; every epoch after the first counts as a bad one."""
    controller = reduce_on_plateau(
        "val_loss", factor=0.5, patience=2, min_delta=1e9, restore_best=restore_best
    )
    policy = gp.Policy(gp.linear(0.05, 0.01, "100%"), controllers=[controller])
    record = drive(ToyTrainer(momentum=0.9), policy, "6ep", seed=3)
    trainer, table = ToyTrainer(momentum=0.9), gp.linear(0.05, 0.01, "100%").plan(120).table()
    trainer.reset(3)
    for epoch, factor in enumerate([1, 1, 1, 0.5, 0.5, 0.25]):
        if restore_best and epoch in (3, 5):
            trainer.restore(best)  # noqa: F821 - kept below, after the first epoch
        steps = slice(20 * epoch, 20 * epoch + 20)
        updates = trainer.advance({"learning_rate": factor * table[steps]})
        np.testing.assert_array_equal(record.series["loss"][steps], updates.losses)
        applied = updates.applied["learning_rate"]
        np.testing.assert_array_equal(record.series["learning_rate"][steps], applied)
        if epoch == 0:
            best = trainer.snapshot()  # noqa: F841
