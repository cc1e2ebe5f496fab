"""The records of an archive memory in one SQLite file: excerpts, metadata, valid rows.

Vectors, groups and links are in files of rows beside it. The checksums of their valid rows are
written here, in the same transaction as the records, so that every change is atomic. Every record
has a checksum. Does not know the meaning of the rows.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import RECORDS_VERSION, damaged, read_manifest, write_manifest
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.disk.sums import Sums, row_sum
from picturedesk.errors import MissingArtefact
from picturedesk.own_columns import FIXED
from picturedesk.store.index_folder import IndexRecord
from picturedesk.types import Ints, Json, Picture

_PICTURES = 4096  # records in memory; some kilobytes each
_AT_ONCE = 900  # values in one statement; some builds of SQLite take 999 at most
_SCHEMA = (
    """CREATE TABLE texts (
        row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, excerpt TEXT NOT NULL,
        title TEXT NOT NULL, date TEXT NOT NULL, link TEXT NOT NULL, sum INTEGER NOT NULL)""",
    """CREATE TABLE pictures (
        row INTEGER PRIMARY KEY, uri TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
        caption TEXT NOT NULL, credit TEXT NOT NULL, licence TEXT NOT NULL, date TEXT NOT NULL,
        tags TEXT NOT NULL, more TEXT NOT NULL, sum INTEGER NOT NULL)""",
    """CREATE TABLE removed (
        text INTEGER NOT NULL, picture INTEGER NOT NULL, PRIMARY KEY (text, picture))
        WITHOUT ROWID""",
)
_KIND = FileKind(  # "PDAM"
    "archive memory", 0x5044414D, _SCHEMA, cure=CURE, version=RECORDS_VERSION
)
_MORE = FIXED[7:]  # fields of a picture that are stored as one JSON object, if they are set


@dataclass(frozen=True, slots=True)
class ArchiveText:
    """The stored part of an archive text, without its vector.

    Attributes:
        id: unique within its archive.
        excerpt: its beginning, to be shown.
        title: its headline; "" if it has none.
        date: ISO 8601, when it ran; "" if unknown.
        link: where it can be read; "" if unknown.
    """

    id: str
    excerpt: str
    title: str = ""
    date: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of an archive memory, with checksums.

    Attributes:
        generation: grows by one with every change.
        texts: number of texts T.
        pictures: number of pictures P.
        links: rows in the file of links, removed ones included.
        next_group: a number above all groups of texts so far.
        sums: file (texts, groups, pictures, links) → checksums of its valid rows.
        index: of the first texts; None if there is none.
    """

    generation: int = 0
    texts: int = 0
    pictures: int = 0
    links: int = 0
    next_group: int = 0
    sums: Mapping[str, Sums] = field(default_factory=dict)
    index: IndexRecord | None = None

    def as_json(self) -> Json:
        """All fields but the generation, which the file counts."""
        return {
            "texts": self.texts,
            "pictures": self.pictures,
            "links": self.links,
            "next_group": self.next_group,
            "sums": {name: sums.as_json() for name, sums in self.sums.items()},
            "index": None if self.index is None else asdict(self.index),
        }

    @classmethod
    def from_json(cls, generation: int, content: Json) -> Extent:
        """From the result of ``as_json``."""
        sums = {name: Sums.from_json(known) for name, known in content["sums"].items()}
        index = content.get("index")
        record = None if index is None else IndexRecord(**index)
        return cls(generation, **{**content, "sums": sums, "index": record})


