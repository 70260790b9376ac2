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
        lines = indent(diff(saved.get("plan"), now["plan"]), "  ")
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
