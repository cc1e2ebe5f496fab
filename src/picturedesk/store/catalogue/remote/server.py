"""The collections of one catalogue on a Milvus server, or in a file of milvus-lite.

``NAME_log`` has small texts: commits, their parts, and the claims of writers. ``NAME_v…`` has the
vectors, each under a number that is never used again. Rows are only added and deleted, never
replaced. Everything is asked with strong consistency, except for vectors by number: such a row
never changes, so an older state of the server has it as it is, or not yet.

Knows the client, and no pictures.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from picturedesk.errors import Closed, MissingExtra, PicturedeskError
from picturedesk.store.catalogue.remote.address import EXACT, GRAPH, Address
from picturedesk.types import Doubles, Floats, Ints, Json

TOKEN = "PICTUREDESK_MILVUS_TOKEN"  # user:password, or a key
MOST = 16_384  # rows that one search may return; Milvus's limit
CLAIM, COMMIT, PART = 0, 1, 2  # kinds of rows of the log
LARGEST = 60_000  # characters of a text; Milvus takes 65,535 bytes
_PATIENCE = 60.0  # seconds for one answer
_CONNECTING = 10.0  # seconds to reach the server
_ROWS = 4096  # read by number, or written, at once
_TEXTS = 64  # of the log, read at once
_TOGETHER = 200_000  # rows that the searches of one call return
_FIELDS = ["id", "kind", "generation", "content"]
_GRAPH = {"M": 16, "efConstruction": 200}  # neighbours of a vector, twice as many in one layer
_UNINTERESTING = [0.0, 0.0]  # Milvus 2.3 needs a vector in every collection


class Lost(Exception):
    """Vectors are not there any more, or not yet: somebody has changed the catalogue."""


class Server:
    """One catalogue's collections. Threads may share it.

    Args:
        address: where they are.

    Raises:
        MissingExtra: pymilvus or milvus-lite is not installed.
        PicturedeskError: the server does not answer, or another process uses the file.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._log = f"{address.name}_log"
        self._client = _open(address)
        self._closed = False
        self._indexes: dict[str, str] = {}  # of collections, which keep them

    def close(self) -> None:
        """Closes the connection; the last one of a file lets other processes open it."""
        if not self._closed:
            self._closed = True
            _close(self.address, self._client)

    def exists(self) -> bool:
        """Whether the catalogue has been made."""
        with self._explained():
            return bool(self._client.has_collection(self._log))

    def make(self) -> None:
        """Makes the log, unless it is there."""
        with self._explained():
            self._make(self._log, self._schema_of_log(), EXACT)

    def drop(self) -> None:
        """Removes the catalogue."""
        with self._explained():
            for name in (*self.vectors(), self._log):
                self._client.drop_collection(name)

    def texts(self, condition: str) -> list[Json]:
        """Rows of the log that meet a condition of Milvus."""
        found: list[Json] = []
        with self._explained():
            while True:
                page = self._client.query(
                    self._log,
                    filter=condition,
                    output_fields=_FIELDS,
                    limit=_ROWS,
                    offset=len(found),
                    consistency_level="Strong",
                    timeout=_PATIENCE,
                )
                found += [dict(row) for row in page]
                if len(page) < _ROWS:
                    return found

    def texts_of(self, ids: Sequence[str]) -> Iterator[str]:
        """The texts of rows of the log, in the order of the ids; raises Lost."""
        for start in range(0, len(ids), _TEXTS):
            some = list(ids[start : start + _TEXTS])
            with self._explained():
                rows = self._client.query(
                    self._log,
                    ids=some,
                    output_fields=["id", "content"],
                    consistency_level="Strong",
                    timeout=_PATIENCE,
                )
            there = {row["id"]: row["content"] for row in rows}
            if len(there) < len(some):
                raise Lost
            yield from (there[one] for one in some)

    def write(self, rows: Sequence[Json]) -> None:
        """Adds rows to the log: id, kind, generation and content."""
        whole = [{**row, "vector": _UNINTERESTING} for row in rows]
        with self._explained():
            for start in range(0, len(whole), _TEXTS):
                self._client.insert(self._log, whole[start : start + _TEXTS], timeout=_PATIENCE)

    def erase(self, condition: str) -> None:
        """Deletes rows of the log."""
        with self._explained():
            self._client.delete(self._log, filter=condition, timeout=_PATIENCE)

    def vectors(self) -> list[str]:
        """Names of the collections of vectors of this catalogue."""
        pattern = re.compile(rf"{re.escape(self.address.name)}_v[0-9a-f]{{16}}")
        with self._explained():
            return [name for name in self._client.list_collections() if pattern.fullmatch(name)]

    def new_vectors(self, width: int) -> str:
        """Makes a collection for vectors of a width, with the address's index; returns its name."""
        name = f"{self.address.name}_v{secrets.token_hex(8)}"
        with self._explained():
            self._make(name, self._schema_of_vectors(width), self.address.index)
        return name

    def is_exact(self, name: str) -> bool:
        """Whether a search compares all vectors of a collection, whose maker has decided it."""
        if name not in self._indexes:
            with self._explained():
                index = self._client.describe_index(name, "vector")
            self._indexes[name] = str(index["index_type"]).lower()
        return self._indexes[name] == EXACT

    def load(self, name: str) -> None:
        """Makes vectors ready to be searched; a file that was closed does not keep that."""
        with self._explained():
            self._client.load_collection(name, _async=True)

    def drop_vectors(self, name: str) -> None:
        """Removes a collection of vectors."""
        with self._explained():
            self._client.drop_collection(name)

    def put(self, name: str, generation: int, numbers: Ints, vectors: Floats) -> None:
        """Adds vectors (N, W) with their numbers (N,)."""
        with self._explained():
            for start in range(0, len(numbers), _ROWS):
                block = slice(start, start + _ROWS)
                rows = [
                    {"id": number, "generation": generation, "vector": vector}
                    for number, vector in zip(numbers[block].tolist(), vectors[block], strict=True)
                ]
                self._client.insert(name, rows, timeout=_PATIENCE)

    def delete(self, name: str, numbers: Sequence[int]) -> None:
        """Deletes vectors by their numbers."""
        with self._explained():
            for start in range(0, len(numbers), _ROWS):
                some = list(numbers[start : start + _ROWS])
                self._client.delete(name, ids=some, timeout=_PATIENCE)

    def delete_after(self, name: str, generation: int) -> None:
        """Deletes the vectors that were added for later generations."""
        with self._explained():
            self._client.delete(name, filter=f"generation > {generation}", timeout=_PATIENCE)

    def get(self, name: str, numbers: Ints, width: int) -> Floats:
        """The vectors (N, W) with these different numbers; raises Lost."""
        found = np.empty((len(numbers), width), dtype=np.float32)
        places = {number: place for place, number in enumerate(numbers.tolist())}
        for level in ("Eventually", "Strong"):
            for row in self._rows(name, list(places), level):
                found[places.pop(row["id"])] = row["vector"]
            if not places:
                return found
        raise Lost

    def _rows(self, name: str, numbers: Sequence[int], level: str) -> Iterator[Json]:
        for start in range(0, len(numbers), _ROWS):
            with self._explained():
                rows = self._client.query(
                    name,
                    ids=list(numbers[start : start + _ROWS]),
                    output_fields=["id", "vector"],
                    consistency_level=level,
                    timeout=_PATIENCE,
                )
            yield from rows

    def search(
        self, name: str, queries: Floats, limit: int, among: Ints | None = None
    ) -> list[tuple[Ints, Doubles]]:
        """Per query (Q, W) numbers and inner products, best first, at most ``limit``.

        The nearest, or of a collection that is not exact, such as are near.

        Args:
            name: of the collection.
            queries: (Q, W).
            limit: at most ``MOST``.
            among: the numbers to search; None for all.
        """
        only = "" if among is None else f"id in {among.tolist()}"
        step = max(1, _TOGETHER // limit)
        how = {} if self.is_exact(name) else {"ef": limit}  # how widely a graph is searched
        found = []
        for start in range(0, len(queries), step):
            with self._explained():
                answers = self._client.search(
                    name,
                    data=list(queries[start : start + step]),
                    anns_field="vector",
                    filter=only,
                    limit=limit,
                    search_params={"metric_type": "IP", "params": how},
                    output_fields=["id"],
                    consistency_level="Strong",
                    timeout=_PATIENCE,
                )
            for hits in answers:
                numbers = np.array([hit["id"] for hit in hits], dtype=np.int64)
                scores = np.array([hit["distance"] for hit in hits], dtype=np.float64)
                found.append((numbers, scores))
        return found

    def _make(self, name: str, schema: Any, kind: str) -> None:  # noqa: ANN401 - it has no types
        if not self._client.has_collection(name):
            self._client.create_collection(name, schema=schema, consistency_level="Strong")
        # The client would sleep half a second for each; the first question waits in any case.
        if not self._client.list_indexes(name):
            index = self._client.prepare_index_params()
            how = _GRAPH if kind == GRAPH else {}
            index.add_index("vector", index_type=kind.upper(), metric_type="IP", params=how)
            self._client.create_index(name, index, sync=False)
        self._client.load_collection(name, _async=True)

    def _schema_of_log(self) -> Any:  # noqa: ANN401
        kinds = _pymilvus().DataType
        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", kinds.VARCHAR, is_primary=True, max_length=200)
        schema.add_field("kind", kinds.INT64)
        schema.add_field("generation", kinds.INT64)
        schema.add_field("content", kinds.VARCHAR, max_length=65_535)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=len(_UNINTERESTING))
        return schema

    def _schema_of_vectors(self, width: int) -> Any:  # noqa: ANN401
        kinds = _pymilvus().DataType
        schema = self._client.create_schema(auto_id=False)
        schema.add_field("id", kinds.INT64, is_primary=True)
        schema.add_field("generation", kinds.INT64)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=width)
        return schema

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns the client's errors into one line."""
        if self._closed:
            raise Closed(f"catalogue {self.address.text}")
        try:
            yield
        except _pymilvus().MilvusException as error:
            raise PicturedeskError(
                f"{self.address.text}: {_one_line(error)}; run again when the server answers"
            ) from None


