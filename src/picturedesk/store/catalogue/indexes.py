"""The index beside a catalogue's file: made, extended, found again, thrown away.

The file names the index that belongs to it, with a checksum, and lists the rows that have changed
since. An index is made from one state of the file while others read and write on. When it is whole,
one transaction names it. If it cannot be used, searches are exact, and slow.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import PicturedeskError
from picturedesk.store.catalogue import database
from picturedesk.store.catalogue.database import Change, IndexRecord, State
from picturedesk.store.vector_index import VectorIndex, sample_size
from picturedesk.types import Floats, Ints

INDEX_FROM = 50_000  # pictures; below, comparing all vectors takes about as long
_GROWN = 2  # times as many pictures as when the lists were learned: they are learned anew
_FEW = 5_000  # changed pictures, which are searched beside an index in a few milliseconds
_SMALL_PART = 0.01  # of all pictures; an index is written as a whole
_LEFT = 86_400  # seconds without a change, after which an unfinished index is one of a killed maker
_KEPT = 2  # indexes that stay: readers may open the one before
_LOG = logging.getLogger(__name__)


class Indexes:
    """The indexes of one catalogue. Threads may share it.

    Args:
        file: of the catalogue; indexes are in a folder beside it.
    """

    def __init__(self, file: SharedDatabase) -> None:
        self._file = file
        self._home = file.path.with_name(f"{file.path.name}.index")
        self._opened: tuple[IndexRecord, VectorIndex | None] | None = None
        self._lock = threading.Lock()

    def of(self, state: State) -> VectorIndex | None:
        """The index of this state; None if there is none that can be used."""
        record = state.index
        if record is None:
            return None
        with self._lock:
            if self._opened is None or self._opened[0] != record:
                self._opened = (record, self._open(record))
            return self._opened[1]

    def make(self, queries: Floats | None, smallest: int, only_if_needed: bool = False) -> None:
        """Makes the index of the present state, or extends the one that there is.

        Args:
            queries: (Q, W) typical queries, see ``VectorIndex.build``; None if none are known.
            smallest: number of pictures below which there is none.
            only_if_needed: extend it only if much has changed.
        """
        self._track(smallest)
        with self._file.reading() as reader:
            state = database.read_state(reader)
            if not state.lineage or state.totals.count < smallest:
                return
            old = self.of(state)
            changed = state.totals.touched
            few = only_if_needed and changed < max(_FEW, _SMALL_PART * state.totals.count)
            if old is not None and (few or not changed):
                return
            if old is None or not _fits(old, state):
                index = _built(reader, state, queries)
            else:
                index = _extended(reader, state, old)
        name = f"{state.generation}-{uuid.uuid4().hex[:8]}"
        record = IndexRecord(name, state.generation, index.save(self._home / name))
        if not self._name(record, state.lineage):
            shutil.rmtree(self._home / name, ignore_errors=True)
        self._sweep()

    def _open(self, record: IndexRecord) -> VectorIndex | None:
        try:
            return VectorIndex.open(self._home / record.name, record.checksum)
        except PicturedeskError as error:
            _LOG.warning("searching without an index, which is slow: %s", error)
            return None

    def _track(self, smallest: int) -> None:
        """Has changes noted from now on, so that none is missed while an index is made."""
        with self._file.reading() as reader:
            state = database.read_state(reader)
        if state.lineage or state.totals.count < smallest:
            return
        with self._file.writing() as writer:
            state = database.read_state(writer)
            if not state.lineage:
                Change(writer, state.totals, state.generation + 1).track(uuid.uuid4().hex)

    def _name(self, record: IndexRecord, lineage: str) -> bool:
        """Makes an index the current one, unless it is of other pictures, or an older one."""
        with self._file.writing() as writer:
            state = database.read_state(writer)
            newer = state.index is None or state.index.generation < record.generation
            if state.lineage != lineage or not newer:
                return False
            Change(writer, state.totals, state.generation + 1).index(record)
            return True

    def _sweep(self) -> None:
        """Removes the folders of indexes that nobody opens any more, and of killed makers."""
        with self._file.reading() as reader:
            current = database.read_state(reader).index
        folders = sorted(self._home.iterdir(), key=_generation) if self._home.exists() else []
        named = [one for one in folders if not one.name.startswith(".")]
        kept = {one.name for one in named[-_KEPT:]} | ({current.name} if current else set())
        unfinished = [one for one in folders if one.name.startswith(".") and _is_old(one)]
        for folder in (*unfinished, *(one for one in named if one.name not in kept)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    """Whether the maker of an unfinished folder must have been killed."""
    with suppress(OSError):  # it is finished by now
        return time.time() - folder.stat().st_mtime > _LEFT
    return False


def _generation(folder: Path) -> int:
    number = folder.name.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _fits(index: VectorIndex, state: State) -> bool:
    """Whether the lists of an index still suit its catalogue."""
    learned, now = index.facts.learned_from, state.totals.count
    return learned <= now * _GROWN and now <= learned * _GROWN


def _built(reader: sqlite3.Connection, state: State, queries: Floats | None) -> VectorIndex:
    count = state.totals.count
    query = "SELECT row FROM pictures ORDER BY key LIMIT ?"  # keys are hashes: a random sample
    some = [row for (row,) in reader.execute(query, (sample_size(count),))]
    _, sample = database.read_rows(reader, np.array(sorted(some), dtype=np.int64), state.width)
    parts = database.each_part(reader, state)
    return VectorIndex.build(count, sample, parts, queries)


def _extended(reader: sqlite3.Connection, state: State, old: VectorIndex) -> VectorIndex:
    touched = database.read_touched(reader, state)

    def parts() -> Iterator[tuple[Ints, Floats]]:
        for start in range(0, len(touched), database.PART):
            some = touched[start : start + database.PART]
            yield database.read_rows(reader, some, state.width)

    return old.extended(touched, parts())
