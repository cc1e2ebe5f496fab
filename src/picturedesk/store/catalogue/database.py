"""The SQLite file of a catalogue: schema, manifest, transactions, metadata and vector rows.

Metadata, vectors and words lie in one file, so that one transaction covers all. Knows no search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.disk.artifacts import FORMAT_VERSION
from picturedesk.errors import Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import bm25
from picturedesk.types import Floats, Ints, Picture

KIND = "catalogue"
WAIT = 30.0  # seconds that a writer waits for another one
_PAGE = 16384  # bytes; a vector of 500 wastes little of it
_LOG = 2**26  # bytes of write-ahead log that are kept after a large transaction
_BLOCK = 4096  # vectors read at once
_SCHEMA = (
    "CREATE TABLE manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE pictures (row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
    "uri TEXT NOT NULL, caption TEXT NOT NULL, credit TEXT NOT NULL, licence TEXT NOT NULL, "
    "date TEXT NOT NULL, tags TEXT NOT NULL)",
    "CREATE TABLE vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
)
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
class Manifest:
    """What a catalogue was made with.

    Attributes:
        matcher: fingerprint of the matcher whose vectors it holds, "" before the first.
        width: of the vectors, D; 0 before the first.
        generation: grows with every transaction that changes anything.
    """

    matcher: str
    width: int
    generation: int


def connect(path: Path) -> sqlite3.Connection:
    """Opens the file for reading and writing; makes it, with an empty manifest, if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with speaking_of(path):
        connection = sqlite3.connect(
            path, timeout=WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            _prepare(connection)
            _index_words(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Opens the file so that no statement can write."""
    with speaking_of(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=WAIT,
            isolation_level=None,
            check_same_thread=False,
        )


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG}")
    if _has_manifest(connection):
        return
    with transaction(connection, "IMMEDIATE"):
        if _has_manifest(connection):  # another process was faster
            return
        for statement in _SCHEMA:
            connection.execute(statement)
        write_manifest(connection, {"kind": KIND, "format_version": FORMAT_VERSION})
        write_manifest(connection, {"matcher": "", "width": 0, "generation": 0})


def _index_words(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the index of words if there is none yet, or one by the rules of another version."""
    bm25.check(connection)
    read_manifest(connection, path)  # refuses what is no catalogue before it is written to
    if _words_made_by(connection) == bm25.MADE_BY:
        return
    with transaction(connection, "IMMEDIATE"):
        if _words_made_by(connection) == bm25.MADE_BY:  # another process was faster
            return
        bm25.make(connection)
        generation = read_manifest(connection, path).generation + 1
        write_manifest(connection, {"words": bm25.MADE_BY, "generation": generation})


def _words_made_by(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM manifest WHERE name = 'words'").fetchone()
    return str(row[0]) if row else ""


def _has_manifest(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE name = 'manifest'"
    return connection.execute(query).fetchone() is not None


@contextmanager
def transaction(connection: sqlite3.Connection, mode: str) -> Iterator[None]:
    """All or nothing; ``mode`` is DEFERRED to read one state, IMMEDIATE to write."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def speaking_of(path: Path) -> Iterator[None]:
    """Turns SQLite's complaints about a file into one line that names it."""
    try:
        yield
    except sqlite3.OperationalError as error:
        cure = "is the disk full, read-only, or another process writing without end?"
        raise PicturedeskError(f"{path}: {error}: {cure}") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise  # its kinds are mistakes of this package
        cure = "it is no catalogue, or damaged; picturedesk fit makes it again"
        raise MissingArtefact(f"{path}: {error}: {cure}") from error


def read_manifest(connection: sqlite3.Connection, path: Path) -> Manifest:
    """Reads the manifest and refuses another kind of file and another format version."""
    rows = dict(connection.execute("SELECT name, value FROM manifest").fetchall())
    if rows.get("kind") != KIND:
        raise Mismatch(f"{path} holds a {rows.get('kind')}, not a {KIND}: give another path")
    if rows["format_version"] != str(FORMAT_VERSION):
        raise Mismatch(
            f"{path} has format version {rows['format_version']}, this picturedesk reads "
            f"{FORMAT_VERSION}: make it again with picturedesk fit"
        )
    return Manifest(rows["matcher"], int(rows["width"]), int(rows["generation"]))


def write_manifest(connection: sqlite3.Connection, content: dict[str, str | int]) -> None:
    """Writes rows of the manifest, inside a transaction."""
    rows = [(name, str(value)) for name, value in content.items()]
    connection.executemany("INSERT OR REPLACE INTO manifest (name, value) VALUES (?, ?)", rows)


def count(connection: sqlite3.Connection) -> int:
    """How many pictures there are."""
    return int(connection.execute("SELECT count(*) FROM pictures").fetchone()[0])


def put(connection: sqlite3.Connection, pictures: Sequence[Picture], vectors: Floats) -> None:
    """Adds or replaces pictures by key with their vectors (N, D) and words."""
    connection.executemany(_PUT_PICTURE, (_row(picture) for picture in pictures))
    blobs = (row.tobytes() for row in vectors.astype("<f4", copy=False))
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


def read_picture(connection: sqlite3.Connection, key: str) -> Picture | None:
    """The picture with a key, None if there is none."""
    row = connection.execute(f"SELECT {_FIELDS} FROM pictures WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    uri, _, caption, credit, licence, date, tags = row
    return Picture(uri, key, caption, credit, licence, date, tuple(json.loads(tags)))


def read_vector(connection: sqlite3.Connection, key: str) -> Floats | None:
    """The vector (D,) of a key, None if there is none."""
    row = connection.execute(
        "SELECT vector FROM vectors JOIN pictures USING (row) WHERE key = ?", (key,)
    ).fetchone()
    return np.frombuffer(row[0], dtype="<f4").astype(np.float32) if row else None


def read_keys(connection: sqlite3.Connection) -> tuple[list[str], Ints]:
    """All keys in ascending order, with their row numbers (N,)."""
    found = connection.execute("SELECT key, row FROM pictures ORDER BY key").fetchall()
    return [key for key, _ in found], np.array([row for _, row in found], dtype=np.int64)


def read_matrix(connection: sqlite3.Connection, rows: Ints, width: int) -> Floats:
    """All vectors (N, D), in the order of ``rows`` (N,), which must name every one of them."""
    matrix = np.empty((len(rows), width), dtype=np.float32)
    order = np.argsort(rows)
    cursor = connection.execute("SELECT vector FROM vectors ORDER BY row")
    for start in range(0, len(rows), _BLOCK):
        blob = b"".join(vector for (vector,) in cursor.fetchmany(_BLOCK))
        matrix[order[start : start + _BLOCK]] = np.frombuffer(blob, dtype="<f4").reshape(-1, width)
    return matrix


def _row(picture: Picture) -> tuple[str, ...]:
    tags = json.dumps(picture.tags, ensure_ascii=False)
    return (
        *(picture.uri, picture.key, picture.caption, picture.credit),
        *(picture.licence, picture.date, tags),
    )
