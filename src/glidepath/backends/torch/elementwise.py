"""Whether an optimizer can update several trainings at once, found out on the optimizer itself.

One step over the trainings' weights as one long tensor, at one rate for all, is every training's
own step if the optimizer changes each number by itself and in proportion to the rate. Gradients
that are clipped inside, trust ratios, factored moments and averages of the weights are not so.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from glidepath.backends.torch.groups import GroupValues
from glidepath.backends.torch.state import copied

_STEPS = 12
"""Steps that are compared: more than the usual interval of a look-ahead."""
_WIDEST = 3
"""The longest side of the tensors that stand in for the weights."""
_RATES = (0.1, 0.03, 0.001)
"""One per training."""
_TIGHT = 100.0
"""Roundings of the largest number by which the results may differ."""


def stand_in(optimizer: Any, parameters: Sequence[Sequence[Tensor]]) -> Any:
    """An optimizer with the same groups over other parameters, without slots and hooks.

    Args:
        optimizer: what it is made like, by way of `copy.copy`.
        parameters: for every group.
    """
    other = copy.copy(optimizer)
    other.state = defaultdict(dict)
    other.param_groups = [
        {
            "params": list(given),
            **{key: copied(value) for key, value in group.items() if key != "params"},
        }
        for group, given in zip(optimizer.param_groups, parameters, strict=True)
    ]
    return other


def toward(old: Tensor, new: Tensor, shares: Tensor) -> None:
    """Let every row of `new` go only so far from `old`."""
    torch.lerp(old, new, shares[:, None], out=new)


def is_elementwise(optimizer: Any, values: GroupValues) -> bool:
    """Whether steps of several trainings at once are the steps of each.

    Small random tensors of the same kinds stand in for the weights, with random gradients whose
    size differs by orders of magnitude from training to training and from step to step.
    """
    generator = torch.Generator().manual_seed(0)
    groups = [_small(group["params"], generator) for group in optimizer.param_groups]
    owner = next(tensor for group in optimizer.param_groups for tensor in group["params"])
    alone = [[[own.clone() for own in group] for group in groups] for _ in _RATES]
    flat = [
        torch.stack([torch.cat([own.reshape(-1) for own in group])] * len(_RATES))
        for group in groups
    ]
    single = [stand_in(optimizer, lane) for lane in alone]
    whole = stand_in(optimizer, [[group] for group in flat])
    rates = torch.tensor(_RATES, dtype=owner.dtype, device=owner.device)
    for step in range(_STEPS):
        old = [group.clone() for group in flat]
        for number, group in enumerate(flat):
            scales = 10.0 ** (4 * torch.rand(len(_RATES), 1, generator=generator) - 2)
            drawn = scales * torch.randn(group.shape, generator=generator)
            group.grad = drawn.to(owner.device, owner.dtype)
            for lane, row in enumerate(group.grad):
                _split(row, alone[lane][number])
        for lane, each in enumerate(single):
            _fly(each, values, _RATES[lane], step)
        _fly(whole, values, max(_RATES), step)
        for before, group in zip(old, flat, strict=True):
            toward(before, group, rates / max(_RATES))
    return all(
        _close(group[lane], torch.cat([own.reshape(-1) for own in alone[lane][number]]))
        for number, group in enumerate(flat)
        for lane in range(len(_RATES))
    )


def _fly(optimizer: Any, values: GroupValues, rate: float, step: int) -> None:
    """One step, with all that policies fly."""
    asked = {"momentum": 0.9 - 0.01 * step, "weight_decay": 0.01 * (step + 1)}
    flown: Mapping[str, float] = {name: asked[name] for name in values.names if name in asked}
    values.onto(optimizer).set({**flown, "learning_rate": rate * (1 - 0.05 * step)})
    optimizer.step()


def _small(parameters: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Two tensors for every number of axes that the parameters have."""
    found = []
    for axes in sorted({tensor.ndim for tensor in parameters}):
        tensor = next(each for each in parameters if each.ndim == axes)
        sides = [min(side, _WIDEST) for side in tensor.shape]
        for _ in range(2):
            drawn = torch.randn(sides, generator=generator)
            found.append(drawn.to(tensor.device, tensor.dtype))
    return found


def _split(row: Tensor, tensors: Sequence[Tensor]) -> None:
    """Give tensors their shares of a row of gradients."""
    shares = torch.split(row, [tensor.numel() for tensor in tensors])
    for tensor, share in zip(tensors, shares, strict=True):
        tensor.grad = share.reshape(tensor.shape).clone()


def _close(one: Tensor, other: Tensor) -> bool:
    if not bool(torch.isfinite(other).all()):
        return False
    room = _TIGHT * torch.finfo(one.dtype).eps * float(other.abs().max())
    return bool(((one - other).abs() <= room).all())
