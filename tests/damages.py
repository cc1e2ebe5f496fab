"""Ways to damage a file of a desk: bits, ranges, blocks, whole files, values of JSON, SQLite.

Damage ``number`` of a ``seed`` is always the same one, on the same desk.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OFTEN = 6  # turns of a database, which has more parts than other files


def flip_a_bit(data: bytearray, rng: random.Random) -> None:
    data[_place(data, rng)] ^= 1 << rng.randrange(8)


def change_bytes(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        data[_place(data, rng)] = rng.randrange(256)


def zero_a_range(data: bytearray, rng: random.Random) -> None:
    start, stop = _range(data, rng)
    data[start:stop] = bytes(stop - start)


def fill_a_range(data: bytearray, rng: random.Random) -> None:
    start, stop = _range(data, rng)
    data[start:stop] = b"\xff" * (stop - start)


def cut_the_end(data: bytearray, rng: random.Random) -> None:
    del data[rng.choice([0, 1, len(data) - 1, rng.randrange(len(data))]) :]


def cut_out(data: bytearray, rng: random.Random) -> None:
    start, stop = _range(data, rng)
    del data[start:stop]


def put_in(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = rng.randbytes(rng.randint(1, 64))


def append(data: bytearray, rng: random.Random) -> None:
    data += rng.choice([b"\0", b"\n", rng.randbytes(rng.randint(1, 5000)), data[:4096]])


def repeat_a_block(data: bytearray, rng: random.Random) -> None:
    size, one, other = _blocks(data, rng)
    data[other : other + size] = data[one : one + size]


def exchange_blocks(data: bytearray, rng: random.Random) -> None:
    size, one, other = _blocks(data, rng)
    kept = data[one : one + size]
    data[one : one + size] = data[other : other + size]
    data[other : other + size] = kept


def _place(data: bytearray, rng: random.Random) -> int:
    """Anywhere; every third time near the beginning, where headers are."""
    return rng.randrange(min(len(data), 256) if rng.random() < 1 / 3 else len(data))


def _range(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start = _place(data, rng)
    return start, min(len(data), start + rng.choice([1, 4, 16, 512, 4096, 16384]))


def _blocks(data: bytearray, rng: random.Random) -> tuple[int, int, int]:
    """Size of a block, and where two blocks of that size begin, aligned to it."""
    size = min(rng.choice([1, 4, 8, 512, 2064, 4096, 16384]), max(1, len(data) // 2))
    return size, *(size * rng.randrange(len(data) // size) for _ in range(2))


OF_BYTES = (
    *(flip_a_bit, flip_a_bit, flip_a_bit, change_bytes, zero_a_range, fill_a_range, cut_the_end),
    *(cut_out, put_in, append, repeat_a_block, exchange_blocks),
)


def change_a_value(path: Path, rng: random.Random) -> None:
    """Of JSON: one value becomes another one, a key goes, or a key comes."""
    content = json.loads(path.read_text(encoding="utf-8"))
    places = list(_values(content))
    holder, key = rng.choice(places)
    how = rng.randrange(4)
    if how == 0 and isinstance(holder, dict):
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[f"{key}_"] = holder[key]
    else:
        holder[key] = _another(holder[key], rng)
    replace(path, json.dumps(content, ensure_ascii=False).encode())


def _values(content: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(content) if isinstance(content, dict) else range(len(content)):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _values(content[key])


def _another(value: Any, rng: random.Random) -> Any:
    others = [None, [], {}, "", "0", -1, 1e300, True, [value], f"{value} "]
    if isinstance(value, int | float):
        others += [value + 1, -value, value * 1.0001] * 3
    return rng.choice([other for other in others if json.dumps(other) != json.dumps(value)])


def change_a_table(path: Path, rng: random.Random) -> None:
    """Of SQLite: rows go, are exchanged or changed; tables, views and triggers come or go."""
    replace(path, path.read_bytes())  # the copy of its own that SQLite writes to
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        tables = [name for (name,) in connection.execute(names)]
        table = rng.choice(tables)
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        column = rng.choice(columns)
        one, other = (f"(SELECT rowid FROM {table} ORDER BY random() LIMIT 1)",) * 2
        statements = [
            f"DELETE FROM {table} WHERE rowid = {one}",
            f"DELETE FROM {table}",
            f"UPDATE {table} SET {column} = {column} || 'x' WHERE rowid = {one}",
            f"UPDATE {table} SET {column} = {column} + 1 WHERE rowid = {one}",
            f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE rowid = {other})"
            f" WHERE rowid = {one}",
            f"UPDATE OR REPLACE {table} SET rowid = rowid + 1 WHERE rowid = {one}",
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
            f"CREATE VIEW seen AS SELECT * FROM {table}",
            "CREATE TABLE strange (x)",
            f"CREATE TRIGGER strange AFTER INSERT ON {table} BEGIN SELECT 1; END",
            f"CREATE INDEX strange ON {table} ({column})",
            f"ALTER TABLE {table} ADD COLUMN strange",
            "PRAGMA user_version = 5",
            "VACUUM",
        ]
        with suppress(sqlite3.Error):  # a table without rowids, say
            connection.execute(rng.choice(statements))


def replace(path: Path, data: bytes | bytearray) -> None:
    """Gives a path another file: nobody who has the old one mapped sees it change."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


@dataclass(frozen=True)
class Damage:
    """One damage: ``number`` of a ``seed``."""

    seed: int
    number: int

    def apply(self, desk: Path) -> str:
        """Does it; returns what was done to which file."""
        rng = random.Random(f"{self.seed} {self.number}")
        files = files_of(desk)
        turns = [file for file in files for _ in range(OFTEN if file.endswith(".db") else 1)]
        file = turns[self.number % len(turns)]
        path, draw_ = desk / file, rng.random()
        if draw_ < 0.04:
            path.unlink()
            return f"delete {file}"
        if draw_ < 0.06:
            path.unlink()
            path.mkdir()
            return f"folder in the place of {file}"
        if draw_ < 0.12:
            other = rng.choice(files)
            mine, theirs = path.read_bytes(), (desk / other).read_bytes()
            replace(path, theirs)
            if rng.random() < 0.5:
                replace(desk / other, mine)
                return f"exchange {file} and {other}"
            return f"put {other} in the place of {file}"
        if path.suffix == ".json" and draw_ < 0.6:
            change_a_value(path, rng)
            return f"change a value of {file}"
        if path.suffix == ".db" and draw_ < 0.45:
            change_a_table(path, rng)
            return f"change a table of {file}"
        data = bytearray(path.read_bytes())
        how = rng.choice(OF_BYTES) if data else append
        how(data, rng)
        replace(path, data)
        return f"{how.__name__.replace('_', ' ')} {file}"


def files_of(desk: Path) -> list[str]:
    return sorted(str(path.relative_to(desk)) for path in desk.rglob("*") if path.is_file())
