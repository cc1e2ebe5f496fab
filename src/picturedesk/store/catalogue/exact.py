"""Exact search over unit vectors with metadata: one SQLite file, one matrix product.

Below some 50,000 pictures this is faster than any index. Also ranks captions and tags by BM25.
Does not know how vectors are made.
"""

from __future__ import annotations

import sqlite3
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.database import damaged, read_manifest, write_manifest
from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import Mismatch
from picturedesk.store.catalogue import bm25, database
from picturedesk.store.catalogue.checks import check_amount, directions, storable, unknown_key
from picturedesk.store.catalogue.conditions import passing_rows
from picturedesk.store.catalogue.database import Change, State, Totals
from picturedesk.store.catalogue.nearest import nearest
from picturedesk.store.catalogue.snapshot import Snapshot
from picturedesk.types import Doubles, Entries, Floats, Found, Ints, Picture

_Row = TypeVar("_Row")


class ExactCatalogue:
    """A catalogue that compares queries with every vector. See ``types.Catalogue``.

    Made by ``open``. Any number of processes and threads may read while one writes; writers wait
    for each other. Every reader sees each change as a whole: the vectors in memory never change,
    and are read again after a write. A forked process must open its own.

    Everything that an answer depends on is compared with its checksums, once for each generation:
    vectors when they are read, records before the first condition, words before the first search
    by words. A difference raises MissingArtefact.
    """

    def __init__(self, file: SharedDatabase) -> None:
        self._file = checks.instance("file", file, SharedDatabase)
        self._name = file.path.name
        self._snapshot: Snapshot | None = None
        self._keys: tuple[int, list[str]] | None = None  # generation and keys, ascending
        self._added: tuple[int, list[str]] | None = None  # the same of added pictures
        self._checked_words = -1  # the generation whose words were compared with their checksum
        self._vocabulary: tuple[int, dict[str, int]] | None = None  # generation and frequencies
        self._loading = threading.Lock()  # one thread reads the vectors, the others wait
        with file.reading() as reader:
            self._opened = database.read_state(reader)

    @classmethod
    def open(
        cls, path: Path | str, fingerprint: str = "", width: int = 0, make: bool = True
    ) -> ExactCatalogue:
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
        self._snapshot = None

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key, in one transaction; returns how many were new.

        If a key occurs twice, the later picture counts.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        with self._changing() as change:
            before = change.totals.count
            checked = storable(self._name, pictures, vectors, self.width)
            change.put(pictures, checked, added={picture.key for picture in pictures})
        return change.totals.count - before

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key, in one transaction; returns how many were removed."""
        keys = checks.texts("keys", keys)
        with self._changing() as change:
            before = change.totals.count
            change.remove(keys)
        return before - change.totals.count

    def replace_all(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        fingerprint: str = "",
        added: Collection[str] = (),
    ) -> None:
        """Replaces all pictures in one transaction.

        A killed process leaves the old state or the new one, whole.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.
            fingerprint: of the vectors, if it is another one; W may then be another one too.
            added: keys of the pictures that came by ``add``.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        checks.encodable("fingerprint", fingerprint)
        width = self.width
        if fingerprint and np.ndim(vectors) == 2:
            width = int(np.shape(vectors)[1])
        owner = {"fingerprint": fingerprint or self.fingerprint, "width": width}
        checked = storable(self._name, pictures, vectors, width)
        with self._file.writing() as writer:
            self._unchanged(writer)
            change = Change(writer, Totals())
            change.clear()
            write_manifest(writer, owner)
            change.put(pictures, checked, set(added))
            bm25.merge(writer)
            change.finish()
        with self._file.reading() as reader:
            self._opened = database.read_state(reader)

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each of the queries (Q, W) the k entries of highest cosine that meet ``where``.

        Exact, also with a condition, which is applied before the ranking. Scores are cosines
        in double precision of the stored numbers; the same alone and in a batch.

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
            snapshot = self._fresh(reader, state)
            among = snapshot.among(self._passing(reader, state, where))
            best = nearest(snapshot.matrix, towards, k, among)
            entries = snapshot.entries(reader, [indices for indices, _ in best])
            return [Found(found, scores) for found, (_, scores) in zip(entries, best, strict=True)]

    def matching(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The k entries of highest BM25 of caption and tags that meet ``where``.

        If the words are very many or very common, only the rarest count: see ``bm25.rarest``.
        The condition does not change how rare a word is. Equal scores are ordered by key.

        Args:
            words: as ``texts.words.words`` makes them; repeated ones count once.
            k: how many, 0 or more.
            where: SQL condition on the metadata; see ``types.Catalogue``.

        Raises:
            BadInput: if the condition cannot be used.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        k = check_amount("k", k)
        words, where = checks.texts("words", words), checks.text("where", where)
        with self._reading() as (reader, state):
            rows, scores = bm25.scores(reader, self._query_tokens(reader, state, words))
            passing = self._passing(reader, state, where)
            if passing is not None:
                among = np.isin(rows, passing)
                rows, scores = rows[among], scores[among]
            snapshot = self._fresh(reader, state)
            places = snapshot.places(rows)
            best = np.lexsort((places, -scores))[:k]  # places are in the order of keys
            return Found(snapshot.entries(reader, [places[best]])[0], scores[best])

    def word_scores(self, words: Sequence[str], keys: Sequence[str]) -> Doubles:
        """BM25 (N,) of the entries with these keys, as in ``matching``; 0 without a shared word.

        Raises:
            BadInput: for an unknown key.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        words, keys = checks.texts("words", words), checks.texts("keys", keys)
        with self._reading() as (reader, state):
            snapshot = self._fresh(reader, state)
            places = self._of_all(keys, snapshot.indices(keys))
            wanted = snapshot.rows[np.array(places, dtype=np.int64)].tolist()
            rows, scores = bm25.scores(reader, self._query_tokens(reader, state, words), wanted)
            known = dict(zip(rows.tolist(), scores.tolist(), strict=True))
            return np.array([known.get(row, 0.0) for row in wanted], dtype=np.float64)

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""
        keys = checks.texts("keys", keys)
        with self._reading() as (reader, state):
            return self._entries(reader, state, keys)

    def sample(self, count: int, where: str = "") -> Entries:
        """The ``count`` entries with the lowest keys that meet ``where``, or all that meet it."""
        count = check_amount("count", count)
        checks.text("where", where)
        with self._reading() as (reader, state):
            snapshot = self._fresh(reader, state)
            among = snapshot.among(self._passing(reader, state, where))
            return snapshot.entries(reader, [among[:count]])[0]

    def keys(self, after: str = "", limit: int = 1000) -> list[str]:
        """The first ``limit`` keys above ``after``, ascending."""
        limit = check_amount("limit", limit)
        checks.text("after", after)
        with self._reading() as (reader, state):
            held = self._keys
            if held is None or held[0] != state.generation:
                keys, _ = database.read_keys(reader, state.totals)
                held = self._keys = (state.generation, keys)
            return _page(held[1], after, limit)

    def added(self, after: str = "", limit: int = 1000) -> list[str]:
        """The same of the entries that came by ``add``."""
        limit = check_amount("limit", limit)
        checks.text("after", after)
        with self._reading() as (reader, state):
            return _page(self._known_records(reader, state), after, limit)

    def count(self, where: str = "") -> int:
        """How many entries meet ``where``."""
        checks.text("where", where)
        with self._reading() as (reader, state):
            passing = self._passing(reader, state, where)
            return state.totals.count if passing is None else len(passing)

    @property
    def has_words(self) -> bool:
        """Whether any entry has a word in caption or tags."""
        with self._reading() as (reader, state):
            self._require_words(reader, state)
            return bm25.has_any(reader)

    def _claim(self, fingerprint: str, width: int) -> None:
        """Checks the fingerprint of the vectors; an empty catalogue takes this one."""
        if not self.fingerprint:
            with self._file.writing() as writer:
                # Read again inside the lock: another process may have written first.
                if not database.read_state(writer).fingerprint:
                    write_manifest(writer, {"fingerprint": fingerprint, "width": width})
                self._opened = database.read_state(writer)
        if (self.fingerprint, self.width) != (fingerprint, width):
            raise Mismatch(
                f"{self._file.path} holds vectors with fingerprint {self.fingerprint} (width "
                f"{self.width}), wanted {fingerprint} (width {width}): run the same picturedesk "
                "fit again, or open the desk that it belongs to"
            )

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        with self._file.writing() as writer:
            state = self._unchanged(writer)
            self._require_words(writer, state)
            if bm25.checksum(writer, bm25.CONTENT_TABLES) != state.totals.documents:
                raise damaged("the words of its captions are not as they were written")
            change = Change(writer, state.totals)
            yield change
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
                f"{self._file.path} was filled with vectors of fingerprint {now.fingerprint} since "
                f"it was opened with {self.fingerprint or 'none'}: open the desk again"
            )
        return now

    def _fresh(self, reader: sqlite3.Connection, state: State) -> Snapshot:
        """The vectors of the reader's state: those in memory, or read now."""
        with self._loading:
            held = self._snapshot
            if held is not None and held.generation == state.generation:
                return held
            if held is not None and held.generation < state.generation:
                held = self._snapshot = None  # frees it before the next one is read
            read = Snapshot.read(reader, state)
            if held is None:
                self._snapshot = read
            return read

    def _query_tokens(
        self, reader: sqlite3.Connection, state: State, words: Sequence[str]
    ) -> list[str]:
        """The tokens to search for: those of the rarest of these words."""
        self._require_words(reader, state)
        held = self._vocabulary
        if held is None or held[0] != state.generation:
            held = self._vocabulary = (state.generation, bm25.frequencies(reader))
        return bm25.rarest(words, held[1])

    def _require_words(self, reader: sqlite3.Connection, state: State) -> None:
        if self._checked_words != state.generation:
            if bm25.checksum(reader, bm25.SEARCH_TABLES) != state.totals.words:
                raise damaged("its index of words is not as it was written")
            self._checked_words = state.generation

    def _known_records(self, reader: sqlite3.Connection, state: State) -> list[str]:
        """Compares the records of all pictures; returns the keys of those that were added."""
        held = self._added
        if held is None or held[0] != state.generation:
            held = self._added = (state.generation, database.read_added(reader, state.totals))
        return held[1]

    def _passing(self, reader: sqlite3.Connection, state: State, where: str) -> Ints | None:
        """Rows of the pictures that meet a condition; None without a condition."""
        if not where.strip():
            return None
        self._known_records(reader, state)
        return passing_rows(reader, where)

    def _entries(self, reader: sqlite3.Connection, state: State, keys: Sequence[str]) -> Entries:
        held = self._snapshot
        if held is not None and held.generation == state.generation:
            indices = np.array(self._of_all(keys, held.indices(keys)), dtype=np.int64)
            return held.entries(reader, [indices])[0]
        pictures = tuple(self._of_all(keys, database.read_pictures(reader, keys)))
        return Entries(pictures, database.read_vectors(reader, keys, state.width))

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
            bm25.make(writer)
            write_manifest(writer, {"words": bm25.MADE_BY})
            Change(writer, database.read_state(writer).totals).finish()


def _page(keys: list[str], after: str, limit: int) -> list[str]:
    first = bisect_right(keys, after)
    return keys[first : first + limit]
