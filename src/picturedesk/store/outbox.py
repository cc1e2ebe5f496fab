"""Messages that wait until their addresses take them: one SQLite file of a desk.

A message stays until it is delivered or given up. There is a most: where an address takes nothing
for long, the oldest messages make room. Every row has a checksum. Knows neither desks nor the net.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from picturedesk.disk.database import damaged, read_manifest, write_manifest
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.disk.sums import row_sum

MOST = 10_000  # messages that wait
_SCHEMA = (
    "CREATE TABLE messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL, url TEXT NOT NULL, "
    "body TEXT NOT NULL, made REAL NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL, "
    "sum INTEGER NOT NULL)",
    "CREATE INDEX by_due ON messages (due)",
    "CREATE INDEX by_id ON messages (id, url)",
)
_CURE = "remove it: what waits in it is lost, choices are not"
_KIND = FileKind("outbox", 0x50444F42, _SCHEMA, cure=_CURE)  # "PDOB"
_FIELDS = "number, id, url, body, made, attempts, due"
_PUT = f"INSERT OR REPLACE INTO messages ({_FIELDS}, sum) VALUES ({', '.join('?' * 8)})"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits.

    Attributes:
        id: of what it tells; the same for all addresses, and for every attempt.
        url: the address.
        body: JSON.
        made: seconds since 1970.
        attempts: that failed.
        due: when the next one may be made, seconds since 1970.
        number: in the outbox; 0 until it is there.
    """

    id: str
    url: str
    body: str
    made: float
    attempts: int = 0
    due: float = 0.0
    number: int = 0


class Outbox:
    """All messages that wait. Threads and processes may share one file."""

    def __init__(self, file: SharedDatabase) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path, make: bool = True, followed: int = 0) -> Self:
        """Opens an outbox, or makes a missing one.

        Args:
            path: of the file.
            make: whether a missing one is made.
            followed: for a new one: the number up to which all is told; see ``put``.
        """
        content = {"followed": followed, "dropped": 0} if make else None
        return cls(SharedDatabase.open(path, _KIND, content))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def followed(self) -> int:
        """The number up to which all has been put here."""
        with self._file.reading() as reader:
            return int(read_manifest(reader)["followed"])

    @property
    def dropped(self) -> int:
        """Messages that made room for newer ones before they were delivered."""
        with self._file.reading() as reader:
            return int(read_manifest(reader)["dropped"])

    def put(self, messages: Sequence[Waiting], followed: int) -> None:
        """Adds messages, except for those that wait already, in one transaction.

        Args:
            messages: in their order.
            followed: the number up to which all has been put here now.
        """
        with self._file.writing() as writer:
            for message in messages:
                found = "SELECT 1 FROM messages WHERE id = ? AND url = ?"
                if writer.execute(found, (message.id, message.url)).fetchone() is None:
                    _write(writer, message)
            manifest = read_manifest(writer)
            dropped = manifest["dropped"] + _make_room(writer)
            highest = max(followed, manifest["followed"])
            write_manifest(writer, {"followed": highest, "dropped": dropped})

    def due(self, now: float) -> list[Waiting]:
        """Messages that may be delivered now, oldest first."""
        with self._file.reading() as reader:
            return list(_read(reader, "WHERE due <= ? ORDER BY number", (now,)))

    def postpone(self, message: Waiting, due: float) -> None:
        """Notes that an attempt failed, and when the next one may be made.

        Other messages for the same address wait as long.
        """
        with self._file.writing() as writer:
            waiting = list(_read(writer, "WHERE url = ? AND due < ?", (message.url, due)))
            for one in waiting:
                failed = one.attempts + (one.number == message.number)
                _write(writer, _again(one, failed, due))

    def remove(self, message: Waiting) -> None:
        """Takes a message out: it was delivered, or given up."""
        with self._file.writing() as writer:
            writer.execute("DELETE FROM messages WHERE number = ?", (message.number,))

    def __len__(self) -> int:
        """Messages that wait."""
        with self._file.reading() as reader:
            return _count(reader)


def _again(message: Waiting, attempts: int, due: float) -> Waiting:
    kept = (message.id, message.url, message.body, message.made)
    return Waiting(*kept, attempts, due, message.number)


def _write(writer: sqlite3.Connection, message: Waiting) -> None:
    number = message.number
    if not number:
        (highest,) = writer.execute("SELECT max(number) FROM messages").fetchone()
        number = (highest or 0) + 1
    times = (message.made, message.attempts, message.due)
    record = (number, message.id, message.url, message.body, *times)
    writer.execute(_PUT, (*record, row_sum(*record)))


def _read(
    reader: sqlite3.Connection, which: str, values: tuple[str | float, ...]
) -> Iterator[Waiting]:
    for *record, known in reader.execute(f"SELECT {_FIELDS}, sum FROM messages {which}", values):
        if known != row_sum(*record):
            raise damaged(f"row {record[0]} is not as it was written")
        number, identifier, url, body, made, attempts, due = record
        yield Waiting(identifier, url, body, made, attempts, due, number)


def _make_room(writer: sqlite3.Connection) -> int:
    """Removes the oldest messages above the most; returns how many."""
    surplus = max(0, _count(writer) - MOST)
    oldest = "SELECT number FROM messages ORDER BY number LIMIT ?"
    writer.execute(f"DELETE FROM messages WHERE number IN ({oldest})", (surplus,))
    return surplus


def _count(reader: sqlite3.Connection) -> int:
    (count,) = reader.execute("SELECT count(*) FROM messages").fetchone()
    return int(count)
