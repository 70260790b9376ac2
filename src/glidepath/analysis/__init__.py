"""Reading runs, predicting what another schedule would have given, and choosing a better one."""

from glidepath.analysis.advice import Advice, Adviser
from glidepath.analysis.diagnosis import Decay, Diagnosis, diagnose
from glidepath.analysis.findings import Finding
from glidepath.analysis.laws import noise_gain
from glidepath.analysis.optimisation import Recommendation, optimize, recommend_probe
from glidepath.analysis.prediction import Difference, Prediction, predict, predict_difference
from glidepath.analysis.reading import find_runs, read_run
from glidepath.analysis.refusal import RefusedError
from glidepath.analysis.run import LoggedRun

__all__ = [
    "Advice",
    "Adviser",
    "Decay",
    "Diagnosis",
    "Difference",
    "Finding",
    "LoggedRun",
    "Prediction",
    "Recommendation",
    "RefusedError",
    "diagnose",
    "find_runs",
    "noise_gain",
    "optimize",
    "predict",
    "predict_difference",
    "read_run",
    "recommend_probe",
]
