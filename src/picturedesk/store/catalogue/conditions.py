"""Evaluates SQL conditions of untrusted users in SQLite.

A condition may read the metadata columns of the pictures, compare, and call harmless functions.
An authorizer denies everything else when the condition is compiled: other tables, sub-selects,
statements, pragmas, attached files, extensions. A condition that runs too long is stopped. Knows
no vectors.

Own columns are in one column of JSON. A condition that names some is asked of a table that has only
the columns that it names, each with its values as SQLite's own texts and numbers.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from picturedesk.disk.database import code_of
from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED
from picturedesk.types import Ints

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
    | --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/|\Z)  # brackets inside these do not count
    | [()] | (?:[^\W\d]|[^\x00-\x7f])(?:\w|[^\x00-\x7f]|\$)* | .
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
_NAMED = 20  # own columns that an error names
_QUOTES = {'"': '"', "`": "`", "[": "]"}  # around names
_OF_TIME = frozenset(("date", "time", "datetime", "julianday", "strftime"))  # of now, too
_KEPT_TAGS = 2000  # characters of tags that are kept, read: conditions can make long ones
_OWN_VALUE = "json_extract"


def prepare(connection: sqlite3.Connection) -> None:
    """Adds the function ``has_tag`` and the limits for conditions to a connection."""
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.create_function(HAS_TAG, 2, _has_tag, deterministic=True)


@dataclass(frozen=True, slots=True, eq=False)
class Passing:
    """The result of a condition.

    Attributes:
        rows: row numbers of the pictures for which it is true.
        lasts: whether it is the same at any time.
    """

    rows: Ints
    lasts: bool


def joined(first: str, second: str) -> str:
    """The condition that both are true; "" is one that always is.

    If the first is none, it comes back alone, so that its user is told.
    """
    if not first.strip() or not second.strip():
        return first if first.strip() else second
    if _leaves_its_brackets(first) or _has_open_quote(first):
        return first
    return f"(\n{first}\n) AND (\n{second}\n)"


def passing_rows(
    connection: sqlite3.Connection,
    where: str,
    own: Collection[str] = (),
    longest: float = LONGEST,
) -> Passing:
    """Row numbers of the pictures for which a condition is true.

    Args:
        connection: after ``prepare``.
        where: SQL condition, e.g. ``licence = 'cc0' AND date >= '2020' AND has_tag(tags, 'sea')``.
        own: names of own columns.
        longest: seconds it may run.

    Raises:
        BadInput: if it is no condition on the metadata; lists the columns.
    """
    if _leaves_its_brackets(where):
        raise _refusal(where, own, "its brackets or comments do not match")
    if stray := _name_that_is_no_column(where, own):
        reason = f"no such column: {stray} (a string stands between single quotes)"
        raise _refusal(where, own, reason)
    if any(token.casefold() == "select" for token in _TOKENS.findall(where)):
        # SQLite does not ask the gate about "key IN (SELECT key FROM pictures)".
        raise _refusal(where, own, "it may not select")
    wanted = _own_names(where, own)
    gate = _Gate(len(wanted))
    try:
        with _guarded(connection, gate, longest):
            found = connection.execute(_statement(where, wanted)).fetchall()
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        if isinstance(error, sqlite3.Error) and code_of(error) in _OF_THE_FILE:
            raise
        raise _refusal(where, own, gate.denied or _reason(error, longest)) from None
    rows = np.array([row for (row,) in found], dtype=np.int64)
    return Passing(rows, not gate.asks_for_time)


def own_value(name: str) -> str:
    """The SQL expression for an own column's value."""
    return f"""{_OWN_VALUE}(more, '$."{name}"')"""


def _statement(where: str, wanted: Sequence[tuple[str, str]]) -> str:
    """The query for a condition; ``wanted`` are own columns: as it spells them, and their names."""
    # The line ends close a comment in the condition before the bracket.
    if not wanted:
        return f"SELECT row FROM pictures WHERE (\n{where}\n)"
    named = {name.casefold() for name, _ in _names(where)}
    columns = [name for name in FIXED if name in named]
    columns += [f'{own_value(name)} AS "{spelt}"' for spelt, name in wanted]
    table = f"SELECT row, {', '.join(columns)} FROM pictures"
    # Materialized: else SQLite would ask for one of the two selections only.
    return f"WITH entries AS MATERIALIZED ({table}) SELECT row FROM entries WHERE (\n{where}\n)"


