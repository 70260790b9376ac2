"""What training may change: metric-driven factors with explicit state."""

from glidepath.control.greedy import Greedy, GreedyState, greedy
from glidepath.control.plateau import PlateauState, ReduceOnPlateau, reduce_on_plateau
from glidepath.control.protocol import MetricController
from glidepath.control.rollback import one_rolls_back, rollback
from glidepath.control.spikes import SpikeBackoff, SpikeState, spike_backoff
from glidepath.schedules.spec import CONTROLLERS

CONTROLLERS["reduce_on_plateau"] = reduce_on_plateau
CONTROLLERS["greedy"] = greedy
CONTROLLERS["spike_backoff"] = spike_backoff

__all__ = [
    "Greedy",
    "GreedyState",
    "MetricController",
    "PlateauState",
    "ReduceOnPlateau",
    "SpikeBackoff",
    "SpikeState",
    "greedy",
    "one_rolls_back",
    "reduce_on_plateau",
    "rollback",
    "spike_backoff",
]
