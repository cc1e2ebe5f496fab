"""Runs independent linear algebra in parallel, one core each.

Two factorisations that share two cores wait for each other; with one core each they do not.

**One thread per sum.** The last bits of a matrix product depend on how many threads share it, and
the number of BLAS threads is one for the whole process: a server, a setting of the environment, or
another thread of the program may have changed it. What must come out equal every time is computed
in ``one_blas_thread``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from picturedesk.types import Progress, silent

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Given = TypeVar("Given")
Result = TypeVar("Result")


def side_by_side(
    work: Callable[[Given], Result],
    pieces: Sequence[Given],
    what: str = "",
    progress: Progress = silent,
) -> Iterator[Result]:
    """Results in the order of the pieces; calls ``progress`` for each finished one.

    Each piece has one BLAS thread, however many run at a time.
    """
    workers = max(1, min(cpus(), len(pieces)))
    progress(0, len(pieces), what)
    with one_blas_thread(), ThreadPoolExecutor(workers, "picturedesk fit") as pool:
        for done, result in enumerate(pool.map(work, pieces), start=1):
            progress(done, len(pieces), what)
            yield result


class _Blas:
    """The number of BLAS threads, which all threads of the process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: dict[str, tuple[Any, int]] = {}  # by file: library, its threads

    def enter(self, libraries: Sequence[Any]) -> None:
        with self._lock:
            self._inside += 1
            for library in libraries:
                if library.user_api == "blas":
                    self._before.setdefault(library.filepath, (library, library.num_threads))
                    _set(library, 1)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for library, threads in self._before.values():
                    _set(library, threads)
                self._before.clear()


def _set(library: Any, threads: int) -> None:  # noqa: ANN401 - untyped
    """Sets the number, whichever thread asks.

    Newer versions of threadpoolctl ignore all threads but the first one that set a number.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(threads)


_BLAS = _Blas()


@contextmanager
def one_blas_thread(known: ThreadpoolController | None = None) -> Iterator[None]:
    """Limits BLAS to one thread for the block, in all threads of the process.

    The number before is restored when the last of all threads has left its block: another number in
    the middle would change sums in the last bit.

    Args:
        known: the libraries that the block uses; None for NumPy's and SciPy's.
    """
    if known is None:
        import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which must be there
        from threadpoolctl import ThreadpoolController

        known = ThreadpoolController()
    _BLAS.enter(known.lib_controllers)
    try:
        yield
    finally:
        _BLAS.leave()


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
