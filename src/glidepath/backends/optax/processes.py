"""Several processes of JAX that train together: what all of them have to agree on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


def averaged(metrics: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Named metrics as the mean over the processes that give them, the same in every process.

    In one process, or without names, they are what was given. Every process has to call it.
    """
    if not names or jax.process_count() == 1:
        return metrics
    ordered = sorted(names)
    mine = np.asarray([[name in metrics, float(metrics.get(name, 0.0))] for name in ordered])
    # As halves of float64, which JAX would round.
    gathered = multihost_utils.process_allgather(mine.view(np.uint32))
    given, values = np.moveaxis(np.ascontiguousarray(gathered).view(np.float64), -1, 0)
    found = dict(metrics)
    for index, name in enumerate(ordered):
        if given[:, index].any():
            found[name] = float(values[given[:, index] > 0, index].mean())
    return found


def of_first(pair: tuple[int, int] | None) -> tuple[int, int] | None:
    """What process 0 has here, in every process; each has to call it."""
    if jax.process_count() == 1:
        return pair
    found = multihost_utils.broadcast_one_to_all(np.asarray(pair or (-1, -1), np.int32)).tolist()
    return None if found[1] < 0 else (found[0], found[1])
