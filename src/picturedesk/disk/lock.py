"""Locks between processes: one process holds the lock's file until it releases it or ends.

The system frees the lock of a killed process. The lock is SQLite's, on an empty database: it works
wherever desks work, and writes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from picturedesk.disk.artifacts import unwritable
from picturedesk.disk.database import code_of
from picturedesk.errors import PicturedeskError


@contextmanager
def locked(path: Path, patience: float, held: str) -> Iterator[None]:
    """Holds a lock during the block.

    Args:
        path: the lock's file; made if missing.
        patience: seconds to wait for the current holder.
        held: the error message if that is not enough.

    Raises:
        PicturedeskError: another process or thread holds it, or the file cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise unwritable(path, error) from None
    with closing(
        sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    ) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if code_of(error) == sqlite3.SQLITE_BUSY:
                raise PicturedeskError(held) from None
            raise PicturedeskError(f"{path}: {error}; remove it and run again") from None
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
