"""The weights and slots of several trainings as one tensor each, a row per training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glidepath.backends.torch.elementwise import stand_in, toward
from glidepath.backends.torch.groups import GroupValues
from glidepath.backends.torch.state import copied
from glidepath.errors import LanesError


@dataclass(frozen=True)
class Part:
    """Where a parameter has its numbers in a row."""

    name: str
    number: int | None
    """Which of the optimizer's parameters it is; None where it is none of them."""
    begin: int
    end: int
    shape: Any


@dataclass(frozen=True)
class Layout:
    """The order of the parameters in a row: group by group, then those without a group."""

    parts: tuple[Part, ...]
    groups: tuple[tuple[Part, ...], ...]

    @staticmethod
    def of(model: Any, optimizer: Any) -> Layout:
        """The layout of what is trained.

        Raises:
            LanesError: parameters of several types, none, or some that are not the model's.
        """
        names = {id(tensor): name for name, tensor in model.named_parameters()}
        place, number = 0, 0
        groups: list[tuple[Part, ...]] = []
        for group in optimizer.param_groups:
            parts = []
            for tensor in group["params"]:
                if id(tensor) not in names:
                    raise LanesError("the optimizer has parameters that are not the model's")
                if tensor.requires_grad:
                    end = place + tensor.numel()
                    parts.append(Part(names.pop(id(tensor)), number, place, end, tensor.shape))
                    place = end
                number += 1
            groups.append(tuple(parts))
        rest = []
        for name, tensor in model.named_parameters():
            if tensor.requires_grad and id(tensor) in names:
                rest.append(Part(name, None, place, place + tensor.numel(), tensor.shape))
                place += tensor.numel()
        kinds = {(t.dtype, t.device, t.layout) for t in model.parameters() if t.requires_grad}
        if len(kinds) != 1 or next(iter(kinds))[0] not in (torch.float32, torch.float64):
            raise LanesError("the parameters are not all of one type, float32 or float64")
        if not all(groups):
            raise LanesError("the optimizer has a group without parameters to train")
        return Layout(
            tuple(part for group in groups for part in group) + tuple(rest), tuple(groups)
        )


class Fleet:
    """Several trainings of one model, updated by one step of an optimizer like its own.

    Args:
        layout: of a row.
        optimizer: what the step is made like.
        values: its hyperparameters.
        modules: the state of every training's module.
        slots: every training's `optimizer_state`.
        moving: the buffers that training changes.
    """

    def __init__(
        self,
        layout: Layout,
        optimizer: Any,
        values: GroupValues,
        modules: Sequence[Mapping[str, Any]],
        slots: Sequence[Mapping[str, Any]],
        moving: Sequence[str],
    ) -> None:
        self._layout, self._kept = layout, slots
        rows = [torch.cat([m[part.name].reshape(-1) for part in layout.parts]) for m in modules]
        self._flat = torch.stack(rows)
        self._old = torch.empty_like(self._flat)
        self.weights = {
            part.name: self._view(self._flat, part).detach().requires_grad_()
            for part in layout.parts
        }
        """By name, with the lanes in front: leaves that gradients are taken of."""
        self.buffers = {name: torch.stack([m[name] for m in modules]) for name in moving}
        """The buffers that training changes, with the lanes in front."""
        self.gradients: Tensor
        """Of the last update, a row per lane, clipped."""
        self._own = [
            self._flat[:, parts[0].begin : parts[-1].end].detach() for parts in layout.groups
        ]
        self._optimizer = stand_in(optimizer, [[own] for own in self._own])
        self._values = values.onto(self._optimizer)
        for number, parts in enumerate(layout.groups):
            self._load(number, parts)

    def step(self, gradients: Tensor, rows: Mapping[str, Sequence[float]]) -> None:
        """One update of all lanes, each at its own rate.

        Args:
            gradients: a row per lane.
            rows: of every hyperparameter one value per lane; only the rate's may differ.
        """
        self.gradients = gradients
        rates = rows["learning_rate"]
        top = max(rates)
        self._values.set({**{name: row[0] for name, row in rows.items()}, "learning_rate": top})
        for own, parts in zip(self._own, self._layout.groups, strict=True):
            own.grad = gradients[:, parts[0].begin : parts[-1].end]
        self._old.copy_(self._flat)
        self._optimizer.step()
        if min(rates) < top:
            shares = torch.tensor(rates, dtype=torch.float64) / top
            toward(self._old, self._flat, shares.to(self._flat))

    def module(self, lane: int, base: Mapping[str, Any]) -> dict[str, Any]:
        """The state of a lane's module; what training does not change is the base's."""
        row = self._flat[lane].clone()
        mine = {
            part.name: row[part.begin : part.end].view(part.shape) for part in self._layout.parts
        }
        return {**base, **mine, **self.moved(lane)}

    def moved(self, lane: int) -> dict[str, Tensor]:
        """A lane's buffers that training changes."""
        return {name: whole[lane].clone() for name, whole in self.buffers.items()}

    def slots(self, lane: int) -> dict[str, Any]:
        """The state of a lane's optimizer."""
        kept = self._kept[lane]
        found = list(kept["slots"])
        for own, parts in zip(self._own, self._layout.groups, strict=True):
            have = self._optimizer.state.get(own)
            first = parts[0].begin
            for part in parts if have else ():
                assert part.number is not None
                found[part.number] = {
                    name: value[lane, part.begin - first : part.end - first]
                    .reshape(part.shape)
                    .clone()
                    if isinstance(value, Tensor) and value.shape == own.shape
                    else copied(value)
                    for name, value in (have or {}).items()
                }
        return {"slots": found, "groups": kept["groups"]}

    def _view(self, rows: Tensor, part: Part) -> Tensor:
        return rows[:, part.begin : part.end].view(len(rows), *part.shape)

    def _load(self, number: int, parts: tuple[Part, ...]) -> None:
        """The slots of a group's parameters, joined."""
        lanes = [[kept["slots"][part.number] or {} for part in parts] for kept in self._kept]
        names = {frozenset(slots) for lane in lanes for slots in lane}
        if len(names) != 1:
            raise LanesError("the optimizer's slots differ from parameter to parameter")
        for name in next(iter(names)):
            values = [[slots[name] for slots in lane] for lane in lanes]
            own = self._optimizer.state[self._own[number]]
            own[name] = _joined(name, values, [part.shape for part in parts])


def _joined(name: str, values: list[list[Any]], shapes: list[Any]) -> Any:
    """One slot of several lanes and parameters: side by side, or the one value that all have."""
    if name != "step" and all(
        isinstance(value, Tensor) and value.shape == shape
        for lane in values
        for value, shape in zip(lane, shapes, strict=True)
    ):
        return torch.stack([torch.cat([value.reshape(-1) for value in lane]) for lane in values])
    first = values[0][0]
    for value in (value for lane in values for value in lane):
        tensors = isinstance(first, Tensor) and isinstance(value, Tensor)
        if not (torch.equal(first, value) if tensors else first is value or first == value):
            raise LanesError(
                f"the optimizer's slot {name!r} is neither a number of all parameters "
                "nor a tensor like each of them"
            )
    return copied(first)
