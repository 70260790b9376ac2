"""Rates that come back up: an answer is checked on the whole run's hottest part."""

import math

import pytest

import glidepath as gp
from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.shape import shape_of
from glidepath.testing import ToyTrainer

MODES = {
    f"{mode}, {half}": gp.triangular(0.1, 1, half, mode=mode, gamma=gamma)
    for mode, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.998))
    for half in ("1ep", "12.5%")
}


def final_loss(policy, seed=11):
    record = gp.drive(ToyTrainer(), policy, 600, seed=seed)
    return record.evaluations[-1].values["loss"] if record.outcome == "finished" else math.inf


@pytest.mark.parametrize("name", MODES)
def test_cycles_at_the_answer_do_not_diverge(name):
    policy = gp.as_policy(MODES[name])
    effort = "standard" if "1ep" in name else "quick"
    found = gp.find(ToyTrainer(), policy, 600, effort=effort)
    best = min(final_loss(2.0**x * policy) for x in (-0.5, 0))
    assert final_loss(found.learning_rate * policy) < best + 0.2
    assert found.cost.lane_updates <= EFFORTS[effort].allowed(600)
    assert found.diverges_at is not None and found.learning_rate < found.diverges_at


WARM = gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%")


@pytest.mark.parametrize(
    ("shape", "returns"),
    [
        (gp.constant(1.0), False),
        (gp.cosine_decay(1, "100%"), False),
        (WARM, False),
        (gp.one_cycle(1.0), False),
        (gp.cosine_decay(1, "50%") >> gp.cosine_decay(1, "50%"), True),
        *((cycles, True) for cycles in MODES.values()),
    ],
)
def test_what_comes_back_up(shape, returns):
    found, _ = shape_of(shape, 600, ToyTrainer())
    assert found.returns is returns


def test_the_hottest_part_of_a_run():
    shape, _ = shape_of(gp.triangular(0.1, 1, 75, mode="triangular2"), 600, ToyTrainer())
    part = shape.hottest(50)
    assert part.stop - part.start == 50 and part.start <= 75 <= part.stop
    assert shape.rate[part].mean() == max(shape.rate[k : k + 50].mean() for k in range(551))
    assert shape.hottest(9999) == slice(0, 600)
