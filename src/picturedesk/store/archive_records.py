"""The records of an archive memory, in one SQLite file: words to show, and which rows count.

Vectors, groups and links lie in files of rows beside it. How many of their rows count is written
here, in the same transaction as the records: so a change is there as a whole or not at all. Knows
nothing of what is in the rows.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.disk.artifacts import FORMAT_VERSION
from picturedesk.disk.database import (
    application_id,
    connect,
    explained,
    is_empty,
    keep_log,
    transaction,
)
from picturedesk.errors import Closed, Mismatch, MissingArtefact
from picturedesk.types import Ints, Json, Picture

CURE = "run picturedesk fit again"
_KIND = "archive memory"
_APPLICATION_ID = 0x5044414D  # "PDAM", in the file's header
_AT_ONCE = 900  # values in one statement; some builds of SQLite take 999 at most
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_UNREADABLE = (sqlite3.SQLITE_ERROR, 0)  # a table or a column is gone; words are no UTF-8

_SCHEMA = (
    f"PRAGMA application_id = {_APPLICATION_ID}",
    "CREATE TABLE manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE extent (
        generation INTEGER NOT NULL, texts INTEGER NOT NULL, pictures INTEGER NOT NULL,
        links INTEGER NOT NULL, next_group INTEGER NOT NULL)""",
    "INSERT INTO extent VALUES (0, 0, 0, 0, 0)",
    "CREATE TABLE texts (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, excerpt TEXT NOT NULL)",
    """CREATE TABLE pictures (
        row INTEGER PRIMARY KEY, uri TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
        caption TEXT NOT NULL, credit TEXT NOT NULL, licence TEXT NOT NULL, date TEXT NOT NULL,
        tags TEXT NOT NULL)""",
    """CREATE TABLE removed (
        text INTEGER NOT NULL, picture INTEGER NOT NULL, PRIMARY KEY (text, picture))
        WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class ArchiveText:
    """What is kept of an archive text beside its vector.

    Attributes:
        id: unique within its archive.
        excerpt: its beginning, for people to recognise it by.
    """

    id: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Extent:
    """How far an archive memory reaches.

    Attributes:
        generation: grows by one with every change.
        texts: how many texts there are (T).
        pictures: how many pictures there are (P).
        links: rows in the file of links, removed ones included.
        next_group: a number above all groups of texts so far.
    """

    generation: int
    texts: int
    pictures: int
    links: int
    next_group: int


class ArchiveRecords:
    """Texts and pictures by row, id and key; removed links; the extent.

    May be used by several threads of a process, and opened by several processes.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, manifest: Json) -> None:
        self.path = path
        self.matcher = str(manifest["matcher"])
        self.width = int(manifest["width"])
        self._connection = connection
        self._lock = threading.RLock()
        self._opened = os.stat(path)
        self._closed = False

    @classmethod
    def open(cls, path: Path, new: Json | None = None) -> ArchiveRecords:
        """Opens a file; where there is none, or an empty one, lays it out if ``new`` is given.

        Args:
            path: the file.
            new: "matcher" and "width" of a new one.

        Raises:
            Mismatch: another format version wrote it.
            MissingArtefact: there is no file, or it is damaged or something else.
        """
        if new is None and not path.exists():
            raise MissingArtefact(f"{path} does not exist: run picturedesk fit")
        with _explained(path):
            connection = connect(path)
            try:
                if new is not None:
                    _create_if_new(connection, new)
                return cls(path, connection, _manifest_of(connection, path))
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._closed = True
            self._connection.close()

    @property
    def is_replaced(self) -> bool:
        """Whether the path leads to another file than the one that is open."""
        try:
            return not os.path.samestat(self._opened, os.stat(self.path))
        except FileNotFoundError:
            return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction; waits for those of other processes."""
        with _explained(self.path), self._lock:
            self._refuse_closed()
            with transaction(self._connection):
                yield

    def generation(self) -> int:
        """The generation that is committed now."""
        return int(self._all("SELECT generation FROM extent")[0][0])

    def extent(self) -> tuple[Extent, Ints]:
        """The extent, and the removed links (R, 2) of the same moment."""
        # One statement sees one state, whatever other processes commit meanwhile.
        rows = self._all("SELECT * FROM extent LEFT JOIN removed")
        removed = [row[-2:] for row in rows if row[-1] is not None]
        return Extent(*rows[0][:-2]), np.array(removed, dtype=np.int64).reshape(-1, 2)

    def texts(self, rows: Ints) -> list[ArchiveText]:
        """The texts of these rows, in their order."""
        found = self._chosen("SELECT row, id, excerpt FROM texts WHERE row", np.unique(rows))
        texts = {row: ArchiveText(*map(_string, words)) for row, *words in found}
        return self._in_order(texts, rows)

    def pictures(self, rows: Ints) -> list[Picture]:
        """The pictures of these rows, in their order."""
        found = self._chosen("SELECT * FROM pictures WHERE row", np.unique(rows))
        with _explained(self.path):
            pictures = {row: _picture(words) for row, *words in found}
        return self._in_order(pictures, rows)

    def text_rows(self, ids: Sequence[str]) -> Ints:
        """Rows (N,) of the texts with these ids, -1 where there is none."""
        found = self._chosen("SELECT id, row FROM texts WHERE id", map(_stored, ids))
        return _rows_of(ids, found)

    def picture_rows(self, keys: Sequence[str]) -> Ints:
        """Rows (N,) of the pictures with these keys, -1 where there is none."""
        found = self._chosen("SELECT key, row FROM pictures WHERE key", map(_stored, keys))
        return _rows_of(keys, found)

    def put_texts(self, rows: Ints, texts: Sequence[ArchiveText]) -> None:
        """Keeps texts that are new, each in its row."""
        self._many(
            "INSERT INTO texts VALUES (?, ?, ?)",
            (
                (row, _stored(text.id), _stored(text.excerpt))
                for row, text in zip(rows.tolist(), texts, strict=True)
            ),
        )

    def put_pictures(self, rows: Ints, pictures: Sequence[Picture]) -> None:
        """Keeps pictures, each in its row; what was known of that one is replaced."""
        words = (
            (p.uri, p.key, p.caption, p.credit, p.licence, p.date, json.dumps(p.tags))
            for p in pictures
        )
        self._many(
            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (row, *map(_stored, values))
                for row, values in zip(rows.tolist(), words, strict=True)
            ),
        )

    def remove(self, links: Ints) -> None:
        """Notes that links (n, 2) are removed."""
        self._many("INSERT INTO removed VALUES (?, ?)", links.tolist())

    def restore(self, links: Ints) -> None:
        """Forgets that links (n, 2) were removed, of those that were."""
        self._many("DELETE FROM removed WHERE text = ? AND picture = ?", links.tolist())

    def reach(self, extent: Extent) -> None:
        """Makes this the extent."""
        self._many("DELETE FROM extent", [()])
        self._many("INSERT INTO extent VALUES (?, ?, ?, ?, ?)", [astuple(extent)])

    def _in_order(self, found: dict[int, Any], rows: Ints) -> list[Any]:
        try:
            return [found[row] for row in rows.tolist()]
        except KeyError as error:
            raise MissingArtefact(f"{self.path} is damaged, row {error} is gone: {CURE}") from None

    def _chosen(self, query: str, values: Iterable[object]) -> list[tuple[Any, ...]]:
        """What a query that ends in a column's name finds where that is one of the values."""
        wanted = [value.item() if isinstance(value, np.integer) else value for value in values]
        found = []
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            found += self._all(f"{query} IN ({', '.join('?' * len(part))})", part)
        return found

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _explained(self.path), self._lock:
            self._refuse_closed()
            return self._connection.execute(query, values).fetchall()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Closed(f"archive memory {self.path.parent}")

    def _many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(statement, rows)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what a user can mend into one line; what is lost must be fitted again."""
    with explained(f"archive memory {path}"):
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError, json.JSONDecodeError) as error:
            if not _is_damage(error):
                raise
            raise MissingArtefact(f"{path} is damaged ({error}): {CURE}") from None


def _is_damage(error: Exception) -> bool:
    """Whether it tells of the file, as statements of ours that were right once fail on it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, sqlite3.OperationalError):
        return code in _DAMAGED or code in _UNREADABLE
    return code in _DAMAGED or not isinstance(error, sqlite3.Error)


