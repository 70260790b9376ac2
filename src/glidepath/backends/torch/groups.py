"""One value for a whole optimizer: parameter groups keep the ratios that they were made with."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from glidepath.backends.torch import hyperparameters as hyper
from glidepath.errors import ArgumentError, TaskError
from glidepath.training.trainer import Array

NAMES = ("learning_rate", "momentum", "weight_decay")


class GroupValues:
    """Sets and reads a hyperparameter of all groups as one.

    The first group that has a value above 0 is the one that counts; a group with a tenth of its
    rate keeps a tenth, and a group without weight decay stays without.
    """

    def __init__(self, optimizer: Any) -> None:
        self._groups = optimizer.param_groups
        for group in self._groups:
            hyper.own_tensors([group], hyper.flown_by(group))
        can = [hyper.flown_by(group) for group in self._groups]
        self.names = tuple(name for name in NAMES if all(name in flown for flown in can))
        self._shares: dict[str, list[float]] = {}
        self._leader: dict[str, int] = {}
        self._own: dict[str, float] = {}
        for name in self.names:
            values = [hyper.read(group, name) for group in self._groups]
            leader = next((index for index, value in enumerate(values) if value > 0), 0)
            first = values[leader]
            proportional = name != "momentum" and first > 0
            self._shares[name] = [v / first if proportional else 1.0 for v in values]
            self._leader[name], self._own[name] = leader, first
        if "learning_rate" in self.names and self._own["learning_rate"] == 0:
            self._shares["learning_rate"] = [1.0] * len(values)

    def columns(self, values: Mapping[str, Array]) -> dict[str, list[float]]:
        """What `advance` was given, as Python floats; ArgumentError where it cannot be flown."""
        if "learning_rate" not in values or set(values) - set(self.names):
            raise ArgumentError(
                f"advance: values must name the learning_rate, and may name {list(self.names)}, "
                f"got {sorted(values)}; give those"
            )
        given = {name: np.asarray(column, np.float64) for name, column in values.items()}
        shapes = {column.shape for column in given.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ArgumentError(
                "advance: every hyperparameter needs an array of the same length, got "
                f"{ {name: column.shape for name, column in given.items()} }"
            )
        return {name: column.tolist() for name, column in given.items()}

    def set(self, values: dict[str, float]) -> None:
        """Give all groups these values; what is not named gets its own value back."""
        for name in self.names:
            value = values.get(name, self._own[name])
            for group, share in zip(self._groups, self._shares[name], strict=True):
                hyper.write(group, name, value * share)

    def onto(self, optimizer: Any) -> GroupValues:
        """The same values for an optimizer whose groups stand in for these, one by one."""
        other = copy.copy(self)
        other._groups = optimizer.param_groups
        return other

    def read(self, name: str) -> float:
        """A value as the leading group has it now."""
        return hyper.read(self._groups[self._leader[name]], name)


def checked(optimizer: Any) -> Any:
    """The optimizer of a task; TaskError where Glidepath cannot drive it."""
    from torch.optim import LBFGS, Optimizer

    if not isinstance(optimizer, Optimizer):
        raise TaskError(
            f"Task: optimizer(parameters) must return a torch optimizer, got "
            f"{type(optimizer).__name__}; return e.g. torch.optim.SGD(parameters, lr=0.1)"
        )
    if isinstance(optimizer, LBFGS):
        raise TaskError(
            "Task: LBFGS evaluates the loss several times in an update, and has no learning rate "
            "to schedule in the usual sense; use another optimizer"
        )
    return optimizer
