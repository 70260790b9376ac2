"""Around the user's code: what it raises is said to be the task's fault."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from glidepath.errors import GlidepathError, TaskError

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""What frameworks colour their messages with on a terminal."""


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turn what is raised inside into a TaskError that says what failed; Ctrl-C passes through.

    Args:
        what: the user's code in words, e.g. "task() in mine.py".

    Raises:
        TaskError: anything that was raised inside and is not one of Glidepath's own errors.
    """
    try:
        yield
    except GlidepathError:
        raise
    except (Exception, SystemExit) as error:
        said = _COLOURS.sub("", str(error)).strip() or "no message"
        raise TaskError(
            f"{what} failed with {type(error).__name__}: {said}; run it by itself to see where"
        ) from error
