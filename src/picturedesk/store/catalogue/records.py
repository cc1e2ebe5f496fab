"""Pictures as rows of the catalogue's SQLite file. Every row has a checksum.

Knows neither vectors nor words.
"""

from __future__ import annotations

import json
import operator
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import damaged, rows_of
from picturedesk.disk.sums import row_sum
from picturedesk.errors import MissingArtefact
from picturedesk.own_columns import FIXED
from picturedesk.types import Cell, Ints, Picture

_NUMBERS = ("uses", "max_uses", "missing")
_LISTS = ("tags", "names", "territory")
_FIELDS = ", ".join(FIXED)  # in the order of Picture
_COLUMNS = ", ".join(
    f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'} NOT NULL" for name in FIXED[2:]
)
PICTURES = (
    "CREATE TABLE pictures (row INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
    f"uri TEXT NOT NULL, {_COLUMNS}, more TEXT NOT NULL, named TEXT NOT NULL, "
    "added INTEGER NOT NULL, sum INTEGER NOT NULL)"
)
_RECORD = f"row, {_FIELDS}, more, named, added"  # what the checksum of a row covers
_PUT = (
    f"INSERT OR REPLACE INTO pictures ({_RECORD}, sum) VALUES ({', '.join('?' * (len(FIXED) + 5))})"
)


@dataclass(frozen=True, slots=True)
class Record:
    """A picture with what the catalogue notes of it.

    Attributes:
        row: its number in the file.
        picture: the picture.
        added: whether it was put there by ``add``.
        named: fields and own columns that a user has set.
    """

    row: int
    picture: Picture
    added: bool = False
    named: Collection[str] = ()


class StoredRecord:
    """A record as it is stored; its picture is made when it is asked for.

    Args:
        row: its number first, its checksum last.
    """

    __slots__ = ("_picture", "_row")

    def __init__(self, row: Sequence[Any]) -> None:
        self._row = row
        self._picture: Picture | None = None

    @property
    def key(self) -> str:
        """Content key of the picture."""
        return str(self._row[2])

    @property
    def picture(self) -> Picture:
        """The picture; raises MissingArtefact if the record is damaged, or can be none."""
        if self._picture is None:
            *row, known = self._row
            if known != row_sum(*row):
                raise MissingArtefact(
                    f"the catalogue's row {row[0]} is not as it was written: {CURE}"
                )
            try:
                self._picture = _decoded(row).picture
            except (RecursionError, TypeError, ValueError):
                raise MissingArtefact(
                    f"the catalogue's row {row[0]} cannot be read: {CURE}"
                ) from None
        return self._picture


def put(connection: sqlite3.Connection, records: Sequence[Record]) -> int:
    """Writes records into their rows, without vectors and words; returns the sum of their sums."""
    rows = [
        (
            *(record.row, *_stored(record.picture)),
            *(json.dumps(sorted(record.named), ensure_ascii=False), int(record.added)),
        )
        for record in records
    ]
    sums = [row_sum(*row) for row in rows]
    connection.executemany(_PUT, ((*row, known) for row, known in zip(rows, sums, strict=True)))
    return sum(sums)


def read(
    connection: sqlite3.Connection, values: Sequence[str] | Sequence[int], by: str = "key"
) -> Iterator[tuple[int, Record]]:
    """The records with these keys or rows, each with its place in ``values``."""
    for place, *row, known in rows_of(connection, f"{_RECORD}, sum", "pictures", values, by):
        yield place, _record(row, known)


def read_stored(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, StoredRecord]:
    """The records in these rows, which are different and all there, by row."""
    within = "row IN (SELECT value FROM json_each(?))"
    stored = connection.execute(
        f"SELECT {_RECORD}, sum FROM pictures WHERE {within}", (json.dumps(rows),)
    )
    found = {row[0]: StoredRecord(row) for row in stored}
    if len(found) != len(rows):
        raise damaged(f"{len(rows) - len(found)} of {len(rows)} records are missing")
    return found


def read_all(connection: sqlite3.Connection) -> Iterator[Record]:
    """All records, by row."""
    for *row, known in connection.execute(f"SELECT {_RECORD}, sum FROM pictures ORDER BY row"):
        yield _record(row, known)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is noted of all pictures.

    Attributes:
        added: keys of those that were put there by ``add``, ascending.
        named: key → fields and own columns that a user has set; of those that have any.
    """

    added: list[str]
    named: dict[str, frozenset[str]]


def read_marks(connection: sqlite3.Connection, count: int, total: int) -> Marks:
    """Compares the records of all pictures with their checksums; returns what is noted of them.

    Args:
        connection: where they are.
        count: number of pictures.
        total: sum of their checksums.
    """
    found, summed = 0, 0
    marks = Marks([], {})
    for *row, known in connection.execute(f"SELECT {_RECORD}, sum FROM pictures"):
        check(known == row_sum(*row), row[0])
        found += 1
        summed += known
        if row[-1]:
            marks.added.append(row[2])
        if row[-2] != "[]":
            marks.named[row[2]] = frozenset(json.loads(row[-2]))
    if (found, summed) != (count, total):
        raise damaged(f"its records are not those of {count} pictures")
    marks.added.sort()
    return marks


def read_keys(connection: sqlite3.Connection, count: int) -> tuple[list[str], Ints]:
    """All keys in ascending order, with their row numbers (N,)."""
    found = connection.execute("SELECT key, row FROM pictures ORDER BY key").fetchall()
    keys, rows = [key for key, _ in found], [row for _, row in found]
    typed = {*map(type, keys)} <= {str} and {*map(type, rows)} <= {int}
    if not typed or len(keys) != count or any(map(operator.ge, keys, keys[1:])):
        raise damaged(f"its keys are not those of {count} pictures")
    return keys, np.array(rows, dtype=np.int64)


def read_places(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Key → all names of the picture's bytes, its uri first."""
    found = connection.execute("SELECT key, uri, names FROM pictures ORDER BY key")
    return {
        key: (uri,) if names == "[]" else tuple(dict.fromkeys((uri, *json.loads(names))))
        for key, uri, names in found
    }


def check(whole: bool, row: int) -> None:
    """Raises an error unless a row is as it was written."""
    if not whole:
        raise damaged(f"row {row} is not as it was written")


def _stored(picture: Picture) -> tuple[object, ...]:
    """Fixed columns and own ones."""
    values = [getattr(picture, name) for name in FIXED]
    for place, name in enumerate(FIXED):
        if name in _LISTS:
            values[place] = _json(values[place]) if values[place] else "[]"
        elif name == "missing":
            values[place] = int(values[place])
    return (*values, _json(picture.columns) if picture.columns else "{}")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _record(row: Sequence[Any], known: int) -> Record:
    check(known == row_sum(*row), row[0])
    return _decoded(row)


def _decoded(row: Sequence[Any]) -> Record:
    number, *values, more, named, added = row
    for place in _LIST_PLACES:
        values[place] = tuple(json.loads(values[place])) if values[place] != "[]" else ()
    values[-1] = bool(values[-1])
    values.append(_cells(json.loads(more)) if more != "{}" else {})
    return Record(
        number, Picture.stored(*values), bool(added), json.loads(named) if named != "[]" else ()
    )


_LIST_PLACES = [place for place, name in enumerate(FIXED) if name in _LISTS]


def _cells(stored: Mapping[str, Any]) -> dict[str, Cell]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
