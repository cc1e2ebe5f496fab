"""The SQLite file of a catalogue: its tables, and the statements that read and change them.

Metadata, vectors and words lie in one file, so that one transaction covers all. Knows no search
and no connection of its own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.disk.database import damaged, read_manifest, rows_of
from picturedesk.disk.shared_database import FileKind
from picturedesk.store.catalogue import bm25
from picturedesk.store.catalogue.conditions import prepare
from picturedesk.types import Floats, Ints, Picture

VECTOR = np.dtype("<f4")  # on disk: float32, little-endian, on every machine
PICTURES = (
    "CREATE TABLE pictures (row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
    "uri TEXT NOT NULL, caption TEXT NOT NULL, credit TEXT NOT NULL, licence TEXT NOT NULL, "
    "date TEXT NOT NULL, tags TEXT NOT NULL)"
)
_VECTORS = "CREATE TABLE vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL)"
KIND = FileKind("catalogue", 0x50444341, (PICTURES, _VECTORS, *bm25.SCHEMA), prepare)  # "PDCA"

_FIELDS = "uri, key, caption, credit, licence, date, tags"  # in the order of Picture
_PUT_PICTURE = (
    f"INSERT INTO pictures ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
    "SET uri = excluded.uri, caption = excluded.caption, credit = excluded.credit, "
    "licence = excluded.licence, date = excluded.date, tags = excluded.tags"
)
_PUT_VECTOR = (
    "INSERT OR REPLACE INTO vectors (row, vector) SELECT row, ? FROM pictures WHERE key = ?"
)


@dataclass(frozen=True, slots=True)
class State:
    """What the manifest says at one moment.

    Attributes:
        fingerprint: of the vectors, "" before the first.
        width: of the vectors, W; 0 before the first.
        generation: grows with every change.
    """

    fingerprint: str
    width: int
    generation: int


def read_state(connection: sqlite3.Connection) -> State:
    """Whose vectors the file holds now."""
    manifest = read_manifest(connection)
    return State(manifest["fingerprint"], manifest["width"], manifest["generation"])


def count(connection: sqlite3.Connection) -> int:
    """How many pictures there are."""
    return int(connection.execute("SELECT count(*) FROM pictures").fetchone()[0])


def put_pictures(connection: sqlite3.Connection, pictures: Sequence[Picture]) -> None:
    """Adds or replaces pictures by key, without vectors and words."""
    connection.executemany(_PUT_PICTURE, (_row(picture) for picture in pictures))


def put(connection: sqlite3.Connection, pictures: Sequence[Picture], vectors: Floats) -> None:
    """Adds or replaces pictures by key with their vectors (N, W) and words."""
    put_pictures(connection, pictures)
    blobs = (row.tobytes() for row in vectors.astype(VECTOR, copy=False))
    keys = (picture.key for picture in pictures)
    connection.executemany(_PUT_VECTOR, zip(blobs, keys, strict=True))
    bm25.put(connection, pictures)


def remove(connection: sqlite3.Connection, keys: Sequence[str]) -> None:
    """Removes pictures by key, with their vectors and words."""
    bm25.remove(connection, keys)
    wanted = [(key,) for key in keys]
    connection.executemany(
        "DELETE FROM vectors WHERE row = (SELECT row FROM pictures WHERE key = ?)", wanted
    )
    connection.executemany("DELETE FROM pictures WHERE key = ?", wanted)


def clear(connection: sqlite3.Connection) -> None:
    """Removes everything but the manifest."""
    bm25.clear(connection)
    connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM pictures")


def read_pictures(
    connection: sqlite3.Connection, values: Sequence[str] | Sequence[int], by: str = "key"
) -> Iterator[tuple[int, Picture]]:
    """The pictures with these keys or rows, each with its place in ``values``."""
    for place, *fields, tags in rows_of(connection, _FIELDS, "pictures", values, by):
        uri, key, caption, credit, licence, date = fields
        words = tuple(json.loads(tags)) if tags != "[]" else ()
        yield place, Picture(uri, key, caption, credit, licence, date, words)


def read_rows(connection: sqlite3.Connection, keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The row numbers of these keys, each with its place in ``keys``."""
    yield from rows_of(connection, "row", "pictures", keys)


def read_vectors(connection: sqlite3.Connection, keys: Sequence[str], width: int) -> Floats:
    """Vectors (N, W) of N keys, all of which must be there."""
    joined = "pictures JOIN vectors USING (row)"
    blobs = [blob for _, blob in rows_of(connection, "vector", joined, keys)]
    if [len(blob) for blob in blobs] != [width * VECTOR.itemsize] * len(keys):
        raise damaged(f"some vectors are missing, or are not of {width} numbers")
    matrix = np.frombuffer(b"".join(blobs), dtype=VECTOR).reshape(len(keys), width)
    return matrix.astype(np.float32)


def read_keys(connection: sqlite3.Connection) -> tuple[list[str], Ints]:
    """All keys in ascending order, with their row numbers (N,)."""
    found = connection.execute("SELECT key, row FROM pictures ORDER BY key").fetchall()
    return [key for key, _ in found], np.array([row for _, row in found], dtype=np.int64)


def first_keys(connection: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """The first keys above one, ascending."""
    found = connection.execute(
        "SELECT key FROM pictures WHERE key > ? ORDER BY key LIMIT ?", (after, limit)
    )
    return [key for (key,) in found]


def read_matrix(connection: sqlite3.Connection, rows: Ints, width: int) -> Floats:
    """All vectors (N, W), in the order of ``rows`` (N,), which must name every one of them."""
    matrix = np.empty((len(rows), width), dtype=VECTOR)
    if not matrix.size:
        return matrix
    size = matrix.strides[0]
    content = matrix.data.cast("B")
    starts = (np.argsort(rows) * size).tolist()  # where the vector of the lowest row goes, …
    blobs = connection.execute("SELECT vector FROM vectors ORDER BY row")
    try:
        for start, (blob,) in zip(starts, blobs, strict=True):
            content[start : start + size] = blob
    except ValueError:
        raise damaged(f"its vectors are not {len(rows)} of {width} numbers") from None
    return matrix.astype(np.float32, copy=False)


def _row(picture: Picture) -> tuple[str, ...]:
    tags = json.dumps(picture.tags, ensure_ascii=False)
    return (
        *(picture.uri, picture.key, picture.caption, picture.credit),
        *(picture.licence, picture.date, tags),
    )
