"""Checksums of files, block by block. Knows bytes, not their meaning.

CRC-32 finds accidental damage by disks, copies and killed programs, not forgery; zlib's reads
4 GB/s here, SHA-256 1.8. A block is checked at its first use, so that a large file opens at once
if only little of it is used.
"""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from picturedesk.errors import MissingArtefact
from picturedesk.types import Json

BLOCK = 1 << 16  # bytes; reading a single row of an array reads one block
_FIRST_ROWS = 4096  # rows of an array that are read from the file before its map is used
_READ = 1 << 20  # bytes read at a time for the sums of a file


@dataclass(frozen=True, slots=True)
class Sums:
    """Checksums of a file's blocks.

    Attributes:
        size: number of valid bytes; the file may have more behind them.
        block: bytes of each block but the last.
        crcs: CRC-32 of each block, 4 bytes each.
    """

    size: int = 0
    block: int = BLOCK
    crcs: bytes = b""

    @classmethod
    def of(cls, path: Path, block: int = BLOCK) -> Sums:
        """The sums of a whole file."""
        sums = cls(block=block)
        with path.open("rb") as file:
            while part := file.read(_READ):
                sums = sums.extended(part)
        return sums

    @classmethod
    def from_json(cls, content: Json) -> Sums:
        """From the result of ``as_json``."""
        return cls(content["size"], content["block"], bytes.fromhex(content["crc32"]))

    def as_json(self) -> Json:
        """For a manifest."""
        return {"size": self.size, "block": self.block, "crc32": self.crcs.hex()}

    def extended(self, added: bytes | memoryview) -> Sums:
        """The sums after these bytes are appended to the valid ones; reads no file."""
        rest = memoryview(added).cast("B")
        crcs, size = bytearray(self.crcs), self.size
        while len(rest):
            inside = size % self.block
            part = rest[: self.block - inside]
            known = int.from_bytes(crcs[-4:]) if inside else 0
            crcs[len(crcs) - 4 if inside else len(crcs) :] = crc32(part, known).to_bytes(4)
            size += len(part)
            rest = rest[len(part) :]
        return Sums(size, self.block, bytes(crcs))

    def shared(self, earlier: Sums) -> int:
        """Number of whole blocks at the beginning that equal those of an earlier state."""
        blocks = min(self.size, earlier.size) // self.block
        same = self.block == earlier.block and self.crcs[: 4 * blocks] == earlier.crcs[: 4 * blocks]
        return blocks if same else 0

    def crc_of(self, number: int) -> bytes:
        """The CRC-32 of one block."""
        return self.crcs[4 * number : 4 * number + 4]


