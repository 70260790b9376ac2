"""A file that is written while a run goes on, and closed with it."""

from __future__ import annotations

from types import TracebackType
from typing import IO, Any, Self


class OpenFile:
    """What writes to one open file: a context that closes it."""

    _file: IO[Any]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
