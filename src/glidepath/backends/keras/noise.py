"""GradientNoise: the variance of mini-batch gradients during `fit`, on every engine."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from glidepath.backends.keras import live
from glidepath.errors import ArgumentError

ENOUGH = 8
"""Gradients of one epoch after which their noise is told."""


class GradientNoise(keras.callbacks.Callback):
    """The variance of the gradients of each epoch, weighted as the optimizer weighs them.

    `model.fit(..., callbacks=[flight, noise, CooldownAdvice(gp.Adviser(), flight, noise=noise)])`.

    It is half of the mean square of how far the gradients of consecutive batches lie apart, so the
    slow change of the gradient itself does not count. It keeps two variables of the size of the
    weights, and the training step becomes as much slower as reading the gradients once more costs.
    Where the rate moves within an epoch, the number is for the epoch's last rate. On one device.

    Raises:
        ArgumentError: when training, an optimizer that is neither SGD nor one of Adam, AdamW and
            Nadam, or one inside of another.
    """

    def __init__(self) -> None:
        super().__init__()
        self._optimizer: Any = None
        self._before: list[Any] = []
        self._square: list[Any] = []
        self._count: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Have the compiled step note its gradients."""
        optimizer = self.model.optimizer
        live.refuse_wrapped(optimizer)
        kinds = (keras.optimizers.SGD, keras.optimizers.Adam, keras.optimizers.Nadam)
        if not isinstance(optimizer, kinds):
            raise ArgumentError(
                f"GradientNoise: knows how SGD, Adam, AdamW and Nadam weigh gradients, and not how "
                f"{type(optimizer).__name__} does; train with one of those, or leave it out"
            )
        if not optimizer.built:  # on TensorFlow the first step would
            optimizer.build(self.model.trainable_variables)
        self._optimizer = optimizer
        weights = optimizer._trainable_variables
        self._before = [self._variable(weight.shape, "before") for weight in weights]
        self._square = [self._variable(weight.shape, "square") for weight in weights]
        self._count = self._variable((), "count")
        # Through __dict__, which neither Keras nor TensorFlow watches.
        applied, space = optimizer.apply, optimizer.__dict__

        def apply(grads: Any, trainable_variables: Any = None) -> Any:
            self._note(grads, trainable_variables)
            return applied(grads, trainable_variables)

        space["apply"] = apply
        space["save_own_variables"] = self._save
        space["load_own_variables"] = self._load
        self.model.make_train_function(force=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin anew."""
        self._count.assign(0.0)
        for square in self._square:
            square.assign(np.zeros(square.shape, np.float32))

    def on_train_end(self, logs: Any = None) -> None:
        """Give the optimizer back as it was."""
        optimizer = self._optimizer
        for name in ("apply", "save_own_variables", "load_own_variables"):
            del optimizer.__dict__[name]
        kept, mine = optimizer._variables, {id(variable) for variable in self._mine()}
        for variable in [variable for variable in kept if id(variable) in mine]:
            optimizer._untrack_variable(variable)
        shared = optimizer.__dict__.get("_glidepath_variables", [])
        shared[:] = [variable for variable in shared if id(variable) not in mine]
        self.model.train_function = None

    def trace(self, rate: float | None = None) -> float | None:
        """Tr(P^−½ΣP^−½) with P^−1 including the rate; None before there is enough to tell.

        Args:
            rate: the learning rate; the optimizer's own if None.
        """
        count = 0.0 if self._count is None else float(ops.convert_to_numpy(self._count))
        if count < ENOUGH:
            return None
        optimizer = self._optimizer
        if rate is None:
            rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        momentum = float(getattr(optimizer, "momentum", 0.0))
        every = optimizer.gradient_accumulation_steps or 1
        total = 0.0
        for index, square in enumerate(self._square):
            variance = ops.convert_to_numpy(square) / (2 * (count - 1)) / every
            total += float(np.sum(variance / self._preconditioner(index)))
        return rate / (1 - momentum) * total

    def _note(self, grads: Any, weights: Any) -> None:
        """Part of the compiled step: the square of how far each gradient lies from the last."""
        scale = self._optimizer.loss_scale_factor
        order = {id(w): index for index, w in enumerate(self._optimizer._trainable_variables)}
        indices = range(len(grads)) if weights is None else [order.get(id(w)) for w in weights]
        later = ops.cast(ops.convert_to_tensor(self._count) > 0, "float32")
        for index, gradient in zip(indices, grads, strict=True):
            if gradient is None or index is None:
                continue
            now = ops.cast(ops.convert_to_tensor(gradient), "float32") / (scale or 1.0)
            before, square = self._before[index], self._square[index]
            apart = now - ops.convert_to_tensor(before)
            square.assign(ops.convert_to_tensor(square) + later * ops.square(apart))
            before.assign(now)
        self._count.assign(ops.convert_to_tensor(self._count) + 1.0)

    def _preconditioner(self, index: int) -> Any:
        """What the optimizer divides a gradient by: 1, or √v + ε in Adam's family."""
        optimizer = self._optimizer
        if isinstance(optimizer, keras.optimizers.SGD):
            return 1.0
        hats = getattr(optimizer, "_velocity_hats", None) if _amsgrad(optimizer) else None
        average = ops.convert_to_numpy((hats or optimizer._velocities)[index]).astype(np.float64)
        every = optimizer.gradient_accumulation_steps or 1
        done = float(ops.convert_to_numpy(optimizer.iterations)) // every
        corrected = average / (1 - optimizer.beta_2 ** max(done, 1.0))
        return np.sqrt(corrected) + optimizer.epsilon

    def _variable(self, shape: Any, name: str) -> Any:
        variable = self._optimizer.add_variable(
            shape, dtype="float32", name=f"glidepath_noise_{name}"
        )
        space = self._optimizer.__dict__
        space.setdefault("_glidepath_variables", []).append(variable)
        return variable

    def _mine(self) -> list[Any]:
        return [*self._before, *self._square, self._count]

    def _save(self, store: Any) -> None:
        """Only what the optimizer would save without Glidepath."""
        for index, variable in enumerate(_own(self._optimizer)):
            store[str(index)] = ops.convert_to_numpy(variable)

    def _load(self, store: Any) -> None:
        """What the optimizer would load without Glidepath."""
        optimizer = self._optimizer
        tracked, optimizer._variables = optimizer._variables, _own(optimizer)
        try:
            type(optimizer).load_own_variables(optimizer, store)
        finally:
            optimizer._variables = tracked


def _own(optimizer: Any) -> list[Any]:
    """The optimizer's variables without those that Glidepath added."""
    added = {id(variable) for variable in optimizer.__dict__.get("_glidepath_variables", [])}
    return [variable for variable in optimizer._variables if id(variable) not in added]


def _amsgrad(optimizer: Any) -> bool:
    return bool(getattr(optimizer, "amsgrad", False))
