"""Reading runs, predicting what another schedule would have given, and choosing a better one."""

from glidepath.analysis.prediction import Difference, Prediction, predict, predict_difference
from glidepath.analysis.reading import read_run
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun

__all__ = [
    "Difference",
    "LoggedRun",
    "Prediction",
    "RefusedError",
    "predict",
    "predict_difference",
    "read_run",
]
