"""A file of vectors in half precision with a checksum for each row, read row by row.

Like ``rows``, for files so large that a question must not read, compare or hold all of them: a row
is compared with its checksum when it is first used, and comes in single precision. The checksums
are rows of a file beside it. Does not know the meaning of the rows.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from picturedesk.disk.rows import RowFile, append_bytes
from picturedesk.disk.sums import Sums, too_short, unreadable
from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.types import Floats, Ints

_HALF = np.dtype("<f2")
_AT_ONCE = 1 << 14  # rows that are compared and converted at a time


class SummedRows:
    """Vectors (N, width) of a file, in single precision wherever rows are taken.

    Implements ``types.Vectors``. Threads may share it. Rows are read from the file and not mapped,
    because the use of one page of a map may load 2 MB around it.

    Args:
        owner: their file.
        count: number of rows N.
        sums: returns the CRC-32 (N,) of all rows.

    Raises:
        MissingArtefact: the file is missing, cannot be read, or has fewer rows.
    """

    def __init__(
        self, owner: SummedRowFile, count: int, sums: Callable[[], npt.NDArray[np.uint32]]
    ) -> None:
        self._owner = owner
        self._count = count
        self._sums = sums
        self._checked = np.zeros(count, dtype=bool)
        self._lock = threading.Lock()
        path = owner.path if count else Path(os.devnull)  # without rows there may be no file
        self._file = _opened(path, count * owner.row_bytes, owner.cure)
        weakref.finalize(self, self._file.close)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, width)."""
        return (self._count, self._owner.width)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Of what comes."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """The rows (n, width) of these numbers, or of a slice, as an array in memory."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                return self[np.arange(start, stop, step)]
            return self._several(np.arange(start, stop), in_order=True)
        wanted = np.asarray(rows)
        if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
            raise TypeError(f"rows of shape {wanted.shape} and type {wanted.dtype}")
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < self._count:
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of {self._count}")
        return self._several(wanted, in_order=False)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)

    def _several(self, rows: Ints, in_order: bool) -> Floats:
        found = np.empty((len(rows), self._owner.width), dtype=np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            stored = self._read(part, in_order)
            given = found[start : start + _AT_ONCE]
            given[...] = stored
            fresh = np.flatnonzero(~self._checked[part])
            if len(fresh):
                self._check(part[fresh], stored[fresh], given[fresh])
        return found

    def _read(self, rows: Ints, in_order: bool) -> npt.NDArray[Any]:
        """What is stored of rows (n,), n > 0, in half precision; at once if they are in order."""
        owner, size = self._owner, self._owner.row_bytes
        starts, length = (rows[:1], len(rows) * size) if in_order else (rows, size)
        try:
            content = b"".join([self._bytes(start, length) for start in (starts * size).tolist()])
        except OSError as error:
            raise unreadable(owner.path, error, owner.cure) from None
        if len(content) != len(rows) * size:
            found = self._file.seek(0, os.SEEK_END)
            raise too_short(owner.path, found, self._count * size, owner.cure)
        return np.frombuffer(content, dtype=_HALF).reshape(-1, owner.width)

    def _bytes(self, start: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), length, start)
        with self._lock:  # one position in the file
            self._file.seek(start)
            return self._file.read(length)

    def _check(self, rows: Ints, stored: npt.NDArray[Any], given: Floats) -> None:
        """Raises MissingArtefact for rows (n,) that are not as they were written."""
        found = [crc32(row) for row in stored.view(np.uint8)]
        wrong = np.flatnonzero(np.array(found, dtype=np.uint32) != self._sums()[rows])
        if len(wrong):
            said = f"the checksum of row {rows[wrong[0]]} differs"
        else:
            said = self._owner.complaint(given)
        if said:
            raise MissingArtefact(f"{self._owner.path} is damaged, {said}: {self._owner.cure}")
        self._checked[rows] = True


class SummedRowFile:
    """Vectors (N, width) in half precision, little-endian, beside a file of their checksums.

    As ``rows.RowFile``: their owner stores the sums that ``append`` returns, which are those of the
    file of checksums, and so give the number of rows.

    Args:
        path: the file; the checksums are beside it.
        width: numbers in a row, at least 1.
        cure: what a user can do about a damaged file.
        complaint: rows (n, width) in single precision → what is wrong with them, "" for nothing;
            called with rows when they are first used.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        cure: str = "make it again",
        complaint: Callable[[Floats], str] = lambda rows: "",
    ) -> None:
        if width < 1:
            raise BadInput(f"rows of width {width} in {path}: a row needs at least one number")
        self.path = path
        self.width = width
        self.cure = cure
        self.complaint = complaint
        self._sums: RowFile[np.uint32] = RowFile(path.with_suffix(".crc32"), np.uint32, 1, cure)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The vectors' file and that of the checksums."""
        return (self.path, *self._sums.paths)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * _HALF.itemsize

    @property
    def empty(self) -> Sums:
        """The sums of an empty file."""
        return self._sums.empty

    def open(self, sums: Sums) -> Callable[[], SummedRows]:
        """Opens the rows that the sums cover; reads none.

        Raises:
            MissingArtefact: a file is missing, or has fewer rows.
        """
        checksums = self._sums.open(sums)
        opened = SummedRows(self, self._count(sums), lambda: checksums()[:, 0])
        return lambda: opened

    def append(self, sums: Sums, rows: Floats) -> Sums:
        """Writes rows (n, width) behind those that the sums cover; returns when they are on disk.

        They are rounded to half precision. See ``rows.RowFile.append``.
        """
        if rows.shape[1:] != (self.width,):
            raise BadInput(
                f"rows of shape {rows.shape} for {self.path}: it takes (n, {self.width})"
            )
        if not len(rows):
            return sums
        stored = np.ascontiguousarray(rows, dtype=_HALF)
        append_bytes(self.path, self._count(sums) * self.row_bytes, stored.data, self.cure)
        found = np.array([crc32(row) for row in stored], dtype=np.uint32)
        return self._sums.append(sums, found[:, None])

    def _count(self, sums: Sums) -> int:
        """Number of rows whose checksums the sums cover."""
        return sums.size // self._sums.row_bytes


def _opened(path: Path, size: int, cure: str) -> FileIO:
    """A file that has so many bytes at least."""
    try:
        file = FileIO(path)
        found = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise unreadable(path, error, cure) from None
    if found < size:
        file.close()
        raise too_short(path, found, size, cure)
    return file
