"""Exact search over unit vectors with metadata: one SQLite file, one matrix product.

Below some 50,000 pictures this is faster than any index. Beside it, BM25 of captions and tags.
Knows nothing of how a vector came about.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from picturedesk.errors import BadInput, Mismatch
from picturedesk.store.catalogue import bm25, database
from picturedesk.store.catalogue.checks import direction, storable
from picturedesk.store.catalogue.conditions import passing_rows, prepare
from picturedesk.store.catalogue.nearest import cosines, nearest
from picturedesk.types import Doubles, Floats, Hit, Ints, Picture, Scores


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """All vectors and the vocabulary as they were at one generation."""

    generation: int
    keys: list[str]  # ascending
    rows: Ints  # (N,)
    matrix: Floats  # (N, D)
    vocabulary: dict[str, int]  # per token, how many pictures have it

    def passing(self, reader: sqlite3.Connection, where: str) -> Ints:
        """Indices of the pictures that pass a condition, ascending; of all if it is ""."""
        if not where.strip():
            return np.arange(len(self.keys))
        return np.flatnonzero(np.isin(self.rows, passing_rows(reader, where)))


class ExactCatalogue:
    """A catalogue that compares the query with every vector.

    Made by ``open``. Any number of processes may read while one writes; writers wait for each
    other. A reader sees each change whole: the vectors are held in memory and read again when
    another process has written. One object may be used by several threads, one at a time; a
    forked process must open its own.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._writer = connection
        self._reader: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._manifest = database.read_manifest(connection, path)
        self._snapshot: _Snapshot | None = None

    @classmethod
    def open(cls, path: Path, matcher_fingerprint: str = "", width: int = 0) -> ExactCatalogue:
        """Opens a catalogue, or makes an empty one.

        Args:
            path: the file.
            matcher_fingerprint: of the matcher that made, or will make, its vectors; "" to open
                whatever is there, to look at it or to replace it all.
            width: of that matcher's vectors, D.

        Raises:
            Mismatch: if it holds the vectors of another matcher.
            MissingArtefact: if the file is something else.
        """
        connection = database.connect(path)
        try:
            with database.speaking_of(path):
                catalogue = cls(path, connection)
                if matcher_fingerprint:
                    catalogue._claim(matcher_fingerprint, width)
        except BaseException:
            connection.close()
            raise
        return catalogue

    @property
    def matcher(self) -> str:
        """Fingerprint of the matcher whose vectors these are, "" before the first."""
        return self._manifest.matcher

    @property
    def width(self) -> int:
        """Width D of the vectors, 0 before the first."""
        return self._manifest.width

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
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._writer.close()
            self._snapshot = None

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key, in one transaction.

        A key that is given twice counts once; the later one stays.

        Args:
            pictures: with their keys.
            vectors: (N, D), each of length one within 1e-3, or zero.

        Returns:
            How many were new.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        with self._writing():
            checked = storable(self._path.name, pictures, vectors, self.width)
            before = database.count(self._writer)
            database.put(self._writer, pictures, checked)
            return database.count(self._writer) - before

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key, in one transaction; returns how many there were."""
        with self._writing():
            before = database.count(self._writer)
            database.remove(self._writer, keys)
            return before - database.count(self._writer)

    def replace_all(
        self, pictures: Sequence[Picture], vectors: Floats, matcher_fingerprint: str = ""
    ) -> None:
        """Makes these pictures all there are, in one transaction.

        Whatever is killed, the old state or the new one is there whole.

        Args:
            pictures: with their keys.
            vectors: (N, D), each of length one within 1e-3, or zero.
            matcher_fingerprint: of the matcher that made the vectors, if it is another one; D
                may then be another one too.

        Raises:
            BadInput: if a key is missing, or a vector cannot be used.
        """
        width = self.width
        if matcher_fingerprint and np.ndim(vectors) == 2:
            width = int(np.shape(vectors)[1])
        matcher = matcher_fingerprint or self.matcher
        with self._writing():
            checked = storable(self._path.name, pictures, vectors, width)
            database.clear(self._writer)
            database.write_manifest(self._writer, {"matcher": matcher, "width": width})
            database.put(self._writer, pictures, checked)
        self._manifest = database.read_manifest(self._writer, self._path)

    def search(self, query: Floats | Doubles, k: int, where: str = "") -> list[Hit]:
        """The k pictures of highest cosine with a query that pass a condition, best first.

        Exact, also with a condition: it is applied before the best are taken. Equal cosines are
        ordered by key. Scores are cosines in double precision of the stored numbers.

        Args:
            query: (D,); its length does not matter, zeros give zeros.
            k: how many, 0 or more.
            where: SQL condition on uri, key, caption, credit, licence, date and tags, "" for
                none. ``date >= '2020-05'`` compares ISO dates; ``has_tag(tags, 'sea')`` asks
                for one tag, whatever its case; ``tags LIKE '%sea%'`` for a part of one.

        Raises:
            BadInput: if the query or the condition cannot be used.
            Mismatch: if another process has filled the catalogue with another matcher.
        """
        if k < 0:
            raise BadInput(f"k is {k}: ask for 0 or more pictures")
        with self._reading() as reader:
            towards = direction(self._path.name, query, self.width)
            snapshot = self._fresh(reader)
            among = snapshot.passing(reader, where)
            best, scores = nearest(snapshot.matrix, towards, k, among)
            keys = [snapshot.keys[index] for index in best]
            return [
                Hit(picture, float(score))
                for picture, score in zip(self._pictures(reader, keys), scores, strict=True)
            ]

    def scores(self, query: Floats | Doubles, where: str = "") -> Scores:
        """The cosine of a query with every picture that passes a condition.

        The numbers that ``search`` gives, for all.

        Args:
            query: (D,); its length does not matter, zeros give zeros.
            where: as in ``search``.

        Raises:
            BadInput: if the query or the condition cannot be used.
            Mismatch: if another process has filled the catalogue with another matcher.
        """
        with self._reading() as reader:
            towards = direction(self._path.name, query, self.width)
            snapshot = self._fresh(reader)
            among = snapshot.passing(reader, where)
            keys = [snapshot.keys[index] for index in among]
            return Scores(keys, cosines(snapshot.matrix, towards, among))

    def words(self, query: Sequence[str], where: str = "") -> dict[str, float]:
        """BM25 of captions and tags against a bag of words, by key, ascending.

        Of very many words, or very common ones, only the rarest are asked for: see
        ``bm25.rarest``. How rare a word is does not depend on the condition.

        Args:
            query: words as ``texts.words.words`` makes them; repeated ones count once.
            where: as in ``search``.

        Returns:
            Above 0, higher is better; only the pictures that have one of the words.

        Raises:
            BadInput: if the condition cannot be used.
            Mismatch: if another process has filled the catalogue with another matcher.
        """
        with self._reading() as reader:
            snapshot = self._fresh(reader)
            among = snapshot.passing(reader, where)
            rows, scores = bm25.scores(reader, bm25.rarest(query, snapshot.vocabulary))
            hits = among[np.isin(snapshot.rows[among], rows)]
            found = scores[np.searchsorted(rows, snapshot.rows[hits])].tolist()
            return dict(zip((snapshot.keys[index] for index in hits), found, strict=True))

    @property
    def has_words(self) -> bool:
        """Whether any picture has a word in its caption or tags."""
        with self._reading() as reader:
            return bm25.has_any(reader)

    def vectors(self, keys: Sequence[str]) -> Floats:
        """Vectors (N, D) of these keys, in their order; raises BadInput for an unknown key."""
        with self._reading() as reader:
            matrix = np.empty((len(keys), self.width), dtype=np.float32)
            for index, key in enumerate(keys):
                vector = database.read_vector(reader, key)
                if vector is None:
                    raise self._unknown(key)
                matrix[index] = vector
            return matrix

    def pictures(self, keys: Sequence[str]) -> list[Picture]:
        """What is known of these keys, in their order; raises BadInput for an unknown key."""
        with self._reading() as reader:
            return self._pictures(reader, keys)

    def keys(self) -> list[str]:
        """All keys, ascending."""
        with self._reading() as reader:
            return database.read_keys(reader)[0]

    def __len__(self) -> int:
        with self._reading() as reader:
            return database.count(reader)

    def _claim(self, matcher: str, width: int) -> None:
        """Checks the matcher; an empty new catalogue becomes this matcher's."""
        if not self.matcher:
            with database.transaction(self._writer, "IMMEDIATE"):
                # Read again now that nobody else can write: another process may have claimed it.
                self._manifest = database.read_manifest(self._writer, self._path)
                if not self.matcher:
                    generation = self._manifest.generation + 1
                    database.write_manifest(
                        self._writer,
                        {"matcher": matcher, "width": width, "generation": generation},
                    )
            self._manifest = database.read_manifest(self._writer, self._path)
        if (self.matcher, self.width) != (matcher, width):
            raise Mismatch(
                f"{self._path} holds vectors of matcher {self.matcher} (width {self.width}), this "
                f"is matcher {matcher} (width {width}): run the same picturedesk fit again, or "
                "open the desk that it belongs to"
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with (
            self._lock,
            database.speaking_of(self._path),
            database.transaction(self._writer, "IMMEDIATE"),
        ):
            now = self._unchanged(database.read_manifest(self._writer, self._path))
            yield
            database.write_manifest(self._writer, {"generation": now.generation + 1})

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the file, whatever others write meanwhile."""
        with self._lock, database.speaking_of(self._path):
            if self._reader is None:
                self._reader = database.connect_to_read(self._path)
                prepare(self._reader)
            with database.transaction(self._reader, "DEFERRED"):
                yield self._reader

    def _fresh(self, reader: sqlite3.Connection) -> _Snapshot:
        now = self._unchanged(database.read_manifest(reader, self._path))
        if self._snapshot is None or self._snapshot.generation != now.generation:
            self._snapshot = None  # frees it before the next one is read
            keys, rows = database.read_keys(reader)
            matrix = database.read_matrix(reader, rows, now.width)
            vocabulary = bm25.frequencies(reader)
            self._snapshot = _Snapshot(now.generation, keys, rows, matrix, vocabulary)
        return self._snapshot

    def _unchanged(self, now: database.Manifest) -> database.Manifest:
        if (now.matcher, now.width) != (self.matcher, self.width):
            raise Mismatch(
                f"{self._path} was filled with matcher {now.matcher} since it was opened with "
                f"{self.matcher or 'none'}: open the desk again"
            )
        return now

    def _pictures(self, reader: sqlite3.Connection, keys: Sequence[str]) -> list[Picture]:
        found = []
        for key in keys:
            picture = database.read_picture(reader, key)
            if picture is None:
                raise self._unknown(key)
            found.append(picture)
        return found

    def _unknown(self, key: str) -> BadInput:
        return BadInput(f"{self._path.name} has no picture with the key {key!r}: add it first")
