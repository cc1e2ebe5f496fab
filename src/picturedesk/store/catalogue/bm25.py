"""The words of pictures, and their BM25, in SQLite's FTS5. Knows no vectors.

There are two indexes: of captions and tags, which routes score, and of own columns with texts or
tags, for searches by hand. So what routes score does not change with a new column.

``texts.words`` splits any language into words. Each is stored as the hexadecimal digits of its
UTF-8: FTS5 reads that as one token in any script, and never as a command.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from zlib import crc32

import numpy as np

from picturedesk.errors import PicturedeskError
from picturedesk.texts.words import WORDS_VERSION, words
from picturedesk.types import Doubles, Ints, Picture

MOST_WORDS = 100  # of one search
MOST_HITS = 10_000  # sum of the words' pictures in one search
MADE_BY = f"words {WORDS_VERSION} of caption and tags, of columns; hex"  # others are stale
_LONGEST = 200  # bytes of a word that count; FTS5 takes 32 kB of digits
SEARCH_TABLES = ("data", "idx", "docsize", "config")  # FTS5's tables that searches read
CONTENT_TABLES = ("content",)  # the table that changes read


@dataclass(frozen=True, slots=True)
class Index:
    """One index of words.

    Attributes:
        table: name of its table.
        text: a picture → the text whose words it has.
    """

    table: str
    text: Callable[[Picture], str]

    @property
    def schema(self) -> tuple[str, str]:
        """Statements that make its tables."""
        return (
            f"CREATE VIRTUAL TABLE {self.table} USING fts5(tokens, tokenize = 'ascii')",
            f"CREATE VIRTUAL TABLE {self.table}_terms USING fts5vocab({self.table}, row)",
        )

    def tokens(self, picture: Picture) -> str:
        """The tokens of a picture, with repetitions, separated by spaces."""
        return " ".join(token_of(word) for word in words(self.text(picture)))


def _said(picture: Picture) -> str:
    return "\n".join((picture.caption, *picture.tags))


def _noted(picture: Picture) -> str:
    texts = []
    for value in picture.columns.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, tuple):
            texts += value
    return "\n".join(texts)


WORDS = Index("words", _said)
NOTES = Index("notes", _noted)
INDEXES = (WORDS, NOTES)
SCHEMA = tuple(statement for index in INDEXES for statement in index.schema)


def check(connection: sqlite3.Connection) -> None:
    """Raises PicturedeskError if this Python's SQLite was built without FTS5."""
    try:
        connection.execute("SELECT fts5_source_id()")
    except sqlite3.OperationalError:
        raise PicturedeskError(
            f"SQLite {sqlite3.sqlite_version} of this Python has no FTS5, which catalogues need: "
            "use a Python from python.org, conda, uv or Debian"
        ) from None


def make(connection: sqlite3.Connection, pictures: Iterable[tuple[int, Picture]]) -> None:
    """Rebuilds the indexes from pictures with their rows, inside a transaction."""
    clear(connection)
    stored = list(pictures)
    for index in INDEXES:
        filled = ((row, index.tokens(picture)) for row, picture in stored)
        connection.executemany(
            f"INSERT INTO {index.table} (rowid, tokens) VALUES (?, ?)",
            ((row, tokens) for row, tokens in filled if tokens),
        )
    merge(connection)


