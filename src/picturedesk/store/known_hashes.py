"""Perceptual hashes of many pictures, where a question finds them without looking all over a disk.

In a feature store of a million pictures the hash of each is beside 17 kB of features, so that those
of fifty pictures are fifty places of a file larger than the memory. Here they are side by side, 16
bytes a picture, and are held in memory. Content never changes under its key, so that nothing here
grows old; what is missing is looked up in the feature store. Derived: it can be made again at any
time.

Keys are known by eight bytes of their hash. Two of a million pictures share them once in 30 million
archives; then one may have the other's perceptual hash.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import atomic_folder, read_manifest, write_manifest
from picturedesk.errors import BadInput, PicturedeskError
from picturedesk.store.features import FeatureStore

_KIND = "hashes of pictures"
_CURE = "run picturedesk optimize, which makes it again"
_Numbers = npt.NDArray[np.uint64]
_LOG = logging.getLogger(__name__)


class KnownHashes:
    """Perceptual hashes by content key. Threads may share it; it never changes.

    Args:
        names: (N,) of the keys, ascending.
        hashes: (N,).
    """

    def __init__(self, names: _Numbers, hashes: _Numbers) -> None:
        self._names = names
        self._hashes = hashes

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens what ``write`` wrote; without it, or if it is damaged, nothing is known."""
        nothing = np.empty(0, dtype=np.uint64)
        if not folder.exists():
            return cls(nothing, nothing)
        try:
            arrays = read_arrays(folder, read_manifest(folder, _KIND, _CURE))
        except PicturedeskError as error:
            _LOG.warning("looking up hashes of pictures one by one: %s", error)
            return cls(nothing, nothing)
        return cls(arrays["names"], arrays["hashes"])

    @staticmethod
    def write(folder: Path, parts: Iterable[Sequence[str]], store: FeatureStore) -> None:
        """Writes a folder, atomically, with the hashes of pictures that are in a feature store.

        Args:
            folder: is replaced.
            parts: keys, some at a time.
            store: of the desk.
        """
        names, hashes = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.uint64)]
        for keys in parts:
            found = hashes_of(store, keys)
            names.append(_names(list(found)))
            hashes.append(np.array([*found.values()], dtype=np.uint64))
        every, together = np.concatenate(names), np.concatenate(hashes)
        order = np.argsort(every)
        with atomic_folder(folder) as temporary:
            write_arrays(temporary, {"names": every[order], "hashes": together[order]})
            write_manifest(temporary, _KIND, {})

    def __len__(self) -> int:
        return len(self._names)

    def find(self, keys: Sequence[str]) -> dict[str, np.uint64]:
        """The hashes of those of the keys that are known, by key."""
        if not len(self):
            return {}
        wanted = _names(keys)
        places = np.searchsorted(self._names, wanted).clip(max=len(self) - 1)
        known = self._names[places] == wanted
        return {
            key: self._hashes[place]
            for key, place, there in zip(keys, places.tolist(), known.tolist(), strict=True)
            if there
        }


def hashes_of(store: FeatureStore, keys: Sequence[str]) -> dict[str, np.uint64]:
    """The perceptual hashes of those of the keys that a feature store has, by key."""
    try:
        found = store.hashes(keys)
    except BadInput:
        keys = store.among(keys)
        found = store.hashes(keys)
    return dict(zip(keys, found, strict=True))


def _names(keys: Sequence[str]) -> _Numbers:
    """Eight bytes (N,) of the hash of each key."""
    digests = (blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8) for key in keys)
    return np.frombuffer(b"".join(one.digest() for one in digests), dtype="<u8").astype(np.uint64)
