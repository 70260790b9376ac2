"""From a reference on the command line to a trainer: built-in names and `file.py:function`."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glidepath.errors import MissingExtraError, TaskError
from glidepath.schedules.plan import Plan
from glidepath.schedules.policy import Policy
from glidepath.tasks.code import code_for
from glidepath.training.blame import blamed
from glidepath.training.trainer import Trainer

BUILT_IN = ("digits", "digits-cnn", "breast-cancer", "diabetes")
"""The built-in tasks, by the names that the command line uses."""


@dataclass(frozen=True)
class TaskReference:
    """A task that can be opened here or, because it pickles, in another process."""

    reference: str
    """A built-in name, or the absolute path of a file and a function: "/path/file.py:function"."""
    name: str
    """A short name, fit for titles and file names."""
    framework: str = "keras"

    @property
    def engine(self) -> str | None:
        """What Keras will run on, "jax" where nobody says otherwise; None for other frameworks."""
        if self.framework != "keras":
            return None
        keras: Any = sys.modules.get("keras")
        if keras is not None:
            return str(keras.config.backend())
        return os.environ.get("KERAS_BACKEND") or "jax"

    @property
    def fingerprint(self) -> str:
        """Changes with the task: the built-in name, or the content of the user's file."""
        if self.reference in BUILT_IN:
            return self.reference
        path = self.reference.rpartition(":")[0]
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
        return f"{self.name}:{digest}"

    def code_for(self, policy: Policy, plan: Plan, batch_size: int | None = None) -> str:
        """The code to paste that trains with `policy` for as many epochs as `plan`."""
        epochs = (plan.total_steps or 1) // (plan.steps_per_epoch or 1)
        code = code_for(policy, self.framework, max(1, epochs), batch_size)
        if plan.steps_per_epoch is None:
            return code
        note = f"# The study made {plan.steps_per_epoch} updates an epoch: keep its batch size."
        return f"{note}\n{code}"

    def open(self) -> Trainer:
        """Import the framework, load the data and build the model.

        Where neither the environment (`KERAS_BACKEND`) nor an earlier import of Keras says which
        engine to use, it is JAX; a choice in `~/.keras/keras.json` alone does not count, so that a
        study runs the same for everyone.

        Raises:
            TaskError: the file, its function or what it returns is not a task.
            MissingExtraError: Keras or scikit-learn is not installed.
        """
        if "keras" not in sys.modules:
            os.environ.setdefault("KERAS_BACKEND", "jax")
        task = _builtin(self.reference) if self.reference in BUILT_IN else _from_file(self)
        with blamed(f"opening {self.name}"):
            opens = getattr(task, "open", None)
            trainer = opens() if callable(opens) else None
        if not isinstance(trainer, Trainer):
            raise TaskError(
                f"{self.reference} must return the Task of glidepath.keras, glidepath.torch or "
                f"glidepath.optax, got {type(task).__name__}; end the function with "
                "`return Task(...)`"
            )
        return trainer


def load_task(reference: str) -> TaskReference:
    """The task of a built-in name ("digits"), or of `path/to/file.py:function`.

    The function takes no arguments and returns the `Task` of `glidepath.keras`, `glidepath.torch`
    or `glidepath.optax`. The file is imported only when the task is opened, with its own folder
    first on the import path.

    Raises:
        TaskError: an unknown name, no such file, or a reference without a function.
    """
    if not isinstance(reference, str) or not reference:
        raise TaskError(f"a task is a name or 'file.py:function', got {reference!r}; give one")
    if reference in BUILT_IN:
        return TaskReference(reference, reference)
    path, found, function = reference.rpartition(":")
    if not found or not function.isidentifier() or not path:
        raise TaskError(
            f"there is no task {reference!r}; the built-in tasks are {', '.join(BUILT_IN)}, and "
            "your own is 'path/to/file.py:function'"
        )
    where = Path(path).expanduser()
    if where.suffix != ".py" or not where.is_file():
        raise TaskError(
            f"there is no Python file {path!r} for the task {reference!r}; give the path of the "
            ".py file before the colon"
        )
    name = f"{where.stem}.{function}"
    return TaskReference(f"{where.resolve()}:{function}", name, _framework(where))


def _framework(path: Path) -> str:
    """The framework of the Task that a file imports, read without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # opening the task will say so
        return "keras"
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
    others = (name for name in ("torch", "optax") if f"glidepath.{name}" in imported)
    return next(others, "keras")


def _builtin(name: str) -> Any:
    try:
        module = importlib.import_module("glidepath.tasks.builtin")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        raise MissingExtraError("scikit-learn", "keras") from error
    return module.TASKS[name]()


def _from_file(task: TaskReference) -> Any:
    path, _, name = task.reference.rpartition(":")
    function = getattr(_module(Path(path)), name, None)
    if not callable(function):
        raise TaskError(
            f"{path} has no function {name!r}, got {type(function).__name__}; define "
            f"`def {name}(): ...` that returns the Task of glidepath.keras, "
            "glidepath.torch or glidepath.optax"
        )
    with blamed(f"{name}() in {path}"):
        return function()


def _module(path: Path) -> Any:
    name = f"glidepath_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.modules[name] = module
    with blamed(f"importing {path}"):
        spec.loader.exec_module(module)
    return module
