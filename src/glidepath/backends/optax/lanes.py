"""Several trainings of one task side by side, as one vmapped update."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from glidepath.errors import ArgumentError
from glidepath.training.trainer import Array

if TYPE_CHECKING:
    from glidepath.backends.optax.trainer import OptaxTrainer


class Lanes:
    """The vmapped updates of a trainer, compiled once per number of lanes and size of a batch."""

    def __init__(self, trainer: OptaxTrainer) -> None:
        self._trainer = trainer
        self._steps: dict[int, Callable[..., Any]] = {}

    def advance(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> tuple[Array, list[Any]]:
        """See `glidepath.training.Laner`."""
        trainer, first = self._trainer, states[0]
        if len({(s.seed, s.epoch, s.batch) for s in states}) != 1:
            raise ArgumentError(
                "advance_lanes: all states must stand at the same place in the data; advance those "
                "that do not on their own"
            )
        tables = [
            trainer._table({name: table[lane] for name, table in values.items()})
            for lane in range(len(states))
        ]
        trainer.restore(first)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[s.state for s in states])
        losses = []
        for rows in np.stack(tables, axis=1):
            start, size, random = trainer._take()
            stacked, found = self._step(size)(
                stacked, trainer._train, trainer._order, start, rows, random
            )
            losses.append(found[:, -1])
            trainer._turn()
        place = trainer.snapshot()
        ends = [
            place.at(jax.tree.map(lambda leaf, lane=lane: leaf[lane], stacked))
            for lane in range(len(states))
        ]
        found_losses = np.asarray(jax.device_get(losses), np.float64).reshape(-1, len(states))
        return found_losses.T, ends

    def _step(self, size: int) -> Callable[..., Any]:
        """The update of so many examples in every lane; the data are the same for all."""
        if size not in self._steps:

            def update(
                state: Any, arrays: Any, order: Any, start: Any, row: Any, random: Any
            ) -> Any:
                return self._trainer._update(state, arrays, order, start, row, random, size)

            mapped = jax.vmap(update, in_axes=(0, None, None, None, 0, None))
            self._steps[size] = jax.jit(mapped, donate_argnums=0)
        return self._steps[size]
