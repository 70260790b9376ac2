"""Everything that Glidepath raises on purpose.

    GlidepathError
    ├── ArgumentError     an argument that cannot be right, whatever the run (also a ValueError)
    ├── PlanError         a schedule that cannot be resolved for this run (also a ValueError)
    ├── SpecError         a spec that cannot be read or written (also a ValueError)
    ├── RecordError       a run record or log that cannot be read (also a ValueError)
    ├── TaskError         a task that cannot be loaded, or is not one (also a ValueError)
    ├── ResumeError       a checkpoint of another plan, or of no plan (also a ValueError)
    ├── CheckError        a rate was applied that is not the plan's (also an AssertionError)
    ├── StudyError        a study that cannot run or resume in its folder
    ├── RefusedError      a question that logged runs cannot answer (in glidepath.analysis)
    └── MissingExtraError an optional dependency that is not installed (also an ImportError)

Every message says what was wrong, what was got, and what to do. `PortingWarning` is a warning.
"""

from __future__ import annotations


class GlidepathError(Exception):
    """The base of every error that Glidepath raises on purpose."""


class ArgumentError(GlidepathError, ValueError):
    """An argument that cannot be right: not finite, negative, unsorted, of an unknown unit."""


class PlanError(GlidepathError, ValueError):
    """A schedule that cannot be resolved to updates for the run it was given."""


class SpecError(GlidepathError, ValueError):
    """A spec that is malformed, of another version, or has unknown or missing keys."""


class RecordError(GlidepathError, ValueError):
    """A run record or log file that cannot be read."""


class TaskError(GlidepathError, ValueError):
    """A task that cannot be loaded, or that lacks what a task needs."""


class ResumeError(GlidepathError, ValueError):
    """A checkpoint that was written under another plan, or is not one of Glidepath's."""


class CheckError(GlidepathError, AssertionError):
    """A training that `gp.check` watched applied another value than the plan's."""


class StudyError(GlidepathError):
    """A study that cannot run or resume in the folder it was given."""


class LanesError(GlidepathError, RuntimeError):
    """Trainings that cannot go side by side; one by one they can.

    Args:
        message: why.
        updates: how many each of them had made by then.
    """

    def __init__(self, message: str, updates: int = 0) -> None:
        super().__init__(message)
        self.updates = updates


class PortingWarning(UserWarning):
    """A policy that was written for another framework will train otherwise in this one."""


class MissingExtraError(GlidepathError, ImportError):
    """An optional dependency that is not installed; the message names the extra to install."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is needed for this and is not installed; "
            f'run: pip install "glidepath[{extra}]"'
        )
        self.package = package
        self.extra = extra
