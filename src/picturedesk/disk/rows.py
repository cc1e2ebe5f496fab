"""A file of rows of one width: appended to, and mapped into memory to be read.

Knows nothing of what the rows are. Their owner keeps the checksums of those that count, which also
say how many there are, and commits them after the rows are written. Bytes behind the committed
rows were left by a killed append, and the next one writes over them. So nothing that counts is
ever moved, copied or changed, and a map stays as it is while rows are appended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from picturedesk.disk.sums import CheckedFile, Sums, unreadable
from picturedesk.errors import BadInput, MissingArtefact

Scalar = TypeVar("Scalar", bound=np.generic)

_BLOCK = 1 << 20  # bytes at most that have a checksum of their own; rows are read together


class RowFile(Generic[Scalar]):
    """Rows (N, width) of one type of number, little-endian on every machine.

    Args:
        path: the file; it need not be there while no row counts.
        scalar: type of the numbers, such as ``np.float32``.
        width: numbers in a row, at least 1.
        cure: what a user can do about a damaged file.
        complaint: what is wrong with rows (n, width), "" if nothing is; asked once for all that
            are read.
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
        self._known = self.empty  # sums that this object has compared with the file

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self._type.itemsize

    @property
    def empty(self) -> Sums:
        """The sums of no rows. A block holds whole rows."""
        return Sums(block=max(1, _BLOCK // self.row_bytes) * self.row_bytes)

    def open(self, sums: Sums) -> Callable[[], npt.NDArray[Scalar]]:
        """Opens the rows that the sums cover; reads none.

        Returns:
            What gives them (N, width), mapped: the disk is read where they are used. Its first
            call compares all blocks with their sums, but for those that this object has compared
            before, and raises MissingArtefact if one differs.

        Raises:
            MissingArtefact: the file is not there, or holds fewer.
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
        """The rows (N, width) that the sums cover, mapped and checked; see ``open``."""
        return self.open(sums)()

    def append(self, sums: Sums, rows: npt.NDArray[Any]) -> Sums:
        """Writes rows (n, width) behind those that the sums cover; waits until the disk has them.

        One process at a time may append; the owner sees to that.

        Returns:
            The sums of all, for the owner to commit.

        Raises:
            BadInput: rows of another width or another type of number.
            MissingArtefact: the file holds fewer rows than the sums cover.
        """
        if rows.shape[1:] != (self.width,) or rows.dtype.newbyteorder("<") != self._type:
            raise BadInput(
                f"rows of shape {rows.shape} and type {rows.dtype} for {self.path}: "
                f"it takes (n, {self.width}) of {self._type}"
            )
        if not len(rows):
            return sums
        self._check_size(sums)
        added = np.ascontiguousarray(rows, dtype=self._type).data
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.seek(sums.size)
            file.write(added)
            file.flush()
            os.fsync(file.fileno())
        return sums.extended(added)

    def _refuse(self, block: memoryview) -> None:
        """Raises MissingArtefact for rows that cannot be used."""
        rows = np.frombuffer(block, dtype=self._type).reshape(-1, self.width)
        if complaint := self._complaint(rows):
            raise MissingArtefact(f"{self.path} is damaged, {complaint}: {self.cure}")

    def _check_size(self, sums: Sums) -> None:
        """Raises MissingArtefact unless all bytes that count are there."""
        try:
            found = self.path.stat().st_size if sums.size else 0
        except OSError as error:
            raise unreadable(self.path, error, self.cure) from None
        if found < sums.size:
            raise MissingArtefact(
                f"{self.path} is damaged, it holds {found} bytes of {sums.size}: {self.cure}"
            )
