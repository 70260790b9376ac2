"""What a study asks of a task."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from glidepath.training.trainer import Trainer


@runtime_checkable
class StudyTask(Protocol):
    """Something with a name that can be opened as a trainer, here or in another process.

    It must pickle, unless the study runs in this process. A `fingerprint` (a string), where the
    task has one, is part of the study's identity: a folder is not resumed with another one. A
    `code_for(policy, plan, batch_size)`, where it has one, writes the code that the report offers.
    """

    @property
    def name(self) -> str:
        """A short name, for titles and records."""
        ...

    def open(self) -> Trainer:
        """Import the framework, load the data, build the model."""
        ...
