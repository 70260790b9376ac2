"""What the rate is: pure functions of the optimizer update. Knows NumPy and nothing else."""

from glidepath.schedules.durations import Duration
from glidepath.schedules.function import from_function
from glidepath.schedules.plan import Plan, Track
from glidepath.schedules.policy import (
    HYPERPARAMETERS,
    Controller,
    Flyable,
    Policy,
    as_policy,
    one_cycle,
)
from glidepath.schedules.recipes import (
    constant,
    cosine_decay,
    cosine_restarts,
    exponential_decay,
    exponential_ramp,
    inverse_sqrt,
    inverse_time_decay,
    linear,
    piecewise_constant,
    polynomial_decay,
    power_decay,
    step_decay,
    triangular,
    wsd,
)
from glidepath.schedules.schedule import Schedule
from glidepath.schedules.spec import (
    CONTROLLERS,
    RECIPES,
    build_recipe,
    from_spec,
    plan_from_spec,
)

__all__ = [
    "CONTROLLERS",
    "HYPERPARAMETERS",
    "RECIPES",
    "Controller",
    "Duration",
    "Flyable",
    "Plan",
    "Policy",
    "Schedule",
    "Track",
    "as_policy",
    "build_recipe",
    "constant",
    "cosine_decay",
    "cosine_restarts",
    "exponential_decay",
    "exponential_ramp",
    "from_function",
    "from_spec",
    "inverse_sqrt",
    "inverse_time_decay",
    "linear",
    "one_cycle",
    "piecewise_constant",
    "plan_from_spec",
    "polynomial_decay",
    "power_decay",
    "step_decay",
    "triangular",
    "wsd",
]
