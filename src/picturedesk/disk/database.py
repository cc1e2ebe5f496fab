"""One SQLite file that several processes may share, and its troubles in one line.

Knows nothing of what is stored. The write-ahead log lets any number read while one writes; it
needs a local disk: processes must not share a file over a network file system.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from picturedesk.errors import MissingArtefact, PicturedeskError

_PAGE = 16384  # bytes; rows of 4 to 16 KB read 3 times as fast as with SQLite's 4096
_BUSY_S = 60.0  # seconds to wait for another process's transaction

_CURES = {
    sqlite3.SQLITE_NOTADB: "it is something else: name another path",
    sqlite3.SQLITE_CORRUPT: "it is damaged: remove it and run again",
    sqlite3.SQLITE_BUSY: "another process is writing to it: run again when that has ended",
    sqlite3.SQLITE_FULL: "make room and run the same command again, nothing is lost",
    sqlite3.SQLITE_IOERR: "check the disk and run the same command again",
    sqlite3.SQLITE_READONLY: "allow writing to it and to its folder",
    sqlite3.SQLITE_CANTOPEN: "it must be a file, in a folder that may be written",
}


def connect(path: Path) -> sqlite3.Connection:
    """Opens a file, or an empty one where there is none, in autocommit mode.

    The caller must see to it that threads take turns. Changes nothing in a file that is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        # NORMAL: what is committed outlives a killed process; a power cut may take the last
        # transactions, whole, never a part. FULL would wait for the disk at each.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes is there at its end, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nobody has made anything of this file yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables == 0 and application_id(connection) == 0)


def application_id(connection: sqlite3.Connection) -> int:
    """The number in the file's header that says what kind of file it is; 0 for none."""
    (number,) = connection.execute("PRAGMA application_id").fetchone()
    return int(number)


def keep_log(connection: sqlite3.Connection) -> None:
    """Makes an empty file one with a write-ahead log, for good."""
    connection.execute(f"PRAGMA page_size = {_PAGE}")
    patience = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite does not itself wait for another process that does the same.
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what a user can mend into one line that begins with ``what``; the rest is a bug."""
    try:
        yield
    except sqlite3.Error as error:
        code = _code(error)
        if code not in _CURES:
            raise
        lost = code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
        kind = MissingArtefact if lost else PicturedeskError
        raise kind(f"{what}: {error}; {_CURES[code]}") from None
    except OSError as error:
        raise PicturedeskError(
            f"{what}: {error.strerror}; name a folder that may be written"
        ) from None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, without the detail that it adds above the lowest byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
