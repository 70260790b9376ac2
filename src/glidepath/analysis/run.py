"""LoggedRun: a training run as its log shows it, whatever wrote the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from glidepath.analysis.rates import Array, RateCurve
from glidepath.errors import ArgumentError


@dataclass(frozen=True)
class LoggedRun:
    """The losses of one run and the learning rate it had.

    Args:
        name: what to call the run in messages.
        step: updates that were done when each loss was measured, rising, shape (n,).
        loss: the losses, finite, shape (n,); those that `predict` predicts.
        rates: the learning rate of every update.
        of: "train" or "validation": what the loss was measured on.
        others: further series by name ("train_loss", "train_accuracy", …), each a pair of updates
            and values; they are only looked at for signs that the laws cannot hold.
        warnings: what was mended, or guessed, in the reading.
        steps_per_epoch: updates in an epoch, where the log tells.
        lost: the update after which no loss was finite any more, though the run went on; None
            where the losses reach to its end.
    """

    name: str
    step: Array
    loss: Array
    rates: RateCurve
    of: str = "train"
    others: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    steps_per_epoch: int | None = None
    lost: int | None = None

    def __post_init__(self) -> None:
        if self.step.ndim != 1 or self.step.shape != self.loss.shape:
            raise ArgumentError(
                f"LoggedRun {self.name!r}: step and loss must be lists of one length, got "
                f"shapes {self.step.shape} and {self.loss.shape}"
            )
        if not (np.all(np.isfinite(self.loss)) and np.all(np.isfinite(self.step))):
            raise ArgumentError(
                f"LoggedRun {self.name!r}: steps and losses must be finite; leave the others out"
            )
        if np.any(np.diff(self.step) <= 0):
            raise ArgumentError(
                f"LoggedRun {self.name!r}: steps must rise; sort them and drop duplicates"
            )

    @property
    def total(self) -> int:
        """Updates in the run."""
        return self.rates.total
