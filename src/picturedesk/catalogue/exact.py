"""Exact search over unit vectors with metadata: one SQLite file, one matrix product.

Below some 50,000 pictures this is faster than any index. Knows nothing of texts, nor of how a
vector came about.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from picturedesk.catalogue import database
from picturedesk.catalogue.conditions import passing_rows, prepare
from picturedesk.catalogue.nearest import nearest
from picturedesk.errors import BadInput, Mismatch
from picturedesk.types import Doubles, Floats, Hit, Ints, Picture

UNIT = 1e-3  # how far a vector's length may be from one


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot:
    """All vectors as they were at one generation, in the order of their keys."""

    generation: int
    keys: list[str]  # ascending
    rows: Ints  # (N,)
    matrix: Floats  # (N, D)


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
            checked = self._checked(pictures, vectors, self.width)
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
            checked = self._checked(pictures, vectors, width)
            database.clear(self._writer)
            database.write_manifest(self._writer, {"matcher": matcher, "width": width})
            database.put(self._writer, pictures, checked)
        self._manifest = database.read_manifest(self._writer, self._path)

    def search(self, query: Floats, k: int, where: str = "") -> list[Hit]:
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
            direction = self._direction(query)
            snapshot = self._fresh(reader)
            among = np.arange(len(snapshot.keys))
            if where.strip():
                among = np.flatnonzero(np.isin(snapshot.rows, passing_rows(reader, where)))
            best, scores = nearest(snapshot.matrix, direction, k, among)
            keys = [snapshot.keys[index] for index in best]
            return [
                Hit(picture, float(score))
                for picture, score in zip(self._pictures(reader, keys), scores, strict=True)
            ]

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
                    claim = {"matcher": matcher, "width": width}
                    generation = {"generation": self._manifest.generation + 1}
                    database.write_manifest(self._writer, claim | generation)
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
            self._snapshot = _Snapshot(now.generation, keys, rows, matrix)
        return self._snapshot

    def _unchanged(self, now: database.Manifest) -> database.Manifest:
        if (now.matcher, now.width) != (self.matcher, self.width):
            raise Mismatch(
                f"{self._path} was filled with matcher {now.matcher} since it was opened with "
                f"{self.matcher or 'none'}: open the desk again"
            )
        return now

    def _checked(self, pictures: Sequence[Picture], vectors: Floats, width: int) -> Floats:
        """The vectors (N, D), if they and the pictures can be stored."""
        if not width:
            raise BadInput(f"{self._path.name} has no matcher yet: name the one of these vectors")
        vectors = np.asarray(vectors, dtype=np.float32)
        if vectors.shape != (len(pictures), width):
            raise BadInput(
                f"vectors are of shape {vectors.shape}, {self._path.name} takes "
                f"({len(pictures)}, {width}) for {len(pictures)} pictures"
            )
        for picture in pictures:
            _check_picture(picture)
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))  # (N,)
        wrong = np.flatnonzero(~((np.abs(lengths - 1) <= UNIT) | (lengths == 0)))
        if len(wrong):
            raise BadInput(
                f"{len(wrong)} vectors are not of length one, the first with {lengths[wrong[0]]:g} "
                f"({pictures[wrong[0]].uri}): divide each by its length"
            )
        return vectors

    def _direction(self, query: Floats) -> Doubles:
        direction = np.asarray(query, dtype=np.float64)
        if direction.shape != (self.width,):
            raise BadInput(
                f"the query is of shape {direction.shape}, {self._path.name} takes ({self.width},)"
            )
        length = np.linalg.norm(direction)
        if not np.isfinite(length):
            raise BadInput("the query holds numbers that are not finite")
        return direction / length if length else direction

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


def _check_picture(picture: Picture) -> None:
    if not picture.key:
        raise BadInput(f"{picture.uri} has no key: read its bytes first")
    try:
        "".join((*astuple(picture)[:-1], *picture.tags)).encode()
    except UnicodeEncodeError:
        raise BadInput(f"{picture.uri!r} or what is said of it is not UTF-8: rename it") from None
