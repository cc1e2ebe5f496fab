"""Work done ahead of the one who needs it: by threads, on few items at a time, in order.

Knows nothing of pictures. ``concurrent.futures`` would do but for two things: an executor
takes all items at once, and it waits for a thread that hangs, even when the program ends.
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

_FAREWELL_S = 5.0  # seconds that threads get to finish their item when a run ends early


@dataclass(frozen=True, slots=True)
class AheadConfig:
    """How far ahead, and how long to wait.

    Attributes:
        threads: how many work at once, 1 or more.
        window: items that may be waiting, in work, or done and not yet taken.
        patience: seconds that one item may take before it is given up.
    """

    threads: int
    window: int
    patience: float


def in_order(
    items: Iterable[_T],
    work: Callable[[_T], _R],
    late: Callable[[_T], _R],
    config: AheadConfig,
) -> Generator[_R, None, None]:
    """Yields ``work(item)`` for each item in order, while threads work on the next ones.

    An item that takes longer than the patience yields ``late(item)``; its thread is left
    behind, and another takes its place. Close the generator to stop early: the threads then
    finish what they have in hand, and end.

    Raises:
        Whatever ``work`` raises, at the place of its item.
    """
    crew = _Crew(work, config)
    rest = iter(items)
    try:
        waiting = deque(crew.submit(item) for item in islice(rest, config.window))
        while waiting:
            job = waiting.popleft()
            result = job.done.result() if crew.waited(job) else late(job.item)
            waiting.extend(crew.submit(item) for item in islice(rest, 1))
            yield result
    finally:
        crew.dismiss()


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class _Job(Generic[_T, _R]):
    """One item on its way.

    Attributes:
        item: what is worked on.
        done: what became of it.
        began: when a thread took it, seconds on the monotonic clock.
        thread: the one that took it.
        given_up: nobody waits for it any longer.
    """

    item: _T
    done: Future[_R] = field(default_factory=Future)
    began: float = math.inf
    thread: threading.Thread | None = None
    given_up: bool = False


class _Crew(Generic[_T, _R]):
    """Daemon threads that take jobs in the order in which they were submitted."""

    def __init__(self, work: Callable[[_T], _R], config: AheadConfig) -> None:
        self._work = work
        self._patience = config.patience
        self._jobs: queue.SimpleQueue[_Job[_T, _R] | None] = queue.SimpleQueue()
        self._dismissed = False
        self._threads = [self._hired() for _ in range(config.threads)]

    def submit(self, item: _T) -> _Job[_T, _R]:
        """Queues an item."""
        job: _Job[_T, _R] = _Job(item)
        self._jobs.put(job)
        return job

    def waited(self, job: _Job[_T, _R]) -> bool:
        """Waits for the oldest job; gives it up, and says so, when patience ends."""
        while not job.done.done():
            # A job that no thread has taken yet is next in line: those before it have ended.
            spent = max(0.0, time.monotonic() - job.began)
            if spent >= self._patience:
                self._replace(job)
                return False
            wait([job.done], self._patience - spent)
        return True

    def dismiss(self) -> None:
        """Ends all threads but those that were given up."""
        self._dismissed = True
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _FAREWELL_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _replace(self, job: _Job[_T, _R]) -> None:
        job.given_up = True
        if job.thread is not None:
            self._threads.remove(job.thread)
        self._threads.append(self._hired())

    def _hired(self) -> threading.Thread:
        thread = threading.Thread(target=self._labour, name="picturedesk ahead", daemon=True)
        thread.start()
        return thread

    def _labour(self) -> None:
        while (job := self._jobs.get()) is not None and not self._dismissed:
            job.thread = threading.current_thread()
            job.began = time.monotonic()
            try:
                job.done.set_result(self._work(job.item))
            except BaseException as error:
                job.done.set_exception(error)
            if job.given_up:
                return
