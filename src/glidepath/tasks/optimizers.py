"""The built-in tasks under another optimizer than their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glidepath.errors import ArgumentError
from glidepath.tasks.loader import BUILT_IN, TaskReference
from glidepath.training.trainer import Trainer

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop")
"""The optimizers by name; the rate is the caller's, all else Keras's defaults, momentum 0.9."""


def open_with(task: TaskReference, optimizer: str | None) -> Trainer:
    """A task's trainer, with the optimizer of that name; None: with its own.

    Raises:
        ArgumentError: an unknown name, or a task that is not built in.
    """
    trainer = task.open()
    if optimizer is None:
        return trainer
    if optimizer not in OPTIMIZERS:
        raise ArgumentError(
            f"there is no optimizer {optimizer!r}; the optimizers are {', '.join(OPTIMIZERS)}"
        )
    if task.reference not in BUILT_IN:
        raise ArgumentError(
            f"an optimizer can be chosen for the built-in tasks ({', '.join(BUILT_IN)}), got "
            f"{task.reference}; set it in the task's own function"
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
