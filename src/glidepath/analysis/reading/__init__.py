"""Reading runs from whatever logged them."""

from glidepath.analysis.reading.find import find_runs
from glidepath.analysis.reading.read import read_run

__all__ = ["find_runs", "read_run"]
