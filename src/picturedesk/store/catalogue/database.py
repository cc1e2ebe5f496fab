"""The SQLite file of a catalogue: its tables, and the statements that read and change them.

Metadata, vectors and words are in one file, so that one transaction covers all. Every row of
pictures and of vectors has a checksum, which covers the row number, too. The manifest has the
number of rows and the sum of their checksums, so that a lost, changed or exchanged row is noticed.
Does not search, and opens no connection.
"""

from __future__ import annotations

import itertools
import json
import operator
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import damaged, read_manifest, rows_of, write_manifest
from picturedesk.disk.shared_database import FileKind
from picturedesk.disk.sums import blob_sum, row_sum
from picturedesk.store.catalogue import bm25
from picturedesk.store.catalogue.checks import not_of_length_one
from picturedesk.store.catalogue.conditions import prepare
from picturedesk.types import Floats, Ints, Json, Picture

VECTOR = np.dtype("<f4")  # on disk: float32, little-endian, on every machine
PICTURES = (
    "CREATE TABLE pictures (row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
    "uri TEXT NOT NULL, caption TEXT NOT NULL, credit TEXT NOT NULL, licence TEXT NOT NULL, "
    "date TEXT NOT NULL, tags TEXT NOT NULL, added INTEGER NOT NULL, sum INTEGER NOT NULL)"
)
_VECTORS = (  # the wide column last, so that SQLite reads the others without it
    "CREATE TABLE vectors (row INTEGER PRIMARY KEY, sum INTEGER NOT NULL, vector BLOB NOT NULL)"
)
_SCHEMA = (PICTURES, _VECTORS, *bm25.SCHEMA)
KIND = FileKind("catalogue", 0x50444341, _SCHEMA, prepare, CURE)  # "PDCA"

