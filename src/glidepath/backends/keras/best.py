"""Best: the weights and the optimizer's slots of the best epoch, to go back to."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from keras import ops


class Best:
    """A copy on the host of everything that a roll-back puts back.

    That is the model's weights, the statistics of its layers included, and the optimizer's slots.
    The count of updates, the rate and gradients that are still being accumulated stay.
    """

    def __init__(self) -> None:
        self.arrays: list[Any] = []

    def keep(self, model: Any) -> None:
        """Copy them: this epoch is the best so far."""
        self.arrays = [np.array(ops.convert_to_numpy(v.value)) for v in _variables(model)]

    def restore(self, model: Any) -> None:
        """Put the copy back; without one, say so and leave the model alone."""
        if not self.arrays:
            warnings.warn(
                "restore_best: the weights of the best epoch are not there, because the run was "
                "resumed from flight.state alone; give Flight(state=) the checkpoint's path. "
                "Training goes on from the weights of now",
                stacklevel=2,
            )
            return
        for variable, value in zip(_variables(model), self.arrays, strict=True):
            variable.assign(value)


def _variables(model: Any) -> list[Any]:
    optimizer = model.optimizer
    left = [optimizer._iterations, getattr(optimizer, "_learning_rate", None)]
    left += optimizer.__dict__.get("_glidepath_variables", [])
    left += getattr(optimizer, "_accumulated_gradients", [])
    kept = {id(variable) for variable in left}
    return [*model.weights, *(v for v in optimizer.variables if id(v) not in kept)]