def _own_names(where: str, own: Collection[str]) -> list[tuple[str, str]]:
    """The own columns that a condition names: as it spells them, and their names."""
    found: dict[str, tuple[str, str]] = {}
    for spelt, _ in _names(where):
        if spelt.casefold() in own:  # SQLite ignores the case of A to Z only
            found.setdefault(
                re.sub("[A-Z]+", lambda run: run[0].lower(), spelt), (spelt, spelt.casefold())
            )
    return list(found.values())


def _names(where: str) -> Iterator[tuple[str, bool]]:
    """Names in a condition that may be columns, and whether each is between double quotes."""
    for token in _TOKENS.findall(where):
        end = _QUOTES.get(token[0])
        if end and token.endswith(end) and len(token) > 1:
            yield token[1:-1].replace('""', '"'), token[0] == '"'
        elif token[0] == "_" or token[0].isalpha() or ord(token[0]) > 127:
            yield token, False


def _refusal(where: str, own: Collection[str], reason: str) -> BadInput:
    columns = [*FIXED, *sorted(own)[:_NAMED]]
    if len(own) > _NAMED:
        columns.append(f"{len(own) - _NAMED} more (picturedesk info)")
    return BadInput(
        f"where {where[:_SHOWN]!r} cannot be used: {reason}; "
        f"there are {', '.join(columns)} and {HAS_TAG}(tags, 'word')"
    )


def _has_open_quote(where: str) -> bool:
    """Whether a string or a quoted name does not end."""
    for token in _TOKENS.findall(where):
        if token[0] in "'\"`" and token.count(token[0]) % 2:
            return True
        if token[0] == "[" and token[-1] != "]":
            return True
    return False


def _leaves_its_brackets(where: str) -> bool:
    """Whether brackets do not match, or a comment is not closed.

    Otherwise the condition can be put between brackets.
    """
    depth = 0
    for token in _TOKENS.findall(where):
        depth += (token == "(") - (token == ")")
        if depth < 0 or (token[:2] == "/*" and (len(token) < 4 or token[-2:] != "*/")):
            return True
    return depth > 0


def _name_that_is_no_column(where: str, own: Collection[str]) -> str:
    """The first name between double quotes that is no column, "" if there is none.

    SQLite would read it as a string, so that a misspelt column would match all pictures or none.
    """
    for token in _TOKENS.findall(where):
        if token.startswith('"'):
            name = token[1:-1].replace('""', '"')
            if name.lower() not in FIXED and name.casefold() not in own:
                return str(token)
    return ""


class _Gate:
    """SQLite calls it for every table, column and function when it compiles a condition.

    Args:
        own: number of own columns that the query reads, first of all, each by one call.

    Attributes:
        denied: the first thing that was denied, "" for nothing.
        asks_for_time: whether the result may depend on the time of day.
    """

    def __init__(self, own: int = 0) -> None:
        self.denied = ""
        self.asks_for_time = False
        self._selects = 2 if own else 1  # those of our own, which come first
        self._values = own
        self._readable = {*FIXED, "row", "", *(("more",) if own else ())}  # "": no column

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
            self._selects -= 1
            return "it may not select" if self._selects < 0 else ""
        if action == sqlite3.SQLITE_READ:
            known = first == "pictures" and second in self._readable
            return "" if known else f"it may not read {first}.{second}"
        if action == sqlite3.SQLITE_FUNCTION:
            return self._complaint_of_call(second)
        return "it may only compare metadata"

    def _complaint_of_call(self, function: str | None) -> str:
        if function == _OWN_VALUE and self._values:
            self._values -= 1
            return ""
        self.asks_for_time = self.asks_for_time or function in _OF_TIME
        return "" if function in FUNCTIONS else f"it may not call {function}()"


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
    if not isinstance(tags, str) or not isinstance(word, str):
        return False
    return word.casefold() in (_folded(tags) if len(tags) <= _KEPT_TAGS else _read_tags(tags))


@lru_cache(maxsize=4096)  # many pictures have the same tags
def _folded(tags: str) -> frozenset[str]:
    return _read_tags(tags)


def _read_tags(tags: str) -> frozenset[str]:
    try:
        return frozenset(str(tag).casefold() for tag in json.loads(tags))
    except (ValueError, TypeError):  # a condition can hand in any string
        return frozenset()