def _create_if_new(connection: sqlite3.Connection, new: Json) -> None:
    """Lays the tables in an empty file; whoever comes second finds them there."""
    if not is_empty(connection):
        return
    keep_log(connection)
    manifest = {"kind": _KIND, "format_version": FORMAT_VERSION, **new}
    with transaction(connection):
        if is_empty(connection):
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO manifest VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in manifest.items()],
            )


def _manifest_of(connection: sqlite3.Connection, path: Path) -> Json:
    """The manifest; refuses other files and other format versions."""
    if application_id(connection) != _APPLICATION_ID:
        raise MissingArtefact(f"{path} holds no {_KIND}: {CURE}")
    rows = connection.execute("SELECT name, value FROM manifest").fetchall()
    manifest: Json = {name: json.loads(value) for name, value in rows}
    if manifest.get("format_version") != FORMAT_VERSION:
        raise Mismatch(
            f"{path} has format version {manifest.get('format_version')}, this picturedesk "
            f"reads {FORMAT_VERSION}: {CURE}"
        )
    return manifest


def _rows_of(names: Sequence[str], found: Iterable[tuple[str | bytes, int]]) -> Ints:
    rows = {_string(name): row for name, row in found}
    return np.array([rows.get(name, -1) for name in names], dtype=np.int64)


def _picture(stored: Sequence[str | bytes]) -> Picture:
    uri, key, caption, credit, licence, date, tags = map(_string, stored)
    return Picture(uri, key, caption, credit, licence, date, tuple(json.loads(tags)))


def _stored(words: str) -> str | bytes:
    """What SQLite can keep: the words, or bytes where they are no Unicode (lone surrogates)."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "surrogatepass")
    return words


def _string(stored: str | bytes) -> str:
    """The words that ``_stored`` kept."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")
