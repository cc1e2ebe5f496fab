"""What has been read of one generation of a catalogue: it is read once, and never changes.

Everything is compared with its checksums when it is first read. Threads may share it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import numpy as np

from picturedesk.disk.database import damaged
from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED
from picturedesk.store.catalogue import bm25, conditions, database, records
from picturedesk.store.catalogue.bm25 import MOST_HITS, Index
from picturedesk.store.catalogue.columns import columns_of
from picturedesk.store.catalogue.conditions import own_value, passing_rows
from picturedesk.store.catalogue.database import State
from picturedesk.store.catalogue.indexed import IndexedStock
from picturedesk.store.catalogue.records import Marks
from picturedesk.store.catalogue.snapshot import Snapshot, Stock
from picturedesk.store.vector_index import VectorIndex
from picturedesk.types import Column, Doubles, Entries, Ints

_CONDITIONS = 32  # results of conditions that are kept
_LONGEST_EACH = 1e-5  # seconds for each picture that a condition may take in large catalogues
_QUESTIONS = 8  # results of searches by words that are kept, of ``MOST_HITS`` pictures at most
_Part = TypeVar("_Part")


class Generation:
    """One generation. Every method takes a connection that reads this generation.

    Args:
        state: of the file.
        index: that belongs to it; None for none.
    """

    def __init__(self, state: State, index: VectorIndex | None = None) -> None:
        self.state = state
        self._index = index
        self._frequencies = {words.table: bm25.Frequencies(words) for words in bm25.INDEXES}
        self._parts: dict[str, object] = {}
        self._loading = threading.RLock()  # one thread reads a part, the others wait
        self._passing: OrderedDict[str, Ints] = OrderedDict()
        self._said: OrderedDict[tuple[str, ...], tuple[Ints, Doubles]] = OrderedDict()

    @property
    def stock_at_hand(self) -> Stock | None:
        """What ``stock`` gives, if anybody has asked for it."""
        return cast("Stock | None", self._parts.get("stock"))

    def stock(self, reader: sqlite3.Connection) -> Stock:
        """The vectors of all pictures."""

        def opened() -> Stock:
            if self._index is not None:
                return IndexedStock.read(reader, self.state, self._index)
            return Snapshot.read(reader, self.state)

        return self._part("stock", opened)

    def sample(self, reader: sqlite3.Connection, count: int) -> Entries:
        """The entries with the lowest keys, read once; nothing may change them."""

        def first() -> Entries:
            stock = self.stock(reader)
            found = stock.entries(reader, [stock.first(reader, count, None)])[0]
            found.vectors.flags.writeable = False
            return found

        return self._part(f"sample of {count}", first)

    def keys(self, reader: sqlite3.Connection) -> list[str]:
        """All keys, ascending."""
        count = self.state.totals.count
        return self._part("keys", lambda: records.read_keys(reader, count)[0])

    def marks(self, reader: sqlite3.Connection) -> Marks:
        """What is noted of the pictures; compares all records with their checksums."""
        totals = self.state.totals
        return self._part(
            "marks", lambda: records.read_marks(reader, totals.count, totals.pictures)
        )

    def columns(self, reader: sqlite3.Connection) -> dict[str, Column]:
        """All columns."""
        totals = self.state.totals
        return self._part("columns", lambda: columns_of(database.read_columns(reader, totals)))

    def own_columns(self, reader: sqlite3.Connection) -> list[str]:
        """Names of the own columns."""
        return [*self.columns(reader)][len(FIXED) :]

    def check_words(self, reader: sqlite3.Connection) -> None:
        """Compares the indexes of words with their checksum, in catalogues that have one."""
        known = self.state.totals.words

        def compared() -> bool:
            if known is not None and bm25.checksum(reader, bm25.SEARCH_TABLES) != known:
                raise damaged("its index of words is not as it was written")
            return True

        self._part("checked words", compared)

    def check_records(self, reader: sqlite3.Connection) -> None:
        """Compares all records with their checksums; in large catalogues each is when read."""
        if self.state.totals.count <= database.LARGE:
            self.marks(reader)

    def passing(self, reader: sqlite3.Connection, where: str) -> Ints | None:
        """Rows of the pictures that meet a condition; None without a condition."""
        if not where.strip():
            return None
        with self._loading:
            kept = self._passing.get(where)
            if kept is not None:
                self._passing.move_to_end(where)
                return kept
        self.check_records(reader)
        longest = max(conditions.LONGEST, self.state.totals.count * _LONGEST_EACH)
        found = passing_rows(reader, where, self.own_columns(reader), longest)
        if found.lasts:
            with self._loading:
                self._passing[where] = found.rows
                while len(self._passing) > _CONDITIONS:
                    self._passing.popitem(last=False)
        return found.rows

    def ordered(self, reader: sqlite3.Connection, order: str) -> Ints:
        """Rows of all pictures, sorted by a column; "-" before its name: highest first.

        Raises BadInput if there is no such column.
        """
        descends, name = order.startswith("-"), order.removeprefix("-")
        if name not in self.columns(reader):
            raise BadInput(
                f"order {order[:100]!r} is no column: there are {', '.join(self.columns(reader))}"
            )
        self.check_records(reader)
        value = name if name in FIXED else own_value(name)
        by = f"{value} IS NULL OR {value} IN ('', '[]'), {value} {'DESC' if descends else ''}, key"
        query = f"SELECT row FROM pictures ORDER BY {by}"

        def read() -> Ints:
            return np.array([row for (row,) in reader.execute(query)], dtype=np.int64)

        return self._part(f"order {order}", read)

    def query_tokens(
        self, reader: sqlite3.Connection, words: Sequence[str], index: Index
    ) -> list[str]:
        """The tokens to search for: those of the rarest of these words."""
        self.check_words(reader)
        return bm25.rarest(words, self._frequencies[index.table].of(reader, words))

    def word_scores(
        self,
        reader: sqlite3.Connection,
        words: Sequence[str],
        index: Index,
        among: Sequence[int] | None = None,
    ) -> tuple[Ints, Doubles]:
        """See ``bm25.scores``; of the rarest of these words.

        A search asks for the pictures of its words, then for the scores of some: all scores of the
        last questions are kept.
        """
        tokens = self.query_tokens(reader, words, index)
        question = (index.table, *tokens)
        with self._loading:
            kept = self._said.get(question)
        if kept is not None:
            return kept
        found = bm25.scores(reader, tokens, among, index=index)
        if among is None and len(found[0]) <= MOST_HITS:
            with self._loading:
                self._said[question] = found
                while len(self._said) > _QUESTIONS:
                    self._said.popitem(last=False)
        return found

    def _part(self, name: str, read: Callable[[], _Part]) -> _Part:
        found = self._parts.get(name)
        if found is None:
            with self._loading:
                found = self._parts.get(name)
                if found is None:
                    found = self._parts[name] = read()
        return cast(_Part, found)
