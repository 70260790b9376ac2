"""Spike back-off: down at a spike, back to exactly the schedule when it is calm again."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.control import MetricController, SpikeState, spike_backoff
from glidepath.testing import ToyTrainer

CALM = [2.0, 1.9, 2.1, 1.95, 2.05]


def factors(controller, values):
    """The factor after each epoch."""
    state, seen = controller.init(), []
    for value in values:
        state = controller.update(state, value, 1.0)
        seen.append(state.factor)
    return seen


def test_a_spike_lowers_the_rate_for_a_while():
    controller = spike_backoff(factor=0.25, hold=2, recover=2)
    after = factors(controller, [*CALM, 9.0, 2.0, 2.0, 2.0, 2.0, 2.0])[5:]
    assert after == [0.25, 0.25, 0.25, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("monitor", "values", "spike"),
    [
        ("loss", [-v for v in CALM], 5.0),
        ("val_accuracy", CALM, -5.0),
        ("reward_score", [-v for v in CALM], -9.0),
    ],
)
def test_it_knows_which_way_is_worse(monitor, values, spike):
    """Negative metrics and rising ones; a leap to the better is no spike."""
    controller = spike_backoff(monitor, 0.5)
    middle = sum(values) / len(values)
    assert factors(controller, [*values, spike])[-1] == 0.5
    assert factors(controller, [*values, 2 * middle - spike])[-1] == 1.0


def test_ordinary_noise_and_progress_are_no_spikes():
    noise = [2 + 0.1 * math.sin(7 * k) for k in range(40)]
    falling = [10 * 0.8**k for k in range(40)]
    flat = [1.0] * 10
    for values in (noise, falling, flat):
        assert set(factors(spike_backoff(), values)) == {1.0}


def test_the_first_three_epochs_are_only_watched():
    assert factors(spike_backoff(), [1.0, 1.0, 50.0]) == [1.0, 1.0, 1.0]
    assert factors(spike_backoff(), [1.0, 1.0, 1.0, 50.0])[-1] == 0.5


def test_what_is_not_finite_is_a_spike_at_once_and_is_not_averaged():
    assert factors(spike_backoff(hold=0, recover=1), [math.nan, 1.0]) == [0.5, 1.0]
    state = spike_backoff().update(SpikeState(), math.inf, 1.0)
    assert (state.mean, state.spread, state.seen) == (0.0, 0.0, 0)


def test_spikes_add_up_to_a_bound():
    controller = spike_backoff(factor=0.5, deepest=2, recover=2)
    nan = math.nan
    assert factors(controller, [*CALM, nan, nan, nan])[-3:] == [0.5, 0.25, 0.25]


def test_the_threshold_counts_deviations():
    """Between four and forty mean absolute deviations."""
    values = [*CALM, 3.0]
    assert factors(spike_backoff(threshold=4.0), values)[-1] == 0.5
    assert factors(spike_backoff(threshold=40.0), values)[-1] == 1.0
    assert factors(spike_backoff(min_delta=2.0), values)[-1] == 1.0


def test_one_spike_does_not_hide_the_next():
    assert factors(spike_backoff(), [*CALM, 9.0, 2.0, 9.0])[-1] < 0.5


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), max_size=30))
def test_a_rising_metric_is_a_falling_one_in_the_mirror(values):
    rising = factors(spike_backoff(mode="max"), [-value for value in values])
    assert rising == factors(spike_backoff(mode="min"), values)
    drifting = [0.1 * k for k in range(20)]
    assert factors(spike_backoff("val_accuracy"), [*drifting, 1.9, 0.0])[-2:] == [1.0, 0.5]


def test_a_new_level_is_soon_taken_for_normal():
    controller = spike_backoff(hold=0, recover=1)
    seen = factors(controller, [*CALM, *[9.0, 9.1, 8.9, 9.0] * 5])
    assert seen[5] == 0.5
    assert seen[-1] == 1.0
    assert seen.index(1.0, 5) <= 12


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.floats(-5, 5), st.just(math.nan)), max_size=40),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_the_state_survives_json_and_the_factor_recovers_exactly(values, recover, hold):
    controller = spike_backoff(factor=0.3, recover=recover, hold=hold)
    state, stored = controller.init(), controller.init()
    for value in values:
        state = controller.update(state, value, 1.0)
        stored = SpikeState(**json.loads(json.dumps(asdict(stored))))
        stored = controller.update(stored, value, 1.0)
        assert stored == state
        assert 0.3**3 <= state.factor <= 1
    calm = state.mean
    for _ in range(hold + 3 * recover + 1):
        state = controller.update(state, calm, 1.0)
    assert state.factor == 1.0


def test_it_is_flown_on_top_of_a_schedule():
    """A trainer whose fifth epoch spikes: the sixth is flown at half the rate."""

    class Spiking(ToyTrainer):
        epoch = 0

        def evaluate(self, split):
            self.epoch += 1
            values = dict(super().evaluate(split))
            return {**values, "loss": 1e3} if self.epoch == 5 else values

    controller = gp.spike_backoff("val_loss", 0.5, hold=0, recover=1)
    policy = gp.Policy(0.01, controllers=[controller])
    assert isinstance(controller, MetricController)
    record = gp.drive(Spiking(steps_per_epoch=4), policy, "8ep")
    rates = record.series["learning_rate"][::4].tolist()
    expected = [0.01] * 5 + [0.005] + [0.01] * 2
    assert rates == np.float32(expected).tolist()


def test_the_spec_round_trips():
    controller = spike_backoff("val_loss", 0.3, 5.0, 2, 4, deepest=1, mode="min", min_delta=0.1)
    policy = gp.Policy(0.1, controllers=[controller])
    assert gp.from_spec(json.loads(json.dumps(policy.to_spec()))) == policy


@pytest.mark.parametrize(
    "arguments",
    [
        {"monitor": ""},
        {"factor": 1.0},
        {"threshold": 0.0},
        {"hold": -1},
        {"recover": 0},
        {"deepest": 0},
        {"mode": "up"},
        {"min_delta": math.nan},
    ],
)
def test_bad_arguments_are_refused_by_name(arguments):
    with pytest.raises(gp.ArgumentError, match=f"spike_backoff: {next(iter(arguments))}"):
        spike_backoff(**arguments)
