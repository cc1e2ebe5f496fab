"""A file of rows of one width, appended to and memory-mapped.

Does not know the meaning of the rows. Their owner stores the checksums of the valid rows, which
also give their number, and commits them after the rows are written. Bytes behind the committed rows
are from a killed append; the next append overwrites them. Valid rows are never moved, copied or
changed, so a map stays valid while rows are appended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from picturedesk.disk.sums import CheckedFile, Sums, too_short, unreadable
from picturedesk.errors import BadInput, MissingArtefact

Scalar = TypeVar("Scalar", bound=np.generic)

_BLOCK = 1 << 20  # bytes per checksum, at most


class RowFile(Generic[Scalar]):
    """Rows (N, width) of one type of number, little-endian on every machine.

    Args:
        path: the file; it may be missing while there are no rows.
        scalar: type of the numbers, such as ``np.float32``.
        width: numbers in a row, at least 1.
        cure: what a user can do about a damaged file.
        complaint: rows (n, width) → what is wrong with them, "" for nothing; called once for each
            block that is read.
    """

    def __init__(
        self,
        path: Path,
        scalar: type[Scalar],
        width: int,
        cure: str = "make it again",
        complaint: Callable[[npt.NDArray[Any]], str] = lambda rows: "",
    ) -> None:
        if width < 1:
            raise BadInput(f"rows of width {width} in {path}: a row needs at least one number")
        self.path = path
        self.width = width
        self.cure = cure
        self._complaint = complaint
        self._type: np.dtype[Scalar] = np.dtype(scalar).newbyteorder("<")
        self._known = self.empty  # sums that were already compared with the file

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self._type.itemsize

    @property
    def empty(self) -> Sums:
        """The sums of an empty file. A block has whole rows."""
        return Sums(block=max(1, _BLOCK // self.row_bytes) * self.row_bytes)

    def open(self, sums: Sums) -> Callable[[], npt.NDArray[Scalar]]:
        """Opens the rows that the sums cover; reads none.

        Returns:
            A function that returns them (N, width), memory-mapped. Its first call compares the
            blocks with their sums, except those that this object has compared before, and raises
            MissingArtefact if one differs.

        Raises:
            MissingArtefact: the file is missing, or has fewer rows.
        """
        if not sums.size:
            return lambda: np.empty((0, self.width), dtype=self._type)
        file = CheckedFile(self.path, sums, self.cure, self._refuse)
        mapped = file.map().view(self._type).reshape(-1, self.width)

        def checked() -> npt.NDArray[Scalar]:
            file.trust(sums.shared(self._known))
            file.check()
            self._known = sums
            return mapped

        return checked

    def read(self, sums: Sums) -> npt.NDArray[Scalar]:
        """The rows (N, width) that the sums cover, memory-mapped and checked; see ``open``."""
        return self.open(sums)()

    def append(self, sums: Sums, rows: npt.NDArray[Any]) -> Sums:
        """Writes rows (n, width) behind those that the sums cover; returns when they are on disk.

        Only one process may append at a time; the owner ensures this.

        Returns:
            The sums of all rows, for the owner to commit.

        Raises:
            BadInput: rows of another width or another type of number.
            MissingArtefact: the file has fewer rows than the sums cover.
        """
        if rows.shape[1:] != (self.width,) or rows.dtype.newbyteorder("<") != self._type:
            raise BadInput(
                f"rows of shape {rows.shape} and type {rows.dtype} for {self.path}: "
                f"it takes (n, {self.width}) of {self._type}"
            )
        if not len(rows):
            return sums
        added = np.ascontiguousarray(rows, dtype=self._type).data
        append_bytes(self.path, sums.size, added, self.cure)
        return sums.extended(added)

    def _refuse(self, block: memoryview) -> None:
        """Raises MissingArtefact for invalid rows."""
        rows = np.frombuffer(block, dtype=self._type).reshape(-1, self.width)
        if complaint := self._complaint(rows):
            raise MissingArtefact(f"{self.path} is damaged, {complaint}: {self.cure}")


def append_bytes(path: Path, size: int, added: memoryview, cure: str) -> None:
    """Writes bytes behind the valid ones of a file; returns when they are on disk.

    Args:
        path: the file; it may be missing if it has no valid bytes.
        size: number of valid bytes.
        added: what comes behind them, in place of what is there.
        cure: what a user can do about a damaged file.

    Raises:
        MissingArtefact: the file is missing or has fewer bytes.
    """
    if not size and not path.exists():
        path.touch()
    try:
        with path.open("r+b") as file:
            if (found := file.seek(0, os.SEEK_END)) < size:
                raise too_short(path, found, size, cure)
            file.seek(size)
            file.write(added)
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError as error:
        raise unreadable(path, error, cure) from None
