"""The log of editors' decisions: which picture they took for a text, what they passed over.

One SQLite file of a desk, shared by all its fits: what was decided outlives every fit. Decisions
are appended; one that was taken back stays, marked. Every row has a checksum, the manifest the
number of rows and the sum of their checksums. Knows neither vectors nor catalogues.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import picturedesk.checks as checks
from picturedesk.disk.database import damaged, read_manifest, write_manifest
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.disk.sums import row_sum
from picturedesk.errors import BadInput
from picturedesk.types import Choice

_SCHEMA = (
    "CREATE TABLE choices (number INTEGER PRIMARY KEY, time TEXT NOT NULL, who TEXT NOT NULL, "
    "text TEXT NOT NULL, picture TEXT NOT NULL, rejected TEXT NOT NULL, undone INTEGER NOT NULL, "
    "sum INTEGER NOT NULL)",
)
_CURE = "restore it from a backup; without it the desk answers, but has forgotten its choices"
_KIND = FileKind("log of choices", 0x50444348, _SCHEMA, cure=_CURE)  # "PDCH"
_MOST = 2**63 - 1  # a number in SQLite, at most
_FIELDS = "number, time, who, text, picture, rejected, undone"
_PUT = f"INSERT OR REPLACE INTO choices ({_FIELDS}, sum) VALUES ({', '.join('?' * 8)})"


class ChoiceLog:
    """All decisions of a desk, in their order. Threads and processes may share one file."""

    def __init__(self, file: SharedDatabase) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path, make: bool = True) -> Self:
        """Opens a log; makes a missing one if ``make``.

        Raises:
            Mismatch: another format version wrote it.
            MissingArtefact: it is missing, damaged or of another kind.
        """
        content = {"count": 0, "total": 0} if make else None
        return cls(SharedDatabase.open(path, _KIND, content))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, choice: Choice) -> Choice:
        """Appends a decision; returns it with its number."""
        checks.instance("choice", choice, Choice)
        with self._file.writing() as writer:
            (highest,) = writer.execute("SELECT max(number) FROM choices").fetchone()
            numbered = replace(choice, number=(highest or 0) + 1)
            self._write(writer, numbered, before=None)
        return numbered

    def undo(self, number: int) -> Choice:
        """Marks a decision as taken back; returns it. A second call changes nothing.

        Raises:
            BadInput: there is no decision with this number.
        """
        number = checks.whole_number("number", number, 1, _MOST)
        with self._file.writing() as writer:
            found = list(_read(writer, "WHERE number = ?", (number,)))
            if not found:
                raise BadInput(f"there is no choice {number}: picturedesk choices lists them")
            choice, known = found[0]
            if choice.undone:
                return choice
            undone = replace(choice, undone=True)
            self._write(writer, undone, before=known)
        return undone

    def page(self, after: int = 0, limit: int = 1000) -> list[Choice]:
        """The first ``limit`` decisions with numbers above ``after``, in their order."""
        after = min(checks.whole_number("after", after), _MOST)
        limit = min(checks.whole_number("limit", limit), _MOST)
        with self._file.reading() as reader:
            _check(reader)
            found = _read(reader, "WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
            return [choice for choice, _ in found]

    def valid(self) -> list[Choice]:
        """All decisions that were not taken back, in their order."""
        with self._file.reading() as reader:
            _check(reader)
            return [choice for choice, _ in _read(reader, "WHERE NOT undone ORDER BY number", ())]

    def __len__(self) -> int:
        """Number of decisions, those that were taken back included."""
        with self._file.reading() as reader:
            return int(read_manifest(reader)["count"])

    def _write(self, writer: sqlite3.Connection, choice: Choice, before: int | None) -> None:
        """Writes a row; ``before`` is the checksum of the row that it replaces, None for none."""
        record = _record(choice)
        known = row_sum(*record)
        writer.execute(_PUT, (*record, known))
        manifest = read_manifest(writer)
        totals = {
            "count": manifest["count"] + (before is None),
            "total": manifest["total"] + known - (before or 0),
        }
        write_manifest(writer, totals)


def _record(choice: Choice) -> tuple[int, str, str, str, str, str, int]:
    rejected = json.dumps(choice.rejected, ensure_ascii=False)
    text = (choice.time, choice.who, choice.text, choice.picture)
    return (choice.number, *text, rejected, int(choice.undone))


def _read(
    reader: sqlite3.Connection, which: str, values: tuple[int, ...]
) -> Iterator[tuple[Choice, int]]:
    """Decisions with the checksums of their rows."""
    for *record, known in reader.execute(f"SELECT {_FIELDS}, sum FROM choices {which}", values):
        if known != row_sum(*record):
            raise damaged(f"row {record[0]} is not as it was written")
        number, time, who, text, picture, rejected, undone = record
        keys = tuple(json.loads(rejected))
        yield Choice(text, picture, keys, time, who, number, bool(undone)), known


def _check(reader: sqlite3.Connection) -> None:
    """Raises MissingArtefact if rows are lost or exchanged."""
    manifest = read_manifest(reader)
    count, total = reader.execute("SELECT count(*), coalesce(sum(sum), 0) FROM choices").fetchone()
    if (count, total) != (manifest["count"], manifest["total"]):
        raise damaged(f"its rows are not those of {manifest['count']} choices")
