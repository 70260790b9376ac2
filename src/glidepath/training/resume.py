"""Resuming: a plan that was saved with a checkpoint against the plan of now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from glidepath.errors import ResumeError, SpecError
from glidepath.schedules import checks
from glidepath.schedules.mismatch import diff
from glidepath.schedules.plan import Plan
from glidepath.schedules.spec import plan_from_spec

ON_CHANGE = ("strict", "keep", "override")
"""What to do with a checkpoint of another plan: raise, fly the saved plan, fly the new one."""


def saved_plan(plan: Plan, made: Plan | None = None) -> dict[str, Any]:
    """A plan as a checkpoint keeps it: its spec and fingerprint, None where it has no spec.

    Args:
        plan: what is flown.
        made: the plan that the program made, where it was changed in flight (extended, cooled
            down). It is kept under "made", and the same program resumes the changed plan.
    """
    found = _saved(plan)
    if made is not None and made is not plan:
        found["made"] = _saved(made)
    return found


def plan_to_fly(saved: Mapping[str, Any], plan: Plan, on_change: str, where: str = "plan") -> Plan:
    """The plan to continue with, by what a checkpoint holds and by what the program asks for.

    Args:
        saved: what `saved_plan` gave when the checkpoint was written.
        plan: the plan of now.
        on_change: "strict", "keep" or "override".
        where: what the plan is called in messages.

    Returns:
        The plan of now where it is the one that was saved, or under "override"; the saved one
        under "keep", and where the program's plan is the same and was changed in flight.

    Raises:
        ResumeError: the plans differ and `on_change` is "strict", with the differences line by
            line; or the saved plan is to be flown and has no spec to be built from.
    """
    checks.choice("resume", "on_change", on_change, ON_CHANGE)
    now, made = _saved(plan), saved.get("made")
    if on_change == "override":
        return plan
    functions = made is not None and now["fingerprint"] is None  # which all look alike
    if saved.get("fingerprint") == now["fingerprint"] and not functions:
        return plan
    changed = made is not None and made.get("fingerprint") == now["fingerprint"]
    if on_change == "strict" and not changed:
        lines = indent(diff((made or saved).get("plan"), now["plan"]), "  ")
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


def _saved(plan: Plan) -> dict[str, Any]:
    try:
        return {"plan": json.loads(json.dumps(plan.to_spec())), "fingerprint": plan.fingerprint}
    except SpecError:  # a Python function has none
        return {"plan": None, "fingerprint": None}
