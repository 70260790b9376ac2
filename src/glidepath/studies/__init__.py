"""Many runs: policies × seeds on one task, compared, with everything on disk as it goes."""

from glidepath.studies.defaults import DEFAULTS
from glidepath.studies.progress import StudyProgress, progress_for
from glidepath.studies.result import (
    Cost,
    Difference,
    PolicyResult,
    Recommendation,
    StudyResult,
)
from glidepath.studies.study import compare, tune
from glidepath.studies.summary import summary
from glidepath.studies.task import StudyTask

__all__ = [
    "DEFAULTS",
    "Cost",
    "Difference",
    "PolicyResult",
    "Recommendation",
    "StudyProgress",
    "StudyResult",
    "StudyTask",
    "compare",
    "progress_for",
    "summary",
    "tune",
]
