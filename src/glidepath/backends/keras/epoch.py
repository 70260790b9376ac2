"""EpochFunction: the learning rate as the user's function of the epoch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import keras

from glidepath.errors import ArgumentError


class EpochFunction(keras.callbacks.Callback):
    """Sets the learning rate to `f(epoch, rate)` before each epoch, as Keras's own scheduler does.

    `f` gets the epoch, counted from 0, and the rate so far, and returns the new rate; one that
    takes a single argument gets the epoch. What it raises is raised, whatever it is.

    Args:
        f: the function.

    Raises:
        ArgumentError: at the start of training, an optimizer whose rate is a schedule of its own;
            before an epoch, a result that is not a finite number, 0 or above.
    """

    def __init__(self, f: Callable[..., float]) -> None:
        super().__init__()
        if not callable(f):
            raise ArgumentError(f"EpochFunction: needs a function, got {f!r}; give f(epoch, rate)")
        self._function = f
        self._arguments = _positional(f)

    def on_train_begin(self, logs: Any = None) -> None:
        """Refuse an optimizer whose rate cannot be set."""
        rate = self.model.optimizer._learning_rate
        if not isinstance(rate, keras.Variable):
            raise ArgumentError(
                f"EpochFunction sets the learning rate, and the optimizer's is a schedule of its "
                f"own ({type(rate).__name__}); compile the optimizer with a number"
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the epoch's rate."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        value = self._function(*(epoch, rate)[: self._arguments])
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise ArgumentError(
                f"EpochFunction: the function must return a finite rate, 0 or above, got "
                f"{value!r} for epoch {epoch}; mend the function"
            )
        self.model.optimizer.learning_rate = number

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put the applied rate into the logs, as Keras's scheduler does."""
        if logs is not None:
            rate = self.model.optimizer.learning_rate
            logs["learning_rate"] = float(keras.ops.convert_to_numpy(rate))


def _positional(function: Callable[..., float]) -> int:
    """1 for a function of the epoch alone, else 2; read from the signature, never by trial."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return 2
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 2
    takes = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, sum(kind in takes for kind in kinds))
