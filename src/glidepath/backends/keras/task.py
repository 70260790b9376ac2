"""Task: a model and its data, as the user hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glidepath.backends.keras.data import Arrays, Stream, as_source
from glidepath.errors import TaskError

if TYPE_CHECKING:
    from glidepath.backends.keras.trainer import KerasTrainer


@dataclass(frozen=True)
class Task:
    """A model and its data, for `find`, `compare` and `tune`.

    Args:
        model: a function without arguments that builds a new, compiled Keras model each time.
        train: the training data: arrays `(x, y)` or `(x, y, sample_weight)`, or a data set with a
            known length (`tf.data.Dataset`, `keras.utils.PyDataset`, anything that can be
            iterated again and again and yields such batches).
        validation: the data that decisions are made on.
        test: the data that results are reported on. None: the validation data are reported, which
            flatters whatever was chosen by them.
        batch_size: examples in a batch of the arrays, 32 if None; data sets have their own.

    Raises:
        TaskError: something that is not a task, with what was got and what to do.
    """

    model: Callable[[], Any]
    train: Any
    validation: Any
    test: Any = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.model) or hasattr(self.model, "train_on_batch"):
            raise TaskError(
                f"Task: model must be a function that builds a compiled Keras model, got "
                f"{type(self.model).__name__}; give e.g. `def model(): ...; return model`"
            )
        size: Any = self.batch_size
        whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if size is not None and not (whole and size >= 1):
            raise TaskError(
                f"Task: batch_size must be a positive integer or None, got {size!r}; give e.g. 32"
            )
        for name in ("train", "validation", "test"):
            if name != "test" or self.test is not None:
                self.source(name)

    def open(self) -> KerasTrainer:
        """A trainer of this task."""
        from glidepath.backends.keras.trainer import KerasTrainer

        return KerasTrainer(self)

    def source(self, split: str) -> Arrays | Stream:
        """The data of a split ("train", "validation" or "test"), ready to be drawn from."""
        data = getattr(self, split)
        return as_source(split, data, None if self.batch_size is None else int(self.batch_size))
