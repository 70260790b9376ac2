"""Many trainings of one task side by side: rates × seeds in one compiled step of JAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from finders_tasks import Problem

import glidepath as gp
from glidepath.finding.finder.shape import Shape
from glidepath.training.order import epoch_order

OPTIMIZERS = ("sgd", "momentum", "adamw")
SHAPES = ("constant", "cosine", "1cycle")
CHUNK, SEEDS, RATES = 25, 3, 13
"""Updates, seeds and rates of one call; lengths and looks are multiples of the updates."""
PARTS = 16
"""Parts of a split whose losses are kept apart."""


def factory(optimizer: str) -> Any:
    """The Optax factory of a name, as `glidepath.optax.Task` wants it."""
    if optimizer == "sgd":
        return optax.sgd
    if optimizer == "momentum":
        return lambda learning_rate, momentum=0.9: optax.sgd(learning_rate, momentum=momentum)
    return lambda learning_rate, b1=0.9: optax.adamw(learning_rate, b1=b1)


def policy(shape: str, optimizer: str) -> gp.Policy:
    """The policy of a name with a peak of 1."""
    if shape == "constant":
        return gp.as_policy(gp.constant(1.0))
    if shape == "cosine":
        return gp.as_policy(gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%"))
    return gp.one_cycle(1.0, momentum=None if optimizer == "sgd" else (0.95, 0.85))


def shape_of(shape: str, optimizer: str, total: int) -> Shape:
    """The tables of that policy over a run."""
    plan = policy(shape, optimizer).plan(total)
    others = {name: plan.table(name) for name in plan.tracks if name != "learning_rate"}
    return Shape(total, plan.table() / plan.table().max(), others)


@dataclass(frozen=True)
class Flown:
    """What lanes measured; the axes are seeds, rates, and what the name says."""

    losses: Any
    """Of every update's batch."""
    validation: Mapping[int, Any]
    """By length of the prefix: the losses of the validation data's parts."""
    test: Any
    """The mean over the test data, at the end."""


class Lanes:
    """One task under one optimizer, compiled once for so many seeds and rates."""

    def __init__(self, problem: Problem, optimizer: str) -> None:
        self.problem, self.optimizer = problem, optimizer
        split = problem.data()
        count = len(split.train[0]) // problem.batch * problem.batch
        self.train = tuple(jnp.asarray(part[:count]) for part in split.train)
        self.count = count
        self.validation = tuple(map(jnp.asarray, split.validation))
        self.test = tuple(map(jnp.asarray, split.test))
        self._chunk = jax.jit(self._fly)
        self._judge = jax.jit(
            lambda parameters, data: jax.vmap(
                jax.vmap(lambda p: problem.losses(p, *data))
            )(parameters)
        )  # fmt: skip

    def order(self, seed: int, updates: int) -> Any:
        """The rows of every update's batch, as the trainers order them."""
        per = self.count // self.problem.batch
        epochs = [epoch_order(seed, e, self.count) for e in range(-(-updates // per))]
        return np.concatenate(epochs).reshape(-1, self.problem.batch)[:updates]

    def start(self, seeds: list[int], rates: int) -> Any:
        """Parameters and slots: the same for all rates of a seed."""

        def one(seed: int) -> Any:
            parameters = self.problem.parameters(jax.random.split(jax.random.key(seed))[0])
            state = (parameters, self._make(0.0, 0.9).init(parameters))
            return jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * rates), state)

        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *[one(seed) for seed in seeds])

    def fly(
        self, tables: Mapping[str, Any], peaks: Any, seeds: list[int], looks: tuple[int, ...] = ()
    ) -> Flown:
        """Every peak rate on every seed under the same tables, judged at the looks and the end.

        It goes in blocks of one size, so that nothing is compiled twice.
        """
        peaks = np.asarray(peaks, np.float32)
        blocks = []
        for first in range(0, len(seeds), SEEDS):
            chosen = seeds[first : first + SEEDS]
            filled = chosen + [chosen[-1]] * (SEEDS - len(chosen))
            row = []
            for at in range(0, len(peaks), RATES):
                some = np.resize(peaks[at : at + RATES], RATES)
                flown = self._block(tables, some, filled, looks)
                row.append(_cut(flown, len(chosen), len(peaks[at : at + RATES])))
            blocks.append(_joined(row, 1))
        return _joined(blocks, 0)

    def _block(
        self, tables: Mapping[str, Any], peaks: Any, seeds: list[int], looks: tuple[int, ...]
    ) -> Flown:
        rate = np.asarray(tables["learning_rate"], np.float32)
        updates = len(rate)
        momentum = np.asarray(tables.get("momentum", np.full(updates, 0.9)), np.float32)
        rows = np.stack([self.order(seed, updates) for seed in seeds], axis=1)
        state = self.start(seeds, len(peaks))
        losses, judged = [], {}
        for begin in range(0, updates, CHUNK):
            cut = slice(begin, begin + CHUNK)
            rates = rate[cut, None] * peaks[None]
            state, found = self._chunk(state, rates, momentum[cut], rows[cut])
            losses.append(np.asarray(found))
            if begin + CHUNK in looks:
                judged[begin + CHUNK] = self.parts(state)
        test = np.asarray(self._judge(state[0], self.test)).mean(axis=-1)
        return Flown(np.moveaxis(np.concatenate(losses), 0, -1), judged, test)

    def parts(self, state: Any) -> Any:
        """The losses of the parts of the validation data."""
        found = np.asarray(self._judge(state[0], self.validation))
        cut = found.shape[-1] // PARTS * PARTS
        return found[..., :cut].reshape(*found.shape[:-1], PARTS, -1).mean(-1)

    def _make(self, rate: Any, momentum: Any) -> Any:
        if self.optimizer == "sgd":
            return optax.sgd(rate)
        if self.optimizer == "momentum":
            return optax.sgd(rate, momentum=momentum)
        return optax.adamw(rate, b1=momentum)

    def _fly(self, state: Any, rates: Any, momentum: Any, rows: Any) -> Any:
        def lane(state: Any, rate: Any, momentum: Any, batch: Any) -> Any:
            parameters, slots = state
            loss, gradients = jax.value_and_grad(self.problem.loss)(parameters, *batch)
            changes, slots = self._make(rate, momentum).update(gradients, slots, parameters)
            return (optax.apply_updates(parameters, changes), slots), loss

        by_rate = jax.vmap(lane, in_axes=(0, 0, None, None))
        by_seed = jax.vmap(by_rate, in_axes=(0, None, None, 0))

        def update(state: Any, given: Any) -> Any:
            rate, momentum, rows = given
            batch = tuple(part[rows] for part in self.train)
            return by_seed(state, rate, momentum, batch)

        return jax.lax.scan(update, state, (rates, momentum, rows))


def _cut(flown: Flown, seeds: int, rates: int) -> Flown:
    """Without what filled a block up."""
    kept = {look: parts[:seeds, :rates] for look, parts in flown.validation.items()}
    return Flown(flown.losses[:seeds, :rates], kept, flown.test[:seeds, :rates])


def _joined(blocks: list[Flown], axis: int) -> Flown:
    return Flown(
        np.concatenate([block.losses for block in blocks], axis=axis),
        {
            look: np.concatenate([block.validation[look] for block in blocks], axis=axis)
            for look in blocks[0].validation
        },
        np.concatenate([block.test for block in blocks], axis=axis),
    )
