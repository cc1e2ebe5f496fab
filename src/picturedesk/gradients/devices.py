"""Devices, threads and precision of torch. Imports torch when called."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from picturedesk.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    import torch


def torch_installed() -> bool:
    """Whether networks can be trained here; imports nothing."""
    return importlib.util.find_spec("torch") is not None


def device_of(name: str, purpose: str) -> torch.device:
    """The torch device of this name.

    Args:
        name: "cpu", "cuda", "cuda:N", "mps", or "auto" for the fastest.
        purpose: for the message where torch is missing.

    Raises:
        BadInput: this machine does not have it.
        MissingExtra: torch is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingExtra(purpose, "train") from None
    there = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    there = ["cuda", *there] if there else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    there += ["cpu"]
    if name == "auto":
        return torch.device(there[0])
    if name not in there:
        raise BadInput(f"device '{name}' is not there: this machine has {', '.join(there)}")
    return torch.device(name)


class _Threads:
    """The number of torch's threads, which all threads of the process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def enter(self, count: int) -> None:
        import torch

        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
            torch.set_num_threads(count)

    def leave(self) -> None:
        import torch

        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.set_num_threads(self._before)


_THREADS = _Threads()


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Sets the number of torch's threads for the block; 0 changes nothing.

    The number before is restored when the last of all threads that train has left its block: it is
    one for the whole process, and another number in the middle would change sums in the last bit.
    """
    if not count:
        yield
        return
    _THREADS.enter(count)
    try:
        yield
    finally:
        _THREADS.leave()
