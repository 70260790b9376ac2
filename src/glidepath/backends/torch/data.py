"""Data: batches of tensors in an order that can be repeated and returned to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from glidepath.backends.torch.randomness import World
from glidepath.errors import TaskError
from glidepath.training.order import epoch_order
from glidepath.training.tape import Tape

_DEFAULT_BATCH = 32
_EVALUATED = 256
"""Tensors are evaluated in pieces of at least this many examples."""

Batch = tuple[Any, Any]
"""Inputs and targets."""


class Source(Protocol):
    """A split's data: training draws from it, evaluation passes over it."""

    batches: int
    """Batches in an epoch, the partial last one included."""

    def reset(self, seed: int) -> None:
        """Begin with the first epoch of a seed."""
        ...

    def draw(self) -> Batch:
        """The next batch, epoch after epoch."""
        ...

    def mark(self) -> Any:
        """The place in the data, for `restore`."""
        ...

    def restore(self, mark: Any) -> None:
        """Go back to a place."""
        ...

    def whole(self) -> Iterator[Batch]:
        """One pass for evaluation, the same each time where the data set is."""
        ...


class Tensors:
    """Tensors in memory; the order of every epoch follows from the seed and the epoch's number."""

    def __init__(self, inputs: Any, targets: Any, batch_size: int) -> None:
        self._pair = (inputs, targets)
        self._count = len(targets)
        self._size = min(batch_size, self._count)
        self.batches = -(-self._count // self._size)
        self._place: tuple[int, int, int]
        self._order: Tensor
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin with the first epoch of a seed."""
        self.restore((seed, 0, 0))

    def draw(self) -> Batch:
        """The next batch, epoch after epoch."""
        seed, epoch, batch = self._place
        at = batch * self._size
        rows = self._order[at : at + self._size]
        following = (seed, epoch, batch + 1)
        if batch + 1 == self.batches:
            self.restore((seed, epoch + 1, 0))
        else:
            self._place = following
        inputs, targets = self._pair
        return _map(lambda tensor: tensor[rows], inputs), targets[rows]

    def mark(self) -> tuple[int, int, int]:
        """Seed, epoch and batch."""
        return self._place

    def restore(self, mark: tuple[int, int, int]) -> None:
        """Go back to a place."""
        seed, epoch, _ = self._place = mark
        order = torch.from_numpy(epoch_order(seed, epoch, self._count)).long()
        self._order = order.to(self._pair[1].device)

    def parts(self, number: int, wanted: int) -> Iterator[Batch]:
        """The first `wanted` examples in so many parts of one size."""
        size = max(min(wanted, self._count) // number, 1)
        for start in range(0, min(self._count, size * number), size):
            cut = slice(start, start + size)
            inputs, targets = self._pair
            yield _map(lambda tensor, cut=cut: tensor[cut], inputs), targets[cut]

    def whole(self) -> Iterator[Batch]:
        """The examples in their own order, in larger pieces."""
        size = max(self._size, _EVALUATED)
        for start in range(0, self._count, size):
            cut = slice(start, start + size)
            inputs, targets = self._pair
            yield _map(lambda tensor, cut=cut: tensor[cut], inputs), targets[cut]


class Loader:
    """A `DataLoader`, or anything with a length that yields `(inputs, targets)` again and again.

    Its workers, shuffling and augmentation draw from generators of their own, seeded by `reset`,
    so that going back to a place does not change what the model draws.
    """

    def __init__(self, split: str, loader: Any, batches: int, device: Any) -> None:
        self._split, self._loader, self._device = split, loader, device
        self.batches = batches
        owners = (loader, getattr(loader, "sampler", None), getattr(loader, "dataset", None))
        found = [getattr(owner, "generator", None) for owner in owners]
        given = {id(each): each for each in found if isinstance(each, torch.Generator)}
        self._generators = list(given.values())
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Begin a new pass, with the generators seeded."""
        self._tape = Tape(_Passes(self, World(seed, self._generators)))

    def draw(self) -> Batch:
        """The next batch, epoch after epoch."""
        batch: Batch = self._tape.draw()
        return batch

    def mark(self) -> Any:
        """A place on the tape; while it is held, the batches after it are kept."""
        return self._tape, self._tape.mark()

    def restore(self, mark: Any) -> None:
        """Go back to a place."""
        self._tape, place = mark
        self._tape.restore(place)

    def whole(self) -> Iterator[Batch]:
        """One pass, with the generators seeded the same each time."""
        return _Passes(self, World(0, self._generators))()

    def placed(self, batch: Any) -> Batch:
        """A batch on the model's device."""
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TaskError(
                f"Task: {self._split} must yield batches (inputs, targets), got "
                f"{type(batch).__name__}; collate them to such a pair"
            )
        inputs, targets = (_map(lambda t: _tensor(t).to(self._device), part) for part in batch)
        return inputs, targets


class _Passes:
    """Passes over a loader, drawn inside a world of randomness."""

    def __init__(self, loader: Loader, world: World) -> None:
        self._loader, self._world = loader, world

    def __call__(self) -> Iterator[Batch]:
        loader = self._loader
        with self._world.inside():
            iterator = iter(loader._loader)
        for _ in range(loader.batches):
            with self._world.inside():
                batch = next(iterator, None)
            if batch is None:
                return
            yield loader.placed(batch)


def as_source(split: str, data: Any, batch_size: int | None, device: Any) -> Source:
    """The data that the user gave, on a device; TaskError where it is none."""
    if isinstance(data, tuple):
        return _tensors(split, data, _DEFAULT_BATCH if batch_size is None else batch_size, device)
    if isinstance(data, str | bytes | dict) or not isinstance(data, Iterable):
        raise TaskError(
            f"Task: {split} must be a pair (inputs, targets) of tensors or a DataLoader of such "
            f"pairs, got {type(data).__name__}; give e.g. (x_{split}, y_{split})"
        )
    if hasattr(data, "__next__"):
        raise TaskError(
            f"Task: {split} must be data that can be iterated again and again, got "
            f"{type(data).__name__}, which is used up after one pass; give tensors or a DataLoader"
        )
    if batch_size is not None and split == "train":
        raise TaskError(
            f"Task: batch_size={batch_size} is for tensors, and train is a "
            f"{type(data).__name__} with batches of its own; leave batch_size out"
        )
    try:
        batches = len(data)  # type: ignore[arg-type]
    except TypeError:
        batches = 0
    if batches < 1:
        raise TaskError(
            f"Task: the number of batches of {split} ({type(data).__name__}) must be known and at "
            "least 1; give it a length (__len__)"
        )
    return Loader(split, data, batches, device)


def _tensors(split: str, data: tuple[Any, ...], batch_size: int, device: Any) -> Tensors:
    if len(data) != 2:
        raise TaskError(
            f"Task: {split} must be a pair (inputs, targets), got a tuple of {len(data)}; several "
            "inputs are a tuple inside: ((x1, x2), y)"
        )
    inputs, targets = (_map(lambda leaf: _tensor(leaf).to(device), part) for part in data)
    lengths = sorted({len(leaf) if leaf.ndim else 0 for leaf in (*_leaves(inputs), targets)})
    if len(lengths) != 1 or lengths[0] == 0:
        raise TaskError(
            f"Task: the tensors of {split} must have the same, positive number of rows, got "
            f"{lengths}; give one row per example in inputs and in targets"
        )
    return Tensors(inputs, targets, batch_size)


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    try:
        return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise TaskError(
            f"Task: the data must be tensors or arrays of numbers, got {type(value).__name__} "
            f"({error}); convert them first"
        ) from error


def _map(change: Any, value: Any) -> Any:
    """Inputs are a tensor, or a tuple, list or dictionary of tensors."""
    if isinstance(value, dict):
        return {key: change(leaf) for key, leaf in value.items()}
    if isinstance(value, tuple | list):
        return tuple(change(leaf) for leaf in value)
    return change(value)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, tuple) else [value]
