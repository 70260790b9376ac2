"""What training may change: metric-driven factors with explicit state."""

from glidepath.control.plateau import PlateauState, ReduceOnPlateau, reduce_on_plateau
from glidepath.control.protocol import MetricController
from glidepath.schedules.spec import CONTROLLERS

CONTROLLERS["reduce_on_plateau"] = reduce_on_plateau

__all__ = ["MetricController", "PlateauState", "ReduceOnPlateau", "reduce_on_plateau"]
