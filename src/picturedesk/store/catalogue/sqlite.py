"""Unit vectors with metadata and words in one SQLite file, searched exactly or by an index.

Up to some 50,000 pictures, comparing all vectors is as fast as an index; above, one stands beside
the file (``indexes``). Also ranks captions and tags by BM25. Does not know how vectors are made.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.database import damaged, read_manifest, write_manifest
from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import Mismatch
from picturedesk.store.catalogue import bm25, database, records
from picturedesk.store.catalogue.checks import (
    check_amount,
    directions,
    fields_by_key,
    storable,
    storable_records,
    unknown_key,
)
from picturedesk.store.catalogue.database import Change, State, Totals
from picturedesk.store.catalogue.generation import Generation
from picturedesk.store.catalogue.indexes import Indexes
from picturedesk.store.catalogue.snapshot import Stock
from picturedesk.store.index_folder import INDEX_FROM
from picturedesk.store.vector_index import Nearest
from picturedesk.types import (
    Changes,
    Column,
    Doubles,
    Entries,
    Floats,
    Found,
    Ints,
    Json,
    Picture,
)

_Row = TypeVar("_Row")


_SMALL_SAMPLE = 4096  # entries; samples up to it are kept, since every search asks for one


class SqliteCatalogue:
    """A catalogue in a file. See ``types.Catalogue``.

    Made by ``open``. Any number of processes and threads may read while one writes; writers wait
    for each other. Every reader sees each change as a whole: the vectors in memory never change,
    and are read again after a write. A forked process must open its own.

    Everything that an answer depends on is compared with its checksums, once for each generation:
    vectors when they are read, records before the first condition, words before the first search
    by words. In large catalogues, records and vectors are compared when they are used, and words
    are not. A difference raises MissingArtefact.

    Attributes:
        index_from: number of pictures from which on ``optimize`` makes an index.
    """

    index_from = INDEX_FROM

    def __init__(self, file: SharedDatabase) -> None:
        self._file = checks.instance("file", file, SharedDatabase)
        self._name, self._where = file.path.name, str(file.path)  # for errors
        with file.reading() as reader:
            self._opened = database.read_state(reader)
        self._newest: Generation | None = None
        self._indexes = Indexes(file)

    @classmethod
    def open(
        cls, path: Path | str, fingerprint: str = "", width: int = 0, make: bool = True
    ) -> SqliteCatalogue:
        """Opens a catalogue, or makes an empty one; see ``open_catalogue``.

        Nothing is written to a file that is there, unless its words were made by the rules of
        another version, or nobody has given it a fingerprint yet.

        Raises:
            Mismatch: it holds vectors with another fingerprint or width.
            MissingArtefact: the file is something else, or damaged, or there is none to open.
            PicturedeskError: this Python's SQLite cannot search for words.
        """
        path = checks.path("path", path)
        checks.encodable("fingerprint", fingerprint)
        checks.whole_number("width", width)
        with closing(sqlite3.connect(":memory:")) as trial:
            bm25.check(trial)
        content = database.new_manifest(fingerprint, width) if make else None
        file = SharedDatabase.open(path, database.KIND, content)
        try:
            _index_words(file)
            catalogue = cls(file)
            if fingerprint:
                catalogue._claim(fingerprint, width)
        except BaseException:
            file.close()
            raise
        return catalogue

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the vectors; "" for an empty catalogue."""
        return self._opened.fingerprint

    @property
    def width(self) -> int:
        """Width W of the vectors; 0 for an empty catalogue."""
        return self._opened.width

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the object cannot be used afterwards."""
        self._file.close()
        self._newest = None

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key, in one transaction; returns how many were new.

        If a key occurs twice, the later picture counts.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        keys = {picture.key for picture in checks.several_of("pictures", pictures, Picture)}
        return self.change(Changes(pictures, vectors, added=keys))

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key, in one transaction; returns how many were removed."""
        keys = checks.texts("keys", keys)
        with self._changing() as change:
            before = change.totals.count
            change.remove(keys)
        return before - change.totals.count

    def update(self, pictures: Sequence[Picture]) -> None:
        """Replaces the records of known pictures, which keep their vectors; one transaction.

        Raises:
            BadInput: for an unknown key, or a record that cannot be stored.
        """
        self.change(Changes(updated=pictures))

    def change(self, changes: Changes) -> int:
        """Removes, updates and adds in one transaction; returns how many pictures were new.

        Raises:
            BadInput: for an updated picture that is unknown, or one that cannot be stored.
        """
        checks.instance("changes", changes, Changes)
        updated = storable_records(changes.updated)
        removed = checks.texts("removed", changes.removed)
        added = set(checks.texts("added", changes.added))
        named = fields_by_key(changes.named)
        with self._changing() as change:
            change.remove(removed, changes.keep_out)
            if unknown := change.update(updated, added, named):
                raise unknown_key(self._name, unknown)
            before = change.totals.count
            if changes.vectors is not None:
                vectors = storable(self._name, changes.pictures, changes.vectors, self.width)
                change.put(changes.pictures, vectors, added, named)
        return change.totals.count - before

    def replace_all(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        fingerprint: str = "",
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
        kept_out: Collection[str] = (),
    ) -> None:
        """Replaces all pictures in one transaction.

        A killed process leaves the old state or the new one, whole.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.
            fingerprint: of the vectors, if it is another one; W may then be another one too.
            added: keys of the pictures that came by ``add``.
            named: key → fields and own columns that a user has set.
            kept_out: keys of pictures that stay out until ``add`` brings them.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        checks.encodable("fingerprint", fingerprint)
        by_add, fields = (
            set(checks.texts("added", added)),
            fields_by_key({} if named is None else named),
        )
        out = [
            checks.encodable("a key of kept_out", key) for key in checks.texts("kept_out", kept_out)
        ]
        width = self.width
        if fingerprint and np.ndim(vectors) == 2:
            width = int(np.shape(vectors)[1])
        owner = {"fingerprint": fingerprint or self.fingerprint, "width": width}
        checked = storable(self._name, pictures, vectors, width)
        with self._replacing(owner) as change:
            change.put(pictures, checked, by_add, fields)
            change.keep_out(out)
        with self._file.reading() as reader:
            self._opened = database.read_state(reader)

    def optimize(self, queries: Floats | None = None, only_if_needed: bool = False) -> None:
        """Makes or extends the index, from ``index_from`` pictures on; see ``types.Catalogue``.

        Raises:
            BadInput: if the queries cannot be used.
            MissingExtra: FAISS is not installed.
        """
        if type(only_if_needed) is not bool:
            raise checks.refusal("only_if_needed", only_if_needed, "true or false")
        typical = None
        if queries is not None:
            typical = directions(self._name, queries, self.width).astype(np.float32)
        self._indexes.make(typical, self.index_from, only_if_needed)

    @property
    def indexed(self) -> int:
        """Number of entries that the index has as they are; 0 without one."""
        with self._reading() as (reader, state):
            index = self._indexes.of(state)
            if index is None:
                return 0
            return index.count_without(database.read_touched(reader, state))

    def recall(self, queries: Floats, k: int = 10) -> float:
        """See ``types.Catalogue``; 1 without an index."""
        k = check_amount("k", k)
        with self._reading() as (reader, state):
            towards = directions(self._name, queries, state.width)
            if state.index is None or not k:
                return 1.0
            found = self._at(state).stock(reader).nearest(reader, towards, k, None)
            best = Nearest(towards.astype(np.float32), k)
            for rows, vectors in database.each_part(reader, state):
                best.see(rows, vectors)
            return best.recall([rows for rows, _ in found])

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each of the queries (Q, W) the k entries of highest cosine that meet ``where``.

        Without an index exact, also with a condition, which is applied before the ranking. Scores
        are cosines in double precision of the stored numbers; the same alone and in a batch.

        Args:
            queries: (Q, W); their lengths do not matter, zeros score 0.
            k: how many, 0 or more.
            where: SQL condition on the metadata; see ``types.Catalogue``.

        Raises:
            BadInput: if the queries or the condition cannot be used.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        k = check_amount("k", k)
        checks.text("where", where)
        with self._reading() as (reader, state):
            towards = directions(self._name, queries, state.width)
            now = self._at(state)
            stock = now.stock(reader)
            best = stock.nearest(reader, towards, k, now.passing(reader, where))
            entries = stock.entries(reader, [rows for rows, _ in best])
            return [Found(found, scores) for found, (_, scores) in zip(entries, best, strict=True)]

    def highest(self, queries: Floats | Doubles, k: int) -> list[Doubles]:
        """For each of the queries (Q, W) the k highest cosines, as of ``nearest``.

        Raises:
            BadInput: if the queries cannot be used.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        k = check_amount("k", k)
        with self._reading() as (reader, state):
            towards = directions(self._name, queries, state.width)
            best = self._at(state).stock(reader).nearest(reader, towards, k, None)
            return [scores for _, scores in best]

    def matching(
        self, words: Sequence[str], k: int, where: str = "", at_least: float = 0.0
    ) -> Found:
        """The k entries of highest BM25 of caption and tags that meet ``where``.

        If the words are very many or very common, only the rarest count: see ``bm25.rarest``.
        The condition does not change how rare a word is. Equal scores are ordered by key.

        Args:
            words: as ``texts.words.words`` makes them; repeated ones count once.
            k: how many, 0 or more.
            where: SQL condition on the metadata; see ``types.Catalogue``.
            at_least: BM25; entries with less are left out.

        Raises:
            BadInput: if the condition cannot be used.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        at_least = checks.number("at_least", at_least, 0)
        return self._speaking(words, k, where, (bm25.WORDS,), at_least)

    def mentioning(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The same with the BM25 of own columns that hold texts or tags added."""
        return self._speaking(words, k, where, bm25.INDEXES)

    def _speaking(
        self,
        words: Sequence[str],
        k: int,
        where: str,
        indexes: Sequence[bm25.Index],
        at_least: float = 0.0,
    ) -> Found:
        k = check_amount("k", k)
        words, where = checks.texts("words", words), checks.text("where", where)
        with self._reading() as (reader, state):
            now = self._at(state)
            rows, scores = _summed([now.word_scores(reader, words, index) for index in indexes])
            passing, among = now.passing(reader, where), scores >= at_least
            if passing is not None:
                among &= np.isin(rows, passing)
            rows, scores = rows[among], scores[among]
            stock = now.stock(reader)
            best = stock.ordered(reader, rows, scores, k)
            return Found(stock.entries(reader, [rows[best]])[0], scores[best])

    def word_scores(self, words: Sequence[str], keys: Sequence[str]) -> Doubles:
        """BM25 (N,) of the entries with these keys, as in ``matching``; 0 without a shared word.

        Raises:
            BadInput: for an unknown key.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        words, keys = checks.texts("words", words), checks.texts("keys", keys)
        with self._reading() as (reader, state):
            now = self._at(state)
            wanted = self._rows_of(now.stock(reader), reader, keys)
            rows, scores = now.word_scores(reader, words, bm25.WORDS, wanted.tolist())
            if not len(rows):
                return np.zeros(len(wanted))
            nearest = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
            return np.where(rows[nearest] == wanted, scores[nearest], 0.0)

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""
        keys = checks.texts("keys", keys)
        with self._reading() as (reader, state):
            return self._entries(reader, state, keys)

    def find(self, keys: Sequence[str]) -> dict[str, Picture]:
        """The pictures that it has among these keys, by key."""
        keys = checks.texts("keys", keys)
        with self._reading() as (reader, state):
            stock = self._at(state).stock_at_hand
            if stock is not None:
                rows = stock.rows_of(reader, keys)
                found = stock.pictures(reader, rows[rows >= 0].tolist())
            else:
                found = [record.picture for _, record in records.read(reader, keys)]
            return {picture.key: picture for picture in found}

    def page(
        self, where: str = "", order: str = "", after: str = "", limit: int = 100
    ) -> tuple[Picture, ...]:
        """Pictures that meet ``where``, sorted by a column; see ``types.Catalogue``."""
        limit = check_amount("limit", limit)
        where, order = checks.text("where", where), checks.text("order", order)
        checks.text("after", after)
        with self._reading() as (reader, state):
            now = self._at(state)
            rows = now.ordered(reader, order or "key")
            first = 0
            if after:
                known = [record.row for _, record in records.read(reader, [after])]
                if not known:
                    raise unknown_key(self._name, after)
                first = int(np.flatnonzero(rows == known[0])[0]) + 1
            chosen, passing = rows[first:], now.passing(reader, where)
            if passing is not None:
                chosen = chosen[np.isin(chosen, passing)]
            found = records.read(reader, chosen[:limit].tolist(), by="row")
            return tuple(record.picture for _, record in found)

    def columns(self) -> dict[str, Column]:
        """All columns by name: those of every picture, then own ones in alphabetical order."""
        with self._reading() as (reader, state):
            return dict(self._at(state).columns(reader))

    def places(self) -> dict[str, tuple[str, ...]]:
        """Key → all names of the picture's bytes, its ``uri`` first; of all entries."""
        with self._reading() as (reader, state):
            self._at(state).marks(reader)
            return records.read_places(reader)

    def named(self) -> dict[str, frozenset[str]]:
        """Key → fields and own columns that a user has set; of entries that have any."""
        with self._reading() as (reader, state):
            return dict(self._at(state).marks(reader).named)

    def kept_out(self) -> frozenset[str]:
        """Keys of removed pictures that stay out until ``add`` brings them again."""
        with self._reading() as (reader, state):
            return database.read_kept_out(reader, state.totals)

    def sample(self, count: int, where: str = "") -> Entries:
        """The ``count`` entries with the lowest keys that meet ``where``, or all that meet it."""
        count = check_amount("count", count)
        checks.text("where", where)
        with self._reading() as (reader, state):
            now = self._at(state)
            if not where.strip() and count <= _SMALL_SAMPLE:
                return now.sample(reader, count)
            stock = now.stock(reader)
            first = stock.first(reader, count, now.passing(reader, where))
            return stock.entries(reader, [first])[0]

    def keys(self, after: str = "", limit: int = 1000) -> list[str]:
        """The first ``limit`` keys above ``after``, ascending."""
        limit = check_amount("limit", limit)
        checks.text("after", after)
        with self._reading() as (reader, state):
            return _page(self._at(state).keys(reader), after, limit)

    def added(self, after: str = "", limit: int = 1000) -> list[str]:
        """The same of the entries that came by ``add``."""
        limit = check_amount("limit", limit)
        checks.text("after", after)
        with self._reading() as (reader, state):
            return _page(self._at(state).marks(reader).added, after, limit)

    def count(self, where: str = "") -> int:
        """How many entries meet ``where``."""
        checks.text("where", where)
        with self._reading() as (reader, state):
            passing = self._at(state).passing(reader, where)
            return state.totals.count if passing is None else len(passing)

    @property
    def has_words(self) -> bool:
        """Whether any entry has a word in caption or tags."""
        with self._reading() as (reader, state):
            self._at(state).check_words(reader)
            return bm25.has_any(reader)

    def _claim(self, fingerprint: str, width: int) -> None:
        """Checks the fingerprint of the vectors; an empty catalogue takes this one."""
        if not self.fingerprint:
            self._take(fingerprint, width)
        if (self.fingerprint, self.width) != (fingerprint, width):
            raise Mismatch(
                f"{self._where} holds vectors with fingerprint {self.fingerprint} (width "
                f"{self.width}), wanted {fingerprint} (width {width}): run the same picturedesk "
                "fit again, or open the desk that it belongs to"
            )

    def _take(self, fingerprint: str, width: int) -> None:
        with self._file.writing() as writer:
            # Read again inside the lock: another process may have written first.
            if not database.read_state(writer).fingerprint:
                write_manifest(writer, {"fingerprint": fingerprint, "width": width})
            self._opened = database.read_state(writer)

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        with self._file.writing() as writer:
            state = self._unchanged(writer)
            Generation(state).check_words(writer)
            known = state.totals.documents
            if known is not None and bm25.checksum(writer, bm25.CONTENT_TABLES) != known:
                raise damaged("the words of its captions are not as they were written")
            change = Change(writer, state.totals, state.generation + 1)
            yield change
            change.finish()

    @contextmanager
    def _replacing(self, owner: Json) -> Iterator[Change]:
        """As ``_changing``, of an empty catalogue whose vectors have another owner."""
        with self._file.writing() as writer:
            self._unchanged(writer)
            change = Change(writer, Totals(), 0)
            change.clear()
            write_manifest(writer, owner)
            yield change
            bm25.merge(writer)
            change.finish()

    @contextmanager
    def _reading(self) -> Iterator[tuple[sqlite3.Connection, State]]:
        """One state of the file, whatever others write meanwhile."""
        with self._file.reading() as reader:
            yield reader, self._unchanged(reader)

    def _unchanged(self, connection: sqlite3.Connection) -> State:
        now = database.read_state(connection)
        if (now.fingerprint, now.width) != (self.fingerprint, self.width):
            raise Mismatch(
                f"{self._where} was filled with vectors of fingerprint {now.fingerprint} since "
                f"it was opened with {self.fingerprint or 'none'}: open the desk again"
            )
        return now

    def _at(self, state: State) -> Generation:
        """What has been read of the reader's state."""
        held = self._newest
        if held is None or held.state.generation < state.generation:
            held = self._newest = self._generation(state)  # the one before is freed
        elif held.state.generation > state.generation:
            return self._generation(state)  # another thread has seen a newer one
        return held

    def _generation(self, state: State) -> Generation:
        return Generation(state, self._indexes.of(state))

    def _entries(self, reader: sqlite3.Connection, state: State, keys: Sequence[str]) -> Entries:
        stock = self._at(state).stock_at_hand
        if stock is not None:
            return stock.entries(reader, [self._rows_of(stock, reader, keys)])[0]
        found = ((place, record.picture) for place, record in records.read(reader, keys))
        pictures = tuple(self._of_all(keys, found))
        return Entries(pictures, database.read_vectors(reader, keys, state.width))

    def _rows_of(self, stock: Stock, reader: sqlite3.Connection, keys: Sequence[str]) -> Ints:
        """The rows (n,) of keys; raises BadInput for unknown keys."""
        rows = stock.rows_of(reader, keys)
        if (rows < 0).any():
            raise unknown_key(self._name, keys[int(np.argmax(rows < 0))])
        return rows

    def _of_all(self, keys: Sequence[str], found: Iterable[tuple[int, _Row]]) -> list[_Row]:
        """What was found for each of the keys, in their order; raises BadInput for unknown keys."""
        by_place = dict(found)
        missing = next((key for place, key in enumerate(keys) if place not in by_place), None)
        if missing is not None:
            raise unknown_key(self._name, missing)
        return [by_place[place] for place in range(len(keys))]


def _index_words(file: SharedDatabase) -> None:
    """Rebuilds the index of words if another version's rules made it."""
    with file.reading() as reader:
        if read_manifest(reader)["words"] == bm25.MADE_BY:
            return
    with file.writing() as writer:
        if read_manifest(writer)["words"] != bm25.MADE_BY:  # no other process has rebuilt it
            bm25.make(writer, ((one.row, one.picture) for one in records.read_all(writer)))
            write_manifest(writer, {"words": bm25.MADE_BY})
            state = database.read_state(writer)
            Change(writer, state.totals, state.generation + 1).finish()


def _summed(found: Sequence[tuple[Ints, Doubles]]) -> tuple[Ints, Doubles]:
    """Rows of several searches, ascending, and the sums of their scores."""
    if len(found) == 1:
        return found[0]
    every = np.concatenate([rows for rows, _ in found])
    rows, places = np.unique(every, return_inverse=True)
    scores = np.zeros(len(rows))
    np.add.at(scores, places, np.concatenate([scores for _, scores in found]))
    return rows, scores


def _page(keys: list[str], after: str, limit: int) -> list[str]:
    first = bisect_right(keys, after)
    return keys[first : first + limit]
