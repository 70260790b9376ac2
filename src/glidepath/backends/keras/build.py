"""Building a task's model: compiled, with all variables in place before the first step."""

from __future__ import annotations

from typing import Any

import keras

from glidepath.backends.keras import live
from glidepath.backends.keras.data import Arrays, Stream
from glidepath.errors import ArgumentError, TaskError


def build(task: Any, train: Arrays | Stream) -> Any:
    """A new model of the task, with its own and its optimizer's variables built.

    Raises:
        TaskError: `task.model()` did not return a compiled Keras model with an optimizer.
    """
    model = task.model()
    if not isinstance(model, keras.Model):
        raise TaskError(
            f"Task: model() must return a compiled keras.Model, got {type(model).__name__}; "
            "end the function with `return model`"
        )
    if not model.compiled or model.optimizer is None:
        raise TaskError(
            "Task: model() must return a compiled model with an optimizer, got one without; call "
            "model.compile(optimizer=..., loss=...) in it"
        )
    if isinstance(model.optimizer, live.Attached):
        raise TaskError(
            "Task: model() returned an optimizer that another model has; build a new optimizer "
            "inside the function each time"
        )
    try:
        live.refuse_wrapped(model.optimizer)
    except ArgumentError as error:
        raise TaskError(f"Task: {error}") from error
    model._symbolic_build(data_batch=_first_batch(train))
    return model


def same_shapes(model: Any, fresh: Any) -> None:
    """TaskError where a new model of the task is not a twin of the first."""
    if _shapes(model) != _shapes(fresh):
        raise TaskError(
            "Task: model() must build the same architecture and optimizer each time, got "
            "variables of other shapes on a later call; take randomness out of its structure"
        )


def _shapes(model: Any) -> list[Any]:
    groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
    return [[(tuple(v.shape), str(v.dtype)) for v in group] for group in groups]


def _first_batch(train: Arrays | Stream) -> Any:
    if isinstance(train, Arrays):
        size = train.batch_size
        return keras.tree.map_structure(
            lambda leaf: None if leaf is None else leaf[:size], train.arrays
        )
    return train.peek()
