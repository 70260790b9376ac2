"""The learning rate for another batch size: the rules and where they come from."""

from __future__ import annotations

import math

from glidepath.errors import ArgumentError
from glidepath.schedules import checks

RULES = ("linear", "sqrt")


def batch_factor(batch_size: object, rule: object) -> float:
    """What a rate tuned at `batch_size[0]` is multiplied by at `batch_size[1]`.

    Raises:
        ArgumentError: not a pair of batch sizes, or an unknown rule.
    """
    where = "scaled"
    if not isinstance(batch_size, tuple | list) or len(batch_size) != 2:
        raise ArgumentError(
            f"{where}: batch_size must be a pair (tuned at, to train with), got {batch_size!r}; "
            "give e.g. (256, 1024)"
        )
    before, after = (
        checks.count(where, f"batch_size[{i}]", size) for i, size in enumerate(batch_size)
    )
    if checks.choice(where, "rule", rule, RULES) == "linear":
        return after / before
    return math.sqrt(after / before)
