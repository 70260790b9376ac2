"""The narrow protocol through which Glidepath drives a training, whatever the framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PROBE_PARTS = 8
"""How many parts a probe is cut into where its examples can be cut."""


@dataclass(frozen=True)
class Metric:
    """The metric that a task is judged by."""

    name: str
    """Its name in what `evaluate` returns, e.g. "accuracy"."""
    rising: bool
    """Whether larger is better."""


@dataclass(frozen=True)
class Updates:
    """What happened in some consecutive optimizer updates; every array has one entry each."""

    losses: Array
    """The loss of the update's batch, computed before the update was applied."""
    applied: Mapping[str, Array]
    """The hyperparameters by name, as read back from the optimizer."""
    metrics: Mapping[str, Array] = field(default_factory=dict)
    """Further metrics of the batch, e.g. accuracy, where the model computes any."""


@runtime_checkable
class Trainer(Protocol):
    """A model, its optimizer and its data, ready to be driven.

    Everything that training changes belongs to the trainer's state: weights, optimizer slots,
    statistics of batch normalisation, random seeds, and the position in the data.
    """

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer updates in an epoch, the partial last batch included."""
        ...

    @property
    def metric(self) -> Metric:
        """The metric that runs are judged by."""
        ...

    @property
    def hyperparameters(self) -> frozenset[str]:
        """The hyperparameters that this trainer's optimizer can fly."""
        ...

    def reset(self, seed: int) -> None:
        """Fresh weights, empty optimizer slots, and the data's order, all from `seed`."""
        ...

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """One optimizer update per entry of `values`, which names at least the learning rate."""
        ...

    def evaluate(self, split: str) -> dict[str, float]:
        """The loss ("loss") and the metrics on "validation" or "test"; training is not touched."""
        ...

    def snapshot(self) -> Any:
        """All state, exactly, for `restore`; it stays good however often it is restored."""
        ...

    def restore(self, state: Any) -> None:
        """Continue from a snapshot as if nothing had happened since, bit for bit."""
        ...


@runtime_checkable
class Prober(Protocol):
    """What a trainer may offer beside `Trainer`: the losses of parts of the validation data.

    Where it does, the finder compares trainings part by part and resamples the parts; where it does
    not, it has the one loss of `evaluate("validation")` and takes its noise for unknown.
    """

    def probe(self, examples: int) -> Array:
        """The mean losses of parts of the first `examples` validation examples.

        The parts are the same, in the same order, at every call; training is not touched.
        """
        ...


@runtime_checkable
class Laner(Protocol):
    """What a trainer may offer beside `Trainer`: several trainings side by side."""

    def advance_lanes(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> tuple[Array, list[Any]]:
        """Go on from several snapshots that stand at the same place in the data.

        Args:
            states: snapshots of this trainer, one per lane.
            values: for every hyperparameter that is flown an array of lanes × updates.

        Returns:
            The losses, lanes × updates, and a snapshot of each lane's end. What the trainer's own
            state is afterwards is not defined: restore one. A lane that is not finite leaves the
            others alone.

        Raises:
            LanesError: these can only be flown one by one.
        """
        ...


@dataclass(frozen=True)
class LaneTrial:
    """What a trainer found out about flying side by side."""

    obstacle: str | None
    """Why it cannot be done, in words; None where it can."""
    faster: float = 0.0
    """How many times as many lane-updates a second as one by one; 0 where it cannot be done."""
    lane_updates: int = 0
    """The updates that this took, over all lanes."""
    sequential_updates: int = 0
    """The updates that this took, one after the other."""


@runtime_checkable
class LaneTrier(Protocol):
    """What a `Laner` offers beside, where it depends on the task what can be done and pays."""

    def try_lanes(self, states: Sequence[Any], values: Mapping[str, Array]) -> LaneTrial:
        """Make a few updates both ways, compare what they come to, and take the time.

        Args:
            states: as for `advance_lanes`.
            values: as for `advance_lanes`, for a few updates.

        Returns:
            What was found. The trainer's own state is not defined afterwards: restore one.
        """
        ...
