"""The columns of a catalogue: how many pictures have a value of which type in which column.

The counts are kept with each change, so that nobody needs to look at all pictures.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from picturedesk.disk.sums import row_sum
from picturedesk.own_columns import FIXED, common_type, type_of
from picturedesk.types import Column, Picture

Counts = Counter[tuple[str, str]]
"""(column, type) → number of pictures with a value of this type there."""

TABLE = (
    "CREATE TABLE columns (name TEXT NOT NULL, type TEXT NOT NULL, filled INTEGER NOT NULL, "
    "PRIMARY KEY (name, type)) WITHOUT ROWID"
)
_TYPES = {
    **dict.fromkeys(("date", "expiry", "embargo", "last_used"), "date"),
    **dict.fromkeys(("tags", "names", "territory"), "tags"),
    **dict.fromkeys(("uses", "max_uses"), "number"),
    "missing": "boolean",
}


def counted(pictures: Iterable[Picture]) -> Counts:
    """The counts of some pictures."""
    return Counter(one for picture in pictures for one in _filled(picture))


def read(connection: sqlite3.Connection) -> Counts:
    """The stored counts."""
    rows = connection.execute("SELECT name, type, filled FROM columns")
    return Counter({(name, kind): filled for name, kind, filled in rows})


def write(connection: sqlite3.Connection, counts: Counts) -> int:
    """Stores counts instead of those that are there, inside a transaction; returns their sum."""
    rows = [(*column, filled) for column, filled in counts.items() if filled > 0]
    connection.execute("DELETE FROM columns")
    connection.executemany("INSERT INTO columns (name, type, filled) VALUES (?, ?, ?)", rows)
    return checksum(+counts)


def checksum(counts: Counts) -> int:
    """Checksum of stored counts."""
    return row_sum(*sorted((*column, filled) for column, filled in counts.items()))


def columns_of(counts: Mapping[tuple[str, str], int]) -> dict[str, Column]:
    """All columns by name: those of every picture, then own ones in alphabetical order."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (name, kind), filled in counts.items():
        if filled > 0:
            found[name][kind] = filled
    own = sorted(found.keys() - {*FIXED})
    every = {name: Column(_TYPES.get(name, "text"), sum(found[name].values())) for name in FIXED}
    for name in own:
        every[name] = Column(common_type([*found[name]]), sum(found[name].values()))
    return every


def _filled(picture: Picture) -> Iterator[tuple[str, str]]:
    for name in FIXED:
        if getattr(picture, name):
            yield name, _TYPES.get(name, "text")
    for name, value in picture.columns.items():
        yield name, type_of(value)
