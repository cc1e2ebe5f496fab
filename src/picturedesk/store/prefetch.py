"""Prefetch: threads work on the next few items while the caller uses the current one, in order.

Knows nothing of pictures. ``concurrent.futures`` does not fit for two reasons: an executor takes
all items at once, and it waits for a hanging thread even when the program ends.
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

_SHUTDOWN_S = 5.0  # seconds that threads get to finish their item when a run ends early


@dataclass(frozen=True, slots=True)
class PrefetchConfig:
    """How many items are prefetched, and how long one may take.

    Attributes:
        threads: worker threads, 1 or more.
        window: items that may be queued, in work, or finished and not yet taken.
        patience: seconds that one item may take before it is abandoned.
    """

    threads: int
    window: int
    patience: float


def in_order(
    items: Iterable[_T],
    work: Callable[[_T], _R],
    late: Callable[[_T], _R],
    config: PrefetchConfig,
) -> Generator[_R, None, None]:
    """Yields ``work(item)`` for each item in order, while threads work on the next ones.

    An item that takes longer than the patience yields ``late(item)``. Its thread is abandoned and
    another one replaces it. Close the generator to stop early: each thread finishes its current
    item and ends.

    Raises:
        Whatever ``work`` raises, at the place of its item.
    """
    workers = _Workers(work, config)
    rest = iter(items)
    try:
        waiting = deque(workers.submit(item) for item in islice(rest, config.window))
        while waiting:
            job = waiting.popleft()
            result = job.done.result() if workers.wait_for(job) else late(job.item)
            waiting.extend(workers.submit(item) for item in islice(rest, 1))
            yield result
    finally:
        workers.stop()


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Job(Generic[_T, _R]):
    """One item and its result.

    Attributes:
        item: the argument of ``work``.
        done: the result of ``work``.
        began: when a thread took it, seconds on the monotonic clock.
        thread: the one that took it.
        abandoned: the caller no longer waits for it.
    """

    item: _T
    done: Future[_R] = field(default_factory=Future)
    began: float = math.inf
    thread: threading.Thread | None = None
    abandoned: bool = False


class _Workers(Generic[_T, _R]):
    """Daemon threads that take jobs in the order of submission."""

    def __init__(self, work: Callable[[_T], _R], config: PrefetchConfig) -> None:
        self._work = work
        self._patience = config.patience
        self._jobs: queue.SimpleQueue[_Job[_T, _R] | None] = queue.SimpleQueue()
        self._stopped = False
        self._threads = [self._start_thread() for _ in range(config.threads)]

    def submit(self, item: _T) -> _Job[_T, _R]:
        """Queues an item."""
        job: _Job[_T, _R] = _Job(item)
        self._jobs.put(job)
        return job

    def wait_for(self, job: _Job[_T, _R]) -> bool:
        """Waits for the oldest job; abandons it and returns False when the patience ends."""
        while not job.done.done():
            # A job that no thread has taken is next in the queue: all earlier ones have ended.
            spent = max(0.0, time.monotonic() - job.began)
            if spent >= self._patience:
                self._replace(job)
                return False
            wait([job.done], self._patience - spent)
        return True

    def stop(self) -> None:
        """Ends all threads except the abandoned ones."""
        self._stopped = True
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _SHUTDOWN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _replace(self, job: _Job[_T, _R]) -> None:
        job.abandoned = True
        if job.thread is not None:
            self._threads.remove(job.thread)
        self._threads.append(self._start_thread())

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="picturedesk prefetch", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            job.thread = threading.current_thread()
            job.began = time.monotonic()
            try:
                job.done.set_result(self._work(job.item))
            except BaseException as error:
                job.done.set_exception(error)
            if job.abandoned:
                return
