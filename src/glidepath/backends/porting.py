"""The warning for a policy that comes from another framework: same rates, different training.

Adapters say of the optimizer what makes the difference, and nothing is said where there is none:
without momentum and weight decay the same rates train alike.
"""

from __future__ import annotations

import sys
import warnings

from glidepath.errors import PortingWarning
from glidepath.schedules.origin import origins
from glidepath.schedules.policy import Policy

_NAMES = {"keras": "Keras", "optax": "Optax", "torch": "torch", "transformers": "Transformers"}
_INSIDE = ("keras",)
"""The frameworks that keep the rate inside the momentum's velocity."""
_COUPLED = ("torch",)
"""Those of which many optimizers couple weight decay to the gradient: SGD, Adam."""
_PACKAGES = {
    "glidepath",
    "accelerate",
    "jax",
    "lightning",
    "pytorch_lightning",
    "tensorflow",
    *_NAMES,
}
"""Whose frames lie between the user's line and the warning."""
_ADVICE = (
    "Find the rate anew, and prefer ramps to jumps; see 'Same rates, different training' in "
    "docs/conventions.md"
)


def warn_of_porting(
    policy: Policy, framework: str, *, momentum: str | None, decay: str | None, coupled: bool
) -> None:
    """A `PortingWarning` where a policy of another framework trains otherwise in this one.

    Args:
        policy: what is flown.
        framework: "keras", "optax" or "torch".
        momentum: the optimizer that keeps a velocity, in words; None where there is none.
        decay: the optimizer that applies weight decay, in words; None where there is none.
        coupled: whether that weight decay goes through the gradient.
    """
    for library in sorted(origins(policy)):
        reasons = []
        if momentum is not None and (library in _INSIDE) != (framework in _INSIDE):
            reasons.append(_velocity(library, framework, momentum))
        if decay is not None and coupled != (library in _COUPLED) and library != "transformers":
            reasons.append(_decay(library, decay, coupled=coupled))
        if reasons:
            here, there = _NAMES[framework], _NAMES[library]
            warnings.warn(
                f"the schedule was ported from {there} to {here}: its rates are the same, its "
                f"training may not be. {' '.join(reasons)} {_ADVICE}",
                PortingWarning,
                stacklevel=_level(),
            )


def _velocity(library: str, framework: str, optimizer: str) -> str:
    inside, outside = (
        (_NAMES[library], _NAMES[framework])
        if library in _INSIDE
        else (_NAMES[framework], _NAMES[library])
    )
    return (
        f"Momentum, with {optimizer}: {inside} keeps the rate inside the velocity, {outside} "
        f"outside, so after a change of the rate {inside}'s velocity goes on at the old one."
    )


def _decay(library: str, optimizer: str, *, coupled: bool) -> str:
    if coupled:
        return (
            f"Weight decay, with {optimizer}: it is coupled to the gradient here, and decoupled "
            f"in {_NAMES[library]}'s optimizers."
        )
    return (
        f"Weight decay, with {optimizer}: it is decoupled from the gradient here, and coupled in "
        "torch's SGD and Adam (not in its AdamW)."
    )


def _level() -> int:
    """The stack level of the user's own line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES and frame.f_back:
        level, frame = level + 1, frame.f_back
    return level
