"""What a study takes, over all its sessions, measured as it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

from glidepath.studies.pool import Call, Pool
from glidepath.studies.result import Cost
from glidepath.studies.storage import Folder
from glidepath.studies.worker import Spent

_EVERY = 2.0
"""Seconds between savings."""


@dataclass
class Session:
    """What one session took so far."""

    updates: float = 0
    seconds: float = 0.0
    steps: float = 0.0
    startup: float = 0.0
    overhead: float = 0.0


class Costs:
    """The clock of a session.

    In the worker processes every second of a job is start-up, steps or overhead. In the main
    process every second that it does not wait for jobs is start-up (imports) or overhead, and while
    it waits, the processor time that it uses is overhead too.
    """

    def __init__(self, folder: Folder) -> None:
        self._began = time.perf_counter()
        self._folder = folder
        self._earlier = [_session(stored) for stored in folder.sessions()]
        self._spent = Session()
        self._waited = self._imports = 0.0
        self._pool: Pool | None = None
        self._saved = self._began

    @contextmanager
    def importing(self) -> Iterator[None]:
        """What happens inside is start-up."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._imports += time.perf_counter() - began

    def run(self, pool: Pool, calls: list[Call]) -> Iterator[tuple[int, object]]:
        """What `pool.run` yields; the waiting for it is not this process's time."""
        self._pool = pool
        results = pool.run(calls)
        while True:
            began = time.perf_counter()
            try:
                found = next(results)
            except StopIteration:
                return
            finally:
                self._waited += time.perf_counter() - began
            yield found

    def add(self, spent: Spent) -> None:
        """A job's."""
        self._spent.updates += spent.updates
        self._spent.steps += spent.steps
        self._spent.startup += spent.startup
        self._spent.overhead += spent.overhead

    def save(self, *, now: bool = False) -> None:
        """Keep what this session took so far, every few seconds or now."""
        clock = time.perf_counter()
        if self._flies and (now or clock - self._saved > _EVERY):
            self._saved = clock
            self._folder.write_sessions([asdict(one) for one in (*self._earlier, self._now())])

    def total(self) -> Cost:
        """Over all sessions, until now; one that flies nothing, and only draws again, is left out.

        That one repeats what an earlier session was charged for.
        """
        every = [*self._earlier, self._now()] if self._flies else self._earlier
        sums = {f.name: sum(getattr(one, f.name) for one in every) for f in fields(Session)}
        return Cost(**{**sums, "updates": round(sums["updates"])})

    @property
    def _flies(self) -> bool:
        return self._spent.updates > 0 or not self._earlier

    def _now(self) -> Session:
        seconds = time.perf_counter() - self._began
        pool = 0.0 if self._pool is None else self._pool.overhead
        own = seconds - self._waited - self._imports + pool
        return Session(
            self._spent.updates,
            seconds,
            self._spent.steps,
            self._spent.startup + self._imports,
            self._spent.overhead + max(0.0, own),
        )


def _session(stored: dict[str, float]) -> Session:
    return Session(**{f.name: stored.get(f.name, 0.0) for f in fields(Session)})
