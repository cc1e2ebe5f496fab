"""SQLite connections, transactions, manifests and one-line errors for shared files.

Does not know what is stored. The write-ahead log lets any number read while one writes; it needs a
local disk: processes must not share a file over a network file system.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from picturedesk.disk.artifacts import FORMAT_VERSION, fingerprint
from picturedesk.errors import MissingArtefact, PicturedeskError
from picturedesk.types import Json

RECORDS_VERSION = 3  # of the format of files with records of pictures
CATALOGUE_VERSION = 4  # of the format of catalogues
_VERSIONS = (FORMAT_VERSION, RECORDS_VERSION, CATALOGUE_VERSION)
_PAGE = 16384  # bytes; rows of 4 to 16 KB read 3 times as fast as with SQLite's 4096
_LOG = 2**26  # bytes of write-ahead log that stay after a large transaction
_BUSY_S = 60.0  # seconds to wait for another process's transaction
_AT_ONCE = 10_000  # values per statement
_CHECKSUM = "checksum"  # the manifest's entry with the checksum of the others

_CURES = {
    sqlite3.SQLITE_BUSY: "another process is writing to it: run again when that has ended",
    sqlite3.SQLITE_FULL: "make room and run the same command again, nothing is lost",
    sqlite3.SQLITE_IOERR: "check the disk and run the same command again",
    sqlite3.SQLITE_READONLY: "allow writing to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "it must be a file that may be read; to write, its folder too",
}
_DAMAGES = {  # codes that correct statements raise on a damaged file
    0,  # of Python's module: a text that is not UTF-8
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_INTERNAL,
    sqlite3.SQLITE_NOMEM,
}


def connect(path: Path) -> sqlite3.Connection:
    """Opens a file in autocommit mode; makes a missing one, empty.

    The caller must let threads use it one at a time. Does not change an existing file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        # NORMAL: committed transactions survive a killed process; a power cut may lose the last
        # ones, each as a whole. FULL would wait for the disk at each transaction.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Opens an existing file so that no statement can write to it.

    In a folder without write permission, such as a read-only disk, SQLite cannot make the file by
    which readers and writers coordinate. If there is no log either, nobody is writing, and the
    file is opened as immutable.
    """
    try:
        return _connect_to_read(path, "mode=ro")
    except sqlite3.OperationalError as error:
        hindered = code_of(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
        if not hindered or _may_write(path.parent) or log_size(path):
            raise
    return _connect_to_read(path, "mode=ro&immutable=1")


@contextmanager
def transaction(connection: sqlite3.Connection, mode: str = "IMMEDIATE") -> Iterator[None]:
    """Runs the block in a transaction: all its changes are committed at its end, or none.

    Args:
        connection: in autocommit mode.
        mode: IMMEDIATE for writing, DEFERRED for reading one state.
    """
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def read_manifest(connection: sqlite3.Connection) -> Json:
    """The manifest: kind, format_version, generation, and the entries of its kind.

    Raises DatabaseError if its checksum differs; skips the check for another format version.
    """
    rows = connection.execute("SELECT name, value FROM manifest").fetchall()
    return dict(_parsed(tuple(rows)))


@lru_cache(maxsize=64)
def _parsed(rows: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    """Rows of a manifest, checked; every search reads them, and they seldom change."""
    try:
        manifest = {name: json.loads(value) for name, value in rows}
        checksum = manifest.pop(_CHECKSUM, None)
        ours = manifest.get("format_version") in _VERSIONS
        whole = not ours or checksum == fingerprint(manifest)
    except (TypeError, ValueError, RecursionError):
        whole = False
    if not whole:
        raise damaged("the checksum of its manifest differs")
    return manifest


def write_manifest(connection: sqlite3.Connection, content: Json) -> None:
    """Writes these entries of the manifest, and its checksum, inside a transaction."""
    put = "INSERT OR REPLACE INTO manifest (name, value) VALUES (?, ?)"
    entries = {name: json.dumps(value, ensure_ascii=False) for name, value in content.items()}
    connection.executemany(put, entries.items())
    rows = connection.execute("SELECT name, value FROM manifest WHERE name != ?", (_CHECKSUM,))
    checksum = fingerprint({name: json.loads(value) for name, value in rows})
    connection.execute(put, (_CHECKSUM, json.dumps(checksum)))


def rows_of(
    connection: sqlite3.Connection,
    columns: str,
    table: str,
    values: Sequence[str] | Sequence[int],
    by: str = "key",
) -> Iterator[tuple[Any, ...]]:
    """Rows of a table for many values of one column, thousands in one statement.

    Args:
        connection: where the table is.
        columns: what to read, "uri, caption".
        table: its name, or a join.
        values: of the column's type; may repeat.
        by: the column; it must have an index.

    Yields:
        The place in ``values``, ascending, then the columns; values without a row are left out.
    """
    statement = (  # SQLite keeps the order of a CROSS JOIN
        f"SELECT place, {columns} FROM "
        "(SELECT key AS place, value AS wanted FROM json_each(?)) "
        f"CROSS JOIN {table} WHERE {by} = wanted"
    )
    for start in range(0, len(values), _AT_ONCE):
        # SQLite would cut a string at its first NUL: null stands for it, and matches no row.
        some = [
            None if isinstance(value, str) and "\0" in value else value
            for value in values[start : start + _AT_ONCE]
        ]
        for place, *row in connection.execute(statement, (json.dumps(some),)):
            yield (start + place, *row)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file has no tables and no application id yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables == 0 and application_id(connection) == 0)


def application_id(connection: sqlite3.Connection) -> int:
    """The number in the file's header for the kind of file; 0 for none."""
    (number,) = connection.execute("PRAGMA application_id").fetchone()
    return int(number)


def keep_log(connection: sqlite3.Connection) -> None:
    """Gives an empty file a write-ahead log, permanently."""
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    patience = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself for another process that does the same.
            if code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)


@contextmanager
def explained(what: str, cure: str = "remove it and run again") -> Iterator[None]:
    """Turns errors that a user can fix into one line that begins with ``what``.

    Other errors are bugs and pass unchanged.

    Args:
        what: name of the file for users.
        cure: what to do if its content is lost.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = code_of(error)
        if isinstance(error, sqlite3.ProgrammingError):
            raise
        if code in _CURES:
            raise PicturedeskError(f"{what}: {error}; {_CURES[code]}") from None
        if code == sqlite3.SQLITE_NOTADB:
            raise MissingArtefact(f"{what}: {error}; name another path, or {cure}") from None
        if code not in _DAMAGES:
            raise
        raise MissingArtefact(f"{what}: {_one_line(error)}; it is damaged: {cure}") from None
    except OSError as error:
        raise PicturedeskError(
            f"{what}: {error.strerror}; name a folder that may be written"
        ) from None


def damaged(what: str) -> sqlite3.Error:
    """The error for damaged content; ``explained`` treats it like one of SQLite's own."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _connect_to_read(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=_BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # SQLite opens the file here
        connection.execute("PRAGMA cell_size_check = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _may_write(folder: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK, effective_ids=effective)


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log; 0 if there is none."""
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without the extended code above the lowest byte.

    0 for errors of Python's module.
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
