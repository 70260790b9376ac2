"""A stream of batches that can be returned to: what was drawn after a mark is drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from glidepath.errors import TaskError


class Mark:
    """A place on a tape. Whoever holds it can draw once more what came after it.

    What came before the oldest mark that is held is forgotten.
    """

    __slots__ = ("batch", "following", "reel")

    def __init__(self, batch: Any, reel: Iterator[Any]) -> None:
        self.batch = batch
        self.reel = reel
        self.following: Mark | None = None


class Tape:
    """Draws epoch after epoch, and goes back to any place that was kept.

    Args:
        epoch: gives an iterator over the batches of one more epoch.
    """

    def __init__(self, epoch: Callable[[], Iterator[Any]]) -> None:
        self._epoch = epoch
        self.rewind()

    def rewind(self) -> None:
        """Begin anew, with an epoch that has not been begun."""
        self._here = Mark(None, self._endless())

    def draw(self) -> Any:
        """The next batch."""
        here = self._here
        if here.following is None:
            here.following = Mark(next(here.reel), here.reel)
        self._here = here.following
        return self._here.batch

    def mark(self) -> Mark:
        """This place."""
        return self._here

    def restore(self, mark: Mark) -> None:
        """Go back to a place, however often."""
        self._here = mark

    def _endless(self) -> Iterator[Any]:
        while True:
            empty = True
            for batch in self._epoch():
                empty = False
                yield batch
            if empty:
                raise TaskError(
                    "the training data yielded no batch on a new pass; give data that can be "
                    "iterated again and again, not a generator"
                )