_FIELDS = "uri, key, caption, credit, licence, date, tags"  # in the order of Picture
_RECORD = f"row, {_FIELDS}, added"  # what the checksum of a row covers
_PUT_PICTURE = f"INSERT OR REPLACE INTO pictures ({_RECORD}, sum) VALUES ({', '.join('?' * 10)})"
_PUT_VECTOR = "INSERT OR REPLACE INTO vectors (row, sum, vector) VALUES (?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and checksums in the manifest.

    Attributes:
        count: number of pictures.
        pictures: sum of the checksums of their records.
        vectors: sum of the checksums of their vectors.
        words: checksum of the index of words; see ``bm25.checksum``.
        documents: checksum of the indexed words.
    """

    count: int = 0
    pictures: int = 0
    vectors: int = 0
    words: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """The manifest at one moment.

    Attributes:
        fingerprint: of the vectors, "" for an empty catalogue.
        width: of the vectors, W; 0 for an empty catalogue.
        generation: grows with every change.
        totals: counts and checksums.
    """

    fingerprint: str
    width: int
    generation: int
    totals: Totals


class Change:
    """A change of a catalogue inside a transaction; ``finish`` comes last.

    Args:
        connection: for writing.
        totals: counts and checksums before the change.

    Attributes:
        totals: counts and checksums now; ``finish`` updates those of words and documents.
    """

    def __init__(self, connection: sqlite3.Connection, totals: Totals) -> None:
        self.totals = totals
        self._connection = connection

    def put(self, pictures: Sequence[Picture], vectors: Floats, added: Collection[str]) -> None:
        """Adds or replaces pictures by key with their vectors (N, W) and words.

        Args:
            pictures: if a key occurs twice, the later picture counts.
            vectors: (N, W).
            added: keys of pictures that did not come with the archive.
        """
        last = {picture.key: place for place, picture in enumerate(pictures)}
        rows = self._forget(list(last))
        new = [key for key in last if key not in rows]
        rows |= dict(zip(new, self._new_rows(), strict=False))
        kept = [pictures[place] for place in last.values()]
        numbers = [rows[picture.key] for picture in kept]
        sums = put_pictures(self._connection, numbers, kept, added)
        blobs = [vectors[place].astype(VECTOR, copy=False).tobytes() for place in last.values()]
        crcs = [
            blob_sum(blob, f"{row}:{key}")
            for blob, row, key in zip(blobs, numbers, last, strict=True)
        ]
        self._connection.executemany(_PUT_VECTOR, zip(numbers, crcs, blobs, strict=True))
        bm25.put(self._connection, kept)
        self._count(len(kept), sum(sums), sum(crcs))

    def remove(self, keys: Sequence[str]) -> None:
        """Removes pictures by key, with their vectors and words."""
        bm25.remove(self._connection, keys)
        rows = [(row,) for row in self._forget(keys).values()]
        for table in ("vectors", "pictures"):
            self._connection.executemany(f"DELETE FROM {table} WHERE row = ?", rows)

    def clear(self) -> None:
        """Removes everything but the manifest."""
        bm25.clear(self._connection)
        self._connection.execute("DELETE FROM vectors")
        self._connection.execute("DELETE FROM pictures")
        self.totals = Totals()

    def finish(self) -> None:
        """Writes counts and checksums into the manifest."""
        bm25.flush(self._connection)
        self.totals = replace(
            self.totals,
            words=bm25.checksum(self._connection, bm25.SEARCH_TABLES),
            documents=bm25.checksum(self._connection, bm25.CONTENT_TABLES),
        )
        write_manifest(self._connection, {"totals": asdict(self.totals)})

    def _forget(self, keys: Sequence[str]) -> dict[str, int]:
        """Subtracts stored pictures with these keys from the totals; returns their rows."""
        found = rows_of(
            self._connection,
            "key, pictures.row, pictures.sum, vectors.sum",
            "pictures JOIN vectors USING (row)",
            list(dict.fromkeys(keys)),
        )
        known = [row for _, *row in found]
        self._count(-len(known), -sum(row[2] for row in known), -sum(row[3] for row in known))
        return {key: row for key, row, *_ in known}

    def _count(self, count: int, pictures: int, vectors: int) -> None:
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
    return {
        "fingerprint": fingerprint,
        "width": width if fingerprint else 0,
        "words": bm25.MADE_BY,
        "totals": asdict(Totals(words=words, documents=documents)),
    }


def read_state(connection: sqlite3.Connection) -> State:
    """Fingerprint, width, generation and totals of the file now."""
    manifest = read_manifest(connection)
    owner = (manifest["fingerprint"], manifest["width"], manifest["generation"])
    return State(*owner, Totals(**manifest["totals"]))


def put_pictures(
    connection: sqlite3.Connection,
    rows: Iterable[int],
    pictures: Sequence[Picture],
    added: Collection[str] = (),
) -> list[int]:
    """Writes pictures into their rows, without vectors and words; returns their checksums."""
    records = [
        (row, *_fields(picture), int(picture.key in added))
        for row, picture in zip(rows, pictures, strict=True)
    ]
    sums = [row_sum(*record) for record in records]
    filled = ((*record, known) for record, known in zip(records, sums, strict=True))
    connection.executemany(_PUT_PICTURE, filled)
    return sums


def read_pictures(
    connection: sqlite3.Connection, values: Sequence[str] | Sequence[int], by: str = "key"
) -> Iterator[tuple[int, Picture]]:
    """The pictures with these keys or rows, each with its place in ``values``."""
    for place, *record, known in rows_of(connection, f"{_RECORD}, sum", "pictures", values, by):
        _check(known == row_sum(*record), record[0])
        _, uri, key, caption, credit, licence, date, tags, _ = record
        words = tuple(json.loads(tags)) if tags != "[]" else ()
        yield place, Picture(uri, key, caption, credit, licence, date, words)


def read_added(connection: sqlite3.Connection, totals: Totals) -> list[str]:
    """Keys of the pictures that did not come with the archive, ascending.

    Compares the records of all pictures with their checksums.
    """
    count, total, added = 0, 0, []
    for *record, known in connection.execute(f"SELECT {_RECORD}, sum FROM pictures"):
        _check(known == row_sum(*record), record[0])
        count += 1
        total += known
        if record[-1]:
            added.append(record[2])
    if (count, total) != (totals.count, totals.pictures):
        raise damaged(f"its records are not those of {totals.count} pictures")
    return sorted(added)


def read_vectors(connection: sqlite3.Connection, keys: Sequence[str], width: int) -> Floats:
    """Vectors (N, W) of N keys, all of which must be stored."""
    joined = "pictures JOIN vectors USING (row)"
    matrix = np.empty((len(keys), width), dtype=VECTOR)
    found = 0
    for place, row, known, blob in rows_of(connection, "row, vectors.sum, vector", joined, keys):
        _check(known == blob_sum(blob, f"{row}:{keys[place]}"), row)
        matrix[place] = np.frombuffer(blob, dtype=VECTOR)
        found += 1
    if found != len(keys):
        raise damaged(f"{len(keys) - found} of {len(keys)} vectors are missing")
    return _of_length_one(keys, matrix)


def read_keys(connection: sqlite3.Connection, totals: Totals) -> tuple[list[str], Ints]:
    """All keys in ascending order, with their row numbers (N,)."""
    found = connection.execute("SELECT key, row FROM pictures ORDER BY key").fetchall()
    keys, rows = [key for key, _ in found], [row for _, row in found]
    typed = {*map(type, keys)} <= {str} and {*map(type, rows)} <= {int}
    if not typed or len(keys) != totals.count or any(map(operator.ge, keys, keys[1:])):
        raise damaged(f"its keys are not those of {totals.count} pictures")
    return keys, np.array(rows, dtype=np.int64)


def read_matrix(
    connection: sqlite3.Connection, keys: Sequence[str], rows: Ints, state: State
) -> Floats:
    """All vectors (N, W), in the order of the keys and of their ``rows`` (N,)."""
    matrix = np.empty((len(rows), state.width), dtype=VECTOR)
    if not matrix.size:
        return matrix
    size, numbers, total = matrix.strides[0], rows.tolist(), 0
    content = matrix.data.cast("B")
    found = connection.execute("SELECT row, sum, vector FROM vectors ORDER BY row")
    try:
        for place, (row, known, blob) in zip(np.argsort(rows).tolist(), found, strict=True):
            _check(known == blob_sum(blob, f"{numbers[place]}:{keys[place]}"), row)
            content[place * size : (place + 1) * size] = blob
            total += known
    except ValueError:
        total = -1
    if total != state.totals.vectors:
        raise damaged(f"its vectors are not {len(rows)} of {state.width} numbers")
    return _of_length_one(keys, matrix)


def _fields(picture: Picture) -> tuple[str, ...]:
    tags = json.dumps(picture.tags, ensure_ascii=False)
    return (
        *(picture.uri, picture.key, picture.caption, picture.credit),
        *(picture.licence, picture.date, tags),
    )


def _of_length_one(keys: Sequence[str], matrix: npt.NDArray[np.float32]) -> Floats:
    if wrong := not_of_length_one(matrix):
        raise damaged(f"the vector of {keys[wrong[0]]} is not of length one")
    return matrix.astype(np.float32, copy=False)


def _check(whole: bool, row: int) -> None:
    if not whole:
        raise damaged(f"row {row} is not as it was written")
