"""Prefetch: threads work on the next few items while the caller uses the current one, in order.

All items in work share one budget, for example of memory. Knows nothing of pictures.
``concurrent.futures`` does not fit for two reasons: an executor takes all items at once, and it
waits for a hanging thread even when the program ends.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

Claim = Callable[[int], None]
"""Claims a share of the budget for one item, once; waits until there is room for it."""

_SHUTDOWN_S = 5.0  # seconds that threads get to finish their item when a run ends early


@dataclass(frozen=True, slots=True)
class PrefetchConfig:
    """How many items are prefetched, and how long one may take.

    Attributes:
        threads: worker threads, 1 or more.
        window: items that may be queued, in work, or finished and not yet taken.
        patience: seconds that one item may take before it is abandoned; waiting for room in the
            budget does not count.
        budget: largest sum of the shares of all items in work, in the caller's unit.
        clock: seconds that patience is counted in; tests bring their own.
    """

    threads: int
    window: int
    patience: float
    budget: float = math.inf
    clock: Callable[[], float] = time.monotonic


def in_order(
    items: Iterable[_T],
    work: Callable[[_T, Claim], _R],
    late: Callable[[_T], _R],
    config: PrefetchConfig,
) -> Generator[_R, None, None]:
    """Yields ``work(item, claim)`` for each item in order, while threads work on the next ones.

    Before ``work`` uses much of what the budget limits, it calls ``claim(share)``, at most once.
    The call waits until the shares of all items in work fit the budget; a share larger than the
    whole budget waits until no other is held. A share ends with its item. As an item never claims
    twice, none waits while it holds a share, so there is no deadlock; and as only the items of one
    window are in work, an item waits for those at most.

    An item that takes longer than the patience yields ``late(item)``. Its share ends, its thread is
    abandoned and another one replaces it. Close the generator to stop early: each thread finishes
    its current item and ends.

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


class _GivenUp(Exception):
    """Ends the work on an item that nobody waits for any more; no caller sees it."""


@dataclass(slots=True, eq=False)
class _Job(Generic[_T, _R]):
    """One item and its result.

    Attributes:
        item: the argument of ``work``.
        done: the result of ``work``.
        began: when a thread took it, seconds on the clock, later by the time that it waited for
            room; infinite while it is not in work or waits.
        thread: the one that took it.
        share: its share of the budget; None before it claims one.
        abandoned: the caller no longer waits for it.
    """

    item: _T
    done: Future[_R] = field(default_factory=Future)
    began: float = math.inf
    thread: threading.Thread | None = None
    share: int | None = None
    abandoned: bool = False


class _Workers(Generic[_T, _R]):
    """Daemon threads that take jobs in the order of submission and share a budget."""

    def __init__(self, work: Callable[[_T, Claim], _R], config: PrefetchConfig) -> None:
        self._work = work
        self._patience = config.patience
        self._budget = config.budget
        self._clock = config.clock
        self._jobs: queue.SimpleQueue[_Job[_T, _R] | None] = queue.SimpleQueue()
        self._room = threading.Condition()  # guards the jobs in work and their shares
        self._in_work: set[_Job[_T, _R]] = set()
        self._stopped = False
        self._threads = [self._start_thread() for _ in range(config.threads)]

    def submit(self, item: _T) -> _Job[_T, _R]:
        """Queues an item."""
        job: _Job[_T, _R] = _Job(item)
        self._jobs.put(job)
        return job

    def wait_for(self, job: _Job[_T, _R]) -> bool:
        """Waits for the oldest job; returns False if it was abandoned.

        Meanwhile abandons every job whose patience ends, also later ones: one that hangs may hold
        the share that this one waits for.
        """
        while not job.abandoned and not job.done.done():
            left = self._abandon_late()
            if not job.abandoned:
                wait([job.done], left)
        return not job.abandoned

    def stop(self) -> None:
        """Ends all threads except the abandoned ones."""
        with self._room:
            self._stopped = True
            self._room.notify_all()
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + _SHUTDOWN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _abandon_late(self) -> float:
        """Abandons the jobs whose patience has ended; seconds until the next one's may end."""
        left = min(self._patience, threading.TIMEOUT_MAX)
        with self._room:
            for job in list(self._in_work):
                spent = max(0.0, self._clock() - job.began)
                if spent >= self._patience:
                    self._abandon(job)
                else:
                    left = min(left, self._patience - spent)
        return left

    def _abandon(self, job: _Job[_T, _R]) -> None:
        job.abandoned = True
        self._leave(job)
        if job.thread is not None:
            self._threads.remove(job.thread)
        self._threads.append(self._start_thread())

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="picturedesk prefetch", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            self._begin(job)
            try:
                result = self._work(job.item, partial(self._claim, job))
            except BaseException as error:
                self._end(job)
                job.done.set_exception(error)
            else:
                self._end(job)
                job.done.set_result(result)
            if job.abandoned:
                return

    def _begin(self, job: _Job[_T, _R]) -> None:
        with self._room:
            job.thread = threading.current_thread()
            job.began = self._clock()
            self._in_work.add(job)

    def _claim(self, job: _Job[_T, _R], share: int) -> None:
        with self._room:
            if job.share is not None:
                raise RuntimeError("an item may claim one share only: a second might never fit")
            spent, job.began = self._clock() - job.began, math.inf
            self._room.wait_for(lambda: self._stopped or job.abandoned or self._fits(share))
            if self._stopped or job.abandoned:
                raise _GivenUp
            job.share = share
            job.began = self._clock() - spent

    def _fits(self, share: int) -> bool:
        used = sum(job.share or 0 for job in self._in_work)
        return used == 0 or used + share <= self._budget

    def _end(self, job: _Job[_T, _R]) -> None:
        with self._room:
            if not job.abandoned:
                self._leave(job)

    def _leave(self, job: _Job[_T, _R]) -> None:
        self._in_work.remove(job)
        self._room.notify_all()
