"""The generators that training code draws from: kept, set, and kept apart."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def states() -> tuple[Any, ...]:
    """The states of Python's, NumPy's and torch's generators, accelerators included."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def set_states(kept: tuple[Any, ...]) -> None:
    """Go back to states."""
    random.setstate(kept[0])
    np.random.set_state(kept[1])
    torch.set_rng_state(kept[2])
    if kept[3] is not None:
        torch.cuda.set_rng_state_all(kept[3])


def same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two states draw the same numbers from here on."""
    if one[0] != other[0] or not torch.equal(one[2], other[2]):
        return False
    if any(not np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True)):
        return False
    pairs = zip(one[3] or (), other[3] or (), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def seed_all(seed: int) -> None:
    """Seed all of them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class World:
    """Randomness of one's own: what is drawn inside leaves the generators outside alone.

    Args:
        seed: of the generators, and of the further ones.
        generators: further torch generators, which have no other user.
    """

    def __init__(self, seed: int, generators: Sequence[torch.Generator] = ()) -> None:
        self._seed, self._generators = seed, generators
        self._own: tuple[Any, ...] | None = None
        self._further: list[Any] = []

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Draw from these generators."""
        outside = states()
        if self._own is None:
            seed_all(self._seed)
            for generator in self._generators:
                generator.manual_seed(self._seed)
        else:
            set_states(self._own)
            for generator, state in zip(self._generators, self._further, strict=True):
                generator.set_state(state)
        try:
            yield
        finally:
            self._own = states()
            self._further = [generator.get_state() for generator in self._generators]
            set_states(outside)
