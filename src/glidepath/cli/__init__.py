"""The command line: parse, call, print. What it does is in the rooms below."""

from glidepath.cli import find  # noqa: F401  (enters its command)
from glidepath.cli.commands import app, main

__all__ = ["app", "main"]
