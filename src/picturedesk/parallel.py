"""Runs independent linear algebra in parallel, one core each.

Two factorisations that share two cores wait for each other; with one core each they do not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from picturedesk.types import Progress

Given = TypeVar("Given")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Given], Result], pieces: Sequence[Given], what: str, progress: Progress
) -> Iterator[Result]:
    """Results in the order of the pieces; calls ``progress`` for each finished one."""
    from threadpoolctl import threadpool_limits

    workers = max(1, min(cpus(), len(pieces)))
    progress(0, len(pieces), what)
    limits = 1 if workers > 1 else None
    with threadpool_limits(limits), ThreadPoolExecutor(workers, "picturedesk fit") as pool:
        for done, result in enumerate(pool.map(work, pieces), start=1):
            progress(done, len(pieces), what)
            yield result


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
