"""A cool-down under controllers: it begins at the applied rate, and ends where it was asked to."""

import json

import numpy as np
import pytest

import glidepath as gp
from glidepath.training.flown import FlownPlan

LEVEL, START, OVER = 0.1, 40, 20


def reduced(factor=0.5, policy=None, **more):
    """A plan in flight that a plateau has reduced once."""
    plateau = gp.reduce_on_plateau("loss", factor=factor, patience=1, **more)
    schedule = gp.constant(LEVEL) if policy is None else policy
    flown = FlownPlan(gp.Policy(schedule, controllers=[plateau]).plan(100, 10))
    for _ in range(2):
        flown.epoch_end({"loss": 1.0}, START)
    return flown


def rates(flown, start=START, stop=START + OVER + 1):
    return np.array(flown.values("learning_rate", start, stop))


@pytest.mark.parametrize("shape", ["linear", "sqrt", "cosine", "exponential"])
def test_a_cooldown_begins_at_the_applied_rate_and_ends_as_asked(shape):
    flown = reduced()
    before = rates(flown, 0, START + 1)
    flown.change(flown.cooled(START, OVER, 0.01, shape))
    assert np.array_equal(rates(flown, 0, START + 1), before)
    assert before[-1] == LEVEL / 2
    alone = gp.constant(LEVEL / 2).plan(100, 10).cooldown_from(START, OVER, 0.01, shape)
    assert np.array_equal(rates(flown), alone(np.arange(START, START + OVER + 1)))
    assert rates(flown, 1000, 1001)[0] == 0.01


def test_a_smallest_rate_does_not_keep_it_up():
    """The plateau would not take the rate below 0.02; the cool-down does, in its own shape."""
    flown = reduced(0.2, min_rate=0.02)
    flown.change(flown.cooled(START, OVER))
    assert np.allclose(rates(flown), np.linspace(0.02, 0, OVER + 1))


def test_what_controllers_do_in_it_multiplies_what_is_left_above_the_end():
    flown = reduced()
    flown.change(flown.cooled(START, OVER, 0.01))
    before = rates(flown)
    flown.epoch_end({"loss": 1.0}, START + 10)
    assert np.allclose(rates(flown) - 0.01, (before - 0.01) / 2)
    assert rates(flown)[-1] == 0.01


def test_a_second_cooldown_and_an_extension_in_it():
    flown = reduced()
    flown.change(flown.cooled(START, OVER, 0.01))
    flown.epoch_end({"loss": 1.0}, START + 10)
    at = rates(flown)[10]
    flown.change(flown.cooled(START + 10, 30, 0.002))
    assert np.allclose(rates(flown, START + 10, START + 41), np.linspace(at, 0.002, 31))
    flown.change(flown.plan.extend(START + 70, START + 10))
    assert np.allclose(rates(flown, START + 10, START + 71), np.linspace(at, 0.002, 61))


@pytest.mark.parametrize("moved", [False, True])
def test_a_checkpoint_carries_it(moved):
    flown = reduced()
    flown.change(flown.cooled(START, OVER, 0.01))
    if moved:
        flown.epoch_end({"loss": 1.0}, START + 10)
    saved = json.loads(json.dumps(flown.state_dict()))
    again = FlownPlan(flown.made).loaded(saved, "strict")
    assert np.array_equal(rates(again), rates(flown))
    other = FlownPlan(gp.Policy(0.3, controllers=flown.plan.controllers).plan(100, 10))
    assert np.array_equal(rates(other.loaded(saved, "keep")), rates(flown))
    factor = 0.25 if moved else 0.5
    assert np.allclose(rates(other.loaded(saved, "override")), 0.3 * factor)
    saved["cooling"].pop("rate")
    with pytest.raises(gp.ResumeError, match=r"cool-down .* is not one .*'rate'"):
        other.loaded(saved, "keep")


def test_the_end_is_held_against_the_applied_rate():
    flown = reduced()
    with pytest.raises(gp.ArgumentError, match=r"not be above the rate there, 0\.05, got 0\.06"):
        flown.cooled(START, OVER, 0.06)
    assert rates(flown)[0] == LEVEL / 2


def test_a_rate_of_zero_stays():
    flown = reduced(policy=gp.linear(0.1, 0.0, START) >> gp.constant(0.0))
    flown.change(flown.cooled(START, OVER))
    flown.epoch_end({"loss": 1.0}, START + 10)
    assert not rates(flown).any()
