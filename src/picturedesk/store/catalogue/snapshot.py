"""The vectors of one generation of a catalogue in memory, and the metadata that was read."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from picturedesk.disk.database import damaged
from picturedesk.store.catalogue import database, records
from picturedesk.store.catalogue.database import State
from picturedesk.store.catalogue.nearest import nearest
from picturedesk.types import Doubles, Entries, Floats, Ints, Picture


class Stock(Protocol):
    """The entries of one generation, by their rows in the file.

    Every method but those that need none gets a connection that reads this generation.
    """

    def nearest(
        self, reader: sqlite3.Connection, queries: Doubles, k: int, passing: Ints | None
    ) -> list[tuple[Ints, Doubles]]:
        """Per query (Q, W) of length one or zero: the k rows of highest cosine, and the cosines.

        Equal cosines are ordered by key.

        Args:
            reader: of this generation.
            queries: (Q, W).
            k: how many.
            passing: the rows that may be found; None for all.
        """

    def ordered(self, reader: sqlite3.Connection, rows: Ints, scores: Doubles, k: int) -> Ints:
        """Places of the k of the rows (n,) with the highest scores (n,), equal ones by key."""

    def first(self, reader: sqlite3.Connection, count: int, passing: Ints | None) -> Ints:
        """The rows of the ``count`` lowest keys; ``passing`` as above."""

    def rows_of(self, reader: sqlite3.Connection, keys: Sequence[str]) -> Ints:
        """Rows (n,) of keys; -1 for unknown ones."""

    def entries(self, reader: sqlite3.Connection, rows: Sequence[Ints]) -> list[Entries]:
        """Entries for each array of rows."""

    def pictures(self, reader: sqlite3.Connection, rows: Sequence[int]) -> list[Picture]:
        """The pictures of these rows, without their vectors."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Entries by ascending key, in memory. They never change, so threads may share them.

    Implements ``Stock``: every search compares all vectors.

    Attributes:
        keys: N, ascending.
        numbers: (N,) their rows in the file.
        matrix: (N, W) their vectors.
    """

    keys: list[str]
    numbers: Ints
    matrix: Floats
    _pictures: dict[int, Picture] = field(default_factory=dict)  # by row, those read so far

    @classmethod
    def read(cls, connection: sqlite3.Connection, state: State) -> Snapshot:
        """Reads all entries from a connection in this state."""
        keys, rows = records.read_keys(connection, state.totals.count)
        return cls(keys, rows, database.read_matrix(connection, keys, rows, state))

    def nearest(
        self, reader: sqlite3.Connection, queries: Doubles, k: int, passing: Ints | None
    ) -> list[tuple[Ints, Doubles]]:
        """See ``Stock``; exact."""
        best = nearest(self.matrix, queries, k, self._among(passing))
        return [(self.numbers[places], scores) for places, scores in best]

    def ordered(self, reader: sqlite3.Connection, rows: Ints, scores: Doubles, k: int) -> Ints:
        """See ``Stock``."""
        return np.lexsort((self._places(rows), -scores))[:k]  # places are in the order of keys

    def first(self, reader: sqlite3.Connection, count: int, passing: Ints | None) -> Ints:
        """See ``Stock``."""
        return self.numbers[self._among(passing)[:count]]

    def rows_of(self, reader: sqlite3.Connection, keys: Sequence[str]) -> Ints:
        """See ``Stock``."""
        found = np.full(len(keys), -1, dtype=np.int64)
        for place, key in enumerate(keys):
            index = bisect_left(self.keys, key)
            if index < len(self.keys) and self.keys[index] == key:
                found[place] = self.numbers[index]
        return found

    def entries(self, reader: sqlite3.Connection, rows: Sequence[Ints]) -> list[Entries]:
        """See ``Stock``; reads the metadata that is not in memory yet."""
        self._read(reader, set[int]().union(*(some.tolist() for some in rows)))
        found = []
        for some in rows:
            pictures = tuple(map(self._pictures.__getitem__, some.tolist()))
            places = self._places(some)
            keys = tuple(map(self.keys.__getitem__, places.tolist()))
            found.append(Entries(pictures, self.matrix[places], keys))
        return found

    def pictures(self, reader: sqlite3.Connection, rows: Sequence[int]) -> list[Picture]:
        """See ``Stock``."""
        self._read(reader, set(rows))
        return [self._pictures[row] for row in rows]

    @cached_property
    def _by_row(self) -> Ints:
        return np.argsort(self.numbers)

    def _places(self, rows: Ints) -> Ints:
        """Indices of the entries in these rows."""
        by_row = self._by_row
        places: Ints = by_row[np.searchsorted(self.numbers, rows, sorter=by_row)]
        return places

    def _among(self, passing: Ints | None) -> Ints:
        """Indices of the entries in these rows, ascending; None: of all entries."""
        if passing is None:
            return np.arange(len(self.keys))
        return np.flatnonzero(np.isin(self.numbers, passing))

    def _read(self, connection: sqlite3.Connection, wanted: set[int]) -> None:
        """Reads the metadata of these rows that is not in memory yet."""
        # A difference with the keys of a dictionary would look at each of its keys.
        missing = sorted(row for row in wanted if row not in self._pictures)
        places = self._places(np.array(missing, dtype=np.int64)).tolist() if missing else []
        for found, record in records.read(connection, missing, by="row"):
            if record.picture.key != self.keys[places[found]]:
                raise damaged(f"row {missing[found]} is not as it was written")
            self._pictures[missing[found]] = record.picture
        if lost := [row for row in missing if row not in self._pictures]:
            raise damaged(f"{len(lost)} of {len(missing)} records are missing")
