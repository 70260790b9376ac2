"""Task: a loss, its parameters, an optimizer and data, as the user hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from glidepath.backends.optax.schedule import NAMES, parameters_of
from glidepath.errors import ArgumentError, TaskError
from glidepath.training.trainer import Metric

if TYPE_CHECKING:
    from glidepath.backends.optax.trainer import OptaxTrainer

_RISING = ("acc", "auc", "f1", "precision", "recall", "r2", "score", "iou", "dice")


@dataclass(frozen=True)
class Task:
    """A loss function, parameters and data, for `find`, `compare` and `tune`.

    Args:
        loss: `loss(parameters, inputs, targets)`, the mean over the batch's examples.
        parameters: `parameters(key)` makes new parameters from a JAX random key.
        optimizer: an Optax factory with `learning_rate` among its arguments: `optax.adam`,
            `functools.partial(optax.sgd, momentum=0.9)`, or a function that chains. Momentum (b1)
            and weight decay can be flown where they are arguments with a number.
        train: the training data: arrays `(inputs, targets)`; each may be a tree of arrays.
        validation: the data that decisions are made on.
        test: the data that results are reported on. None: the validation data are reported, which
            flatters whatever was chosen by them.
        batch_size: examples in a batch.
        metric: what runs are judged by: a function like `loss`, under its own name, which rises
            if it is called accuracy or the like; or `(name, function, rising)`. None: the loss.
        keyed: whether the loss takes a fourth argument `key`, a random key in training (for
            dropout) and None in evaluation.

    Raises:
        TaskError: something that is not a task, with what was got and what to do.
    """

    loss: Callable[..., Any]
    parameters: Callable[[Any], Any]
    optimizer: Callable[..., Any]
    train: Any
    validation: Any
    test: Any = None
    batch_size: int = 32
    metric: Any = None
    keyed: bool = False

    def __post_init__(self) -> None:
        for name, example in (
            ("loss", "def loss(parameters, inputs, targets): ..."),
            ("parameters", "def parameters(key): ..."),
        ):
            if not callable(getattr(self, name)):
                raise TaskError(
                    f"Task: {name} must be a function, got {type(getattr(self, name)).__name__}; "
                    f"give e.g. `{example}`"
                )
        self._check_optimizer()
        size: Any = self.batch_size
        whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if not (whole and size >= 1):
            raise TaskError(
                f"Task: batch_size must be a positive integer, got {size!r}; give e.g. 32"
            )
        self.judge  # noqa: B018 - raises where the metric is none
        for split in ("train", "validation", "test"):
            if split != "test" or self.test is not None:
                self.arrays(split)

    def arrays(self, split: str) -> Any:
        """The arrays of a split: (inputs, targets), each a tree of arrays."""
        data = getattr(self, split)
        if not isinstance(data, tuple) or len(data) != 2:
            raise TaskError(
                f"Task: {split} must be arrays (inputs, targets), got {type(data).__name__}; give "
                f"e.g. (x_{split}, y_{split})"
            )
        arrays = jax.tree.map(np.asarray, data)
        lengths = sorted({len(leaf) if leaf.ndim else 0 for leaf in jax.tree.leaves(arrays)})
        if len(lengths) != 1 or lengths[0] == 0:
            raise TaskError(
                f"Task: the arrays of {split} must have the same, positive number of rows, got "
                f"{lengths}; give one row per example in inputs and in targets"
            )
        if any(leaf.dtype.kind not in "biuf" for leaf in jax.tree.leaves(arrays)):
            raise TaskError(f"Task: the arrays of {split} must hold numbers; convert them first")
        return arrays

    @property
    def judge(self) -> tuple[Metric, Callable[..., Any] | None]:
        """The metric and its function; None where it is the loss."""
        given = self.metric
        if given is None:
            return Metric("loss", False), None
        if callable(given) and getattr(given, "__name__", "<lambda>") != "<lambda>":
            name = given.__name__
            return Metric(name, any(word in name.lower() for word in _RISING)), given
        if isinstance(given, tuple) and len(given) == 3:
            name, function, rising = given
            if isinstance(name, str) and callable(function) and isinstance(rising, bool):
                return Metric(name, rising), function
        raise TaskError(
            f"Task: metric must be a named function of (parameters, inputs, targets), or (name, "
            f"function, rising), got {given!r}; give e.g. ('accuracy', accuracy, True)"
        )

    @property
    def flown(self) -> dict[str, tuple[str, float]]:
        """What the optimizer can fly: its name there, and the value that it has by default."""
        known = parameters_of(self.optimizer)
        found = {"learning_rate": ("learning_rate", 0.0)}
        for name in ("momentum", "weight_decay"):
            for argument in NAMES[name]:
                value = known.get(argument)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[name] = (argument, float(value))
                    break
        return found

    def open(self) -> OptaxTrainer:
        """A trainer of this task."""
        from glidepath.backends.optax.trainer import OptaxTrainer

        return OptaxTrainer(self)

    def _check_optimizer(self) -> None:
        try:
            known = parameters_of(self.optimizer)
        except ArgumentError as error:
            raise TaskError(f"Task: optimizer {error}") from error
        if "learning_rate" not in known:
            raise TaskError(
                f"Task: optimizer must take learning_rate, and takes {', '.join(known)}; give e.g. "
                "optax.adam, or `lambda learning_rate: optax.chain(...)`"
            )
