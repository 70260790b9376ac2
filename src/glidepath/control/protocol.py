"""What a controller is to those who run it: a description, and an explicit state beside it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class MetricController(Protocol):
    """A metric-driven factor on the learning rate; `reduce_on_plateau` makes one.

    The controller itself is frozen. `init` gives its state before training, `update` the state
    after an epoch, and `apply` the rate that a state makes of the schedule's.
    """

    @property
    def monitor(self) -> str:
        """The metric that `update` wants: "val_loss", "loss", "val_accuracy" ..."""
        ...

    def init(self) -> Any:
        """The state before the first epoch: frozen, of plain numbers."""
        ...

    def update(self, state: Any, value: float, rate: float) -> Any:
        """The state after an epoch whose metric was `value`, at the last applied `rate`."""
        ...

    def apply(self, state: Any, rate: float) -> float:
        """The rate that is applied where the schedule says `rate`."""
        ...
