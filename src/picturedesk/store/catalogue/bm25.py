"""The words of captions and tags, and their BM25, in SQLite's FTS5. Knows no vectors.

``texts.words`` splits any language into words. Each is stored as the hexadecimal digits of its
UTF-8: FTS5 reads that as one token in any script, and never as a command.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from zlib import crc32

import numpy as np

from picturedesk.errors import PicturedeskError
from picturedesk.texts.words import WORDS_VERSION, words
from picturedesk.types import Doubles, Ints, Picture

MOST_WORDS = 100  # of one search
MOST_HITS = 10_000  # sum of the words' pictures in one search
MADE_BY = f"words {WORDS_VERSION} of caption and tags, in hex"  # an index made otherwise is stale
_LONGEST = 200  # bytes of a word that count; FTS5 takes 32 kB of digits
SCHEMA = (
    "CREATE VIRTUAL TABLE words USING fts5(tokens, tokenize = 'ascii')",
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row)",
)
SEARCH_TABLES = ("data", "idx", "docsize", "config")  # FTS5's tables that searches read
CONTENT_TABLES = ("content",)  # the table that changes read
_PUT = "INSERT INTO words (rowid, tokens) SELECT row, ? FROM pictures WHERE key = ?"
_REMOVE = "DELETE FROM words WHERE rowid = (SELECT row FROM pictures WHERE key = ?)"


def check(connection: sqlite3.Connection) -> None:
    """Raises PicturedeskError if this Python's SQLite was built without FTS5."""
    try:
        connection.execute("SELECT fts5_source_id()")
    except sqlite3.OperationalError:
        raise PicturedeskError(
            f"SQLite {sqlite3.sqlite_version} of this Python has no FTS5, which catalogues need: "
            "use a Python from python.org, conda, uv or Debian"
        ) from None


def make(connection: sqlite3.Connection) -> None:
    """Rebuilds the index from the stored pictures, inside a transaction."""
    clear(connection)
    rows = connection.execute("SELECT row, caption, tags FROM pictures ORDER BY row")
    filled = ((row, tokens_of(caption, json.loads(tags))) for row, caption, tags in rows)
    connection.executemany(
        "INSERT INTO words (rowid, tokens) VALUES (?, ?)",
        ((row, tokens) for row, tokens in filled if tokens),
    )
    merge(connection)


def clear(connection: sqlite3.Connection) -> None:
    """Makes an empty index, inside a transaction; faster than deleting every word."""
    for table in ("words", "vocabulary"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in SCHEMA:
        connection.execute(statement)


def merge(connection: sqlite3.Connection) -> None:
    """Merges the pieces that a large change leaves, so that searches are faster.

    Inside a transaction.
    """
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")


def flush(connection: sqlite3.Connection) -> None:
    """Makes FTS5 write what it holds in memory, inside a transaction; a savepoint triggers it."""
    connection.execute("SAVEPOINT flushed")
    connection.execute("RELEASE flushed")


def checksum(connection: sqlite3.Connection, tables: Sequence[str]) -> int:
    """CRC-32 of some of FTS5's own tables: FTS5 has no checksums and would read damaged tables."""
    crc = 0
    for table in tables:
        rows = connection.execute(f"SELECT * FROM words_{table} ORDER BY 1, 2").fetchall()
        for column in zip(*rows, strict=True):
            stored = [v if isinstance(v, bytes) else str(v).encode() for v in column]
            crc = crc32(b"".join(stored), crc32(str([*map(len, stored)]).encode(), crc))
    return crc


def put(connection: sqlite3.Connection, pictures: Iterable[Picture]) -> None:
    """Adds or replaces the words of pictures that are in the catalogue, inside a transaction."""
    filled = {picture.key: tokens_of(picture.caption, picture.tags) for picture in pictures}
    remove(connection, list(filled))
    connection.executemany(_PUT, ((tokens, key) for key, tokens in filled.items() if tokens))


def remove(connection: sqlite3.Connection, keys: Iterable[str]) -> None:
    """Removes the words of pictures that are still in the catalogue, inside a transaction."""
    connection.executemany(_REMOVE, ((key,) for key in keys))


def has_any(connection: sqlite3.Connection) -> bool:
    """Whether any picture has words."""
    return connection.execute("SELECT id FROM words_docsize LIMIT 1").fetchone() is not None


def frequencies(connection: sqlite3.Connection) -> dict[str, int]:
    """Token → number of pictures that have it."""
    return dict(connection.execute("SELECT term, doc FROM vocabulary"))


def rarest(query: Iterable[str], known: Mapping[str, int]) -> list[str]:
    """The tokens to search for: those of the rarest words, as many as one search can take.

    At most ``MOST_WORDS``, with at most ``MOST_HITS`` pictures together, but at least one: so a
    long text is searched quickly, and "the" is left out if it is in every caption.

    Args:
        query: words in any order; repeated ones count once.
        known: ``frequencies``.

    Returns:
        Rarest first; equally rare tokens in alphabetical order.
    """
    tokens = {token_of(word) for word in query} & known.keys()
    ordered = sorted(tokens, key=lambda token: (known[token], token))
    together = accumulate(known[token] for token in ordered)
    quick = sum(hits <= MOST_HITS for hits in together)
    return ordered[: max(1, min(quick, MOST_WORDS))]


def scores(
    connection: sqlite3.Connection, tokens: Sequence[str], among: Sequence[int] | None = None
) -> tuple[Ints, Doubles]:
    """Row numbers (n,), ascending, of the pictures that have any token, and their BM25 (n,).

    FTS5's: k1 = 1.2, b = 0.75, idf = log((N - n + 0.5) / (n + 0.5)) or 1e-6 if that is larger, for
    N pictures with words; higher is better.

    Args:
        connection: where the index is.
        tokens: as ``rarest`` gives them.
        among: row numbers of the wanted pictures; None for all. The result may have others, too.
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
    found = connection.execute(
        f"SELECT rowid, -bm25(words) FROM words WHERE words MATCH ? {only} ORDER BY rowid", values
    ).fetchall()
    rows, bm25 = zip(*found, strict=True) if found else ((), ())
    return np.array(rows, dtype=np.int64), np.array(bm25, dtype=np.float64)


def tokens_of(caption: str, tags: Sequence[str]) -> str:
    """The tokens of caption and tags, with repetitions, separated by spaces."""
    return " ".join(token_of(word) for word in words("\n".join((caption, *tags))))


def token_of(word: str) -> str:
    """A word's token for FTS5."""
    return word.encode("utf-8", "surrogatepass")[:_LONGEST].hex()
