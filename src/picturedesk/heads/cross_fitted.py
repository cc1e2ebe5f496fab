"""Picture heads that have each left out one part of the archive (cross-fitting).

A head places the pictures that it was fitted on nearer to texts than other pictures, and so they
crowd out new ones. Here every archive picture has a head that it was held out from (Stone 1974;
Chernozhukov et al. 2018, "cross-fitting"), turned into the space of the head that all were fitted
on. Arrays in, arrays out; knows neither texts nor how the heads were fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self, overload

import numpy as np
import numpy.typing as npt

from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.heads.linear import LinearHead
from picturedesk.types import Ints

KIND = "cross-fitted heads"


class CrossFitted:
    """Which head to use for which archive picture.

    Args:
        keys: content keys of N archive pictures, each once.
        parts: (N,) number of the head of each.
        heads: one for each part of the archive, fitted without it.

    Raises:
        BadInput: if lengths differ, or a part has no head.
    """

    def __init__(self, keys: Sequence[str], parts: Ints, heads: Sequence[LinearHead]) -> None:
        names = np.array(keys, dtype=np.bytes_)
        if names.shape != parts.shape or len(np.unique(names)) != len(names):
            raise BadInput(f"{len(names)} keys, {len(parts)} parts: give each picture one part")
        if len(parts) and not 0 <= parts.min() <= parts.max() < len(heads):
            raise BadInput(f"there are {len(heads)} heads, and a picture of another part")
        order = np.argsort(names)
        self.heads = heads
        self._keys: npt.NDArray[np.bytes_] = names[order]
        self._parts = parts[order].astype(np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def parts_of(self, keys: Sequence[str]) -> Ints:
        """The number of the head (N,) of each picture; -1 where no head has left it out."""
        found = np.full(len(keys), -1, dtype=np.int64)
        if not len(self._keys) or not len(keys):
            return found
        names = np.array(keys, dtype=np.bytes_)
        places = np.minimum(np.searchsorted(self._keys, names), len(self._keys) - 1)
        known = self._keys[places] == names
        found[known] = self._parts[places[known]]
        return found

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides where pictures are placed."""
        heads = self.heads
        each = heads.expected if isinstance(heads, _Saved) else [one.fingerprint for one in heads]
        return fingerprint([KIND, array_fingerprint(self._arrays()), list(each)])

    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        width = self._keys.dtype.itemsize
        letters = self._keys.view(np.uint8).reshape(len(self._keys), width)
        return {"keys": letters, "parts": self._parts}

    def save(self, folder: Path) -> None:
        """Writes one folder, with one in it for each head, atomically."""
        with atomic_folder(folder) as temporary:
            for number, head in enumerate(self.heads):
                head.save(_home(temporary, number))
            write_arrays(temporary, self._arrays())
            heads = [head.fingerprint for head in self.heads]
            write_manifest(temporary, KIND, {"heads": heads, "fingerprint": self.fingerprint})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; each head when it is first used.

        Raises:
            MissingArtefact: the folder is missing.
            Mismatch: the folder holds something else, or was changed.
        """
        manifest = read_manifest(folder, KIND)
        arrays = read_arrays(folder, manifest)
        letters = np.ascontiguousarray(arrays["keys"])
        keys = letters.view(f"S{letters.shape[1]}").reshape(-1)
        loaded = cls(
            [key.decode() for key in keys],
            np.asarray(arrays["parts"], dtype=np.int64),
            _Saved(folder, tuple(manifest["heads"])),
        )
        if loaded.fingerprint != manifest["fingerprint"]:
            raise Mismatch(f"{folder} has other arrays than its manifest says: fit again")
        return loaded


class _Saved(Sequence[LinearHead]):
    """Heads in a folder, read when they are first used."""

    def __init__(self, folder: Path, expected: tuple[str, ...]) -> None:
        self.expected = expected
        self._folder = folder
        self._read: dict[int, LinearHead] = {}

    def __len__(self) -> int:
        return len(self.expected)

    @overload
    def __getitem__(self, number: int) -> LinearHead: ...

    @overload
    def __getitem__(self, number: slice) -> list[LinearHead]: ...

    def __getitem__(self, number: int | slice) -> LinearHead | list[LinearHead]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        head = self._read.get(number)
        if head is None:
            head = LinearHead.load(_home(self._folder, number))
            if head.fingerprint != self.expected[number]:
                raise Mismatch(f"{_home(self._folder, number)} was replaced: fit again")
            self._read[number] = head
        return head

    def __iter__(self) -> Iterator[LinearHead]:
        return (self[number] for number in range(len(self)))


def _home(folder: Path, number: int) -> Path:
    return folder / f"head-{number}"
