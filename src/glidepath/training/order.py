"""The order of an epoch's examples, from the seed and the epoch alone."""

from __future__ import annotations

from typing import Any

import numpy as np


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """A permutation of `count` examples; the same in every framework and on every machine."""
    return np.random.default_rng([seed, epoch]).permutation(count).astype(np.int32)
