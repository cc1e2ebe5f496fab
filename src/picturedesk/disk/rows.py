"""A file of rows of one width: appended to, and mapped into memory to be read.

Knows nothing of what the rows are, nor how many of them count. The owner knows that number and
commits it after the rows are written. Bytes behind the committed rows were left by a killed
append, and the next one writes over them. So nothing that counts is ever moved, copied or changed,
and a map stays as it is while rows are appended.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from picturedesk.errors import BadInput, MissingArtefact

Scalar = TypeVar("Scalar", bound=np.generic)


class RowFile(Generic[Scalar]):
    """Rows (N, width) of one type of number, little-endian on every machine.

    Args:
        path: the file; it need not be there while no row counts.
        scalar: type of the numbers, such as ``np.float32``.
        width: numbers in a row, at least 1.
        cure: what a user can do about a damaged file.
    """

    def __init__(
        self, path: Path, scalar: type[Scalar], width: int, cure: str = "make it again"
    ) -> None:
        if width < 1:
            raise BadInput(f"rows of width {width} in {path}: a row needs at least one number")
        self.path = path
        self.width = width
        self.cure = cure
        self._type: np.dtype[Scalar] = np.dtype(scalar).newbyteorder("<")

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self._type.itemsize

    def read(self, count: int) -> npt.NDArray[Scalar]:
        """The first ``count`` rows (count, width), mapped; the disk is read where they are used.

        Raises:
            MissingArtefact: the file holds fewer.
        """
        if not count:
            return np.empty((0, self.width), dtype=self._type)
        self._check(count)
        return np.memmap(self.path, dtype=self._type, mode="r", shape=(count, self.width))

    def append(self, count: int, rows: npt.NDArray[Any]) -> int:
        """Writes rows (n, width) behind the first ``count``, and waits until the disk has them.

        One process at a time may append; the owner sees to that.

        Returns:
            ``count`` + n, for the owner to commit.

        Raises:
            BadInput: rows of another width or another type of number.
            MissingArtefact: the file holds fewer than ``count`` rows.
        """
        if rows.shape[1:] != (self.width,) or rows.dtype.newbyteorder("<") != self._type:
            raise BadInput(
                f"rows of shape {rows.shape} and type {rows.dtype} for {self.path}: "
                f"it takes (n, {self.width}) of {self._type}"
            )
        if not len(rows):
            return count
        self._check(count)
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.seek(count * self.row_bytes)
            file.write(np.ascontiguousarray(rows, dtype=self._type).data)
            file.flush()
            os.fsync(file.fileno())
        return count + len(rows)

    def _check(self, count: int) -> None:
        """Raises MissingArtefact unless ``count`` rows are there."""
        wanted = count * self.row_bytes
        try:
            found = self.path.stat().st_size if count else 0
        except FileNotFoundError:
            raise MissingArtefact(f"{self.path} does not exist: {self.cure}") from None
        if found < wanted:
            raise MissingArtefact(
                f"{self.path} is damaged, it holds {found} bytes of {wanted}: {self.cure}"
            )