class CheckedFile:
    """A file that is compared with its sums block by block, each block at its first use.

    Threads may share it.

    Args:
        path: the file; bytes behind the valid ones are ignored.
        sums: from when it was written.
        cure: what a user can do about a damaged file.
        look: called once with the bytes of each block, after its checksum was found right.

    Raises:
        MissingArtefact: it is missing, cannot be read, or is too short.
    """

    def __init__(
        self, path: Path, sums: Sums, cure: str, look: Callable[[memoryview], None] | None = None
    ) -> None:
        self.path = path
        self.sums = sums
        self.cure = cure
        self._look = look
        self._lock = threading.Lock()
        try:
            number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            self._close = weakref.finalize(self, os.close, number)
            self._file = open(number, "rb", buffering=0, closefd=False)  # noqa: SIM115
            found = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise unreadable(path, error, cure) from None
        if found < sums.size:
            raise too_short(path, found, sums.size, cure)
        blocks = -(-sums.size // sums.block)
        if len(sums.crcs) != 4 * blocks:
            raise MissingArtefact(f"{path}: its checksums are damaged: {cure}")
        self._checked = np.zeros(blocks, dtype=bool)

    def trust(self, blocks: int) -> None:
        """Marks the first ``blocks`` blocks as checked."""
        self._checked[:blocks] = True

    def check(self, start: int = 0, stop: int | None = None) -> None:
        """Raises MissingArtefact if a checksum of the bytes from start to stop differs."""
        last = self.sums.size if stop is None else min(stop, self.sums.size)
        if start < last:
            block = self.sums.block
            self.check_blocks(np.arange(start // block, -(-last // block)))

    def check_blocks(self, numbers: npt.NDArray[np.int64]) -> None:
        """The same for blocks by their numbers."""
        for number in numbers[~self._checked[numbers]].tolist():
            self._check(number)

    def read(self) -> memoryview:
        """The valid bytes, in memory and checked."""
        content = bytearray(self.sums.size)
        view, block = memoryview(content), self.sums.block
        with self._lock:
            self._file.seek(0)
            self._fill(view)
        for number in range(len(self._checked)):
            self._compare(number, view[number * block : (number + 1) * block])
        return view.toreadonly()

    def map(self) -> npt.NDArray[np.uint8]:
        """The valid bytes, memory-mapped, not checked: pages are read at their first use."""
        if not self.sums.size:
            return np.empty(0, dtype=np.uint8)
        try:
            mapped = mmap.mmap(self._file.fileno(), self.sums.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise unreadable(self.path, error, self.cure) from None
        return np.frombuffer(mapped, dtype=np.uint8)

    def read_at(self, start: int, size: int) -> bytes:
        """Some of the valid bytes; the caller has checked their blocks."""
        part = bytearray(size)
        with self._lock:
            self._file.seek(start)
            self._fill(memoryview(part))
        return bytes(part)

    def close(self) -> None:
        """Closes the file; maps stay valid. Garbage collection closes it, too."""
        self._close()

    def _check(self, number: int) -> None:
        start = number * self.sums.block
        part = bytearray(min(self.sums.block, self.sums.size - start))
        with self._lock:  # one position in the file
            self._file.seek(start)
            self._fill(memoryview(part))
        self._compare(number, memoryview(part))

    def _fill(self, view: memoryview) -> None:
        """Reads from the current position until the view is full."""
        try:
            while len(view):
                count = self._file.readinto(view)
                if not count:
                    break  # the file has become shorter: the checksum will differ
                view = view[count:]
        except OSError as error:
            raise unreadable(self.path, error, self.cure) from None

    def _compare(self, number: int, part: memoryview) -> None:
        if crc32(part).to_bytes(4) != self.sums.crc_of(number):
            raise MissingArtefact(
                f"{self.path} is damaged, its checksum differs at byte "
                f"{number * self.sums.block}: {self.cure}"
            )
        if self._look is not None:
            self._look(part)
        self._checked[number] = True


class CheckedRows:
    """An array on disk of which only some rows are used: each is checked at its first use.

    ``rows[index]`` returns an ordinary array. Other operations of NumPy read and check the whole
    array. The first rows are read from the file, one by one, because the use of one page of the map
    may load 2 MB around it: a short text would load a table of 80 MB. Later rows are read from the
    map.

    Args:
        file: its file.
        start: place of its first byte in the file.
        array: (N, …) memory-mapped.
    """

    def __init__(self, file: CheckedFile, start: int, array: npt.NDArray[Any]) -> None:
        self._file = file
        self._start = start
        self._array = array
        self._width = array.nbytes // max(1, len(array))  # bytes of a row
        self._unmapped = _FIRST_ROWS

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self._array.dtype

    @property
    def size(self) -> int:
        """Numbers in it."""
        return self._array.size

    @property
    def nbytes(self) -> int:
        """Bytes in it."""
        return self._array.nbytes

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - as NumPy's
        rows = index[0] if isinstance(index, tuple) and index else index
        if isinstance(rows, np.ndarray) and rows.dtype.kind in "iu":
            places = rows.astype(np.int64).ravel()
            places[places < 0] += len(self)
            if ((places < 0) | (places >= len(self))).any():
                raise IndexError(f"row {rows} of an array of {len(self)} rows")
            self._check(places)
            if rows is index and rows.ndim == 1 and len(rows) <= self._unmapped:
                self._unmapped -= len(rows)
                return self._read(places)
            self._unmapped = 0
        else:
            self._file.check(self._start, self._start + self._array.nbytes)
        return self._array[index]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        self._file.check(self._start, self._start + self._array.nbytes)
        found = self._array if dtype is None else self._array.astype(dtype, copy=False)
        return found.copy() if copy else found

    def _read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        distinct, places = np.unique(rows, return_inverse=True)
        found = np.empty((len(distinct), *self._array.shape[1:]), dtype=self._array.dtype)
        for row, target in zip(distinct.tolist(), found, strict=True):
            content = self._file.read_at(self._start + row * self._width, self._width)
            target[...] = np.frombuffer(content, dtype=self._array.dtype).reshape(target.shape)
        return found[places.reshape(-1)]

    def _check(self, rows: npt.NDArray[np.int64]) -> None:
        first = self._start + rows * self._width
        block = self._file.sums.block
        numbers = [first // block]
        for step in range(1, self._width // block + 2):  # a row may extend into the next blocks
            numbers.append(np.minimum(first + step * block, first + self._width - 1) // block)
        self._file.check_blocks(np.unique(np.concatenate(numbers)))


def row_sum(*values: object) -> int:
    """Checksum of a record's values (strings, bytes, numbers); equal on all machines."""
    said = "\x1f".join(map(str, values))
    return crc32(said.encode("utf-8", "surrogatepass"))


def blob_sum(blob: object, owner: str) -> int:
    """Checksum of bytes and their owner's name; -1 for anything but bytes."""
    return crc32(blob, crc32(owner.encode())) if isinstance(blob, bytes) else -1


def unreadable(path: Path, error: OSError, cure: str) -> MissingArtefact:
    """The error for a file that cannot be opened or read."""
    if isinstance(error, FileNotFoundError):
        return MissingArtefact(f"{path} does not exist: {cure}")
    return MissingArtefact(f"{path} cannot be read ({error.strerror or error}): {cure}")


def too_short(path: Path, found: int, size: int, cure: str) -> MissingArtefact:
    """The error for a file that has fewer bytes than were written."""
    return MissingArtefact(f"{path} is damaged, it holds {found} bytes of {size}: {cure}")
