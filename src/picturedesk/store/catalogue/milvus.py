"""A catalogue whose vectors are on a Milvus server, shared by processes on several machines.

The server has the vectors, and a log of all changes of the records. Every machine mirrors the
records in an SQLite file of its cache, which follows the log; conditions, words and pages are
answered there, by the code of the exact catalogue. So answers equal that one's, and what has to fit
on one machine are the records, not the vectors.

A change is one transaction: new vectors and the parts of the log first, which nothing names yet,
then one row, the commit, which makes them count; what nobody needs any more is deleted after that.
Whoever is killed before the commit has changed nothing, whoever is killed after it has changed all;
the next writer sweeps what was left. ``remote.lease`` lets one writer work at a time.

Every answer is that of one state, the newest when the question ended: the log is asked, with strong
consistency, and if it has moved, the question is asked again.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.export_cache import cache_folder
from picturedesk.disk.artifacts import fingerprint as hash_of
from picturedesk.disk.database import read_manifest
from picturedesk.disk.shared_database import SharedDatabase
from picturedesk.errors import Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import bm25, database, records
from picturedesk.store.catalogue.checks import check_amount, directions
from picturedesk.store.catalogue.database import Change, State
from picturedesk.store.catalogue.remote.address import Address
from picturedesk.store.catalogue.remote.following import follow, make, recorded
from picturedesk.store.catalogue.remote.mirror import (
    MirrorGeneration,
    Place,
    followed,
    handles_of,
)
from picturedesk.store.catalogue.remote.server import Lost, Server
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.store.vector_index import Nearest
from picturedesk.types import Doubles, Entries, Floats, Found, Json

_Answer = TypeVar("_Answer")
_TRIES = 10  # of a question, while others change the catalogue


class MilvusCatalogue(SqliteCatalogue):
    """A catalogue on a Milvus server. See the module, and ``types.Catalogue``.

    Made by ``open_at``. Threads may share it; a forked process must open its own.
    """

    def __init__(
        self, server: Server, file: SharedDatabase, rest: Callable[[], None] | None = None
    ) -> None:
        self._server = server
        self._rest = rest  # called at the end
        self._asked = 0.0  # when the log was asked last
        self._steady = threading.local()
        super().__init__(file)
        self._name, self._where = "catalogue", server.address.text  # for errors

    @classmethod
    def open_at(
        cls, address: str, fingerprint: str = "", width: int = 0, make_missing: bool = True
    ) -> MilvusCatalogue:
        """Opens a catalogue, or makes an empty one; see ``open_catalogue``.

        Args:
            address: ``milvus://HOST:PORT/NAME`` or ``milvus:///FOLDER/FILE.db/NAME``; with
                ``?index=hnsw``, new vectors get a graph, and searches are no longer exact.
            fingerprint: hash of everything that determines the vectors; "" accepts any.
            width: W of the vectors.
            make_missing: whether to make a missing one.

        Raises:
            BadInput: it is no address.
            Mismatch: it holds vectors with another fingerprint or width.
            MissingArtefact: there is none to open.
            MissingExtra: the extra ``milvus`` is not installed.
            PicturedeskError: the server does not answer.
        """
        checks.encodable("fingerprint", fingerprint)
        checks.whole_number("width", width)
        server = Server(Address.of(address))
        try:
            if not make_missing and not server.exists():
                raise MissingArtefact(f"{address} has no catalogue: migrate a desk to it first")
            make(server, fingerprint, width)
            file, rest = _mirror(server.address)
        except BaseException:
            server.close()
            raise
        try:
            if vectors := follow(server, file).vectors:
                server.load(vectors)
            catalogue = cls(server, file, rest)
            if fingerprint:
                catalogue._claim(fingerprint, width)
        except BaseException:
            file.close()
            server.close()
            raise
        return catalogue

    def close(self) -> None:
        """Closes mirror and connection; the object cannot be used afterwards."""
        super().close()
        self._server.close()
        if self._rest is not None:
            self._rest()

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each of the queries (Q, W) the k entries of highest cosine that meet ``where``.

        As ``SqliteCatalogue.nearest``, number for number; from a graph, as its large catalogues.
        """
        ask = super().nearest
        return self._steadily(lambda: ask(queries, k, where))

    def highest(self, queries: Floats | Doubles, k: int) -> list[Doubles]:
        """For each of the queries (Q, W) the k highest cosines, as of ``nearest``."""
        ask = super().highest
        return self._steadily(lambda: ask(queries, k))

    def optimize(self, queries: Floats | None = None, only_if_needed: bool = False) -> None:
        """Does nothing: the server keeps its own index."""
        if queries is not None:
            directions(self._name, queries, self.width)

    @property
    def indexed(self) -> int:
        """Number of entries in the server's graph; 0 where it compares all entries."""
        with self._reading() as (reader, state):
            place = Place.of(self._server, reader, state)
            exact = not place.collection or self._server.is_exact(place.collection)
            return 0 if exact else state.totals.count

    def recall(self, queries: Floats, k: int = 10) -> float:
        """See ``types.Catalogue``; 1 where searches are exact, else all vectors are fetched."""
        k = check_amount("k", k)
        towards = directions(self._name, queries, self.width)
        if not k or not self.indexed:
            return 1.0
        return self._steadily(lambda: self._share_found(towards, k))

    def _share_found(self, towards: Doubles, k: int) -> float:
        with self._reading() as (reader, state):
            stock = self._generation(state).stock(reader)
            found = [rows for rows, _ in stock.nearest(reader, towards, k, None)]
            best = Nearest(towards.astype(np.float32), k)
            for start in range(0, len(stock.keys), database.PART):
                some = np.arange(start, min(start + database.PART, len(stock.keys)))
                best.see(stock.numbers[some], stock.vectors(some))
            return best.recall(found)

    def sample(self, count: int, where: str = "") -> Entries:
        """The ``count`` entries with the lowest keys that meet ``where``, or all that meet it."""
        return self._steadily(lambda: super(MilvusCatalogue, self).sample(count, where))

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""
        return self._steadily(lambda: super(MilvusCatalogue, self).fetch(keys))

    def _speaking(
        self,
        words: Sequence[str],
        k: int,
        where: str,
        indexes: Sequence[bm25.Index],
        at_least: float = 0.0,
    ) -> Found:
        ask = super()._speaking
        return self._steadily(lambda: ask(words, k, where, indexes, at_least))

    def _steadily(self, ask: Callable[[], _Answer]) -> _Answer:
        """Asks the mirror and the server, until the log has not moved meanwhile."""
        for _ in range(_TRIES):
            with self._file.reading() as reader:
                before = followed(reader)
            failed: PicturedeskError | Lost | None = None
            self._steady.is_on = True
            try:
                answer = ask()
            except (PicturedeskError, Lost) as error:  # perhaps only because the log has moved
                failed = error
            finally:
                self._steady.is_on = False
            self._follow(always=failed is not None)
            with self._file.reading() as reader:
                if followed(reader) != before:
                    continue
            if failed is None:
                return answer
            if not isinstance(failed, Lost):
                raise failed
        raise PicturedeskError(
            f"{self._where} keeps changing, or has lost vectors: ask again, or migrate again"
        )

    def _follow(self, always: bool = False) -> None:
        """Brings the mirror to the newest commit."""
        now = time.monotonic()
        if always or now - self._asked >= self._server.address.fresh:
            follow(self._server, self._file)
            self._asked = now

    @contextmanager
    def _reading(self) -> Iterator[tuple[sqlite3.Connection, State]]:
        if not getattr(self._steady, "is_on", False):
            self._follow()
        with super()._reading() as found:
            yield found

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        with recorded(self._server, self._file, self._unchanged) as change:
            yield change

    @contextmanager
    def _replacing(self, owner: Json) -> Iterator[Change]:
        with recorded(self._server, self._file, self._unchanged, owner) as change:
            yield change

    def _take(self, fingerprint: str, width: int) -> None:
        owner = {"fingerprint": fingerprint, "width": width}
        with (
            suppress(_Filled),  # by another process
            recorded(self._server, self._file, _if_empty, owner),
        ):
            pass
        with self._file.reading() as reader:
            self._opened = database.read_state(reader)

    def _generation(self, state: State) -> MirrorGeneration:
        return MirrorGeneration(state, self._server)

    def _entries(self, reader: sqlite3.Connection, state: State, keys: Sequence[str]) -> Entries:
        found = ((place, record.picture) for place, record in records.read(reader, keys))
        pictures = tuple(self._of_all(keys, found))
        place = Place.of(self._server, reader, state)
        return Entries(pictures, place.vectors(handles_of(reader, keys)))


