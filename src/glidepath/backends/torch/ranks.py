"""Several processes that train together: what all of them have to agree on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch

from glidepath.training.trainer import Array


def several() -> bool:
    """Whether `torch.distributed` runs more than one process."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return False
    return bool(torch.distributed.get_world_size() > 1)


def first() -> bool:
    """Whether this process decides for all: the only one, or number 0."""
    return not several() or torch.distributed.get_rank() == 0


def averaged(metrics: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Named metrics as the mean over the processes that give them, the same in every process.

    In one process, or without names, they are what was given. Every process has to call it.
    """
    if not names or not several():
        return metrics
    mine = {name: float(metrics[name]) for name in sorted(names) if name in metrics}
    given: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(given, mine)
    found: dict[str, Any] = dict(metrics)
    for name in names:
        values = [each[name] for each in given if name in each]
        if values:
            found[name] = sum(values) / len(values)
    return found


def mean(mine: Array) -> Array:
    """The mean over the processes of an array of one shape, the same in every process.

    Every process has to call it. Where one has NaN, all have.
    """
    if not several():
        return mine
    given: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(given, mine)
    found: Array = np.mean(given, axis=0)
    return found


def of_first(value: Any) -> Any:
    """What process 0 has here, in every process; each has to call it."""
    if not several():
        return value
    holder = [value]
    torch.distributed.broadcast_object_list(holder, src=0)
    return holder[0]
