"""Data: batches in an order that can be repeated and returned to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from keras import config, ops, tree

from glidepath.errors import TaskError

_DEFAULT_BATCH = 32


class Arrays:
    """Arrays in memory; the order of every epoch follows from the seed and the epoch's number."""

    def __init__(self, arrays: Any, count: int, batch_size: int) -> None:
        self.arrays = arrays
        """`(x, y)` or `(x, y, sample_weight)`; each may be a nested structure of arrays."""
        self.count = count
        """How many examples there are."""
        self.batch_size = min(batch_size, count)
        self.batches = -(-count // self.batch_size)
        """Batches in an epoch, the partial last one included."""

    def order(self, seed: int, epoch: int) -> np.ndarray[Any, np.dtype[np.int32]]:
        """A permutation of the examples."""
        return np.random.default_rng([seed, epoch]).permutation(self.count).astype(np.int32)

    def size(self, batch: int) -> int:
        """How many examples the batch of this number has."""
        return min(self.batch_size, self.count - batch * self.batch_size)


class Stream:
    """Batches of a data set that yields them itself."""

    def __init__(self, data: Any, batches: int) -> None:
        self.data = data
        self._first: Any = None
        self.batches = batches
        """Batches in an epoch, the partial last one included."""

    def peek(self) -> Any:
        """A batch to build a model with; drawn once."""
        if self._first is None:
            self._first = next(self.epoch(), None)
        if self._first is None:
            raise TaskError("Task: the data set yielded no batch; give one that is not empty")
        return self._first

    def epoch(self) -> Iterator[Any]:
        """The batches of an epoch, as NumPy arrays."""
        for index, batch in enumerate(self._batches()):
            if index >= self.batches:
                return
            yield _as_batch(batch)

    def _batches(self) -> Iterable[Any]:
        if _is_py_dataset(self.data):
            for index in range(self.batches):
                yield self.data[index]
            self.data.on_epoch_end()
        else:
            yield from self.data


class Node:
    """A batch of a stream and, once it was drawn, the one after it.

    Whoever holds a node can draw everything after it once more; what nobody holds is forgotten.
    """

    __slots__ = ("batch", "following")

    def __init__(self, batch: Any) -> None:
        self.batch = batch
        self.following: Node | None = None


class Tape:
    """Draws from a stream without end, and goes back to any node that was kept."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.rewind()

    def rewind(self) -> None:
        """Begin with a new epoch of the data set."""
        self._iterator = self._stream.epoch()
        self.node = Node(None)

    def draw(self) -> Any:
        """The next batch."""
        if self.node.following is None:
            self.node.following = Node(self._fresh())
        self.node = self.node.following
        return self.node.batch

    def _fresh(self) -> Any:
        batch = next(self._iterator, None)
        if batch is None:
            self._iterator = self._stream.epoch()
            batch = next(self._iterator, None)
        if batch is None:
            raise TaskError(
                "the training data set yielded no batch on a new pass; give one that can be "
                "iterated again and again (tf.data, PyDataset, a list), not a generator"
            )
        return batch


def as_source(split: str, data: Any, batch_size: int | None) -> Arrays | Stream:
    """Arrays or a stream of what the user gave; TaskError where it is neither."""
    if isinstance(data, tuple) and len(data) in (2, 3):
        return _arrays(split, data, _DEFAULT_BATCH if batch_size is None else batch_size)
    plain = isinstance(data, str | bytes | dict) or not isinstance(data, Iterable)
    if plain and not _is_py_dataset(data):
        raise TaskError(
            f"Task: {split} must be arrays (x, y) or a data set of such batches, got "
            f"{type(data).__name__}; give e.g. (x_{split}, y_{split})"
        )
    if hasattr(data, "__next__"):
        raise TaskError(
            f"Task: {split} must be a data set that can be iterated again and again, got "
            f"{type(data).__name__}, which is used up after one pass; give arrays, a "
            "tf.data.Dataset or a keras.utils.PyDataset"
        )
    if batch_size is not None:
        raise TaskError(
            f"Task: batch_size={batch_size} is for arrays, and {split} is a data set "
            f"({type(data).__name__}) with batches of its own; leave batch_size out"
        )
    return Stream(data, _length(split, data))


def _is_py_dataset(data: Any) -> bool:
    """Whether batches are asked for by number, as from a `keras.utils.PyDataset`."""
    return hasattr(data, "__getitem__") and hasattr(data, "on_epoch_end")


def _length(split: str, data: Any) -> int:
    """Batches in a pass over a data set, or a question for them."""
    length = getattr(data, "num_batches", None)
    if not isinstance(length, int):
        try:
            length = len(data)
        except TypeError:
            length = None
    if length is None or length < 1:
        raise TaskError(
            f"Task: the number of batches of {split} ({type(data).__name__}) must be known and at "
            f"least 1, got {length}; give it a length: __len__, or for tf.data "
            "`.apply(tf.data.experimental.assert_cardinality(batches))`"
        )
    return length


def _arrays(split: str, data: tuple[Any, ...], batch_size: int) -> Arrays:
    arrays = tree.map_structure(_as_array, data)
    leaves = [leaf for leaf in tree.flatten(arrays) if leaf is not None]
    lengths = sorted({len(leaf) if leaf.ndim else 0 for leaf in leaves})
    if len(lengths) != 1 or lengths[0] == 0:
        raise TaskError(
            f"Task: the arrays of {split} must have the same, positive number of rows, got "
            f"{lengths}; give one row per example in x and in y"
        )
    if any(leaf.dtype == object for leaf in leaves):
        raise TaskError(
            f"Task: the arrays of {split} must hold numbers, got objects; convert them first"
        )
    return Arrays(arrays, lengths[0], batch_size)


def _as_batch(batch: Any) -> Any:
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise TaskError(
            f"a data set must yield batches (x, y) or (x, y, sample_weight), got "
            f"{type(batch).__name__}; map it to such a tuple"
        )
    return tree.map_structure(_as_array, tuple(batch))


def _as_array(value: Any) -> Any:
    """A NumPy array in Keras's float type, or integers as they are."""
    if value is None:
        return None
    array = ops.convert_to_numpy(value) if ops.is_tensor(value) else np.asarray(value)
    if array.dtype.kind == "f" and array.dtype != config.floatx():
        array = array.astype(config.floatx())
    return array
