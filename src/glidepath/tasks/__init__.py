"""The built-in tasks, and the loader of the user's: `load_task("digits")`, `"file.py:function"`."""

from glidepath.tasks.code import code_for
from glidepath.tasks.loader import BUILT_IN, TaskReference, load_task

__all__ = ["BUILT_IN", "TaskReference", "code_for", "load_task"]
