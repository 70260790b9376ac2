"""Where a study's jobs run: here, in processes of one thread each, or on any executor.

    with open_pool(2, on_message) as pool:
        for index, result in pool.run([(function, arguments), ...]):
            ...

A pool yields results as they come. Each process holds one trainer and computes in one thread, so
that runs are the same whichever process flew them, and two of them do not fight over cores.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol

from glidepath.errors import StudyError
from glidepath.studies import worker

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Listener = Callable[[worker.Message], None]

_SINGLE_THREAD: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NPROC": "1",  # the size of XLA's thread pools
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "JAX_CPU_ENABLE_ASYNC_DISPATCH": "false",  # no second thread to hand each step to
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several processes share an accelerator
}
_XLA = "--xla_cpu_multi_thread_eigen=false"
_GRACE = 2.0
"""Seconds that a process has to end when it is told to, before it is killed."""
_WAIT = 0.1
"""Seconds between looks at what is done."""


class Executor(Protocol):
    """The part of `concurrent.futures.Executor` that a study needs."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """A future, with `add_done_callback`, `result` and `cancel`."""
        ...


class Pool(Protocol):
    """Runs calls and yields their results as they come."""

    processes: int
    overhead: float
    """Seconds that the pool itself took in this process."""

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """(index of the call, its result), in the order in which they end."""
        ...


@contextmanager
def open_pool(workers: int | Executor, listener: Listener) -> Iterator[Pool]:
    """A pool of so many processes (1: this one), or on an executor of the caller's."""
    if not isinstance(workers, int):
        yield OnExecutor(workers)
    elif workers == 1:
        with single_threaded():
            worker.connect(listener)
            try:
                yield Here()
            finally:
                worker.close()
    else:
        with single_threaded(), _processes(workers, listener) as pool:
            yield pool


class Here:
    """Runs the calls in this process, one after the other."""

    def __init__(self) -> None:
        self.processes = 1
        self.overhead = 0.0

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        for index, (function, arguments) in enumerate(calls):
            yield index, function(*arguments)


class OnExecutor:
    """Runs the calls on an executor: processes, or whatever the caller gave."""

    def __init__(self, executor: Executor, processes: int = 1) -> None:
        self.processes = processes
        self.overhead = 0.0
        self._executor = executor

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        cpu = time.process_time()
        done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        futures = [self._submit(done, index, call) for index, call in enumerate(calls)]
        try:
            for _ in futures:
                index, future = self._next(done)
                result = _result(future)
                self.overhead += time.process_time() - cpu
                yield index, result
                cpu = time.process_time()
        finally:
            for future in futures:
                future.cancel()

    def _submit(self, done: queue.SimpleQueue[tuple[int, Any]], index: int, call: Call) -> Any:
        try:
            future = self._executor.submit(call[0], *call[1])
        except BrokenProcessPool as error:
            raise _broken() from error
        future.add_done_callback(lambda ended: done.put((index, ended)))
        return future

    def _next(self, done: queue.SimpleQueue[tuple[int, Any]]) -> tuple[int, Any]:
        while True:
            self._listen()
            try:
                return done.get(timeout=_WAIT)
            except queue.Empty:
                continue

    def _listen(self) -> None:
        """Nothing to hear from executors of the caller's."""


class _Processes(OnExecutor):
    """The same on this study's own processes, which tell of their progress."""

    def __init__(self, executor: Executor, processes: int, messages: Any, listener: Listener):
        super().__init__(executor, processes)
        self._messages, self._listener = messages, listener

    def _listen(self) -> None:
        while True:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return
            self._listener(message)


@contextmanager
def _processes(workers: int, listener: Listener) -> Iterator[Pool]:
    """Fresh processes: told to go when all is done, and made to when something went wrong."""
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    before = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(workers, context, _begin, (messages, time.time()))
    try:
        yield _Processes(executor, workers, messages, listener)
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        started = set(multiprocessing.active_children()) - before
        for process in started:
            process.terminate()
        for process in started:
            process.join(_GRACE)
            process.kill()  # does nothing to what has ended
        raise
    else:
        executor.shutdown(wait=False)
    finally:
        messages.close()


def _begin(messages: Any, born: float) -> None:
    """The start of a worker process: leave Ctrl-C to the main one, and end when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    messages.cancel_join_thread()  # what nobody reads any more must not keep the process
    worker.connect(messages.put, born)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def single_threaded() -> Iterator[None]:
    """The environment for computing in one thread, for processes started inside.

    A framework that is imported inside takes it up as well; one that was imported before does not.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    values = {name: value for name, value in _SINGLE_THREAD.items() if name not in os.environ}
    if _XLA.partition("=")[0] not in flags:
        values["XLA_FLAGS"] = f"{flags} {_XLA}".strip()
    old = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def check_sendable(what: str, value: object) -> None:
    """StudyError where a value cannot be sent to another process."""
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise StudyError(
            f"{what} cannot be sent to another process ({error}); define it at the top of a "
            "module, or use workers=1"
        ) from error


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _broken() from error


def _broken() -> StudyError:
    return StudyError(
        "a worker process ended before its job did (was it killed, or out of memory?); what is "
        "done is kept, and the same command resumes"
    )
