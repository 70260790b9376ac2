"""The built-in tasks, and the loader of the user's: `load_task("digits")`, `"file.py:function"`."""

from glidepath.tasks.loader import BUILT_IN, TaskReference, load_task

__all__ = ["BUILT_IN", "TaskReference", "load_task"]
