"""What a study tells while it runs: bars on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class StudyProgress(Protocol):
    """Whom a study tells how far it is."""

    def stage(self, text: str) -> None:
        """What begins now, or was found."""
        ...

    def begin(self, runs: int, done: int, updates: int) -> None:
        """So many runs in all, so many of them done before, of so many updates each."""
        ...

    def running(self, name: str, seed: int, step: int) -> None:
        """A run has come so far."""
        ...

    def ended(self, name: str, seed: int, outcome: str) -> None:
        """A run has come to its end: "finished" or "diverged"."""
        ...

    def __enter__(self) -> StudyProgress: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Silent:
    """Tells nobody."""

    def stage(self, text: str) -> None:
        pass

    def begin(self, runs: int, done: int, updates: int) -> None:
        pass

    def running(self, name: str, seed: int, step: int) -> None:
        pass

    def ended(self, name: str, seed: int, outcome: str) -> None:
        pass

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class Lines(Silent):
    """Plain lines, for logs and pipes: what begins, every divergence, and how far it is."""

    def __init__(self, write: Callable[[str], None], every: float = 10.0) -> None:
        self._write, self._every = write, every
        self._runs = self._done = 0
        self._told = -every

    def stage(self, text: str) -> None:
        self._write(text)

    def begin(self, runs: int, done: int, updates: int) -> None:
        self._runs, self._done = runs, done
        kept = f", {done} of them done before" if done else ""
        self._write(f"{runs} runs of {updates} updates{kept}")

    def ended(self, name: str, seed: int, outcome: str) -> None:
        self._done += 1
        if outcome == "diverged":
            self._write(f"{name}, seed {seed}: diverged")
        clock = time.monotonic()
        if clock - self._told >= self._every or self._done == self._runs:
            self._told = clock
            self._write(f"{self._done} of {self._runs} runs done")


class Bars(Silent):
    """A bar for the whole study and one for each run that is under way."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<24}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            transient=True,
            refresh_per_second=4,
        )
        self._whole: TaskID | None = None
        self._bars: dict[tuple[str, int], TaskID] = {}
        self._updates = 0

    def stage(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def begin(self, runs: int, done: int, updates: int) -> None:
        self._updates = updates
        self._whole = self._progress.add_task(
            "the whole study", total=runs, completed=done, unit="runs"
        )

    def running(self, name: str, seed: int, step: int) -> None:
        bar = self._bars.get((name, seed))
        if bar is None:
            bar = self._bars[name, seed] = self._progress.add_task(
                f"{name}, seed {seed}", total=self._updates, unit="updates"
            )
        self._progress.update(bar, completed=step)

    def ended(self, name: str, seed: int, outcome: str) -> None:
        bar = self._bars.pop((name, seed), None)
        if bar is not None:
            self._progress.remove_task(bar)
        if outcome == "diverged":
            self.stage(f"{name}, seed {seed}: diverged")
        assert self._whole is not None
        self._progress.advance(self._whole)

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def progress_for(console: Console) -> StudyProgress:
    """Bars on a terminal, lines elsewhere."""
    if console.is_terminal:
        return Bars(console)
    return Lines(lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True))
