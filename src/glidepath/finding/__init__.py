"""Which rate a model can take, and which is best: range tests with their rules, and the finder."""

from glidepath.finding.finder import Cost, Curve, Found, Lane, find
from glidepath.finding.full_runs import FullRuns, grid_search, random_search
from glidepath.finding.peers import PEERS, peer_suggestion
from glidepath.finding.range_test import range_test
from glidepath.finding.result import RangeTest
from glidepath.finding.rules import RULES

__all__ = [
    "PEERS",
    "RULES",
    "Cost",
    "Curve",
    "Found",
    "FullRuns",
    "Lane",
    "RangeTest",
    "find",
    "grid_search",
    "peer_suggestion",
    "random_search",
    "range_test",
]