_opened: Counter[str] = Counter()  # connections to each file, of this process
_opening = threading.Lock()


def _pymilvus() -> Any:  # noqa: ANN401
    try:
        import pymilvus
    except ModuleNotFoundError as error:
        raise MissingExtra(f"a catalogue on Milvus (with {error.name})", "milvus") from None
    return pymilvus


def _open(address: Address) -> Any:  # noqa: ANN401
    pymilvus = _pymilvus()
    for name in ("pymilvus", "milvus_lite"):  # what goes wrong is raised as well
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address.is_file:
        _lite()
        os.makedirs(os.path.dirname(address.uri), exist_ok=True)
    given: Json = {"token": os.environ.get(TOKEN, "")}
    if address.is_file:  # milvus-lite ends connections that ask whether it is alive
        given = {"grpc_options": {"grpc.keepalive_time_ms": 2**31 - 1}}
    with _opening:
        try:
            client = pymilvus.MilvusClient(uri=address.uri, timeout=_CONNECTING, **given)
        except pymilvus.MilvusException as error:
            reason = "start the server, or correct the address"
            if address.is_file:
                reason = "another process uses the file, which only one can: share a server instead"
            raise PicturedeskError(f"{address.text}: {_one_line(error)}; {reason}") from None
        _opened[address.uri] += address.is_file
    return client


def _close(address: Address, client: Any) -> None:  # noqa: ANN401
    with _opening:
        client.close()
        if address.is_file:
            _opened[address.uri] -= 1
            if not _opened[address.uri]:
                _lite().server_manager_instance.release_server(address.uri)


def _lite() -> Any:  # noqa: ANN401
    try:
        from milvus_lite import server_manager
    except ModuleNotFoundError as error:
        what = f"a catalogue in a file of Milvus (with {error.name})"
        raise MissingExtra(what, "milvus") from None
    return server_manager


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error).split())[:300]
