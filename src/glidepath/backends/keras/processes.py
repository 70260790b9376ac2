"""Several processes that train one model under Keras: what all of them have to agree on."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from glidepath.backends.keras import ENGINE


def several() -> int:
    """How many processes train together, as the engine knows it."""
    if ENGINE == "jax":
        return int(importlib.import_module("jax").process_count())
    distributed = _distributed()
    return 1 if distributed is None else int(distributed.get_world_size())


def first() -> bool:
    """Whether this process writes the files of all: the only one, or number 0."""
    if ENGINE == "jax":
        return bool(importlib.import_module("jax").process_index() == 0)
    distributed = _distributed()
    return distributed is None or bool(distributed.get_rank() == 0)


def of_first(pair: tuple[int, int] | None) -> tuple[int, int] | None:
    """What process 0 has here, in every process; each has to call it."""
    if several() == 1:
        return pair
    if ENGINE == "jax":
        utils = importlib.import_module("jax.experimental.multihost_utils")
        found = utils.broadcast_one_to_all(np.asarray(pair or (-1, -1), np.int32)).tolist()
        return None if found[1] < 0 else (found[0], found[1])
    holder = [pair]
    _distributed().broadcast_object_list(holder, src=0)
    return holder[0]


def _distributed() -> Any:
    """`torch.distributed` where Keras runs on torch and processes have met; else None."""
    if ENGINE != "torch":
        return None
    distributed = importlib.import_module("torch").distributed
    return distributed if distributed.is_available() and distributed.is_initialized() else None
