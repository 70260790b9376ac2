"""TorchTrainer: a PyTorch task behind Glidepath's `Trainer` protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from glidepath.backends.torch import randomness, ranks, state
from glidepath.backends.torch.data import Batch, Source
from glidepath.backends.torch.follow import was_applied
from glidepath.backends.torch.groups import GroupValues, checked
from glidepath.backends.torch.lanes import Lanes
from glidepath.backends.torch.metric import joined
from glidepath.backends.torch.probe import pieces
from glidepath.backends.torch.task import Task
from glidepath.errors import ArgumentError, TaskError
from glidepath.training.trainer import Array, LaneTrial, Metric, Updates

_SKIPS = 100
"""So many updates in a row may be skipped for gradients that are not finite."""


@dataclass(frozen=True)
class _Snapshot:
    module: Any
    optimizer: Any
    scaler: Any
    data: Any
    generators: Any


class TorchTrainer:
    """A `Trainer` that runs a task as a plain PyTorch loop would.

    `reset` seeds Python's, NumPy's and torch's generators and builds model and optimizer anew. The
    order of tensors in memory follows from the seed and the epoch; loaders draw from generators of
    their own. On a CPU the same seed gives the same run bit for bit.

    Where `model()` returns a `DistributedDataParallel`, losses and metrics are the mean over all
    processes, so that a search or a range test decides the same in each of them.

    Args:
        task: the model, its optimizer, its loss and its data.

    Raises:
        TaskError: `model()` or `optimizer()` returns something else than it should.
    """

    def __init__(self, task: Task) -> None:
        if not isinstance(task, Task):
            raise TaskError(
                f"TorchTrainer: needs a glidepath.torch.Task, got {type(task).__name__}; give "
                "Task(model, optimizer, loss, train, validation)"
            )
        self.task = task
        self._judge = task.judge
        self._sources: dict[str, Source] = {}
        self._device: Any = None
        self._lanes = Lanes(self)
        self.reset(0)
        if self._source("train").batches < task.accumulate:
            raise TaskError(
                f"Task: an epoch has {self._source('train').batches} batches and an update takes "
                f"{task.accumulate} (accumulate); use smaller batches"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Updates in an epoch: its batches, the partial last one included, per update.

        With accumulation, batches left over at the end of an epoch count towards the next one's.
        """
        return self._source("train").batches // self.task.accumulate

    @property
    def metric(self) -> Metric:
        """What the task is judged by."""
        return self._judge.metric

    @property
    def hyperparameters(self) -> frozenset[str]:
        """What the optimizer can fly."""
        return frozenset(self._values.names)

    @property
    def has_test(self) -> bool:
        """Whether the task has test data of its own; else "test" is its validation data."""
        return self.task.test is not None

    def reset(self, seed: int) -> None:
        """A new model and optimizer and the data's order, all from `seed`."""
        randomness.seed_all(seed)
        model = self.task.model()
        if not isinstance(model, torch.nn.Module):
            raise TaskError(
                f"Task: model() must return a torch.nn.Module, got {type(model).__name__}; end "
                "the function with `return model`"
            )
        self.model = model
        """The module with the weights of now."""
        self.optimizer = checked(self.task.optimizer(model.parameters()))
        """The optimizer with the slots of now."""
        self._values = GroupValues(self.optimizer)
        self._place(next(model.parameters()).device)
        self._source("train").reset(seed)
        half = self.task.autocast_dtype == torch.float16
        self._scaler = torch.amp.GradScaler(self._device.type) if half else None
        self._applied = False
        self.optimizer.register_step_post_hook(self._note)
        model.train()

    def advance(self, values: Mapping[str, Array]) -> Updates:
        """One optimizer update per entry, at the given values.

        Hyperparameters that are not named keep what the optimizer was made with. Updates that the
        gradient scaler skips are made up for with the next batches.

        Raises:
            ArgumentError: no learning rate, one that cannot be flown, or lengths that differ.
        """
        columns = self._values.columns(values)
        names = list(columns)
        losses: list[Any] = []
        judged: list[Any] = []
        applied: dict[str, list[float]] = {name: [] for name in names}
        for row in zip(*columns.values(), strict=True):
            self._values.set(dict(zip(names, row, strict=True)))
            for name in names:
                applied[name].append(self._values.read(name))
            loss, score = self._update()
            losses.append(loss)
            judged.append(score)
        metrics = {}
        if self._judge.function is not None:
            metrics[self.metric.name] = self._of_all(_numbers(judged))
        return Updates(
            self._of_all(_numbers(losses)),
            {name: np.array(column) for name, column in applied.items()},
            metrics,
        )

    def evaluate(self, split: str) -> dict[str, float]:
        """The loss and the metric on "validation" or "test"; without test data on the first."""
        if split not in ("train", "validation", "test"):
            raise ArgumentError(
                f"evaluate: split must be 'train', 'validation' or 'test', got {split!r}"
            )
        name = "validation" if split == "test" and self.task.test is None else split
        kept = randomness.states()
        self.model.eval()
        try:
            with torch.no_grad():
                found = self._judged(self._source(name))
            return dict(zip(found, self._of_all(np.array([*found.values()])).tolist(), strict=True))
        finally:
            self.model.train()
            randomness.set_states(kept)

    def probe(self, examples: int) -> Array:
        """The losses of parts of the first validation examples; see `glidepath.training.Prober`."""
        kept = randomness.states()
        self.model.eval()
        try:
            with torch.no_grad(), self._autocast():
                parts = [
                    self.task.loss(_call(self.model, inputs), targets)
                    for inputs, targets in pieces(self._source("validation"), examples)
                ]
            return self._of_all(_numbers(parts))
        finally:
            self.model.train()
            randomness.set_states(kept)

    def advance_lanes(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> tuple[Array, list[Any]]:
        """Several trainings side by side, mapped; see `glidepath.training.Laner`."""
        return self._lanes.advance(states, values)

    def try_lanes(self, states: Sequence[Any], values: Mapping[str, Array]) -> LaneTrial:
        """Whether that gives what one by one gives; see `glidepath.training.LaneTrier`."""
        return self._lanes.trial(states, values)

    def snapshot(self) -> Any:
        """All state; with a loader it keeps the batches drawn after it, to draw them again."""
        return _Snapshot(
            state.module_state(self.model),
            state.optimizer_state(self.optimizer),
            None if self._scaler is None else self._scaler.state_dict(),
            self._source("train").mark(),
            randomness.states(),
        )

    def restore(self, state_: Any) -> None:
        """Continue from a snapshot of this trainer, bit for bit."""
        if not isinstance(state_, _Snapshot):
            raise ArgumentError(
                f"restore: needs what snapshot() returned, got {type(state_).__name__}"
            )
        state.set_module_state(self.model, state_.module)
        state.set_optimizer_state(self.optimizer, state_.optimizer)
        if self._scaler is not None:
            self._scaler.load_state_dict(state_.scaler)
        self._source("train").restore(state_.data)
        randomness.set_states(state_.generators)

    def _place(self, device: Any) -> None:
        """Let the data be where the model is."""
        if device != self._device:
            self._device = device
            self._sources.clear()

    def _source(self, split: str) -> Source:
        if split not in self._sources:
            self._sources[split] = self.task.source(split, self._device)
        return self._sources[split]

    def _note(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._applied = was_applied(optimizer)

    def _update(self) -> tuple[Any, Any]:
        """One applied update: the mean loss and metric of its batches."""
        for _ in range(_SKIPS):
            self.optimizer.zero_grad()
            found = [self._backward(self._source("train").draw()) for _ in self._parts]
            self._applied = False
            self._step()
            if self._applied:
                break
        else:
            return np.nan, np.nan
        if len(found) == 1:
            return found[0]
        return tuple(torch.stack(list(column)).mean() for column in zip(*found, strict=True))

    @property
    def _parts(self) -> range:
        return range(self.task.accumulate)

    def _backward(self, batch: Batch) -> tuple[Any, Any]:
        """Gradients of a batch; its loss and metric."""
        inputs, targets = batch
        with self._autocast():
            outputs = _call(self.model, inputs)
            loss = self.task.loss(outputs, targets)
        if not isinstance(loss, torch.Tensor) or loss.ndim != 0:
            raise TaskError(
                f"Task: loss(outputs, targets) must return one number in a tensor, got "
                f"{_kind(loss)}; take the mean over the batch"
            )
        share = loss / self.task.accumulate if self.task.accumulate > 1 else loss
        (share if self._scaler is None else self._scaler.scale(share)).backward()
        return loss.detach(), self._score(outputs, targets)

    def _step(self) -> None:
        if self.task.clip is not None:
            if self._scaler is not None:
                self._scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.task.clip)
        if self._scaler is None:
            self.optimizer.step()
        else:
            self._scaler.step(self.optimizer)
            self._scaler.update()

    def _score(self, outputs: Any, targets: Any) -> Any:
        if self._judge.function is None:
            return torch.zeros(())
        with torch.no_grad():
            return torch.as_tensor(self._judge.function(outputs, targets), dtype=torch.float32)

    def _judged(self, source: Source) -> dict[str, float]:
        """The mean loss over the examples, and the metric of all outputs."""
        total, count, outputs, wanted = 0.0, 0, [], []
        for inputs, targets in source.whole():
            with self._autocast():
                found = _call(self.model, inputs)
                loss = self.task.loss(found, targets)
            size = len(targets)
            total, count = total + float(loss) * size, count + size
            if self._judge.function is not None:
                outputs.append(found)
                wanted.append(targets)
        values = {"loss": total / count if count else float("nan")}
        if self._judge.function is not None:
            score = self._judge.function(joined(outputs), joined(wanted))
            values[self.metric.name] = float(score)
        return values

    def _of_all(self, mine: Array) -> Array:
        """The mean over the processes that train this model, or what this one has."""
        parallel = torch.nn.parallel.DistributedDataParallel
        return ranks.mean(mine) if isinstance(self.model, parallel) else mine

    def _autocast(self) -> AbstractContextManager[Any]:
        dtype = self.task.autocast_dtype
        if dtype is None:
            return nullcontext()
        context: AbstractContextManager[Any] = torch.autocast(self._device.type, dtype=dtype)
        return context


def _call(model: Any, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return model(**inputs)
    if isinstance(inputs, tuple):
        return model(*inputs)
    return model(inputs)


def _numbers(values: list[Any]) -> Array:
    """Numbers and scalars on a device, fetched at once."""
    if not values:
        return np.empty(0)
    if not any(isinstance(value, torch.Tensor) for value in values):
        return np.array(values, dtype=np.float64)
    device = next(value.device for value in values if isinstance(value, torch.Tensor))
    stacked = torch.stack([torch.as_tensor(v, device=device).double() for v in values])
    found: Array = stacked.cpu().numpy()
    return found


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"shape {tuple(shape)}"
