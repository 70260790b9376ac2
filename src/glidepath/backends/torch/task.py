"""Task: a model, its optimizer, its loss and its data, as the user hands them over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from glidepath.backends.torch.data import Source, as_source
from glidepath.backends.torch.metric import Judge, as_judge
from glidepath.errors import TaskError

if TYPE_CHECKING:
    from glidepath.backends.torch.trainer import TorchTrainer

_AMP = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Task:
    """A model and its data, for `find`, `compare` and `tune`.

    Training takes place on the device on which `model()` builds.

    Args:
        model: a function without arguments that builds a new module each time.
        optimizer: a function of the module's parameters that makes the optimizer. Groups of
            different rates keep their ratios while a rate is flown.
        loss: a function of outputs and targets: one number, the mean over the batch's examples.
        train: the training data: a pair `(inputs, targets)` of tensors, or a `DataLoader` (or
            anything with a length) that yields such pairs. Several inputs are a tuple or a
            dictionary, which the model is called with.
        validation: the data that decisions are made on.
        test: the data that results are reported on. None: the validation data are reported, which
            flatters whatever was chosen by them.
        batch_size: examples in a batch of the tensors, 32 if None; loaders have their own.
        metric: what runs are judged by: "accuracy", "mean_absolute_error", "mean_squared_error",
            or `(name, function, rising)` with a function of all outputs and targets; the loss if
            None.
        clip: the largest norm of the gradients, as `torch.nn.utils.clip_grad_norm_` has it.
        accumulate: batches that make one update; the loss is their mean.
        amp: "bfloat16" or "float16" (with a gradient scaler), for `torch.autocast`.

    Raises:
        TaskError: something that is not a task, with what was got and what to do.
    """

    model: Callable[[], Any]
    optimizer: Callable[[Any], Any]
    loss: Callable[[Any, Any], Any]
    train: Any
    validation: Any
    test: Any = None
    batch_size: int | None = None
    metric: str | tuple[str, Callable[[Any, Any], Any], bool] | None = None
    clip: float | None = None
    accumulate: int = 1
    amp: str | torch.dtype | None = None

    def __post_init__(self) -> None:
        if not callable(self.model) or isinstance(self.model, torch.nn.Module):
            raise TaskError(
                f"Task: model must be a function that builds a module, got "
                f"{type(self.model).__name__}; give e.g. `lambda: Net()`"
            )
        if not callable(self.optimizer):
            raise TaskError(
                f"Task: optimizer must be a function of the parameters, got "
                f"{type(self.optimizer).__name__}; give e.g. "
                "`lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9)`"
            )
        if not callable(self.loss):
            raise TaskError(
                f"Task: loss must be a function of outputs and targets, got "
                f"{type(self.loss).__name__}; give e.g. torch.nn.functional.cross_entropy"
            )
        for name in ("batch_size", "accumulate"):
            self._check_count(name)
        clip: Any = self.clip
        if clip is not None and not (isinstance(clip, int | float) and 0 < clip < float("inf")):
            raise TaskError(f"Task: clip must be a number above 0 or None, got {clip!r}; give 1.0")
        self.autocast_dtype  # noqa: B018  raises where amp is not one
        as_judge(self.metric)
        for split in ("train", "validation", "test"):
            if split != "test" or self.test is not None:
                self.source(split, "cpu")

    def source(self, split: str, device: Any) -> Source:
        """The data of a split ("train", "validation" or "test") on a device."""
        return as_source(split, getattr(self, split), self.batch_size, device)

    @property
    def judge(self) -> Judge:
        """The metric with its function."""
        return as_judge(self.metric)

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """What `torch.autocast` computes in; None without AMP."""
        if self.amp is None or self.amp in _AMP.values():
            return self.amp
        if isinstance(self.amp, str) and self.amp in _AMP:
            return _AMP[self.amp]
        raise TaskError(f"Task: amp must be 'bfloat16', 'float16' or None, got {self.amp!r}")

    def open(self) -> TorchTrainer:
        """A trainer of this task."""
        from glidepath.backends.torch.trainer import TorchTrainer

        return TorchTrainer(self)

    def _check_count(self, name: str) -> None:
        value: Any = getattr(self, name)
        if value is None and name == "batch_size":
            return
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not (whole and value >= 1):
            raise TaskError(f"Task: {name} must be a positive integer, got {value!r}; give e.g. 32")
