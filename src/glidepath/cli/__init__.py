"""The command line: parse, call, print. What it does is in the rooms below."""

from glidepath.cli import analysis, demo, find  # noqa: F401  (enter their commands)
from glidepath.cli.commands import app, main

__all__ = ["app", "main"]
