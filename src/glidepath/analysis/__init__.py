"""Reading runs, predicting what another schedule would have given, and choosing a better one."""

from glidepath.analysis.diagnosis import Diagnosis, Finding, diagnose
from glidepath.analysis.optimisation import Recommendation, optimize, recommend_probe
from glidepath.analysis.prediction import Difference, Prediction, predict, predict_difference
from glidepath.analysis.reading import find_runs, read_run
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun

__all__ = [
    "Diagnosis",
    "Difference",
    "Finding",
    "LoggedRun",
    "Prediction",
    "Recommendation",
    "RefusedError",
    "diagnose",
    "find_runs",
    "optimize",
    "predict",
    "predict_difference",
    "read_run",
    "recommend_probe",
]
