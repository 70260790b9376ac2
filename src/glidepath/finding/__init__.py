"""Which rate a model can take: range tests, and the rules that read them."""

from glidepath.finding.range_test import range_test
from glidepath.finding.result import RangeTest
from glidepath.finding.rules import RULES

__all__ = ["RULES", "RangeTest", "range_test"]
