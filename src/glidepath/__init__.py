"""Glidepath finds, plans, flies and checks the learning rate of a neural network's training.

>>> import glidepath as gp
>>> schedule = gp.linear(0, 0.1, "5%") >> gp.cosine_decay(0.1, "95%")
>>> plan = schedule.plan(total="10ep", steps_per_epoch=100)
>>> float(plan(50)), float(plan(1000))
(0.1, 0.0)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from glidepath.control import greedy, reduce_on_plateau, spike_backoff
from glidepath.errors import (
    ArgumentError,
    CheckError,
    GlidepathError,
    MissingExtraError,
    PlanError,
    PortingWarning,
    RecordError,
    ResumeError,
    SpecError,
    StudyError,
    TaskError,
)
from glidepath.schedules import (
    Plan,
    Policy,
    Schedule,
    as_policy,
    constant,
    cosine_decay,
    cosine_restarts,
    exponential_decay,
    exponential_ramp,
    from_function,
    from_spec,
    inverse_sqrt,
    inverse_time_decay,
    linear,
    one_cycle,
    piecewise_constant,
    plan_from_spec,
    polynomial_decay,
    power_decay,
    step_decay,
    triangular,
    wsd,
)

if TYPE_CHECKING:
    import glidepath.compat as compat  # noqa: PLR0402 - rooms do not use the front door
    from glidepath.analysis import (
        Adviser,
        RefusedError,
        diagnose,
        optimize,
        predict,
        predict_difference,
        read_run,
        recommend_probe,
    )
    from glidepath.backends.check import check
    from glidepath.finding import Found, RangeTest, find, range_test
    from glidepath.studies import compare, tune
    from glidepath.training import RunRecord, drive, read_record

__version__ = "0.1.0"

_LATER = {
    "Adviser": "glidepath.analysis",
    "diagnose": "glidepath.analysis",
    "optimize": "glidepath.analysis",
    "predict": "glidepath.analysis",
    "predict_difference": "glidepath.analysis",
    "read_run": "glidepath.analysis",
    "recommend_probe": "glidepath.analysis",
    "check": "glidepath.backends.check",
    "Found": "glidepath.finding",
    "RangeTest": "glidepath.finding",
    "RefusedError": "glidepath.analysis",
    "RunRecord": "glidepath.training",
    "compare": "glidepath.studies",
    "drive": "glidepath.training",
    "find": "glidepath.finding",
    "range_test": "glidepath.finding",
    "read_record": "glidepath.training",
    "tune": "glidepath.studies",
}


def __getattr__(name: str) -> object:
    """The verbs, imported when they are first used, so that `import glidepath` stays light."""
    if name == "compat":
        return importlib.import_module("glidepath.compat")
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'glidepath' has no attribute {name!r}")


__all__ = [
    "Adviser",
    "ArgumentError",
    "CheckError",
    "Found",
    "GlidepathError",
    "MissingExtraError",
    "Plan",
    "PlanError",
    "Policy",
    "PortingWarning",
    "RangeTest",
    "RecordError",
    "RefusedError",
    "ResumeError",
    "RunRecord",
    "Schedule",
    "SpecError",
    "StudyError",
    "TaskError",
    "as_policy",
    "check",
    "compare",
    "compat",
    "constant",
    "cosine_decay",
    "cosine_restarts",
    "diagnose",
    "drive",
    "exponential_decay",
    "exponential_ramp",
    "find",
    "from_function",
    "from_spec",
    "greedy",
    "inverse_sqrt",
    "inverse_time_decay",
    "linear",
    "one_cycle",
    "optimize",
    "piecewise_constant",
    "plan_from_spec",
    "polynomial_decay",
    "power_decay",
    "predict",
    "predict_difference",
    "range_test",
    "read_record",
    "read_run",
    "recommend_probe",
    "reduce_on_plateau",
    "spike_backoff",
    "step_decay",
    "triangular",
    "tune",
    "wsd",
]
