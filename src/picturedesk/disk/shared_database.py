"""One SQLite file of one kind, shared by threads and processes.

Does not know what is stored; ``database`` has the settings of connections. A file must have exactly
the tables of its kind: files with additional tables, views or triggers are refused.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from picturedesk.disk.artifacts import FORMAT_VERSION
from picturedesk.disk.database import (
    application_id,
    connect,
    connect_to_read,
    damaged,
    explained,
    is_empty,
    keep_log,
    log_size,
    read_manifest,
    transaction,
    write_manifest,
)
from picturedesk.disk.sums import row_sum
from picturedesk.errors import Closed, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.types import Json

_OURS = 0x5044  # "PD": the upper half of the application id of every such file
_MANIFEST = "CREATE TABLE manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: for the manifest and for errors, such as "catalogue".
        application_id: number in the header of its files; its upper half is "PD".
        schema: statements that make its tables; the manifest's table is added to them.
        prepare: called with every reading connection, to add functions and limits.
        cure: what a user can do about a damaged file.
        version: of its format.
    """

    name: str
    application_id: int
    schema: tuple[str, ...]
    prepare: Callable[[sqlite3.Connection], None] | None = None
    cure: str = "remove it and run again"
    version: int = FORMAT_VERSION

    @property
    def one(self) -> str:
        """The name with its article: "a catalogue"."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


class SharedDatabase:
    """One file of one kind: any number of readers beside one writer. Threads may share it.

    Every reader has its own connection, which cannot write, so that readers never wait; writers
    wait for each other. The file is opened for writing at the first change. A forked process must
    open its own. Nothing else in the process may open the file or the two beside it: when any
    descriptor of a file is closed, the system drops all locks of the process on it, SQLite's too.
    """

    def __init__(self, path: Path, kind: FileKind) -> None:
        self.path = path
        self._kind = kind
        self._what = f"{kind.name} {path}"
        self._idle: list[sqlite3.Connection] = []
        self._writer: sqlite3.Connection | None = None
        self._closed = False
        self._lock = threading.Lock()  # for the three above
        self._turn = threading.RLock()  # only one thread writes at a time

    @classmethod
    def open(cls, path: Path, kind: FileKind, content: Json | None = None) -> SharedDatabase:
        """Opens a file, or makes a missing one; does not change an existing file.

        Args:
            path: the file.
            kind: required kind.
            content: manifest of a new file, without kind, format version and generation; None
                makes no file.

        Raises:
            MissingArtefact: the file is missing, damaged or not one of Picturedesk's.
            Mismatch: it is of another kind, or has another format version.
        """
        database = cls(path, kind)
        try:
            with database._explained():
                if path.is_dir():
                    raise PicturedeskError(f"{database._what} is a folder: it must be a file")
                if content is not None:
                    database._make_if_new(content)
                elif not path.exists():
                    raise MissingArtefact(f"{path} does not exist: run picturedesk fit again")
            with database.reading() as reader:
                _check(reader, path, kind)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Closes the file; readers in use are closed when they end."""
        with self._turn:
            with self._lock:
                self._closed = True
                idle, self._idle = self._idle, []
            for reader in idle:
                reader.close()
            if self._writer is not None:
                self._writer.close()
            elif idle:
                _sweep(self.path)
            self._writer = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file; changes of others are not visible inside the block."""
        with self._explained():
            reader = self._borrow()
            try:
                with transaction(reader, "DEFERRED"):
                    yield reader
            finally:
                self._give_back(reader)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all its changes are committed at the end of the block, or none.

        The generation grows by one if there was a change.
        """
        with self._explained(), self._turn:
            self._refuse_closed()
            if self._writer is None:
                self._writer = connect(self.path)
            with transaction(self._writer):
                before = self._writer.total_changes
                yield self._writer
                if self._writer.total_changes != before:
                    generation = read_manifest(self._writer)["generation"] + 1
                    write_manifest(self._writer, {"generation": generation})

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._what, self._kind.cure)

    def _make_if_new(self, content: Json) -> None:
        """Makes the tables of an empty file, unless another process has made them."""
        if self.path.exists():
            reader = connect_to_read(self.path)
            try:
                if not is_empty(reader):
                    return
            finally:
                reader.close()
        self._writer = connect(self.path)
        if is_empty(self._writer):
            keep_log(self._writer)
            with transaction(self._writer):
                if is_empty(self._writer):
                    _make_tables(self._writer, self._kind, content)

    def _borrow(self) -> sqlite3.Connection:
        with self._lock:
            self._refuse_closed()
            if self._idle:
                return self._idle.pop()
        reader = connect_to_read(self.path)
        if self._kind.prepare is not None:
            self._kind.prepare(reader)
        return reader

    def _give_back(self, reader: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(reader)
                return
        reader.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Closed(self._what)


def _make_tables(connection: sqlite3.Connection, kind: FileKind, content: Json) -> None:
    connection.execute(f"PRAGMA application_id = {kind.application_id}")
    for statement in (_MANIFEST, *kind.schema):
        connection.execute(statement)
    own = {"kind": kind.name, "format_version": kind.version, "generation": 0}
    schema = _sum_of(connection.execute(_SCHEMA).fetchall())
    write_manifest(connection, {**own, **content, "schema": schema})


def _check(connection: sqlite3.Connection, path: Path, kind: FileKind) -> None:
    """Raises an error for another kind of file, another format version or other tables."""
    number = application_id(connection)
    if number >> 16 != _OURS:
        raise MissingArtefact(
            f"{path} is not {kind.one} of this picturedesk: name another path, or {kind.cure}"
        )
    manifest = read_manifest(connection)
    if manifest.get("format_version") != kind.version:
        raise Mismatch(
            f"{path} was made by another version: it has format version "
            f"{manifest.get('format_version')}, this picturedesk reads {kind.version}: {kind.cure}"
        )
    if number != kind.application_id:
        raise Mismatch(f"{path} holds a {manifest['kind']}, not {kind.one}: name another path")
    _check_schema(connection, path, kind, manifest)


def _check_schema(
    connection: sqlite3.Connection, path: Path, kind: FileKind, manifest: Json
) -> None:
    rows = connection.execute(_SCHEMA).fetchall()
    there, wanted = _known(rows, kind), _expected(kind)
    for what, name, _ in sorted(there ^ wanted):
        said = "has" if name not in {entry[1] for entry in wanted} else "lacks"
        raise MissingArtefact(
            f"{path} {said} the {what} {name!r}, which is not how picturedesk makes "
            f"{kind.one}: {kind.cure}"
        )
    if _sum_of(rows) != manifest["schema"]:
        raise damaged("its tables are not as they were made")


@lru_cache
def _expected(kind: FileKind) -> frozenset[tuple[str, str, str]]:
    """The schema of this kind of file, as this SQLite makes it; see ``_known``."""
    with closing(sqlite3.connect(":memory:")) as memory:
        for statement in (_MANIFEST, *kind.schema):
            memory.execute(statement)
        return _known(memory.execute(_SCHEMA).fetchall(), kind)


def _known(rows: list[tuple[str, ...]], kind: FileKind) -> frozenset[tuple[str, str, str]]:
    """Type, name and definition of tables and indexes; "" for definitions that SQLite chooses."""
    ours = (_MANIFEST, *kind.schema)
    return frozenset((what, name, sql if sql in ours else "") for what, name, _, sql in rows)


def _sum_of(rows: list[tuple[str, ...]]) -> int:
    return row_sum(*(value for row in rows for value in row))


def _sweep(path: Path) -> None:
    """Removes the empty log that reading connections leave.

    SQLite removes it when the last connection is closed, if that one may write.
    """
    if path.with_name(f"{path.name}-wal").exists() and not log_size(path):
        with suppress(sqlite3.Error, OSError):
            last = connect(path)
            try:
                is_empty(last)
            finally:
                last.close()
