"""A parameter group's hyperparameters under Glidepath's names: read, written, refused.

| Glidepath | in the group |
| --- | --- |
| learning_rate | `lr` |
| momentum | the first of `betas` (Adam's family), else `momentum` |
| weight_decay | `weight_decay` |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from glidepath.backends import porting
from glidepath.errors import ArgumentError
from glidepath.schedules.plan import Plan

Group = dict[str, Any]
"""One of an optimizer's `param_groups`."""


def flown_by(group: Mapping[str, Any]) -> tuple[str, ...]:
    """What can be flown in a group: what its optimizer reads from it at every update."""
    found = ["learning_rate"]
    if "betas" in group or "momentum" in group:
        found.append("momentum")
    if "weight_decay" in group:
        found.append("weight_decay")
    return tuple(found)


def read(group: Mapping[str, Any], name: str) -> float:
    """A hyperparameter as the group has it now; tensors are waited for."""
    return float(_stored(group, name))


def write(group: Group, name: str, value: float) -> None:
    """Give a group a value: tensors are filled in place, numbers replaced."""
    stored = _stored(group, name)
    if isinstance(stored, Tensor):
        stored.fill_(value)
    elif name == "learning_rate":
        group["lr"] = value
    elif name == "momentum" and "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group[name] = value


def own_tensors(groups: Iterable[Group], names: Iterable[str]) -> None:
    """Give each group tensors of its own where it has tensors for what is flown.

    torch hands one tensor to all groups when it is given `lr=tensor`; filled in place, the last
    group's value would be everyone's.
    """
    flown = tuple(names)
    for group in groups:
        for name in flown:
            stored = _stored(group, name)
            if not isinstance(stored, Tensor):
                continue
            mine = stored.detach().clone()
            if name == "learning_rate":
                group["lr"] = mine
            elif name == "momentum" and "betas" in group:
                group["betas"] = (mine, *group["betas"][1:])
            else:
                group[name] = mine


def refuse_unflown(kind: str, index: int, group: Mapping[str, Any], plan: Plan) -> None:
    """ArgumentError where a group's optimizer does not have what the plan flies."""
    can = flown_by(group)
    for name in plan.tracks:
        if name in can:
            continue
        remedy = "gp.one_cycle(..., momentum=None)" if name == "momentum" else f"{name}=None"
        raise ArgumentError(
            f"the policy flies the {name}, and {kind} has none (parameter group {index}); use "
            f"another optimizer, or a policy that leaves it alone ({remedy})"
        )
    if kind == "RMSprop" and plan.momentum is not None:
        _refuse_late_momentum(plan)


def warn_of_porting(kind: str, group: Mapping[str, Any], plan: Plan) -> None:
    """Warn of what a group's optimizer makes of rates from another framework.

    Momentum that keeps a velocity is SGD's and RMSprop's; Adam's family has the rate outside of
    its means everywhere. Of an optimizer that is not torch's own, nothing is known.
    """
    decay = kind in _COUPLED and not group.get("decoupled_weight_decay")
    velocity = "momentum" in group and (plan.momentum is not None or group["momentum"] != 0)
    decays = "weight_decay" in group and (
        plan.weight_decay is not None or group["weight_decay"] != 0
    )
    porting.warn_of_porting(
        plan.policy,
        "torch",
        momentum=kind if velocity else None,
        decay=kind if decays and decay else None,
        coupled=True,
    )


_COUPLED = ("ASGD", "Adadelta", "Adagrad", "Adam", "Adamax", "NAdam", "RAdam", "RMSprop", "SGD")
"""torch's optimizers whose weight decay is a term of the gradient."""


def _refuse_late_momentum(plan: Plan) -> None:
    """RMSprop makes its velocity at the first update, if the momentum is above 0 there."""
    assert plan.momentum is not None
    if plan.momentum(0) == 0:
        raise ArgumentError(
            "RMSprop keeps a velocity only where the momentum is above 0 at the first update, got "
            "a policy whose momentum starts at 0; start it above 0, e.g. at 0.5"
        )


def _stored(group: Mapping[str, Any], name: str) -> Any:
    if name == "learning_rate":
        return group["lr"]
    if name == "momentum" and "betas" in group:
        return group["betas"][0]
    return group[name]
