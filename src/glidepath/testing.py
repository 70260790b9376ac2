"""For tests: a trainer that needs no framework, and checks to run on your own schedules.

`ToyTrainer` trains a small linear model in NumPy at some microseconds an update, and behaves as
real trainings do: noisy losses, a best rate, a rate above which it diverges. `check_schedule` and
`check_trainer` are the suites that Glidepath's own schedules and backends pass; run them on yours.
They raise AssertionError with what went wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glidepath.errors import ArgumentError
from glidepath.schedules import (
    Duration,
    Plan,
    Policy,
    Schedule,
    Track,
    as_policy,
    from_spec,
    plan_from_spec,
)
from glidepath.schedules import checks as _checks
from glidepath.training.trainer import Array, Metric, Trainer, Updates

KINDS = ("regression", "classification")
SPLITS = ("train", "validation", "test")
_HYPERPARAMETERS = ("learning_rate", "momentum", "weight_decay")


@dataclass(frozen=True)
class _ToyState:
    """Everything that training changes, copied."""

    weights: Array
    velocity: Array
    generator: Mapping[str, Any]
    order: NDArray[np.int64]
    position: int


class ToyTrainer:
    """A linear model under least squares with SGD: a Trainer of NumPy alone, for tests.

    The loss is mean((x·w − y)²)/2 + offset over mini-batches of 32, of which the last one of an
    epoch is partial. The update is Keras's: v ← momentum·v − rate·gradient, w ← w + v, and then
    w ← w − rate·weight_decay·w. Rates are rounded to float32 as frameworks do.

    Args:
        kind: "regression" (metric "rmse", falling) or "classification" (targets ±1, metric
            "accuracy", rising, which `advance` measures on each batch too).
        steps_per_epoch: updates in an epoch.
        diverges_above: without momentum, rates well above this diverge, well below do not
            (2 over the largest curvature).
        noise: standard deviation of the noise on the targets.
        offset: added to every loss; negative for a task whose losses are negative.
        momentum: what is used where `advance` is given none.
        weight_decay: likewise.
        data: seed of the data themselves; `reset(seed)` chooses weights and order.
    """

    def __init__(
        self,
        kind: str = "regression",
        *,
        steps_per_epoch: int = 20,
        diverges_above: float = 1.0,
        noise: float = 0.3,
        offset: float = 0.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        data: int = 0,
    ) -> None:
        where = "ToyTrainer"
        self._kind = _checks.choice(where, "kind", kind, KINDS)
        self._steps_per_epoch = _checks.count(where, "steps_per_epoch", steps_per_epoch)
        edge = _checks.number(where, "diverges_above", diverges_above, positive=True)
        if not math.isfinite(offset):
            raise ArgumentError(f"{where}: offset must be finite, got {offset!r}; give a number")
        self._offset = float(offset)
        self._defaults = {
            "momentum": _checks.number(where, "momentum", momentum),
            "weight_decay": _checks.number(where, "weight_decay", weight_decay),
        }
        self._splits = self._make_data(
            # Not the stream of reset(data): the first weights would be the true ones.
            np.random.default_rng([_checks.count(where, "data", data, least=0), 1]),
            2.0 / edge,
            _checks.number(where, "noise", noise),
        )
        self.reset(0)

    def _make_data(
        self, rng: np.random.Generator, curvature: float, noise: float
    ) -> dict[str, tuple[Array, Array]]:
        """Inputs whose curvatures run from `curvature` down to a hundredth of it; targets."""
        scales = np.sqrt(curvature * np.geomspace(1.0, 0.01, 6))
        truth = rng.normal(size=scales.size) / scales
        sizes = {
            "train": self._steps_per_epoch * _BATCH - _BATCH // 2,
            "validation": 128,
            "test": 128,
        }
        splits = {}
        for name, size in sizes.items():
            x = rng.normal(size=(size, scales.size)) * scales
            y = x @ truth + noise * rng.normal(size=size)
            splits[name] = (x, np.sign(y) if self._kind == "classification" else y)
        return splits

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch, the partial last batch included."""
        return self._steps_per_epoch

    @property
    def metric(self) -> Metric:
        """Accuracy of a classification; the root of the mean squared error of a regression."""
        return Metric("accuracy", True) if self._kind == "classification" else Metric("rmse", False)

    @property
    def hyperparameters(self) -> frozenset[str]:
        """The learning rate, the momentum, the weight decay."""
        return frozenset(_HYPERPARAMETERS)

    def reset(self, seed: int) -> None:
        """Fresh weights and the data's order, from `seed`."""
        self._rng = np.random.default_rng(seed)
        x = self._splits["train"][0]
        self._weights = self._rng.normal(size=x.shape[1]) / np.sqrt((x**2).mean(axis=0))
        self._velocity = np.zeros_like(self._weights)
        self._order: NDArray[np.int64] = self._rng.permutation(len(x))
        self._position = 0

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """One update per entry of the arrays in `values`."""
        applied = _asked(values)
        count = len(applied["learning_rate"])
        flown = [
            applied[name].tolist()
            if name in applied
            else [float(np.float32(self._defaults[name]))] * count
            for name in _HYPERPARAMETERS
        ]
        losses, hits = np.empty(count), np.empty(count)
        with np.errstate(all="ignore"):
            for k, (rate, momentum, decay) in enumerate(zip(*flown, strict=True)):
                losses[k], hits[k] = self._update(rate, momentum, decay)
        metrics = {"accuracy": hits} if self._kind == "classification" else {}
        return Updates(losses, applied, metrics)

    def _update(self, rate: float, momentum: float, decay: float) -> tuple[float, float]:
        """One update; the loss and the accuracy of its batch before it."""
        x, y = self._next_batch()
        outputs = x @ self._weights
        errors = outputs - y
        gradient = errors @ x / len(y)
        self._velocity = momentum * self._velocity - rate * gradient
        self._weights = (self._weights + self._velocity) * (1.0 - rate * decay)
        hits = float((outputs * y > 0).mean()) if self._kind == "classification" else 0.0
        return float(errors @ errors) / (2 * len(y)) + self._offset, hits

    def _next_batch(self) -> tuple[Array, Array]:
        x, y = self._splits["train"]
        if self._position >= len(y):
            self._order = self._rng.permutation(len(y))
            self._position = 0
        chosen = self._order[self._position : self._position + _BATCH]
        self._position += _BATCH
        return x[chosen], y[chosen]

    def evaluate(self, split: str) -> dict[str, float]:
        """The loss and the metric on "validation", "test" or "train"."""
        x, y = self._splits[_checks.choice("ToyTrainer.evaluate", "split", split, SPLITS)]
        with np.errstate(all="ignore"):
            outputs = x @ self._weights
            squared = float(((outputs - y) ** 2).mean())
            if self._kind == "classification":
                score = float((outputs * y > 0).mean())
            else:
                score = math.sqrt(squared)
        return {"loss": squared / 2 + self._offset, self.metric.name: score}

    def snapshot(self) -> _ToyState:
        """All state, copied."""
        return _ToyState(
            self._weights.copy(),
            self._velocity.copy(),
            self._rng.bit_generator.state,
            self._order.copy(),
            self._position,
        )

    def restore(self, state: _ToyState) -> None:
        """Continue from a snapshot, bit for bit."""
        self._weights = state.weights.copy()
        self._velocity = state.velocity.copy()
        self._rng.bit_generator.state = state.generator
        self._order = state.order.copy()
        self._position = state.position


