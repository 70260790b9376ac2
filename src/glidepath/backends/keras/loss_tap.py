"""LossTap: the loss of each batch, where Keras only shows the mean over the epoch so far."""

from __future__ import annotations

from typing import Any

import keras

from glidepath.backends.keras import ENGINE
from glidepath.errors import ArgumentError


class LossTap:
    """Wraps a model's training step so that each batch's loss is noted in a flight's ring.

    The loss is the one that the step gives to the model's loss tracker, the same that Keras's
    progress bar averages.
    """

    def __init__(self, model: Any, source: Any) -> None:
        self._model = model
        self._source = source
        self._loss: Any = None
        tracker = model._loss_tracker
        self._tracked, self._stepped = tracker.update_state, model.train_step
        # Through __dict__, which neither Keras nor TensorFlow watches.
        tracker.__dict__["update_state"] = self._track
        model.__dict__["train_step"] = self._jax_step if ENGINE == "jax" else self._step

    def remove(self) -> None:
        """Give the model its own step back."""
        del self._model._loss_tracker.__dict__["update_state"]
        del self._model.__dict__["train_step"]

    def _track(self, values: Any, sample_weight: Any = None) -> Any:
        self._loss = values
        return self._tracked(values, sample_weight=sample_weight)

    def _step(self, data: Any) -> Any:
        logs = self._stepped(data)
        self._source.note_loss(self._model.optimizer, self._taken())
        return logs

    def _jax_step(self, state: Any, data: Any) -> Any:
        """On JAX the step is a function of the state, and the ring is part of it."""
        logs, (trainable, other, optimizer_state, metrics) = self._stepped(state, data)
        optimizer = self._model.optimizer
        mapping = list(zip(optimizer.variables, optimizer_state, strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self._source.note_loss(optimizer, self._taken())
        new = [scope.get_current_value(variable) for variable in optimizer.variables]
        return logs, (trainable, other, new, metrics)

    def _taken(self) -> Any:
        loss, self._loss = self._loss, None
        if loss is None:
            raise ArgumentError(
                f"Flight: the train_step of {type(self._model).__name__} gives no loss to Keras's "
                "loss tracker, so it cannot be recorded; fly without record and tensorboard"
            )
        return loss
