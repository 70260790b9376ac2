"""Reading runs from whatever logged them."""

from glidepath.analysis.reading.read import read_run

__all__ = ["read_run"]