_BATCH = 32


def _asked(values: Mapping[str, Array]) -> dict[str, Array]:
    """What `advance` was asked to apply, rounded to float32; ArgumentError where it cannot."""
    if "learning_rate" not in values or set(values) - set(_HYPERPARAMETERS):
        raise ArgumentError(
            f"ToyTrainer.advance: values must name learning_rate, and may name momentum and "
            f"weight_decay, got {sorted(values)}; give those"
        )
    applied = {name: np.asarray(v, np.float32).astype(np.float64) for name, v in values.items()}
    if len({v.shape for v in applied.values()}) > 1 or applied["learning_rate"].ndim != 1:
        raise ArgumentError(
            "ToyTrainer.advance: values must be arrays of one dimension and one length, got "
            f"{ {name: v.shape for name, v in applied.items()} }; give one entry per update"
        )
    return applied


def check_schedule(
    schedule: Schedule | Policy,
    total: Duration,
    steps_per_epoch: int | None = None,
    *,
    spec: bool = True,
) -> None:
    """Check that a schedule keeps its contract over one run.

    `plan(k)` of ints and of arrays equals the table in whatever order they are asked, holds its
    last value past the end, is finite and not negative, is the same when planned again, and its
    spec comes back from JSON as the same plan with the same fingerprint.

    Args:
        schedule: a schedule or a policy.
        total: the length of the run, as `plan` takes it.
        steps_per_epoch: updates in an epoch.
        spec: False for what has no spec, e.g. `gp.from_function`.

    Raises:
        AssertionError: says which promise was broken, and where.
    """
    policy = as_policy(schedule)
    plan, again = policy.plan(total, steps_per_epoch), policy.plan(total, steps_per_epoch)
    assert list(plan.tracks) == list(policy.schedules), "the plan flies other hyperparameters"
    for name, track in plan.tracks.items():
        _check_track(name, track, again.tracks[name])
    assert np.array_equal(plan.table(), plan.learning_rate.table()), "table() is not the rate's"
    if spec:
        _check_spec(policy, plan, steps_per_epoch)


