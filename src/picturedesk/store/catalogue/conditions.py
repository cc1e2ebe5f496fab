"""Evaluates SQL conditions of untrusted users in SQLite.

A condition may read the metadata columns of the pictures, compare, and call harmless functions.
An authorizer denies everything else when the condition is compiled: other tables, sub-selects,
statements, pragmas, attached files, extensions. A condition that runs too long is stopped. Knows
no vectors.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np

from picturedesk.disk.database import code_of
from picturedesk.errors import BadInput
from picturedesk.types import Ints

COLUMNS = ("uri", "key", "caption", "credit", "licence", "date", "tags")
LONGEST = 2.0  # seconds that a condition may run
HAS_TAG = "has_tag"
FUNCTIONS = frozenset(
    (
        *(HAS_TAG, "like", "glob", "lower", "upper", "length", "instr", "substr", "substring"),
        *("trim", "ltrim", "rtrim", "coalesce", "ifnull", "nullif", "iif"),
        *("abs", "round", "min", "max", "date", "time", "datetime", "julianday", "strftime"),
    )
)
_TOKENS = re.compile(
    r"""
    '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z) | \[[^]]*(?:]|\Z)
    | --[^\n]* | /\*.*?\*/  # brackets inside these do not count
    | /\* | [()] | .
    """,
    re.DOTALL | re.VERBOSE,
)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2**24,  # bytes of any string, so that none can be blown up
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,  # bytes
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,  # bytes; the time LIKE takes is quadratic
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_STEPS = 10_000  # instructions of SQLite's machine between two looks at the clock
_OF_THE_FILE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
_SHOWN = 200  # characters of a condition that an error repeats


def prepare(connection: sqlite3.Connection) -> None:
    """Adds the function ``has_tag`` and the limits for conditions to a connection."""
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.create_function(HAS_TAG, 2, _has_tag, deterministic=True)


def passing_rows(connection: sqlite3.Connection, where: str, longest: float = LONGEST) -> Ints:
    """Row numbers of the pictures for which a condition is true.

    Args:
        connection: after ``prepare``.
        where: SQL condition, e.g. ``licence = 'cc0' AND date >= '2020' AND has_tag(tags, 'sea')``.
        longest: seconds it may run.

    Raises:
        BadInput: if it is no condition on the metadata; lists the columns.
    """
    if _leaves_its_brackets(where):
        raise _refusal(where, "its brackets or comments do not match")
    if stray := _name_that_is_no_column(where):
        raise _refusal(where, f"no such column: {stray} (a string stands between single quotes)")
    gate = _Gate()
    try:
        with _guarded(connection, gate, longest):
            # The line ends close a comment in the condition before the bracket.
            found = connection.execute(f"SELECT row FROM pictures WHERE (\n{where}\n)").fetchall()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        if isinstance(error, sqlite3.Error) and code_of(error) in _OF_THE_FILE:
            raise
        raise _refusal(where, gate.denied or _reason(error, longest)) from None
    return np.array([row for (row,) in found], dtype=np.int64)


def _refusal(where: str, reason: str) -> BadInput:
    return BadInput(
        f"where {where[:_SHOWN]!r} cannot be used: {reason}; "
        f"there are {', '.join(COLUMNS)} and {HAS_TAG}(tags, 'word')"
    )


def _leaves_its_brackets(where: str) -> bool:
    """Whether brackets do not match, or a comment is not closed.

    Otherwise the condition can be put between brackets.
    """
    depth = 0
    for token in _TOKENS.findall(where):
        depth += (token == "(") - (token == ")")
        if depth < 0 or token == "/*":
            return True
    return depth > 0


def _name_that_is_no_column(where: str) -> str:
    """The first name between double quotes that is no column, "" if there is none.

    SQLite would read it as a string, so that a misspelt column would match all pictures or none.
    """
    for token in _TOKENS.findall(where):
        if token.startswith('"') and token[1:-1].replace('""', '"').lower() not in COLUMNS:
            return str(token)
    return ""


class _Gate:
    """SQLite calls it for every table, column and function when it compiles a condition.

    Attributes:
        denied: the first thing that was denied, "" for nothing.
    """

    def __init__(self) -> None:
        self.denied = ""
        self._selects = 0

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        trigger: str | None,
    ) -> int:
        complaint = self._complaint(action, first, second)
        self.denied = self.denied or complaint
        return sqlite3.SQLITE_DENY if complaint else sqlite3.SQLITE_OK

    def _complaint(self, action: int, first: str | None, second: str | None) -> str:
        if action == sqlite3.SQLITE_SELECT:
            self._selects += 1  # the first SELECT is our own
            return "it may not select" if self._selects > 1 else ""
        if action == sqlite3.SQLITE_READ:
            known = first == "pictures" and second in (*COLUMNS, "row", "")  # "": no column
            return "" if known else f"it may not read {first}.{second}"
        if action == sqlite3.SQLITE_FUNCTION:
            return "" if second in FUNCTIONS else f"it may not call {second}()"
        return "it may only compare metadata"


@contextmanager
def _guarded(connection: sqlite3.Connection, gate: _Gate, longest: float) -> Iterator[None]:
    deadline = time.monotonic() + longest
    connection.set_authorizer(gate)
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
        connection.set_authorizer(None)


def _reason(error: Exception, longest: float) -> str:
    if str(error) == "interrupted":
        return f"it ran for more than {longest:g} s"
    return " ".join(str(error).split())


def _has_tag(tags: object, word: object) -> bool:
    return isinstance(tags, str) and isinstance(word, str) and word.casefold() in _folded(tags)


@lru_cache(maxsize=4096)  # many pictures have the same tags
def _folded(tags: str) -> frozenset[str]:
    try:
        return frozenset(str(tag).casefold() for tag in json.loads(tags))
    except (ValueError, TypeError):  # a condition can hand in any string
        return frozenset()
