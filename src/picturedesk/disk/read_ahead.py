"""Lets the operating system hold files that questions read here and there.

Vectors and records of a large desk are rows of files of gigabytes. Until the operating system holds
these in memory, a question waits for the disk a thousand times; read once from beginning to end,
they are there within seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

_PIECE = 1 << 22  # bytes read at once


def read_ahead(
    files: Sequence[Path], go_on: Callable[[], bool] = lambda: True, most: int | None = None
) -> int:
    """Reads files from beginning to end; returns the bytes read.

    Reads nothing if they are larger than ``most`` together, because the last ones would drive the
    first ones out again. A file that is gone or cannot be read is left out.

    Args:
        files: the files.
        go_on: asked before each piece; False ends it.
        most: bytes; None for half of the machine's memory.
    """
    sizes = [_size(file) for file in files]
    if sum(sizes) > (_half_of_memory() if most is None else most):
        return 0
    done, piece = 0, bytearray(_PIECE)
    for file in files:
        try:
            with file.open("rb", buffering=0) as opened:
                while go_on() and (count := opened.readinto(piece)):
                    done += count
        except OSError:
            continue
    return done


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _half_of_memory() -> int:
    """Half of the machine's memory, bytes; 0 where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 0
