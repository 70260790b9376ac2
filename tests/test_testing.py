"""The toy trainer behaves as trainings do, and the check-suites see what is broken."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import glidepath as gp
from glidepath.testing import KINDS, ToyTrainer, check_schedule, check_trainer
from glidepath.training import Updates


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"steps_per_epoch": 1}, {"steps_per_epoch": 7, "offset": -10.0}, {"momentum": 0.9}],
)
def test_the_toy_keeps_the_contract(kind, options):
    check_trainer(ToyTrainer(kind, **options))


def test_the_update_is_the_documented_one():
    rng = np.random.default_rng(0)
    rates, momenta, decays = (rng.random((3, 30)) / 10).astype(np.float32).astype(float)
    trainer = ToyTrainer()
    trainer.reset(1)
    w, v = trainer.snapshot().weights, np.zeros(6)
    asked = {"learning_rate": rates, "momentum": momenta, "weight_decay": decays}
    losses = []
    for rate, momentum, decay in zip(rates, momenta, decays, strict=True):
        state = trainer.snapshot()
        x, y = trainer._next_batch()
        trainer.restore(state)
        losses.append(np.mean((x @ w - y) ** 2) / 2)
        v = momentum * v - rate * (x.T @ (x @ w - y)) / len(y)
        w = w + v
        w = w - rate * decay * w
        trainer.advance({"learning_rate": np.array([rate]), "momentum": np.array([momentum]),
                         "weight_decay": np.array([decay])})  # fmt: skip
    np.testing.assert_allclose(trainer.snapshot().weights, w, rtol=1e-9)
    trainer.reset(1)
    np.testing.assert_allclose(trainer.advance(asked).losses, losses, rtol=1e-9)


def test_the_last_batch_of_an_epoch_is_partial():
    trainer = ToyTrainer(steps_per_epoch=3)
    assert [len(trainer._next_batch()[1]) for _ in range(6)] == [32, 32, 16] * 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edge", [1e-3, 1.0, 50.0])
def test_the_edge_of_divergence_is_where_it_was_asked_for(kind, edge):
    trainer = ToyTrainer(kind, diverges_above=edge)
    losses = {}
    for factor in (0.01, 0.5, 2.0):
        trainer.reset(0)
        rates = np.full(200, factor * edge)
        losses[factor] = float(trainer.advance({"learning_rate": rates}).losses[-20:].mean())
    assert losses[0.5] < losses[0.01] < losses[2.0]
    assert losses[2.0] > 1e6


def test_training_improves_the_metric_on_both_splits():
    for kind in KINDS:
        trainer = ToyTrainer(kind)
        trainer.reset(0)
        before = {split: trainer.evaluate(split) for split in ("validation", "test")}
        trainer.advance({"learning_rate": np.full(300, 0.3)})
        for split, old in before.items():
            name, sign = trainer.metric.name, 1 if trainer.metric.rising else -1
            assert sign * trainer.evaluate(split)[name] > sign * old[name]
            assert trainer.evaluate(split)["loss"] < old["loss"]


def test_the_offset_only_moves_the_losses():
    plain, moved = ToyTrainer(), ToyTrainer(offset=-7.0)
    rates = {"learning_rate": np.full(30, 0.1)}
    np.testing.assert_allclose(
        plain.advance(rates).losses, moved.advance(rates).losses + 7, rtol=0, atol=1e-12
    )
    assert plain.evaluate("test")["rmse"] == moved.evaluate("test")["rmse"]


def test_no_seed_begins_at_the_solution():
    for seed in range(5):
        trainer = ToyTrainer(data=seed, noise=0.0)
        trainer.reset(seed)
        assert trainer.evaluate("validation")["loss"] > 0.1


def test_the_toy_travels_to_other_processes():
    trainer = ToyTrainer()
    trainer.advance({"learning_rate": np.full(5, 0.1)})
    rates = {"learning_rate": np.full(30, 0.1)}
    copy = pickle.loads(pickle.dumps(trainer))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(copy.advance(rates).losses, trainer.advance(rates).losses)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32))
@settings(max_examples=30)
def test_restore_at_any_point(before, after, seed):
    trainer = ToyTrainer(steps_per_epoch=5, momentum=0.5)
    trainer.reset(seed)
    trainer.advance({"learning_rate": np.full(before, 0.1)})
    state = trainer.snapshot()
    rates = {"learning_rate": np.full(20, 0.1)}
    wanted = trainer.advance(rates).losses
    trainer.advance({"learning_rate": np.full(after, 3.0)})
    trainer.restore(state)
    np.testing.assert_array_equal(trainer.advance(rates).losses, wanted)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"momentum": np.ones(2)},
        {"learning_rate": np.ones(2), "beta": np.ones(2)},
        {"learning_rate": np.ones(2), "momentum": np.ones(3)},
        {"learning_rate": np.float64(1.0)},
    ],
)
def test_the_toy_refuses_what_it_cannot_apply(values):
    with pytest.raises(gp.ArgumentError, match=r"ToyTrainer\.advance"):
        ToyTrainer().advance(values)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "ranking"},
        {"steps_per_epoch": 0},
        {"diverges_above": 0},
        {"noise": -1},
        {"offset": math.nan},
    ],
)
def test_the_toy_refuses_bad_options(options):
    with pytest.raises(gp.ArgumentError, match=next(iter(options))):
        ToyTrainer(**options)


# --- the suites see what is broken ---------------------------------------------------------------


class Forgetful(ToyTrainer):
    def restore(self, state):
        velocity = self._velocity
        super().restore(state)
        self._velocity = velocity


class Positionless(ToyTrainer):
    def restore(self, state):
        position = self._position
        super().restore(state)
        self._position = position


class OneShot(ToyTrainer):
    def restore(self, state):
        super().restore(state)
        self._weights = state.weights  # not a copy, and trained in place

    def advance(self, values):
        weights = self._weights
        updates = super().advance(values)
        weights[...] = self._weights
        self._weights = weights
        return updates


class Restless(ToyTrainer):
    def evaluate(self, split):
        self._rng.random()
        self._position += 32
        return super().evaluate(split)


class Unseeded(ToyTrainer):
    def reset(self, seed):
        super().reset(seed)
        self._rng = np.random.default_rng()
        self._order = self._rng.permutation(len(self._order))


class Stubborn(ToyTrainer):
    def reset(self, seed):
        super().reset(1)


class Late(ToyTrainer):
    def advance(self, values):
        updates = super().advance(values)
        applied = {name: np.roll(column, 1) for name, column in updates.applied.items()}
        return Updates(updates.losses, applied, updates.metrics)


class Short(ToyTrainer):
    def advance(self, values):
        updates = super().advance(values)
        return Updates(updates.losses[1:], updates.applied, updates.metrics)


class Speechless(ToyTrainer):
    def evaluate(self, split):
        return {"loss": super().evaluate(split)["loss"]}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Forgetful, "after restore"),
        (Positionless, "after restore"),
        (OneShot, "after restore"),
        (Restless, "evaluation between"),
        (Unseeded, "same seed"),
        (Stubborn, "another seed"),
        (Late, "was applied"),
        (Short, "entries for"),
        (Speechless, "lacks 'rmse'"),
    ],
)
def test_check_trainer_sees_it(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_trainer(broken(momentum=0.9))


class Wrong(gp.Schedule):
    """A constant of 0.1 whose curve is spoilt."""

    def __init__(self, spoil):
        self.spoil = spoil

    def resolve(self, clock):
        curve = gp.constant(0.1).resolve(clock)
        return self.spoil(curve)

    def node(self):
        return gp.constant(0.1).node()


class Spoilt:
    def __init__(self, curve, change):
        self._curve, self._change = curve, change

    def block(self, start, stop):
        return self._change(np.arange(start, stop), self._curve.block(start, stop).copy())

    def marks(self, total):
        return self._curve.marks(total)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k, v: np.where(k == 7, -1, v), "negative at update 7"),
        (lambda k, v: np.where(k == 7, math.nan, v), "not finite at update 7"),
        (lambda k, v: v * np.random.default_rng().random(), "planned again|table"),
        (lambda k, v: np.where(k >= 100, math.nan, v), "past the end"),
        (lambda k, v: v.astype(np.float32), "float64"),
        (lambda k, v: v * 2, "another policy"),
    ],
)
def test_check_schedule_sees_it(change, message):
    with pytest.raises(AssertionError, match=message):
        check_schedule(Wrong(lambda curve: Spoilt(curve, change)), 100)


@pytest.mark.parametrize("policy", [gp.one_cycle(0.1), gp.wsd(0.1, "1ep", "20%"), gp.constant(1)])
def test_check_schedule_passes_what_is_right(policy):
    check_schedule(policy, "5ep", 20)


def test_check_schedule_without_a_spec():
    schedule = gp.from_function(lambda k: 0.1 / (1 + k))
    check_schedule(schedule, 50, spec=False)
    with pytest.raises(gp.SpecError):
        check_schedule(schedule, 50)
