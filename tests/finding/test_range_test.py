"""Range tests on the toy trainer: the pairing, the stop, the restoring, and what is read off."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.finding import RangeTest, range_test
from glidepath.finding.range_test import _agreed
from glidepath.testing import ToyTrainer
from glidepath.training import Metric, Updates


class Script:
    """A trainer whose loss is a function of the rates so far; counts what was asked."""

    steps_per_epoch = 10
    metric = Metric("loss", False)
    hyperparameters = frozenset({"learning_rate"})

    def __init__(self, loss, fail_at=None, error=KeyboardInterrupt):
        self.loss, self.fail_at, self.error = loss, fail_at, error
        self.rates, self.restored = [], 0

    def reset(self, seed):
        self.rates = []

    def advance(self, values):
        losses = []
        for rate in values["learning_rate"].tolist():
            losses.append(float(self.loss(self.rates)))
            self.rates.append(rate)
            if self.fail_at is not None and len(self.rates) >= self.fail_at:
                raise self.error
        asked = np.asarray(values["learning_rate"], np.float32).astype(float)
        return Updates(np.array(losses), {"learning_rate": asked}, {"double": 2 * np.array(losses)})

    def evaluate(self, split):
        return {"loss": 0.0}

    def snapshot(self):
        return list(self.rates)

    def restore(self, state):
        self.restored += 1
        self.rates = list(state)


def test_each_kind_of_test_has_bounds_of_its_own():
    trainer = ToyTrainer("regression")
    for kind, (low, high) in {"exponential": (1e-6, 10.0), "linear": (1e-3, 1.0)}.items():
        found = range_test(trainer, kind=kind, steps=40)
        assert found.rates[0] == pytest.approx(low)
        assert found.rates[-1] <= high * (1 + 1e-6)
    given_ends = range_test(Script(last_rate), 0.25, 0.5, kind="linear", steps=11)
    assert given_ends.rates[[0, -1]].tolist() == [0.25, 0.5]


def test_what_is_no_trainer_is_refused():
    with pytest.raises(gp.ArgumentError, match="needs a trainer, got Sequential"):
        range_test(type("Sequential", (), {})())


def last_rate(rates):
    """A loss that is the rate of the update before, negated so that it falls."""
    return -rates[-1] if rates else 0.0


def valley_at(best, offset=0.0):
    """A loss that falls towards `best` and explodes above ten times that."""

    def loss(rates):
        if not rates:
            return offset + 2.0
        away = math.log10(rates[-1] / best)
        return offset + min(2.0, 0.5 * abs(away)) + (1e3 * (away - 1) if away > 1 else 0.0)

    return loss


# --- the sweep -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["exponential", "linear"])
def test_each_loss_stands_with_the_rate_that_caused_it(kind):
    trainer = Script(last_rate)
    found = range_test(trainer, 1e-3, 1.0, 50, kind=kind, smoothing=0.0)
    spaced = np.geomspace if kind == "exponential" else np.linspace
    np.testing.assert_allclose(found.rates, spaced(1e-3, 1.0, 50), rtol=1e-6)
    np.testing.assert_allclose(found.losses, -found.rates, rtol=1e-6)
    np.testing.assert_array_equal(found.smoothed, found.losses)
    np.testing.assert_array_equal(found.metrics["double"], 2 * found.losses)
    assert found.updates == 51


@pytest.mark.parametrize("offset", [0.0, -50.0, 1e4])
def test_divergence_is_seen_whatever_is_added_to_the_loss(offset):
    found = range_test(Script(valley_at(1e-2, offset)), steps=100)
    assert 0.1 < found.diverged_at < 0.3
    assert found.rates[-1] == found.diverged_at
    assert found.updates < 90, "it should stop early"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_sweep(bad):
    found = range_test(Script(lambda rates: bad if rates and rates[-1] > 0.1 else 1.0))
    assert 0.1 < found.diverged_at < 0.13
    assert np.isfinite(found.losses).all()
    assert found.rates[-1] < 0.1


def test_spikes_and_noise_do_not_end_the_sweep():
    rng = np.random.default_rng(0)
    noise = iter(rng.standard_t(3, size=10_000))
    found = range_test(Script(lambda rates: 2 + 0.3 * next(noise)), sweeps=20)
    assert found.diverged_at is None
    assert all(len(losses) == 100 for losses in found.sweeps)


def test_a_smooth_curve_that_comes_half_way_back_does_not_end_the_sweep():
    curve = np.interp(np.arange(101), [0, 20, 50, 100], [2.0, 2.0, 1.0, 2.5])
    found = range_test(Script(lambda rates: curve[len(rates)]), smoothing=0.5)
    assert found.diverged_at is None


def test_a_noisy_first_loss_does_not_end_the_sweep():
    found = range_test(Script(lambda rates: 2.0 if rates else 0.01), smoothing=0.98)
    assert found.diverged_at is None


# --- restoring -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("options", [{}, {"sweeps": 3}, {"sweeps": 3, "seed": 5}, {"high": 1e6}])
def test_training_after_the_test_is_training_without_it(kind, options):
    tested, other = ToyTrainer(kind, momentum=0.9), ToyTrainer(kind, momentum=0.9)
    rates = {"learning_rate": np.full(33, 0.05)}
    for trainer in (tested, other):
        trainer.reset(1)
        trainer.advance(rates)
    range_test(tested, **options)
    np.testing.assert_array_equal(tested.advance(rates).losses, other.advance(rates).losses)
    assert tested.evaluate("test") == other.evaluate("test")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("out of memory"), SystemExit])
def test_the_state_is_restored_whatever_happens(error):
    trainer = Script(last_rate, fail_at=25, error=error)
    trainer.rates = [0.5]
    with pytest.raises(error if isinstance(error, type) else type(error)):
        range_test(trainer)
    assert trainer.rates == [0.5]


@given(st.integers(0, 50), st.integers(10, 60), st.integers(1, 3), st.floats(1e-8, 1e-2))
@settings(max_examples=25, deadline=None)
def test_restored_from_any_point(before, steps, sweeps, low):
    trainer, other = ToyTrainer(steps_per_epoch=7), ToyTrainer(steps_per_epoch=7)
    rates = {"learning_rate": np.full(20, 0.1)}
    for each in (trainer, other):
        each.advance({"learning_rate": np.full(before, 0.1)})
    range_test(trainer, low, 100.0, steps, sweeps=sweeps)
    np.testing.assert_array_equal(trainer.advance(rates).losses, other.advance(rates).losses)


# --- what is read off ----------------------------------------------------------------------------


@pytest.mark.parametrize("edge", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("offset", [0.0, -100.0])
def test_the_toys_edge_is_found(edge, offset):
    trainer = ToyTrainer(diverges_above=edge, offset=offset)
    found = range_test(trainer, high=1e3, sweeps=5, seed=0)
    assert edge < found.diverged_at < 5 * edge
    assert 0.3 * edge < found.high < 1.5 * edge
    assert 0.02 * edge < found.suggested < 0.3 * edge
    assert found.low <= found.suggested <= found.high
    assert found.suggested == found.suggestions["minimum/10"]
    assert found.warnings == ()


def test_the_suggestion_trains_better_than_rates_far_from_it():
    trainer = ToyTrainer()
    best = range_test(trainer, seed=0, sweeps=5).suggested
    loss = {
        factor: gp.drive(trainer, gp.constant(factor * best), 200).final("validation", "loss")
        for factor in (0.01, 1.0)
    }
    assert loss[1.0] < 0.3 * loss[0.01]
    assert gp.drive(trainer, gp.constant(100 * best), 200).outcome == "diverged"


def test_sweeps_give_medians():
    trainer = ToyTrainer()
    singles = [range_test(trainer, high=100.0, seed=seed) for seed in range(5)]
    found = range_test(trainer, high=100.0, seed=0, sweeps=5)
    for one, losses in zip(singles, found.sweeps, strict=True):
        np.testing.assert_array_equal(one.losses, losses)
    for name in found.suggestions:
        assert found.suggestions[name] == np.median([one.suggestions[name] for one in singles])
    count = len(found.rates)
    assert sum(len(losses) >= count for losses in found.sweeps) > 2
    known = np.full((5, count), np.inf)
    for row, losses in zip(known, found.sweeps, strict=True):
        row[: len(losses)] = losses[:count]
    np.testing.assert_array_equal(found.losses, np.median(known, axis=0))
    assert found.updates == sum(one.updates for one in singles)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([3.0], 3.0),
        ([1.0, 100.0], 10.0),
        ([1.0, 100.0, 2.0], 2.0),
        ([1.0, None, 100.0], 10.0),
        ([1.0, None], None),
        ([None], None),
        ([1e-300, 1e-302], 1e-301),
    ],
)
def test_what_sweeps_agree_on(rates, expected):
    assert _agreed(rates) == (expected if expected is None else pytest.approx(expected))


def test_without_a_seed_further_sweeps_meet_other_batches():
    found = range_test(ToyTrainer(), sweeps=3)
    assert not np.array_equal(found.sweeps[0][:40], found.sweeps[1][:40])
    assert not np.array_equal(found.sweeps[1][:40], found.sweeps[2][:40])


def test_accuracy_is_measured_too():
    found = range_test(ToyTrainer("classification"))
    assert found.metrics["accuracy"].shape == found.losses.shape
    assert found.metrics["accuracy"].max() > found.metrics["accuracy"][:10].mean() + 0.2


# --- where there is nothing to read off ----------------------------------------------------------


def sane(found, low, high):
    """Finite, inside the sweep and in order, whatever the curve."""
    assert low <= found.low <= found.suggested <= found.high <= high
    for rate in found.suggestions.values():
        assert rate is None or low <= rate <= high
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    return True


@pytest.mark.parametrize(
    ("loss", "warning"),
    [
        (lambda rates: 2.0, "does not fall by more than its noise anywhere"),
        (lambda rates: math.nan, "rose from the start"),
        (lambda rates: 1e9 if rates else 1.0, "does not fall"),
        (lambda rates: float(len(rates)) ** 3, "rose from the start"),
        (lambda rates: math.inf if len(rates) > 3 else 1.0, "rose from the start"),
        (lambda rates: math.inf if len(rates) > 60 else 1.0, "before it diverges"),
        (lambda rates: 10.0 ** (3 * len(rates)) if len(rates) < 90 else math.inf, "rose from"),
    ],
)
def test_degenerate_curves_give_none_and_a_warning(loss, warning):
    found = range_test(Script(loss))
    assert sane(found, 1e-6, 10.0)
    assert set(found.suggestions.values()) == {None}
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]


def test_a_minimum_at_the_top_says_to_widen():
    found = range_test(Script(lambda rates: -math.log(rates[-1]) if rates else 20.0))
    assert any("raise high" in note for note in found.warnings)
    assert sane(found, 1e-6, 10.0)


def test_a_suggestion_outside_the_sweep_is_moved_with_a_warning():
    found = range_test(Script(valley_at(2e-2)), 1e-2, 1.0, smoothing=0.0)
    assert found.suggested == pytest.approx(1e-2)
    assert any("outside the sweep" in note for note in found.warnings)
    assert sane(found, 1e-2, 1.0)


def test_sweeps_that_disagree_say_so():
    class Moody(Script):
        def reset(self, seed):
            super().reset(seed)
            self.loss = valley_at(10.0 ** (-1 - 2 * (seed % 2)))

    found = range_test(Moody(last_rate), seed=0, sweeps=3)
    assert any("disagree" in note for note in found.warnings)


@given(st.lists(st.floats(width=32), min_size=1, max_size=60), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_any_losses_give_something_sane(losses, sweeps):
    trainer = Script(lambda rates: losses[len(rates) % len(losses)])
    found = range_test(trainer, 1e-4, 1.0, 50, sweeps=sweeps)
    assert sane(found, 1e-4 * (1 - 1e-6), 1.0 * (1 + 1e-6))
    assert trainer.rates == []
    back = RangeTest.from_json(found.to_json())
    assert repr(replace(back)) == repr(found)


# --- arguments and JSON --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"low": 0}, "low"),
        ({"low": -1.0}, "low"),
        ({"low": math.nan}, "low"),
        ({"low": 10.0}, "low"),
        ({"high": math.inf}, "high"),
        ({"high": "1"}, "high"),
        ({"steps": 9}, "steps"),
        ({"steps": 20.5}, "steps"),
        ({"kind": "quadratic"}, "kind"),
        ({"smoothing": 1.0}, "smoothing"),
        ({"smoothing": -0.1}, "smoothing"),
        ({"sweeps": 0}, "sweeps"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_bad_arguments_are_refused_before_training(arguments, name):
    trainer = Script(last_rate)
    with pytest.raises(gp.ArgumentError, match=f"range_test: {name}"):
        range_test(trainer, **arguments)
    assert trainer.restored == 0


def test_json_round_trips_number_for_number():
    found = range_test(ToyTrainer("classification"), sweeps=3, seed=1)
    back = RangeTest.from_json(found.to_json())
    for name in ("rates", "losses", "smoothed"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
    assert back.to_json() == found.to_json()
    assert back.suggestions == found.suggestions
    assert (back.low, back.high, back.suggested) == (found.low, found.high, found.suggested)
    assert back.warnings == found.warnings


def test_json_holds_no_nan():
    found = replace(range_test(ToyTrainer()), metrics={"auc": np.array([math.nan, 1.0])})

    def refuse(name):
        raise AssertionError(name)

    json.loads(found.to_json(), parse_constant=refuse)
    np.testing.assert_array_equal(
        RangeTest.from_json(found.to_json()).metrics["auc"], [math.nan, 1]
    )


@pytest.mark.parametrize("damage", ["cut", "version", "missing", "unknown", "kind", "list"])
def test_damaged_json_is_refused(damage):
    text = range_test(ToyTrainer()).to_json()
    data = json.loads(text)
    if damage == "version":
        data["glidepath_range_test"] = 99
    elif damage == "missing":
        del data["low"]
    elif damage == "unknown":
        data["extra"] = 1
    elif damage == "kind":
        data["rates"] = {"a": 1}
    broken = {"cut": text[:-9], "list": "[1]"}.get(damage, json.dumps(data))
    with pytest.raises(gp.RecordError, match="range test"):
        RangeTest.from_json(broken)
