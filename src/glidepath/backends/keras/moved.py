"""What a Keras optimizer makes of rates from another framework."""

from __future__ import annotations

from typing import Any

from glidepath.backends import porting
from glidepath.schedules.policy import Policy


def warn_of_porting(policy: Policy, optimizer: Any) -> None:
    """Warn where the optimizer keeps a velocity, or decays weights, otherwise than elsewhere.

    Adam's family has the rate outside of its means in every framework; SGD and RMSprop have not.
    """
    kind, momentum = type(optimizer).__name__, getattr(optimizer, "momentum", 0)
    velocity = policy.momentum is not None or momentum != 0
    decays = policy.weight_decay is not None or optimizer.weight_decay
    porting.warn_of_porting(
        policy,
        "keras",
        momentum=kind if velocity and hasattr(optimizer, "momentum") else None,
        decay=kind if decays else None,
        coupled=False,
    )
