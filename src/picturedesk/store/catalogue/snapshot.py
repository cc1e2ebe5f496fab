"""The vectors of one generation of a catalogue in memory, and the metadata that was read."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from picturedesk.disk.database import damaged
from picturedesk.store.catalogue import database, records
from picturedesk.store.catalogue.database import State
from picturedesk.types import Entries, Floats, Ints, Picture


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Entries by ascending key. They never change, so threads may share them.

    Attributes:
        generation: of the file when it was read.
        keys: N, ascending.
        rows: (N,) their row numbers in the file.
        matrix: (N, W) their vectors.
    """

    generation: int
    keys: list[str]
    rows: Ints
    matrix: Floats
    _pictures: dict[int, Picture] = field(default_factory=dict)  # by index, those read so far
    _by_row: Ints = field(init=False)  # (N,) indices by ascending row

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_row", np.argsort(self.rows))

    @classmethod
    def read(cls, connection: sqlite3.Connection, state: State) -> Snapshot:
        """Reads all entries from a connection in this state."""
        keys, rows = records.read_keys(connection, state.totals.count)
        return cls(
            state.generation, keys, rows, database.read_matrix(connection, keys, rows, state)
        )

    def among(self, passing: Ints | None) -> Ints:
        """Indices of the entries in these rows, ascending; None: of all entries."""
        if passing is None:
            return np.arange(len(self.keys))
        return np.flatnonzero(np.isin(self.rows, passing))

    def places(self, rows: Ints) -> Ints:
        """Indices of the entries in these rows."""
        order = self._by_row
        places: Ints = order[np.searchsorted(self.rows, rows, sorter=order)]
        return places

    def entries(self, connection: sqlite3.Connection, indices: Sequence[Ints]) -> list[Entries]:
        """Entries for each array of indices; reads the metadata that is not in memory yet."""
        self._read(connection, set[int]().union(*(some.tolist() for some in indices)))
        return [
            Entries(tuple(map(self._pictures.__getitem__, some.tolist())), self.matrix[some])
            for some in indices
        ]

    def pictures(self, connection: sqlite3.Connection, indices: Sequence[int]) -> list[Picture]:
        """The pictures at these indices, without their vectors."""
        self._read(connection, set(indices))
        return [self._pictures[index] for index in indices]

    def _read(self, connection: sqlite3.Connection, wanted: set[int]) -> None:
        """Reads the metadata of these indices that is not in memory yet."""
        # A difference with the keys of a dictionary would look at each of its keys.
        missing = sorted(index for index in wanted if index not in self._pictures)
        rows = self.rows[missing].tolist()
        for place, record in records.read(connection, rows, by="row"):
            if record.picture.key != self.keys[missing[place]]:
                raise damaged(f"row {rows[place]} is not as it was written")
            self._pictures[missing[place]] = record.picture
        if lost := [index for index in missing if index not in self._pictures]:
            raise damaged(f"{len(lost)} of {len(missing)} records are missing")

    def indices(self, keys: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Indices of keys, each with its place in ``keys``; unknown keys are left out."""
        for place, key in enumerate(keys):
            index = bisect_left(self.keys, key)
            if index < len(self.keys) and self.keys[index] == key:
                yield place, index
