"""Resuming: a plan that was saved with a checkpoint against the plan of now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from glidepath.errors import ResumeError, SpecError
from glidepath.schedules import checks
from glidepath.schedules.plan import Plan
from glidepath.schedules.spec import plan_from_spec

ON_CHANGE = ("strict", "keep", "override")
"""What to do with a checkpoint of another plan: raise, fly the saved plan, fly the new one."""


def saved_plan(plan: Plan) -> dict[str, Any]:
    """A plan as a checkpoint keeps it: its spec and fingerprint, None where it has no spec."""
    try:
        return {"plan": json.loads(json.dumps(plan.to_spec())), "fingerprint": plan.fingerprint}
    except SpecError:  # a Python function has none
        return {"plan": None, "fingerprint": None}


def plan_to_fly(saved: Mapping[str, Any], plan: Plan, on_change: str, where: str = "plan") -> Plan:
    """The plan to continue with, by what a checkpoint holds and by what the program asks for.

    Args:
        saved: what `saved_plan` gave when the checkpoint was written.
        plan: the plan of now.
        on_change: "strict", "keep" or "override".
        where: what the plan is called in messages.

    Raises:
        ResumeError: the plans differ and `on_change` is "strict", with the differences line by
            line; or "keep", and the saved plan has no spec to be built from.
    """
    checks.choice("resume", "on_change", on_change, ON_CHANGE)
    now = saved_plan(plan)
    if saved.get("fingerprint") == now["fingerprint"] or on_change == "override":
        return plan
    if on_change == "strict":
        lines = "\n".join(f"  {line}" for line in differences(saved.get("plan"), now["plan"]))
        raise ResumeError(
            f"the checkpoint was written under another {where}:\n{lines}\n"
            "load it with on_change='keep' to fly the saved plan, on_change='override' to fly the "
            "new one from the saved update on, or build the plan as it was"
        )
    if saved.get("plan") is None:
        raise ResumeError(
            f"the checkpoint's {where} was a Python function, which cannot be saved, so it cannot "
            "be kept; build the same plan and load with on_change='override'"
        )
    return plan_from_spec(saved["plan"])


def differences(saved: object, new: object, path: str = "") -> list[str]:
    """What differs between two specs, one line each: where it is, what was saved, what is now."""
    return list(_differences(saved, new, path))


def _differences(saved: object, new: object, path: str) -> Iterator[str]:
    if isinstance(saved, Mapping) and isinstance(new, Mapping):
        for key in [*saved, *(key for key in new if key not in saved)]:
            inside = f"{path}.{key}" if path else str(key)
            if key not in new:
                yield f"{inside}: saved {_short(saved[key])}, now absent"
            elif key not in saved:
                yield f"{inside}: saved without, now {_short(new[key])}"
            else:
                yield from _differences(saved[key], new[key], inside)
    elif isinstance(saved, list) and isinstance(new, list) and len(saved) == len(new):
        for index, (before, after) in enumerate(zip(saved, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    elif saved != new:
        yield f"{path or 'plan'}: saved {_short(saved)}, now {_short(new)}"


def _short(value: object) -> str:
    text = "a Python function" if value is None else json.dumps(value)
    return text if len(text) <= 100 else text[:97] + "..."