def _check_track(name: str, track: Track, again: Track) -> None:
    total = track.total_steps
    assert total is not None
    some = np.unique(np.linspace(0, total - 1, 200).astype(np.int64))
    late = np.array([total, total + 1, 3 * total, 2**40])
    # The second plan is asked by single updates first, backwards, before it has a table.
    single = np.array([again(int(k)) for k in some[::-1]])[::-1]
    table = track.table()
    assert table.dtype == np.float64 and table.shape == (total,), (
        f"{name}: table() must be float64 of shape ({total},), got {table.dtype} {table.shape}"
    )
    assert np.isfinite(table).all(), f"{name}: not finite at update {_first(~np.isfinite(table))}"
    assert (table >= 0).all(), f"{name}: negative at update {_first(table < 0)}"
    assert np.array_equal(single, table[some]), (
        f"{name}: plan(k) of an int is not table()[k] at update "
        f"{some[_first(single != table[some])]}"
    )
    every = track(np.arange(total))
    assert np.array_equal(every, table), (
        f"{name}: plan(array) is not table() at update {_first(every != table)}"
    )
    assert np.array_equal(again.table(), table), f"{name}: planned again, the table is another"
    held, last = track(late), track(total)
    assert math.isfinite(last) and last >= 0, f"{name}: past the end it is {last!r}"
    assert (held == last).all(), f"{name}: does not hold past the end: {held.tolist()}"
    assert [track(int(k)) for k in late] == held.tolist(), (
        f"{name}: past the end, plan(int) and plan(array) differ"
    )


def _check_spec(policy: Policy, plan: Plan, steps_per_epoch: int | None) -> None:
    written = json.dumps(policy.to_spec(), allow_nan=False)
    read = as_policy(from_spec(json.loads(written)))
    assert read == policy, f"from_spec(to_spec()) is another policy: {read!r}, not {policy!r}"
    assert json.dumps(read.to_spec()) == written, "the spec changes when it is read and written"
    same = read.plan(plan.total_steps, steps_per_epoch)
    assert same.fingerprint == plan.fingerprint, "the fingerprint changes with the round trip"
    stored = plan_from_spec(json.dumps(plan.to_spec(), allow_nan=False))
    assert stored.fingerprint == plan.fingerprint, "a stored plan has another fingerprint"
    for name in plan.tracks:
        assert np.array_equal(same.table(name), plan.table(name)), f"{name}: the spec's differs"
        assert np.array_equal(stored.table(name), plan.table(name)), f"{name}: the stored differs"


