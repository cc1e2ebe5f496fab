"""The folder of the indexes that stand beside a store: named, opened, swept.

A store names the index that belongs to it, with a checksum, in a transaction of its own. If the
index cannot be used, the store compares everything, and a warning says so. Knows no store.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from picturedesk.errors import PicturedeskError
from picturedesk.store.vector_index import VectorIndex

INDEX_FROM = 50_000  # vectors; below, comparing all of them takes about as long
_GROWN = 2  # times as many vectors as when the lists were learned: they are learned anew
_FEW = 5_000  # changed vectors, which are searched beside an index in a few milliseconds
_SMALL_PART = 0.01  # of all vectors; an index is written as a whole
_LEFT = 86_400  # seconds without a change, after which an unfinished index is one of a killed maker
_KEPT = 2  # indexes that stay: readers may open the one before
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """The index that belongs to a store.

    Attributes:
        name: of its folder.
        generation: of the store, whose vectors it has.
        checksum: of its folder.
    """

    name: str
    generation: int
    checksum: str


class IndexFolder:
    """The indexes of one store. Threads may share it.

    Args:
        home: their folder; it may be missing.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._opened: tuple[IndexRecord, VectorIndex | None] | None = None
        self._lock = threading.Lock()

    def of(self, record: IndexRecord | None) -> VectorIndex | None:
        """The index of a record; None if there is none that can be used."""
        if record is None:
            return None
        with self._lock:
            if self._opened is None or self._opened[0] != record:
                self._opened = (record, self._open(record))
            return self._opened[1]

    def save(self, index: VectorIndex, generation: int) -> IndexRecord:
        """Writes an index, for its store to name."""
        name = f"{generation}-{uuid.uuid4().hex[:8]}"
        return IndexRecord(name, generation, index.save(self._home / name))

    def remove(self, record: IndexRecord) -> None:
        """Removes an index that was not named."""
        shutil.rmtree(self._home / record.name, ignore_errors=True)

    def sweep(self, current: IndexRecord | None) -> None:
        """Removes the folders of indexes that nobody opens any more, and of killed makers."""
        folders = sorted(self._home.iterdir(), key=_generation) if self._home.exists() else []
        named = [one for one in folders if not one.name.startswith(".")]
        kept = {one.name for one in named[-_KEPT:]} | ({current.name} if current else set())
        unfinished = [one for one in folders if one.name.startswith(".") and _is_old(one)]
        for folder in (*unfinished, *(one for one in named if one.name not in kept)):
            shutil.rmtree(folder, ignore_errors=True)

    def _open(self, record: IndexRecord) -> VectorIndex | None:
        try:
            return VectorIndex.open(self._home / record.name, record.checksum)
        except PicturedeskError as error:
            _LOG.warning("searching without an index, which is slow: %s", error)
            return None


def is_much(changed: int, count: int) -> bool:
    """Whether so many changed vectors, of all, are worth a new index."""
    return changed >= max(_FEW, _SMALL_PART * count)


def still_suits(index: VectorIndex, count: int) -> bool:
    """Whether the lists of an index suit so many vectors."""
    learned = index.facts.learned_from
    return learned <= count * _GROWN and count <= learned * _GROWN


def _is_old(folder: Path) -> bool:
    """Whether the maker of an unfinished folder must have been killed."""
    with suppress(OSError):  # it is finished by now
        return time.time() - folder.stat().st_mtime > _LEFT
    return False


def _generation(folder: Path) -> int:
    number = folder.name.partition("-")[0]
    return int(number) if number.isdigit() else 0
