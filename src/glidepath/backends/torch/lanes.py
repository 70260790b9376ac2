"""Several trainings of a PyTorch task side by side: one mapped pass forward, one back, one step."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from glidepath.backends.torch import randomness, ranks, state
from glidepath.backends.torch.elementwise import is_elementwise
from glidepath.backends.torch.fleet import Fleet, Layout
from glidepath.backends.torch.state import copied
from glidepath.errors import ArgumentError, LanesError
from glidepath.training.trainer import Array, LaneTrial

if TYPE_CHECKING:
    from glidepath.backends.torch.trainer import TorchTrainer

_NEAR = 1e-4
"""How far gradients, losses and buffers may differ, as a share of their size, in float32."""


@dataclass
class _Seen:
    """What the updates of a trial came to, lane by lane."""

    losses: list[list[float]]
    gradients: list[list[Tensor]]
    """By lane and update."""
    seconds: list[float] = field(default_factory=list)
    """Of every update but the first."""
    buffers: list[dict[str, Tensor]] = field(default_factory=list)
    """Of every lane after the first update, which is before rounding can have mattered."""
    generators: Any = None
    """At the end."""


class Lanes:
    """The trainings of a trainer's task side by side."""

    def __init__(self, trainer: TorchTrainer) -> None:
        self._trainer = trainer
        self._cleared = False
        self._moving: tuple[str, ...] = ()
        self._model: Any = None
        self._mapped: Callable[..., Any]

    def advance(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> tuple[Array, list[Any]]:
        """See `glidepath.training.Laner`."""
        if not self._cleared:
            raise LanesError("no trial has shown that it can be done; call try_lanes first")
        rows = self._rows(states, values)
        losses: list[Tensor] = []
        try:
            fleet = self._begin(states)
            with _quiet():
                losses.extend(self._update(fleet, row) for row in rows)
            ends = self._ends(fleet, states)
            found = torch.stack(losses, dim=1).double().cpu().numpy() if losses else None
        except Exception as error:
            raise LanesError(_said(error), len(losses)) from error
        return np.empty((len(states), 0)) if found is None else found, ends

    def trial(self, states: Sequence[Any], values: Mapping[str, Array]) -> LaneTrial:
        """See `glidepath.training.LaneTrier`."""
        self._cleared = False
        obstacle = self._obstacle()
        if obstacle is not None:
            return LaneTrial(obstacle)
        rows = self._rows(states, values)
        alone: dict[int, _Seen] = {}
        flown, apart = 0, 0
        try:
            if not is_elementwise(self._trainer.optimizer, self._trainer._values):
                return LaneTrial(
                    "the optimizer does not change each weight by itself, in proportion to the rate"
                )
            for lane in sorted({0, len(states) - 1}):
                alone[lane] = self._alone(states[lane], rows, lane)
                apart += len(rows)
            self._moving = self._moved(states, alone)
            with _quiet():
                together = self._together(states, rows)
            flown = len(rows)
            wrong = _differing(alone, together, self._moving)
        except Exception as error:  # noqa: BLE001  what the user's own code raises, of any kind
            wrong, together = _said(error), None
        faster, self._cleared = 0.0, wrong is None
        if wrong is None and together is not None and together.seconds:
            each = float(np.mean([min(seen.seconds) for seen in alone.values()]))
            faster = each * len(states) / min(together.seconds)
        return LaneTrial(wrong, faster, apart + flown * len(states), apart + flown)

    def _obstacle(self) -> str | None:
        """What is known to need one training at a time; None where nothing is."""
        trainer = self._trainer
        if ranks.several() or isinstance(
            trainer.model, torch.nn.parallel.DistributedDataParallel | torch.nn.DataParallel
        ):
            return "the model is trained by several processes or on several devices"
        if trainer.task.autocast_dtype is not None:
            return "the task computes in mixed precision (amp)"
        hooked = any(
            getattr(tensor, "_backward_hooks", None)
            or getattr(tensor, "_post_accumulate_grad_hooks", None)
            for tensor in trainer.model.parameters()
        )
        optimizer = trainer.optimizer
        after = len(optimizer._optimizer_step_post_hooks)  # one is the trainer's own
        if hooked or optimizer._optimizer_step_pre_hooks or after > 1:
            return "there are hooks on the parameters or on the optimizer"
        return None

    def _rows(
        self, states: Sequence[Any], values: Mapping[str, Array]
    ) -> list[dict[str, list[float]]]:
        """The values of every update, lane by lane; ArgumentError where they cannot be flown."""
        first = states[0]
        if any(kept.data != first.data for kept in states):
            raise ArgumentError(
                "advance_lanes: all states must stand at the same place in the data; advance those "
                "that do not on their own"
            )
        lanes = [
            self._trainer._values.columns({name: table[lane] for name, table in values.items()})
            for lane in range(len(states))
        ]
        for name in values:
            if name != "learning_rate" and any(lane[name] != lanes[0][name] for lane in lanes):
                raise ArgumentError(
                    f"advance_lanes: every lane must have the same {name}; only the rates differ"
                )
        updates = range(len(lanes[0]["learning_rate"]))
        return [{name: [lane[name][k] for lane in lanes] for name in values} for k in updates]

    def _begin(self, states: Sequence[Any]) -> Fleet:
        """All lanes where they stand, and the trainer at their place in the data."""
        trainer, first = self._trainer, states[0]
        if any(not randomness.same(kept.generators, first.generators) for kept in states):
            raise LanesError("the lanes stand at different places in their random numbers")
        trainer.restore(first)
        if self._model is not trainer.model:
            self._map()
        state.set_module_state(self._twin, first.module)
        self._twin.train()
        layout = Layout.of(trainer.model, trainer.optimizer)
        return Fleet(
            layout,
            trainer.optimizer,
            trainer._values,
            [kept.module for kept in states],
            [kept.optimizer for kept in states],
            self._moving,
        )

    def _map(self) -> None:
        """The losses of all lanes on one batch, of a copy of the model.

        A copy, because what a model keeps of a mapped pass is of no use outside it. All lanes draw
        the same random numbers, as they do one by one from the same start.
        """
        trainer = self._trainer
        self._twin = twin = copy.deepcopy(trainer.model)
        loss = copy.deepcopy(trainer.task.loss)
        self._model = trainer.model

        def mapped(weights: Any, inputs: Any, targets: Any) -> Any:
            if isinstance(inputs, dict):
                outputs = functional_call(twin, weights, (), inputs)
            else:
                given = inputs if isinstance(inputs, tuple) else (inputs,)
                outputs = functional_call(twin, weights, given)
            return loss(outputs, targets)

        self._mapped = torch.vmap(mapped, in_dims=(0, None, None), randomness="same")

    def _update(self, fleet: Fleet, row: Mapping[str, Sequence[float]]) -> Tensor:
        """One update of all lanes; their losses."""
        trainer = self._trainer
        parts = trainer.task.accumulate
        leaves = list(fleet.weights.values())
        outside = [tensor for tensor in trainer.model.parameters() if tensor.requires_grad]
        total, losses = None, []
        for _ in range(parts):
            inputs, targets = trainer._source("train").draw()
            found = self._mapped({**fleet.weights, **fleet.buffers}, inputs, targets)
            if found.ndim != 1:
                raise LanesError("the loss is not one number per lane")
            wanted = [*leaves, *outside]
            given = torch.autograd.grad(found.sum() / parts, wanted, allow_unused=True)
            given, past = given[: len(leaves)], given[len(leaves) :]
            if any(gradient is not None for gradient in past):
                raise LanesError("the loss reaches the model's parameters past the outputs")
            if any(gradient is None for gradient in given):
                raise LanesError("some parameters have no gradient")
            joined = torch.cat([gradient.reshape(len(found), -1) for gradient in given], dim=1)
            total = joined if total is None else total.add_(joined)
            losses.append(found.detach())
        assert total is not None
        with torch.no_grad():
            if trainer.task.clip is not None:
                norms = torch.linalg.vector_norm(total, dim=1, keepdim=True)
                total.mul_((trainer.task.clip / (norms + 1e-6)).clamp(max=1.0))
            fleet.step(total, row)
        return losses[0] if parts == 1 else torch.stack(losses).mean(dim=0)

    def _ends(self, fleet: Fleet, states: Sequence[Any]) -> list[Any]:
        """A snapshot of every lane, at the place where the trainer stands."""
        place = replace(
            states[0],
            data=self._trainer._source("train").mark(),
            generators=randomness.states(),
        )
        return [
            replace(place, module=fleet.module(lane, kept.module), optimizer=fleet.slots(lane))
            for lane, kept in enumerate(states)
        ]

    def _alone(self, start: Any, rows: Sequence[Mapping[str, list[float]]], lane: int) -> _Seen:
        """The updates of one lane as the trainer makes them."""
        trainer = self._trainer
        trainer.restore(start)
        seen, clock = _Seen([[]], [[]]), self._clock
        names = [part.name for part in Layout.of(trainer.model, trainer.optimizer).parts]
        for number, row in enumerate(rows):
            began = clock()
            one = {name: np.array([value[lane]]) for name, value in row.items()}
            seen.losses[0].append(float(trainer.advance(one).losses[0]))
            if number:
                seen.seconds.append(clock() - began)
            held = dict(trainer.model.named_parameters())
            given = [held[name].grad for name in names]
            if any(gradient is None for gradient in given):
                raise LanesError("some parameters have no gradient")
            seen.gradients[0].append(torch.cat([g.reshape(-1) for g in given if g is not None]))
            if not number:
                seen.buffers.append(copied(dict(trainer.model.named_buffers())))
        seen.generators = randomness.states()
        return seen

    def _together(self, states: Sequence[Any], rows: Sequence[Mapping[str, list[float]]]) -> _Seen:
        """The updates of all lanes at once."""
        fleet = self._begin(states)
        seen, clock = _Seen([[] for _ in states], [[] for _ in states]), self._clock
        for number, row in enumerate(rows):
            began = clock()
            found = self._update(fleet, row).double().tolist()
            if number:
                seen.seconds.append(clock() - began)
            for lane, loss in enumerate(found):
                seen.losses[lane].append(loss)
                seen.gradients[lane].append(fleet.gradients[lane])
            if not number:
                seen.buffers = [fleet.moved(lane) for lane in range(len(states))]
        seen.generators = randomness.states()
        self._ends(fleet, states)
        return seen

    @property
    def _clock(self) -> Callable[[], float]:
        """On a CPU this thread's own time, which others that are busy do not lengthen."""
        return time.thread_time if self._trainer._device.type == "cpu" else time.perf_counter

    def _moved(self, states: Sequence[Any], alone: Mapping[int, _Seen]) -> tuple[str, ...]:
        """The buffers that the updates changed, or in which the lanes differ already."""
        first = states[0].module
        found = [*(kept.module for kept in states), *(seen.buffers[0] for seen in alone.values())]
        return tuple(
            name
            for name, _ in self._trainer.model.named_buffers()
            if any(not torch.equal(first[name], buffers[name]) for buffers in found)
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warning that an operation is mapped slowly: a trial takes the time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="There is a performance drop")
        yield


def _differing(alone: Mapping[int, _Seen], together: _Seen, moving: Sequence[str]) -> str | None:
    """What came out otherwise side by side; None where nothing did."""
    for lane, seen in alone.items():
        losses = np.array([seen.losses[0], together.losses[lane]])
        if not _same(torch.from_numpy(losses[0]), torch.from_numpy(losses[1])):
            return "the losses of the first updates differ from those one by one"
        pairs = zip(seen.gradients[0], together.gradients[lane], strict=True)
        if not all(_same(one, two) for one, two in pairs):
            return "the gradients of the first updates differ from those one by one"
        buffers, others = seen.buffers[0], together.buffers[lane]
        if not all(_same(buffers[name], others[name]) for name in moving):
            return "the buffers after the first update differ from those one by one"
        if not randomness.same(seen.generators, together.generators):
            return "the lanes draw other random numbers than one by one"
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors agree by their size; not finite is not finite."""
    one, other = one.double(), other.double()
    if not bool(torch.isfinite(one).all()):
        return not bool(torch.isfinite(other).all())
    return float((one - other).norm()) <= _NEAR * max(float(one.norm()), 1e-12)


def _said(error: Exception) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines()
    if isinstance(error, LanesError):
        return str(error)
    return f"{type(error).__name__}: {lines[0][:120] if lines else ''}"
