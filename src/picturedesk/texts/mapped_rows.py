"""Rows of a table on disk, picked here and there. Knows no meaning of the rows.

Mapping is the right way to read many rows. But a page that is touched may bring 2 MB around it into
memory (the kernel maps large folios whole), so that a short text would hold a table of 80 MB. The
first rows are therefore read from the file, one by one, and only who goes on reads from the map.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.types import Ints

_READ = 4096  # rows that are read from the file before the map is used


class MappedRows:
    """A table (N, D) whose rows are read when they are picked: ``table[rows]``.

    Args:
        table: an array; one that is mapped from a file is read as the module says.
    """

    def __init__(self, table: npt.NDArray[Any]) -> None:
        self._table = table
        self._source = _source(table) if hasattr(os, "pread") else None
        self._left = _READ

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D)."""
        return self._table.shape

    def __getitem__(self, rows: Ints) -> npt.NDArray[Any]:
        """Rows (n, D), in the order given; they may repeat."""
        if self._source is None or len(rows) > self._left:
            self._left = 0
            return self._table[rows]
        self._left -= len(rows)
        distinct, places = np.unique(rows, return_inverse=True)
        found = np.empty((len(distinct), self._table.shape[1]), dtype=self._table.dtype)
        self._source(distinct, found)
        return found[places.reshape(-1)]


def _source(table: npt.NDArray[Any]) -> Callable[[Ints, npt.NDArray[Any]], None] | None:
    """What reads rows of a mapped table from its file; None for an array in memory."""
    mapped = table
    while isinstance(mapped, np.ndarray) and not isinstance(mapped, np.memmap):
        if mapped.base is None:
            return None
        mapped = mapped.base
    if not isinstance(mapped, np.memmap) or mapped.filename is None or not table.flags.c_contiguous:
        return None
    path, width = os.fspath(mapped.filename), table.strides[0]
    start = table.ctypes.data - mapped.ctypes.data + mapped.offset

    def read(rows: Ints, into: npt.NDArray[Any]) -> None:
        file = os.open(path, os.O_RDONLY)
        try:
            for row, target in zip(rows.tolist(), into, strict=True):
                content = os.pread(file, width, start + row * width)
                target[:] = np.frombuffer(content, dtype=into.dtype)
        finally:
            os.close(file)

    return read