def clear(connection: sqlite3.Connection) -> None:
    """Makes empty indexes, inside a transaction; faster than deleting every word."""
    for index in INDEXES:
        for table in (index.table, f"{index.table}_terms"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in SCHEMA:
        connection.execute(statement)


def merge(connection: sqlite3.Connection) -> None:
    """Merges the pieces that a large change leaves, so that searches are faster.

    Inside a transaction.
    """
    for index in INDEXES:
        connection.execute(f"INSERT INTO {index.table} ({index.table}) VALUES ('optimize')")


def flush(connection: sqlite3.Connection) -> None:
    """Makes FTS5 write what it holds in memory, inside a transaction; a savepoint triggers it."""
    connection.execute("SAVEPOINT flushed")
    connection.execute("RELEASE flushed")


def checksum(connection: sqlite3.Connection, tables: Sequence[str]) -> int:
    """CRC-32 of some of FTS5's own tables, of both indexes.

    FTS5 has no checksums and would read damaged tables.
    """
    crc = 0
    for name in [f"{index.table}_{table}" for index in INDEXES for table in tables]:
        rows = connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
        for column in zip(*rows, strict=True):
            stored = [v if isinstance(v, bytes) else str(v).encode() for v in column]
            crc = crc32(b"".join(stored), crc32(str([*map(len, stored)]).encode(), crc))
    return crc


def put(connection: sqlite3.Connection, pictures: Iterable[tuple[int, Picture]]) -> None:
    """Adds words of pictures, with their rows, inside a transaction; the rows have none yet."""
    for row, picture in pictures:
        for index in INDEXES:
            tokens = index.tokens(picture)
            if tokens:
                connection.execute(
                    f"INSERT INTO {index.table} (rowid, tokens) VALUES (?, ?)", (row, tokens)
                )


def remove(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Removes the words of pictures by row, inside a transaction."""
    numbers = [(row,) for row in rows]
    for index in INDEXES:
        connection.executemany(f"DELETE FROM {index.table} WHERE rowid = ?", numbers)


def has_any(connection: sqlite3.Connection, index: Index = WORDS) -> bool:
    """Whether any picture has words in this index."""
    found = connection.execute(f"SELECT id FROM {index.table}_docsize LIMIT 1")
    return found.fetchone() is not None


class Frequencies:
    """How many pictures have a word in one index, which must not change; asked once a word.

    Args:
        index: the index of words.
    """

    def __init__(self, index: Index = WORDS) -> None:
        self._index = index
        self._known: dict[str, int] = {}

    def of(self, connection: sqlite3.Connection, query: Iterable[str]) -> dict[str, int]:
        """Token → number of pictures; of the words that any has."""
        tokens = {token_of(word) for word in query}
        if new := sorted(tokens - self._known.keys()):
            terms = f"json_each(?) CROSS JOIN {self._index.table}_terms"
            counts = f"SELECT term, doc FROM {terms} WHERE term = value"
            found = dict(connection.execute(counts, (json.dumps(new),)))
            self._known |= dict.fromkeys(new, 0) | found  # at once: other threads read it
        return {token: self._known[token] for token in tokens if self._known[token]}


def rarest(query: Iterable[str], known: Mapping[str, int]) -> list[str]:
    """The tokens to search for: those of the rarest words, as many as one search can take.

    At most ``MOST_WORDS``, with at most ``MOST_HITS`` pictures together, but at least one: so a
    long text is searched quickly, and "the" is left out if it is in every caption.

    Args:
        query: words in any order; repeated ones count once.
        known: token → number of pictures, see ``Frequencies``.

    Returns:
        Rarest first; equally rare tokens in alphabetical order.
    """
    tokens = {token_of(word) for word in query} & known.keys()
    ordered = sorted(tokens, key=lambda token: (known[token], token))
    together = accumulate(known[token] for token in ordered)
    quick = sum(hits <= MOST_HITS for hits in together)
    return ordered[: max(1, min(quick, MOST_WORDS))]


def scores(
    connection: sqlite3.Connection,
    tokens: Sequence[str],
    among: Sequence[int] | None = None,
    index: Index = WORDS,
) -> tuple[Ints, Doubles]:
    """Row numbers (n,), ascending, of the pictures that have any token, and their BM25 (n,).

    FTS5's: k1 = 1.2, b = 0.75, idf = log((N - n + 0.5) / (n + 0.5)) or 1e-6 if that is larger, for
    N pictures with words; higher is better.

    Args:
        connection: where the index is.
        tokens: as ``rarest`` gives them.
        among: row numbers of the wanted pictures; None for all. The result may have others, too.
        index: where to search.
    """
    if not tokens:  # FTS5 raises an error for an empty query
        return np.empty(0, dtype=np.int64), np.empty(0)
    values, only = [" OR ".join(tokens)], ""
    if among is not None and len(among) <= MOST_HITS:
        # The plus sign keeps SQLite from searching once per row.
        values, only = (
            [*values, json.dumps(among)],
            "AND +rowid IN (SELECT value FROM json_each(?))",
        )
    table = index.table
    found = connection.execute(
        f"SELECT rowid, -bm25({table}) FROM {table} WHERE {table} MATCH ? {only} ORDER BY rowid",
        values,
    ).fetchall()
    rows, bm25 = zip(*found, strict=True) if found else ((), ())
    return np.array(rows, dtype=np.int64), np.array(bm25, dtype=np.float64)


def token_of(word: str) -> str:
    """A word's token for FTS5."""
    return word.encode("utf-8", "surrogatepass")[:_LONGEST].hex()
