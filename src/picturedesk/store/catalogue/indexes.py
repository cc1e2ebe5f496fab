"""The index beside a catalogue's file: made, extended, found again, thrown away.

The file names the index that belongs to it, with a checksum, and lists the rows that have changed
since. An index is made from one state of the file while others read and write on. When it is whole,
one transaction names it. If it cannot be used, searches are exact, and slow.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator

import numpy as np

from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.store.catalogue import database
from picturedesk.store.catalogue.database import Change, State
from picturedesk.store.index_folder import IndexFolder, IndexRecord, is_much, still_suits
from picturedesk.store.vector_index import VectorIndex, sample_size
from picturedesk.types import Floats, Ints


class Indexes:
    """The indexes of one catalogue. Threads may share it.

    Args:
        file: of the catalogue; indexes are in a folder beside it.
    """

    def __init__(self, file: SharedDatabase) -> None:
        self._file = file
        self._folder = IndexFolder(file.path.with_name(f"{file.path.name}.index"))

    def of(self, state: State) -> VectorIndex | None:
        """The index of this state; None if there is none that can be used."""
        return self._folder.of(state.index)

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
            few = only_if_needed and not is_much(changed, state.totals.count)
            if old is not None and (few or not changed):
                return
            if old is None or not still_suits(old, state.totals.count):
                index = _built(reader, state, queries)
            else:
                index = _extended(reader, state, old)
        record = self._folder.save(index, state.generation)
        if not self._name(record, state.lineage):
            self._folder.remove(record)
        with self._file.reading() as reader:
            self._folder.sweep(database.read_state(reader).index)

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
