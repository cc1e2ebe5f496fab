"""The SQLite file of a catalogue: its tables, and the statements that change them.

Metadata, vectors and words are in one file, so that one transaction covers all. Every row of
pictures and of vectors has a checksum, which covers the row number, too. The manifest has the
number of rows and the sum of their checksums, so that a lost, changed or exchanged row is noticed.
Does not search, and opens no connection.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import (
    CATALOGUE_VERSION,
    damaged,
    read_manifest,
    rows_of,
    write_manifest,
)
from picturedesk.disk.shared_database import FileKind
from picturedesk.disk.sums import blob_sum, row_sum
from picturedesk.store.catalogue import bm25, columns, records
from picturedesk.store.catalogue.checks import not_of_length_one
from picturedesk.store.catalogue.conditions import prepare
from picturedesk.store.catalogue.records import Record
from picturedesk.store.index_folder import IndexRecord
from picturedesk.types import Floats, Ints, Json, Picture

SINGLE = np.dtype("<f4")  # on disk: little-endian on every machine
HALF = np.dtype("<f2")  # … of vectors that it holds without a loss, which the routes make
_VECTORS = (  # the wide column last, so that SQLite reads the others without it
    "CREATE TABLE vectors (row INTEGER PRIMARY KEY, sum INTEGER NOT NULL, vector BLOB NOT NULL)"
)
_KEPT_OUT = "CREATE TABLE kept_out (key TEXT PRIMARY KEY) WITHOUT ROWID"
_TOUCHED = "CREATE TABLE touched (row INTEGER PRIMARY KEY, generation INTEGER NOT NULL)"
_SCHEMA = (records.PICTURES, _VECTORS, columns.TABLE, _KEPT_OUT, _TOUCHED, *bm25.SCHEMA)
KIND = FileKind("catalogue", 0x50444341, _SCHEMA, prepare, CURE, CATALOGUE_VERSION)  # "PDCA"

PART = 20_000  # vectors that are read at once
LARGE = 50_000  # pictures above which words are not compared as a whole with each change

_PUT_VECTOR = "INSERT OR REPLACE INTO vectors (row, sum, vector) VALUES (?, ?, ?)"
_TOUCH = "INSERT OR REPLACE INTO touched (row, generation) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and checksums in the manifest.

    Attributes:
        count: number of pictures.
        pictures: sum of the checksums of their records.
        vectors: sum of the checksums of their vectors.
        words: checksum of the indexes of words, see ``bm25.checksum``; None if there are more
            than ``LARGE`` pictures.
        documents: the same of the indexed words.
        columns: checksum of the counts of columns.
        kept_out: checksum of the keys that stay out.
        touched: number of rows whose vectors the index does not have as they are.
    """

    count: int = 0
    pictures: int = 0
    vectors: int = 0
    words: int | None = 0
    documents: int | None = 0
    columns: int = 0
    kept_out: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """The manifest at one moment.

    Attributes:
        fingerprint: of the vectors, "" for an empty catalogue.
        width: of the vectors, W; 0 for an empty catalogue.
        generation: grows with every change.
        totals: counts and checksums.
        index: None if there is none.
        lineage: of the pictures since they were last replaced as a whole; "" until an index is
            made, from when on changed rows are noted.
    """

    fingerprint: str
    width: int
    generation: int
    totals: Totals
    index: IndexRecord | None = None
    lineage: str = ""


