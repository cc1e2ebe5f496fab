"""The entries of a large catalogue: an index proposes rows, their stored vectors decide.

The index has the vectors of an earlier generation. Rows that have changed since are left out of
what it finds, and searched one by one: what was removed never comes back, and what was added is
found at once.

An index suits typical queries. Of others, as those of a route that the desk does not use, it may
tell little; then the best of what it proposes lie anywhere among the candidates and in the lists
looked through, instead of at the front of both, and more are looked at until they do not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from picturedesk.disk.database import rows_of
from picturedesk.store.catalogue import database, records
from picturedesk.store.catalogue.database import State
from picturedesk.store.catalogue.nearest import cosines
from picturedesk.store.catalogue.records import StoredRecord
from picturedesk.store.vector_index import Rows, VectorIndex
from picturedesk.types import Doubles, Entries, Floats, Ints, LazyPictures, Picture

_MORE = 1.25  # times as many candidates as are wanted
_AT_LEAST = 256  # candidates
_DEEPER = 4  # times as many, where the best may lie behind them
_DEEPEST = 16_384  # candidates
_LOOKED_AT = 10  # of the best
_DOUBTFUL = 3  # of these, in the second half of the candidates, or of the lists looked through
_HELD = 20_000  # vectors and records of a generation that are kept in memory
_FEW = 10_000  # rows whose keys are compared with each other, not looked for among all
_CONDITIONS = 32  # conditions whose rows are kept as bits


class _Vectors(NamedTuple):
    """Some rows.

    Attributes:
        rows: (n,) ascending.
        matrix: (n, W).
    """

    rows: Ints
    matrix: Floats


class IndexedStock:
    """Implements ``snapshot.Stock``. Threads may share it.

    Args:
        index: of some generation.
        touched: (t,) rows that have changed since.
        fresh: those of them that are there now.
        state: of the file.
    """

    def __init__(self, index: VectorIndex, touched: Ints, fresh: _Vectors, state: State) -> None:
        self._index = index
        self._touched = touched
        self._fresh = fresh
        self._width = state.width
        self._held: dict[int, Floats] = {}
        self._records: dict[int, StoredRecord] = {}
        self._row_of: dict[str, int] = {}  # of the records that are held
        self._may: dict[int, tuple[Ints | None, Rows | None]] = {}

    @classmethod
    def read(cls, connection: sqlite3.Connection, state: State, index: VectorIndex) -> IndexedStock:
        """Reads what the index does not have from a connection in this state."""
        touched = database.read_touched(connection, state)
        fresh = _Vectors(*database.read_rows(connection, touched, state.width))
        return cls(index, touched, fresh, state)

    def nearest(
        self, reader: sqlite3.Connection, queries: Doubles, k: int, passing: Ints | None
    ) -> list[tuple[Ints, Doubles]]:
        """See ``snapshot.Stock``; rows that the index does not propose may be missed."""
        if k < 1 or not len(queries):
            return [(np.empty(0, dtype=np.int64), np.empty(0)) for _ in queries]
        depth, may = max(_AT_LEAST, int(_MORE * k)), self._may_be_found(passing)
        proposed = self._index.search(queries, depth, may)
        fresh = self._fresh
        if passing is not None and len(fresh.rows):
            among = np.isin(fresh.rows, passing)
            fresh = _Vectors(fresh.rows[among], fresh.matrix[among])
        some = self._read(reader, np.unique(np.concatenate(proposed)))
        found: list[tuple[Ints, Doubles]] = []
        for query, rows in zip(queries, proposed, strict=True):
            if not query.any():  # all are as near: the lowest keys come first
                first = self.first(reader, k, passing)
                found.append((first, np.zeros(len(first))))
                continue
            rows, known = self._deeper(reader, query, may, rows, some)
            new = cosines(fresh.matrix, query, np.arange(len(fresh.rows)))
            every, scores = np.concatenate([rows, fresh.rows]), np.concatenate([known, new])
            best = _best(reader, every, scores, k)
            found.append((every[best], scores[best]))
        return found

    def _deeper(
        self,
        reader: sqlite3.Connection,
        query: Doubles,
        may: Rows | None,
        rows: Ints,
        some: _Vectors,
    ) -> tuple[Ints, Doubles]:
        """Candidates (n,) with their cosines, and more of them where better ones may be missing.

        Args:
            reader: of the catalogue.
            query: (W,).
            may: the rows that the index may propose.
            rows: (n,) the first candidates, most promising first.
            some: vectors of these and perhaps of others.
        """
        available = self._index.facts.count if may is None else may.count
        places = np.searchsorted(some.rows, rows)
        scores = cosines(some.matrix, query, places)
        if len(rows) == available:
            return rows, scores
        best = _first(scores)
        far = self._index.far(query, rows[best], may)
        missed = max(_behind(best, len(rows)), int(far.sum())) >= _DOUBTFUL
        while missed and len(rows) < min(available, _DEEPEST):
            depth = min(_DEEPER * len(rows), _DEEPEST)
            (rows,) = self._index.search(query[None], depth, may, everywhere=True)
            some = self._read(reader, np.sort(rows))
            scores = cosines(some.matrix, query, np.searchsorted(some.rows, rows))
            missed = _behind(_first(scores), len(rows)) > 0
        return rows, scores

    def ordered(self, reader: sqlite3.Connection, rows: Ints, scores: Doubles, k: int) -> Ints:
        """See ``snapshot.Stock``."""
        return _best(reader, rows, scores, k)

    def first(self, reader: sqlite3.Connection, count: int, passing: Ints | None) -> Ints:
        """See ``snapshot.Stock``."""
        if passing is None:
            query = "SELECT row FROM pictures ORDER BY key LIMIT ?"
            return np.array([row for (row,) in reader.execute(query, (count,))], dtype=np.int64)
        if len(passing) <= _FEW:
            keys = [key for _, key in rows_of(reader, "key", "pictures", passing.tolist(), "row")]
            lowest = sorted(range(len(keys)), key=keys.__getitem__)[:count]
            return passing[np.array(lowest, dtype=np.int64)]
        wanted, found = set(passing.tolist()), list[int]()
        for (row,) in reader.execute("SELECT row FROM pictures ORDER BY key"):
            if len(found) >= min(count, len(wanted)):
                break
            if row in wanted:
                found.append(row)
        return np.array(found, dtype=np.int64)

    def rows_of(self, reader: sqlite3.Connection, keys: Sequence[str]) -> Ints:
        """See ``snapshot.Stock``; a key keeps its row as long as the generation."""
        known = self._row_of
        rows = np.array([known.get(key, -1) for key in keys], dtype=np.int64)
        places = np.flatnonzero(rows < 0)
        wanted = [keys[place] for place in places.tolist()]
        for place, row in rows_of(reader, "row", "pictures", wanted):
            rows[places[place]] = row
        return rows

    def entries(self, reader: sqlite3.Connection, rows: Sequence[Ints]) -> list[Entries]:
        """See ``snapshot.Stock``."""
        every = np.unique(np.concatenate([*rows, np.empty(0, dtype=np.int64)]))
        some = self._read(reader, every)
        known = self._read_records(reader, every.tolist())
        found = []
        for part in rows:
            stored = [known[row] for row in part.tolist()]
            pictures = LazyPictures(stored, attrgetter("picture"))
            vectors = some.matrix[np.searchsorted(some.rows, part)]
            found.append(Entries(pictures, vectors, tuple(one.key for one in stored)))
        return found

    def pictures(self, reader: sqlite3.Connection, rows: Sequence[int]) -> list[Picture]:
        """See ``snapshot.Stock``."""
        known = self._read_records(reader, rows)
        return [known[row].picture for row in rows]

    def _read_records(
        self, reader: sqlite3.Connection, rows: Sequence[int]
    ) -> dict[int, StoredRecord]:
        """The records of rows, all of which are there."""
        held = self._records
        known = {row: held[row] for row in rows if row in held}
        missing = sorted({row for row in rows if row not in known})
        if not missing:
            return known
        new = records.read_stored(reader, missing)
        if len(held) + len(new) > _HELD:
            held, self._row_of = {}, {}
            self._records = held
        held.update(new)
        self._row_of.update((record.key, row) for row, record in new.items())
        return known | new

    def _may_be_found(self, passing: Ints | None) -> Rows | None:
        """The rows that the index may propose; None for all of its rows."""
        if passing is None and not len(self._touched):
            return None
        known = self._may.get(id(passing))
        if known is None or known[0] is not passing:
            if len(self._may) >= _CONDITIONS:
                self._may.clear()
            known = (passing, self._index.rows_among(passing, self._touched))
            self._may[id(passing)] = known
        return known[1]

    def _read(self, reader: sqlite3.Connection, rows: Ints) -> _Vectors:
        """The vectors of rows (n,), ascending, all of which are there."""
        held, numbers = self._held, rows.tolist()
        known = {row: held[row] for row in numbers if row in held}
        missing = np.array([row for row in numbers if row not in known], dtype=np.int64)
        if len(missing):
            found, matrix = database.read_rows(reader, missing, self._width)
            records.check(len(found) == len(missing), int(missing[0]))
            new = dict(zip(found.tolist(), matrix, strict=True))
            if len(held) + len(new) > _HELD:
                held = self._held = {}
            held.update(new)
            if not known:
                return _Vectors(rows, matrix)
            known |= new
        together = np.array([known[row] for row in numbers], dtype=np.float32)
        return _Vectors(rows, together.reshape(-1, self._width))


def _first(scores: Doubles) -> Ints:
    """Places of the best candidates (n,), which tell whether others are missing."""
    return np.argsort(-scores, kind="stable")[:_LOOKED_AT]


def _behind(best: Ints, count: int) -> int:
    """How many of the best are in the second half of the candidates: more may lie behind."""
    return int((2 * best >= count).sum())


def _best(reader: sqlite3.Connection, rows: Ints, scores: Doubles, k: int) -> Ints:
    """Places of the k rows (n,) of highest score (n,), best first, equal ones by key."""
    near = np.arange(len(rows))
    if len(rows) > k > 0:
        near = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
    near = near[np.argsort(-scores[near], kind="stable")]
    if (scores[near[1:]] == scores[near[:-1]]).any():
        numbers = rows[near].tolist()
        keys = dict(rows_of(reader, "key", "pictures", numbers, "row"))
        names = np.array([keys[place] for place in range(len(numbers))], dtype=str)
        near = near[np.lexsort((names, -scores[near]))]
    return near[:k]