class ArchiveRecords:
    """Texts and pictures by row, id and key; removed links; the extent.

    Several threads may use one object, and several processes may open one file.
    """

    def __init__(self, file: SharedDatabase) -> None:
        self.path = file.path
        self._file = file
        self._mine = threading.local()  # the connection of each thread that has one in use
        self._opened = os.stat(file.path)
        manifest = self._manifest()
        self.matcher = str(manifest["matcher"])
        self.width = int(manifest["width"])
        self.half = bool(manifest.get("half", False))

    @classmethod
    def open(cls, path: Path, new: Json | None = None) -> ArchiveRecords:
        """Opens a file; makes a missing or empty one if ``new`` is given.

        Args:
            path: the file.
            new: "matcher", "width" and "half" of a new one.

        Raises:
            Mismatch: another format version wrote it.
            MissingArtefact: the file is missing, damaged or of another kind.
        """
        content = None
        if new is not None:
            content = {**new, "extent": Extent().as_json(), "removed": row_sum()}
        file = SharedDatabase.open(path, _KIND, content)
        try:
            return cls(file)
        except BaseException:
            file.close()
            raise

    @property
    def kind(self) -> Json:
        """What ``open`` was given when it was made."""
        return {"matcher": self.matcher, "width": self.width, "half": self.half}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def is_replaced(self) -> bool:
        """Whether another file has replaced the open one."""
        try:
            return not os.path.samestat(self._opened, os.stat(self.path))
        except FileNotFoundError:
            return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction; waits for other processes' transactions."""
        with self._file.writing() as connection:
            self._mine.connection = connection
            try:
                yield
            finally:
                self._mine.connection = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that this thread reads inside the block is of one moment, and one transaction."""
        with self._connection() as connection:
            before = getattr(self._mine, "connection", None)
            self._mine.connection = connection
            try:
                yield
            finally:
                self._mine.connection = before

    def generation(self) -> int:
        """The generation that is committed now."""
        return int(self._manifest()["generation"])

    def extent(self) -> tuple[Extent, Ints]:
        """The extent, and the removed links (R, 2), of one moment."""
        with self._connection() as connection:
            manifest = read_manifest(connection)
            removed = _removed(connection)
            if row_sum(*removed) != manifest["removed"]:
                raise damaged("its removed links are not as they were written")
            extent = Extent.from_json(manifest["generation"], manifest["extent"])
            return extent, np.array(removed, dtype=np.int64).reshape(-1, 2)

    def texts(self, rows: Ints) -> list[ArchiveText]:
        """The texts of these rows, in their order."""
        texts: dict[int, ArchiveText] = {}
        for row, *words, known in self._chosen("SELECT * FROM texts WHERE row", np.unique(rows)):
            self._check(known, row, *words)
            texts[row] = ArchiveText(*map(_string, words))
        return self._in_order(texts, rows)

    def pictures(self, rows: Ints) -> list[Picture]:
        """The pictures of these rows, in their order."""
        pictures: dict[int, Picture] = {}
        found = self._chosen("SELECT * FROM pictures WHERE row", np.unique(rows))
        for row, *words, known in found:
            self._check(known, row, *words)
            pictures[row] = _picture(tuple(words))
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
        """Stores new texts, each in its row."""
        words = ((one.id, one.excerpt, one.title, one.date, one.link) for one in texts)
        self._many("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)", _summed(rows, words))

    def put_pictures(self, rows: Ints, pictures: Sequence[Picture]) -> None:
        """Stores pictures, each in its row; replaces existing records."""
        words = (
            (p.uri, p.key, p.caption, p.credit, p.licence, p.date, json.dumps(p.tags), _more(p))
            for p in pictures
        )
        put = "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._many(put, _summed(rows, words))

    def remove(self, links: Ints) -> None:
        """Records links (n, 2) as removed."""
        self._many("INSERT INTO removed VALUES (?, ?)", links.tolist())

    def restore(self, links: Ints) -> None:
        """Restores removed links among links (n, 2)."""
        self._many("DELETE FROM removed WHERE text = ? AND picture = ?", links.tolist())

    def reach(self, extent: Extent) -> None:
        """Writes the extent; the last step of a transaction."""
        with self._connection() as connection:
            removed = row_sum(*_removed(connection))
            write_manifest(connection, {"extent": extent.as_json(), "removed": removed})

    def _manifest(self) -> Json:
        with self._connection() as connection:
            return read_manifest(connection)

    def _check(self, known: object, *values: object) -> None:
        if known != row_sum(*values):
            raise MissingArtefact(
                f"{self.path} is damaged, row {values[0]} is not as it was written: {CURE}"
            )

    def _in_order(self, found: dict[int, Any], rows: Ints) -> list[Any]:
        try:
            return [found[row] for row in rows.tolist()]
        except KeyError as error:
            raise MissingArtefact(f"{self.path} is damaged, row {error} is gone: {CURE}") from None

    def _chosen(self, query: str, values: Iterable[object]) -> list[tuple[Any, ...]]:
        """Rows of a query that ends in a column's name, for the values of that column."""
        wanted = [value.item() if isinstance(value, np.integer) else value for value in values]
        found = []
        with self._connection() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(part))
                found += connection.execute(f"{query} IN ({marks})", part).fetchall()
        return found

    def _many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with self._connection() as connection:
            connection.executemany(statement, rows)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """The writing connection of this thread, or else a reading one."""
        mine = getattr(self._mine, "connection", None)
        if mine is not None:
            yield mine
            return
        with self._file.reading() as reader:
            yield reader


def _removed(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    return connection.execute("SELECT * FROM removed ORDER BY text, picture").fetchall()


def _summed(rows: Ints, words: Iterable[Sequence[str]]) -> Iterator[tuple[object, ...]]:
    """Records to store: row, words, checksum."""
    for row, said in zip(rows.tolist(), words, strict=True):
        stored = tuple(map(_stored, said))
        yield (row, *stored, row_sum(row, *stored))


def _rows_of(names: Sequence[str], found: Iterable[tuple[str | bytes, int]]) -> Ints:
    rows = {_string(name): row for name, row in found}
    return np.array([rows.get(name, -1) for name in names], dtype=np.int64)


@lru_cache(maxsize=_PICTURES)
def _picture(stored: tuple[str | bytes, ...]) -> Picture:
    """The picture of a record; equal records are one object, since those of now recur."""
    uri, key, caption, credit, licence, date, tags, more = map(_string, stored)
    said = (uri, key, caption, credit, licence, date, tuple(json.loads(tags)))
    return Picture(*said, **json.loads(more))


def _more(picture: Picture) -> str:
    """The other fields that are set, as JSON."""
    fields = {name: getattr(picture, name) for name in _MORE if getattr(picture, name)}
    if picture.columns:
        fields["columns"] = picture.columns
    return json.dumps(fields)


def _stored(words: str) -> str | bytes:
    """The words as SQLite can store them: bytes if they have lone surrogates."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "surrogatepass")
    return words


def _string(stored: str | bytes) -> str:
    """The inverse of ``_stored``."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")