class Change:
    """A change of a catalogue inside a transaction; ``finish`` comes last.

    Args:
        connection: for writing.
        totals: counts and checksums before the change.
        generation: that the change makes.

    Attributes:
        totals: counts and checksums now; ``finish`` updates those of words, columns and keys.
    """

    def __init__(self, connection: sqlite3.Connection, totals: Totals, generation: int) -> None:
        self.totals = totals
        self._generation = generation
        self._connection = connection
        self._columns = columns.Counts()  # what is to be added to the stored counts

    def put(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """Adds or replaces pictures by key with their vectors (N, W) and words.

        Args:
            pictures: if a key occurs twice, the later picture counts.
            vectors: (N, W).
            added: keys of pictures that did not come with the archive.
            named: key → fields that a user has set.
        """
        last = {picture.key: place for place, picture in enumerate(pictures)}
        stored = self._stored(list(last))
        new = self._new_rows()
        rows = {key: stored[key].row if key in stored else next(new) for key in last}
        self._forget_vectors([record.row for record in stored.values()])
        blobs = self._blobs(vectors[[*last.values()]])
        crcs = [_sum(blob, rows[key]) for blob, key in zip(blobs, last, strict=True)]
        self._connection.executemany(_PUT_VECTOR, zip(rows.values(), crcs, blobs, strict=True))
        self._count(vectors=sum(crcs))
        self._touch(rows.values())
        kept = [pictures[place] for place in last.values()]
        self._write(kept, rows, stored, added, named or {})

    def update(
        self,
        pictures: Sequence[Picture],
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
    ) -> str:
        """Replaces records of stored pictures; returns the first unknown key, or ""."""
        last = {picture.key: picture for picture in pictures}
        stored = self._stored(list(last))
        unknown = next((key for key in last if key not in stored), "")
        if not unknown:
            rows = {key: record.row for key, record in stored.items()}
            self._write(list(last.values()), rows, stored, added, named or {})
        return unknown

    def remove(self, keys: Sequence[str], keep_out: bool = False) -> None:
        """Removes pictures by key, with their vectors and words."""
        stored = self._stored(keys)
        rows = [record.row for record in stored.values()]
        self._forget(stored)
        self._forget_vectors(rows)
        bm25.remove(self._connection, rows)
        self._touch(rows)
        for table in ("vectors", "pictures"):
            self._connection.executemany(
                f"DELETE FROM {table} WHERE row = ?", ((row,) for row in rows)
            )
        if keep_out:
            self.keep_out(stored)

    def keep_out(self, keys: Collection[str]) -> None:
        """Notes that pictures stay out."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO kept_out (key) VALUES (?)", ((key,) for key in keys)
        )

    def clear(self) -> None:
        """Removes everything but the manifest."""
        bm25.clear(self._connection)
        for table in ("vectors", "pictures", "columns", "kept_out", "touched"):
            self._connection.execute(f"DELETE FROM {table}")
        write_manifest(self._connection, {"index": None, "lineage": ""})
        self.totals = Totals()
        self._columns = columns.Counts()

    def finish(self) -> None:
        """Writes counts and checksums into the manifest."""
        bm25.flush(self._connection)
        counts = columns.read(self._connection)
        counts.update(self._columns)
        small = self.totals.count <= LARGE
        self.totals = replace(
            self.totals,
            words=bm25.checksum(self._connection, bm25.SEARCH_TABLES) if small else None,
            documents=bm25.checksum(self._connection, bm25.CONTENT_TABLES) if small else None,
            columns=columns.write(self._connection, counts),
            kept_out=row_sum(*_kept_out(self._connection)),
            touched=_touched(self._connection),
        )
        write_manifest(self._connection, {"totals": asdict(self.totals)})

    def track(self, lineage: str) -> None:
        """Notes changed rows from now on."""
        write_manifest(self._connection, {"lineage": lineage})

    def index(self, record: IndexRecord) -> None:
        """Notes an index, which has the vectors of its generation; in place of ``finish``."""
        self._connection.execute("DELETE FROM touched WHERE generation <= ?", (record.generation,))
        self.totals = replace(self.totals, touched=_touched(self._connection))
        write_manifest(self._connection, {"index": asdict(record), "totals": asdict(self.totals)})

    def _blobs(self, vectors: Floats) -> list[bytes]:
        """What is stored for vectors (N, W)."""
        return blobs_of(vectors)

    def _touch(self, rows: Iterable[int]) -> None:
        """Notes that the vectors of these rows are other ones now, or are gone."""
        if read_manifest(self._connection)["lineage"]:
            self._connection.executemany(_TOUCH, ((row, self._generation) for row in rows))

    def _write(
        self,
        pictures: Sequence[Picture],
        rows: Mapping[str, int],
        stored: Mapping[str, Record],
        added: Collection[str],
        named: Mapping[str, Collection[str]],
    ) -> None:
        """Writes records and words of pictures, in place of those that are stored."""
        self._forget(stored)
        bm25.remove(self._connection, [record.row for record in stored.values()])
        written = []
        for picture in pictures:
            old = stored.get(picture.key)
            fields = {*named.get(picture.key, ()), *(old.named if old else ())}
            is_added = picture.key in added or (old is not None and old.added)
            written.append(Record(rows[picture.key], picture, is_added, fields))
        self._count(len(written), records.put(self._connection, written))
        self._columns.update(columns.counted(pictures))
        bm25.put(self._connection, ((record.row, record.picture) for record in written))
        self._connection.executemany(
            "DELETE FROM kept_out WHERE key = ?", ((picture.key,) for picture in pictures)
        )

    def _stored(self, keys: Sequence[str]) -> dict[str, Record]:
        """The stored records of these keys."""
        found = records.read(self._connection, list(dict.fromkeys(keys)))
        return {record.picture.key: record for _, record in found}

    def _forget(self, stored: Mapping[str, Record]) -> None:
        """Subtracts stored records from the totals and the counts of columns."""
        rows = [record.row for record in stored.values()]
        sums = [known for _, known in rows_of(self._connection, "sum", "pictures", rows, "row")]
        self._count(-len(rows), -sum(sums))
        self._columns.subtract(columns.counted(record.picture for record in stored.values()))

    def _forget_vectors(self, rows: Sequence[int]) -> None:
        found = rows_of(self._connection, "sum", "vectors", rows, "row")
        self._count(vectors=-sum(known for _, known in found))

    def _count(self, count: int = 0, pictures: int = 0, vectors: int = 0) -> None:
        now = self.totals
        self.totals = replace(
            now,
            count=now.count + count,
            pictures=now.pictures + pictures,
            vectors=now.vectors + vectors,
        )

    def _new_rows(self) -> Iterator[int]:
        (highest,) = self._connection.execute("SELECT max(row) FROM pictures").fetchone()
        return itertools.count((highest or 0) + 1)


def new_manifest(fingerprint: str, width: int) -> Json:
    """The entries of an empty catalogue's manifest, without those that every file has."""
    with closing(sqlite3.connect(":memory:")) as empty:
        for statement in bm25.SCHEMA:
            empty.execute(statement)
        words, documents = (
            bm25.checksum(empty, tables) for tables in (bm25.SEARCH_TABLES, bm25.CONTENT_TABLES)
        )
    nothing = row_sum()
    totals = Totals(words=words, documents=documents, columns=nothing, kept_out=nothing)
    return {
        "fingerprint": fingerprint,
        "width": width if fingerprint else 0,
        "words": bm25.MADE_BY,
        "totals": asdict(totals),
        "index": None,
        "lineage": "",
    }


def read_state(connection: sqlite3.Connection) -> State:
    """Fingerprint, width, generation and totals of the file now."""
    manifest = read_manifest(connection)
    owner = (manifest["fingerprint"], manifest["width"], manifest["generation"])
    index = manifest["index"]
    record = IndexRecord(**index) if index is not None else None
    return State(*owner, Totals(**manifest["totals"]), record, manifest["lineage"])


def read_columns(connection: sqlite3.Connection, totals: Totals) -> columns.Counts:
    """How many pictures have a value of which type in which column."""
    counts = columns.read(connection)
    if columns.checksum(counts) != totals.columns:
        raise damaged("the counts of its columns are not as they were written")
    return counts


def read_kept_out(connection: sqlite3.Connection, totals: Totals) -> frozenset[str]:
    """Keys of removed pictures that stay out."""
    keys = _kept_out(connection)
    if row_sum(*keys) != totals.kept_out:
        raise damaged("the keys of removed pictures are not as they were written")
    return frozenset(keys)


def read_vectors(connection: sqlite3.Connection, keys: Sequence[str], width: int) -> Floats:
    """Vectors (N, W) of N keys, all of which must be stored."""
    return _of_length_one(keys, read_some_numbers(connection, keys, width))


def read_some_numbers(connection: sqlite3.Connection, keys: Sequence[str], width: int) -> Floats:
    """What is stored as vectors (N, W) of N keys, of any length."""
    joined = "pictures JOIN vectors USING (row)"
    matrix = np.empty((len(keys), width), dtype=np.float32)
    found = 0
    for place, row, known, blob in rows_of(connection, "row, vectors.sum, vector", joined, keys):
        records.check(known == _sum(blob, row), row)
        matrix[place] = vector_of(blob, width)
        found += 1
    if found != len(keys):
        raise damaged(f"{len(keys) - found} of {len(keys)} vectors are missing")
    return matrix


def read_rows(connection: sqlite3.Connection, rows: Ints, width: int) -> tuple[Ints, Floats]:
    """Those of some rows, ascending, that are stored: rows (n,) and vectors (n, W)."""
    found = connection.execute(
        "SELECT row, sum, vector FROM vectors WHERE row IN (SELECT value FROM json_each(?)) "
        "ORDER BY row",
        (json.dumps(rows.tolist()),),
    ).fetchall()
    return _checked(found, width)


def read_matrix(
    connection: sqlite3.Connection, keys: Sequence[str], rows: Ints, state: State
) -> Floats:
    """All vectors (N, W), in the order of the keys and of their ``rows`` (N,)."""
    found = read_all_numbers(connection, rows, state.width, state.totals.vectors)
    return _of_length_one(keys, found)


def read_all_numbers(connection: sqlite3.Connection, rows: Ints, width: int, whole: int) -> Floats:
    """What is stored as vectors (N, W), of any length; ``whole`` is the sum of the checksums."""
    matrix = np.empty((len(rows), width), dtype=np.float32)
    if not matrix.size:
        return matrix
    numbers, total = rows.tolist(), 0
    found = connection.execute("SELECT row, sum, vector FROM vectors ORDER BY row")
    try:
        for place, (row, known, blob) in zip(np.argsort(rows).tolist(), found, strict=True):
            records.check(known == _sum(blob, row) and row == numbers[place], row)
            matrix[place] = vector_of(blob, width)
            total += known
    except ValueError:
        total = -1
    if total != whole:
        raise damaged(f"its vectors are not {len(rows)} of {width} numbers")
    return matrix


def each_part(connection: sqlite3.Connection, state: State) -> Iterator[tuple[Ints, Floats]]:
    """All rows (n,) with their vectors (n, W), by row, ``PART`` at a time; checks each of them."""
    found = connection.execute("SELECT row, sum, vector FROM vectors ORDER BY row")
    while part := found.fetchmany(PART):
        yield _checked(part, state.width)


def read_touched(connection: sqlite3.Connection, state: State) -> Ints:
    """Rows whose vectors the index does not have as they are: new, replaced or removed."""
    rows = [row for (row,) in connection.execute("SELECT row FROM touched ORDER BY row")]
    if len(rows) != state.totals.touched:
        raise damaged("its list of changed rows is not as it was written")
    return np.array(rows, dtype=np.int64)


def blobs_of(vectors: Floats) -> list[bytes]:
    """The vectors (N, W) as they are stored: in half precision, where that loses nothing."""
    with np.errstate(over="ignore"):
        halves = vectors.astype(HALF)
    whole = (halves.astype(np.float32) == vectors).all(axis=1).tolist()
    singles = vectors.astype(SINGLE, copy=False)
    return [
        (half if lossless else single).tobytes()
        for half, single, lossless in zip(halves, singles, whole, strict=True)
    ]


def vector_of(blob: bytes, width: int) -> npt.NDArray[Any]:
    """A stored vector (W,)."""
    kind = HALF if len(blob) == HALF.itemsize * width else SINGLE
    return np.frombuffer(blob, dtype=kind)


def _checked(found: Sequence[tuple[int, int, bytes]], width: int) -> tuple[Ints, Floats]:
    """Rows (n,) and vectors (n, W) of what was read: row, checksum, vector."""
    for row, known, blob in found:
        records.check(known == _sum(blob, row), row)
    rows = np.array([row for row, _, _ in found], dtype=np.int64)
    if all(len(blob) == HALF.itemsize * width for _, _, blob in found):
        halves = np.frombuffer(b"".join(blob for _, _, blob in found), dtype=HALF)
        matrix = halves.reshape(-1, width).astype(np.float32)
    else:
        matrix = np.array([vector_of(blob, width) for _, _, blob in found], dtype=np.float32)
    return rows, _of_length_one(rows, matrix)


def _sum(blob: object, row: int) -> int:
    """The checksum of a vector: its record has that of the same row and of its key."""
    return blob_sum(blob, str(row))


def _touched(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM touched").fetchone()
    return int(count)


def _kept_out(connection: sqlite3.Connection) -> list[str]:
    return [key for (key,) in connection.execute("SELECT key FROM kept_out ORDER BY key")]


def _of_length_one(owners: Sequence[str] | Ints, matrix: Floats) -> Floats:
    if wrong := not_of_length_one(matrix):
        raise damaged(f"the vector of {owners[wrong[0]]} is not of length one")
    return matrix
