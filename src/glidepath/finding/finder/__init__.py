"""The finder: the peak rate at which a policy's shape trains best over a whole budget."""

from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.find import find
from glidepath.finding.finder.found import Cost, Curve, Found, Lane
from glidepath.finding.finder.lanes import probe

__all__ = ["EFFORTS", "Cost", "Curve", "Found", "Lane", "find", "probe"]
