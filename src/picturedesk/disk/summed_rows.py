"""A file of vectors in half precision with a checksum for each row, read row by row.

Like ``rows``, for files so large that a question must not read, compare or hold all of them: a row
is compared with its checksum when it is first used, and comes in single precision. The checksums
are rows of a file beside it. Does not know the meaning of the rows.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
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

    Implements ``types.Vectors``. Threads may share it.

    Args:
        owner: their file.
        mapped: (N, width) of it, memory-mapped, in half precision.
        sums: returns the CRC-32 (N,) of all rows.
    """

    def __init__(
        self,
        owner: SummedRowFile,
        mapped: npt.NDArray[Any],
        sums: Callable[[], npt.NDArray[np.uint32]],
    ) -> None:
        self._owner = owner
        self._mapped = mapped
        self._sums = sums
        self._checked = np.zeros(len(mapped), dtype=bool)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, width)."""
        return self._mapped.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Of what comes."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self._mapped)

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """The rows (n, width) of these numbers, or of a slice, as an array in memory."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                return self[np.arange(start, stop, step)]
            return self._several(slice(start, max(start, stop)), max(0, stop - start))
        wanted = np.asarray(rows)
        if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
            raise TypeError(f"rows of shape {wanted.shape} and type {wanted.dtype}")
        return self._several(wanted, len(wanted))

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)

    def _several(self, rows: Ints | slice, count: int) -> Floats:
        found = np.empty((count, self.shape[1]), dtype=np.float32)
        for start in range(0, count, _AT_ONCE):
            stop = min(start + _AT_ONCE, count)
            if isinstance(rows, slice):
                part: Ints = np.arange(rows.start + start, rows.start + stop)
                stored = self._mapped[rows.start + start : rows.start + stop]
            else:
                part = rows[start:stop]
                stored = self._mapped[part]
            found[start:stop] = stored
            fresh = np.flatnonzero(~self._checked[part])
            if len(fresh):
                self._check(part[fresh], stored[fresh], found[start:stop][fresh])
        return found

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
    def empty(self) -> Sums:
        """The sums of an empty file."""
        return self._sums.empty

    def open(self, sums: Sums) -> Callable[[], SummedRows]:
        """Opens the rows that the sums cover; reads none.

        Raises:
            MissingArtefact: a file is missing, or has fewer rows.
        """
        size = self._size(sums)
        mapped = _mapped(self.path, size, self.cure) if size else np.empty(0, dtype=np.uint8)
        vectors = mapped.view(_HALF).reshape(-1, self.width)
        checksums = self._sums.open(sums)
        opened = SummedRows(self, vectors, lambda: checksums()[:, 0])
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
        append_bytes(self.path, self._size(sums), stored.data, self.cure)
        found = np.array([crc32(row) for row in stored], dtype=np.uint32)
        return self._sums.append(sums, found[:, None])

    def _size(self, sums: Sums) -> int:
        """Bytes of the vectors whose checksums the sums cover."""
        return sums.size // self._sums.row_bytes * self.width * _HALF.itemsize


def _mapped(path: Path, size: int, cure: str) -> npt.NDArray[np.uint8]:
    """The first bytes of a file, memory-mapped."""
    try:
        with path.open("rb") as file:
            if (found := file.seek(0, os.SEEK_END)) < size:
                raise too_short(path, found, size, cure)
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except OSError as error:
        raise unreadable(path, error, cure) from None
    if hasattr(mmap, "MADV_RANDOM"):  # rows are read from anywhere: what is around is not wanted
        mapped.madvise(mmap.MADV_RANDOM)
    return np.frombuffer(mapped, dtype=np.uint8)
