"""Exact search over unit vectors with metadata: one SQLite file, one matrix product.

Below some 50,000 pictures this is faster than any index. Beside it, BM25 of captions and tags.
Knows nothing of how a vector came about.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.database import read_manifest, rows_of, write_manifest
from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import Mismatch
from picturedesk.store.catalogue import bm25, database
from picturedesk.store.catalogue.checks import check_amount, directions, storable, unknown_key
from picturedesk.store.catalogue.conditions import passing_rows
from picturedesk.store.catalogue.database import State
from picturedesk.store.catalogue.nearest import nearest
from picturedesk.store.catalogue.snapshot import Snapshot
from picturedesk.types import Doubles, Entries, Floats, Found, Ints, Picture

_Row = TypeVar("_Row")


class ExactCatalogue:
    """A catalogue that compares queries with every vector. See ``types.Catalogue``.

    Made by ``open``. Any number of processes and threads may read while one writes; writers wait
    for each other. Every reader sees each change whole: the vectors are held in memory, are never
    changed there, and are read again when somebody has written. A forked process must open its
    own.
    """

    def __init__(self, file: SharedDatabase) -> None:
        self._file = file
        self._name = file.path.name
        self._snapshot: Snapshot | None = None
        self._vocabulary: tuple[int, dict[str, int]] | None = None  # generation and frequencies
        self._loading = threading.Lock()  # one thread reads the vectors, the others wait for them
        with file.reading() as reader:
            self._opened = database.read_state(reader)

    @classmethod
    def open(cls, path: Path | str, fingerprint: str = "", width: int = 0) -> ExactCatalogue:
        """Opens a catalogue, or makes an empty one; see ``open_catalogue``.

        Nothing is written to a file that is there, unless its words were made by the rules of
        another version, or nobody has given it a fingerprint yet.

        Raises:
            Mismatch: it holds vectors with another fingerprint or width.
            MissingArtefact: the file is something else.
            PicturedeskError: this Python's SQLite cannot search for words.
        """
        path = checks.path("path", path)
        checks.text("fingerprint", fingerprint)
        checks.whole_number("width", width)
        with closing(sqlite3.connect(":memory:")) as trial:
            bm25.check(trial)
        owner = {"fingerprint": fingerprint, "width": width if fingerprint else 0}
        file = SharedDatabase.open(path, database.KIND, {**owner, "words": bm25.MADE_BY})
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
        """Hash of all that decides the vectors; "" before the first."""
        return self._opened.fingerprint

    @property
    def width(self) -> int:
        """Width W of the vectors; 0 before the first."""
        return self._opened.width

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the object is of no use afterwards."""
        self._file.close()
        self._snapshot = None

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key, in one transaction; returns how many were new.

        Of a key that is given twice the later picture stays.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        with self._writing() as writer:
            checked = storable(self._name, pictures, vectors, self.width)
            before = database.count(writer)
            database.put(writer, pictures, checked)
            return database.count(writer) - before

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key, in one transaction; returns how many there were."""
        keys = checks.texts("keys", keys)
        with self._writing() as writer:
            before = database.count(writer)
            database.remove(writer, keys)
            return before - database.count(writer)

    def replace_all(
        self, pictures: Sequence[Picture], vectors: Floats, fingerprint: str = ""
    ) -> None:
        """Makes these pictures all there are, in one transaction.

        Whatever is killed, the old state or the new one is there whole.

        Args:
            pictures: with their keys.
            vectors: (N, W), each of length one within 1e-3, or zero.
            fingerprint: of the vectors, if it is another one; W may then be another one too.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        checks.text("fingerprint", fingerprint)
        width = self.width
        if fingerprint and np.ndim(vectors) == 2:
            width = int(np.shape(vectors)[1])
        owner = {"fingerprint": fingerprint or self.fingerprint, "width": width}
        with self._writing() as writer:
            checked = storable(self._name, pictures, vectors, width)
            database.clear(writer)
            write_manifest(writer, owner)
            database.put(writer, pictures, checked)
            bm25.merge(writer)
        with self._file.reading() as reader:
            self._opened = database.read_state(reader)

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each of the queries (Q, W) the k entries of highest cosine that pass ``where``.

        Exact, also with a condition: it is applied before the best are taken. Scores are cosines
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
            best = nearest(snapshot.matrix, towards, k, snapshot.among(reader, where))
            entries = snapshot.entries(reader, [indices for indices, _ in best])
            return [Found(found, scores) for found, (_, scores) in zip(entries, best, strict=True)]

    def matching(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The k entries of highest BM25 of caption and tags that pass ``where``.

        Of very many words, or very common ones, the rarest count: see ``bm25.rarest``. How rare
        a word is does not depend on the condition. Equal scores are ordered by key.

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
            rows, scores = bm25.scores(reader, self._asked(reader, state, words))
            if where.strip():
                passing = np.isin(rows, passing_rows(reader, where))
                rows, scores = rows[passing], scores[passing]
            keys, best = _best_by_key(reader, rows, scores, k)
            return Found(self._entries(reader, state, keys), best)

    def word_scores(self, words: Sequence[str], keys: Sequence[str]) -> Doubles:
        """BM25 (N,) of the entries with these keys, as in ``matching``; 0 without a shared word.

        Raises:
            BadInput: for an unknown key.
            Mismatch: if another process has filled the catalogue with other vectors.
        """
        words, keys = checks.texts("words", words), checks.texts("keys", keys)
        with self._reading() as (reader, state):
            asked = self._of_all(keys, database.read_rows(reader, keys))
            rows, scores = bm25.scores(reader, self._asked(reader, state, words), asked)
            known = dict(zip(rows.tolist(), scores.tolist(), strict=True))
            return np.array([known.get(row, 0.0) for row in asked], dtype=np.float64)

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""
        keys = checks.texts("keys", keys)
        with self._reading() as (reader, state):
            return self._entries(reader, state, keys)

    def sample(self, count: int, where: str = "") -> Entries:
        """The ``count`` entries with the lowest keys that pass ``where``, or all that do."""
        count = check_amount("count", count)
        checks.text("where", where)
        with self._reading() as (reader, state):
            if not where.strip():
                return self._entries(reader, state, database.first_keys(reader, "", count))
            rows = passing_rows(reader, where).tolist()
            keys = sorted(key for _, key in rows_of(reader, "key", "pictures", rows, by="row"))
            return self._entries(reader, state, keys[:count])

    def keys(self, after: str = "", limit: int = 1000) -> list[str]:
        """The first ``limit`` keys above ``after``, ascending."""
        limit = check_amount("limit", limit)
        checks.text("after", after)
        with self._reading() as (reader, _):
            return database.first_keys(reader, after, limit)

    def count(self, where: str = "") -> int:
        """How many entries pass."""
        checks.text("where", where)
        with self._reading() as (reader, _):
            return len(passing_rows(reader, where)) if where.strip() else database.count(reader)

    @property
    def has_words(self) -> bool:
        """Whether any entry has a word in caption or tags."""
        with self._reading() as (reader, _):
            return bm25.has_any(reader)

    def _claim(self, fingerprint: str, width: int) -> None:
        """Checks whose vectors these are; a catalogue that is nobody's becomes this one's."""
        if not self.fingerprint:
            with self._file.writing() as writer:
                # Read now that nobody else can write: another process may have been faster.
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
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._file.writing() as writer:
            self._unchanged(writer)
            yield writer

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
        """The vectors as the reader sees them: those in memory, or else read now."""
        with self._loading:
            held = self._snapshot
            if held is not None and held.generation == state.generation:
                return held
            if held is not None and held.generation < state.generation:
                held = self._snapshot = None  # frees it before the next one is read
            read = Snapshot.read(reader, state.generation, state.width)
            if held is None:
                self._snapshot = read
            return read

    def _asked(self, reader: sqlite3.Connection, state: State, words: Sequence[str]) -> list[str]:
        """The tokens to ask for: of the rarest of these words as the reader sees them."""
        held = self._vocabulary
        if held is None or held[0] != state.generation:
            held = self._vocabulary = (state.generation, bm25.frequencies(reader))
        return bm25.rarest(words, held[1])

    def _entries(self, reader: sqlite3.Connection, state: State, keys: Sequence[str]) -> Entries:
        held = self._snapshot
        if held is not None and held.generation == state.generation:
            indices = np.array(self._of_all(keys, held.indices(keys)), dtype=np.int64)
            return held.entries(reader, [indices])[0]
        pictures = tuple(self._of_all(keys, database.read_pictures(reader, keys)))
        return Entries(pictures, database.read_vectors(reader, keys, state.width))

    def _of_all(self, keys: Sequence[str], found: Iterable[tuple[int, _Row]]) -> list[_Row]:
        """What was found for each of the keys, in their order; refuses a key without."""
        by_place = dict(found)
        missing = next((key for place, key in enumerate(keys) if place not in by_place), None)
        if missing is not None:
            raise unknown_key(self._name, missing)
        return [by_place[place] for place in range(len(keys))]


def _index_words(file: SharedDatabase) -> None:
    """Makes the index of words anew if it is one by the rules of another version."""
    with file.reading() as reader:
        if read_manifest(reader)["words"] == bm25.MADE_BY:
            return
    with file.writing() as writer:
        if read_manifest(writer)["words"] != bm25.MADE_BY:  # no other process was faster
            bm25.make(writer)
            write_manifest(writer, {"words": bm25.MADE_BY})


def _best_by_key(
    reader: sqlite3.Connection, rows: Ints, scores: Doubles, k: int
) -> tuple[list[str], Doubles]:
    """Keys and scores (k,) of the best of some rows, best first, equal ones by key."""
    if not (k and len(rows)):
        return [], np.empty(0)
    least = np.partition(scores, -min(k, len(rows)))[-min(k, len(rows))]
    rows, scores = rows[scores >= least], scores[scores >= least]
    keys = [key for _, key in rows_of(reader, "key", "pictures", rows.tolist(), by="row")]
    order = sorted(range(len(keys)), key=lambda place: (-scores[place], keys[place]))[:k]
    return [keys[place] for place in order], scores[order]