def check_trainer(trainer: Trainer, *, rate: float = 1e-3, seed: int = 7) -> None:
    """Check that a trainer keeps its contract; the trainer is reset and trained by this.

    The applied rates are the asked ones in float32; arrays have one entry per update; `evaluate`
    leaves training untouched; `reset` is deterministic; `restore` brings back a snapshot bit for
    bit, more than once, across an epoch's end and after other training.

    Args:
        trainer: any Trainer.
        rate: a learning rate at which it does not diverge.
        seed: for `reset`.

    Raises:
        AssertionError: says which promise was broken.
    """
    assert isinstance(trainer, Trainer), f"{trainer!r} lacks a method or property of Trainer"
    assert trainer.steps_per_epoch >= 1, "steps_per_epoch must be at least 1"
    assert "learning_rate" in trainer.hyperparameters, "hyperparameters lack learning_rate"
    count = trainer.steps_per_epoch + 2
    rates = rate * (1 + 0.5 * np.sin(np.arange(count)))
    trainer.reset(seed)
    first = _advance(trainer, rates)
    trainer.reset(seed)
    _same(_advance(trainer, rates), first, "after reset with the same seed, training")
    _check_evaluation(trainer, seed, rates, first)
    trainer.reset(seed + 1)
    assert not np.array_equal(trainer.advance({"learning_rate": rates}).losses, first.losses), (
        "reset with another seed trains exactly alike"
    )
    _check_restore(trainer, seed, rates)


def _check_restore(trainer: Trainer, seed: int, rates: Array) -> None:
    trainer.reset(seed)
    _advance(trainer, rates[:3])
    state = trainer.snapshot()
    wanted = _advance(trainer, rates)
    judged = trainer.evaluate("validation")
    for often in ("", " a second time", " a third time"):
        _advance(trainer, 2 * rates[:2])
        trainer.restore(state)
        _same(_advance(trainer, rates), wanted, f"after restore{often}, training")
        assert trainer.evaluate("validation") == judged, f"after restore{often}, weights differ"
    trainer.reset(seed + 1)
    trainer.restore(state)
    _same(_advance(trainer, rates), wanted, "after reset and restore, training")


def _check_evaluation(trainer: Trainer, seed: int, rates: Array, wanted: Updates) -> None:
    for split in ("validation", "test"):
        values = trainer.evaluate(split)
        for name in ("loss", trainer.metric.name):
            assert name in values, f"evaluate({split!r}) lacks {name!r}: it has {sorted(values)}"
        assert trainer.evaluate(split) == values, f"evaluate({split!r}) twice gives two results"
    trainer.reset(seed)
    half = len(rates) // 2
    start = _advance(trainer, rates[:half])
    trainer.evaluate("validation")
    rest = _advance(trainer, rates[half:])
    joined = np.concatenate([start.losses, rest.losses])
    assert np.array_equal(joined, wanted.losses), (
        "training in two parts with an evaluation between them is not training in one"
    )


def _advance(trainer: Trainer, rates: Array) -> Updates:
    updates = trainer.advance({"learning_rate": rates})
    arrays = {"losses": updates.losses, **updates.applied, **updates.metrics}
    for name, values in arrays.items():
        assert len(values) == len(rates), (
            f"{name} has {len(values)} entries for {len(rates)} updates"
        )
    assert np.isfinite(updates.losses).all(), "a loss is not finite; check with a lower rate"
    applied = np.asarray(updates.applied["learning_rate"])
    wrong = applied.astype(np.float32) != rates.astype(np.float32)
    assert not wrong.any(), (
        f"asked for the rate {rates[_first(wrong)]!r} at update {_first(wrong)}, and "
        f"{applied[_first(wrong)]!r} was applied"
    )
    return updates


def _same(got: Updates, wanted: Updates, what: str) -> None:
    columns = {"losses": (got.losses, wanted.losses)}
    columns |= {name: (got.metrics[name], wanted.metrics[name]) for name in wanted.metrics}
    for name, (ours, theirs) in columns.items():
        assert np.array_equal(ours, theirs), (
            f"{what} differs in {name} from update {_first(np.asarray(ours != theirs))} on"
        )


def _first(wrong: Any) -> int:
    return int(np.argmax(wrong))
