"""Keras tasks, built in or the user's own, under another optimizer than theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.tasks.loader import TaskReference
from glidepath.training.trainer import Trainer

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")
"""The optimizers by name; the rate is the caller's, all else Keras's defaults, momentum 0.9."""


def open_with(task: TaskReference, optimizer: str | None) -> Trainer:
    """A task's trainer, with the optimizer of that name; None: with its own.

    Raises:
        ArgumentError: an unknown name, or a task that is not of Keras.
    """
    trainer = task.open()
    if optimizer is None:
        return trainer
    if optimizer not in OPTIMIZERS:
        raise ArgumentError(
            f"there is no optimizer {optimizer!r}; the optimizers are {', '.join(OPTIMIZERS)}"
        )
    if not type(trainer).__module__.startswith("glidepath.backends.keras."):
        raise ArgumentError(
            "an optimizer can be chosen by name for Keras tasks alone, built in or your own; "
            f"{task.reference} is of another framework: change the optimizer that its function "
            "gives to Task, or write a second function beside it with the other optimizer"
        )
    from glidepath.backends.keras.trainer import KerasTrainer

    assert isinstance(trainer, KerasTrainer)
    own = trainer.task
    return KerasTrainer(replace(own, model=_remade(own.model, optimizer)))


def _remade(model: Callable[[], Any], name: str) -> Callable[[], Any]:
    def build() -> Any:
        import keras

        made = model()
        made.optimizer = _MAKERS[name](keras.optimizers)
        return made

    return build


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda known: known.SGD(),
    "momentum": lambda known: known.SGD(momentum=0.9),
    "nesterov": lambda known: known.SGD(momentum=0.9, nesterov=True),
    "adam": lambda known: known.Adam(),
    "adamw": lambda known: known.AdamW(),
    "rmsprop": lambda known: known.RMSprop(),
}