def remove_from_milvus(address: str) -> None:
    """Removes a catalogue from its server, if it is there; mirrors stay in the caches."""
    server = Server(Address.of(address))
    try:
        if server.exists():
            server.drop()
    finally:
        server.close()


class _Filled(Exception):
    """The catalogue has a fingerprint already."""


def _if_empty(writer: sqlite3.Connection) -> State:
    state = database.read_state(writer)
    if state.fingerprint:
        raise _Filled
    return state


def _mirror(address: Address) -> tuple[SharedDatabase, Callable[[], None] | None]:
    """Opens the mirror of a catalogue; makes it anew if it cannot be used.

    It is in the cache; without a cache in a temporary folder, which the second value removes.
    """
    graphs, rest = cache_folder(), None
    if graphs is None:
        temporary = tempfile.TemporaryDirectory()
        folder, rest = Path(temporary.name), temporary.cleanup
    else:
        folder = graphs.parent / "catalogues"
    path = folder / f"{hash_of((address.uri, address.name))}.db"
    content = database.new_manifest("", 0)
    try:
        file = SharedDatabase.open(path, database.KIND, content)
        with file.reading() as reader:
            if read_manifest(reader)["words"] == bm25.MADE_BY:
                return file, rest
        file.close()
    except (MissingArtefact, Mismatch):
        pass
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        (folder / name).unlink(missing_ok=True)
    return SharedDatabase.open(path, database.KIND, content), rest
