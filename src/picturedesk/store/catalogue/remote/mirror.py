"""The records of a catalogue on a server, in an SQLite file of this machine: a mirror.

It is the file of an exact catalogue, with one difference: where that has a vector, the mirror has a
handle, the number of the vector on the server and its CRC-32. So conditions, words, columns and
pages are answered by the same code, and a vector that comes back is compared with its checksum.

The mirror is made from the log's commits, and follows them. Only what a commit names exists: other
vectors on the server are those of a writer that was killed, or of pictures that have gone.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from zlib import crc32

import numpy as np
import numpy.typing as npt

from picturedesk.disk.database import damaged, read_manifest, rows_of
from picturedesk.errors import MissingArtefact
from picturedesk.store.catalogue import database, records
from picturedesk.store.catalogue.database import SINGLE, Change, State, Totals
from picturedesk.store.catalogue.generation import Generation
from picturedesk.store.catalogue.remote.log import as_json, from_json
from picturedesk.store.catalogue.remote.search import nearest_on_server
from picturedesk.store.catalogue.remote.server import Server
from picturedesk.store.catalogue.snapshot import Snapshot
from picturedesk.types import Doubles, Entries, Floats, Ints, Json, Picture

HANDLE = np.dtype([("number", "<i8"), ("sum", "<u4")])
Handles = npt.NDArray[np.void]
_WORDS = HANDLE.itemsize // SINGLE.itemsize  # a handle, written as if it were a vector
FOLLOWED = "followed"  # entry of the mirror's manifest
_NOTHING = {"generation": -1, "token": "", "vectors": ""}
_FRAME = 2000  # pictures
_DEAD = 50_000  # numbers of vectors in a frame


def followed(connection: sqlite3.Connection) -> Json:
    """Generation and token of the commit that a mirror has followed, and where its vectors are."""
    found: Json = read_manifest(connection).get(FOLLOWED, _NOTHING)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vectors of one state are, and how wide they are (W)."""

    server: Server
    collection: str
    width: int

    @classmethod
    def of(cls, server: Server, connection: sqlite3.Connection, state: State) -> Place:
        """Of the state that a mirror has."""
        return cls(server, followed(connection)["vectors"], state.width)

    def vectors(self, handles: Handles) -> Floats:
        """The vectors (N, W) of N handles; raises Lost if one has gone from the server."""
        every, where = np.unique(handles, return_inverse=True)
        if not len(every):
            return np.empty((0, self.width), dtype=np.float32)
        found = self.server.get(self.collection, every["number"], self.width)
        for handle, vector in zip(every, found, strict=True):
            if crc32(vector.tobytes()) != handle["sum"]:
                raise MissingArtefact(
                    f"{self.server.address.text}: vector {handle['number']} is not as it was "
                    "written: migrate or fit again"
                )
        return found[where.reshape(-1)]


class MirrorChange(Change):
    """A change of the mirror; it takes handles, as numbers, in place of vectors."""

    def _blobs(self, vectors: Floats) -> list[bytes]:
        return [vector.tobytes() for vector in vectors]


class RecordedChange(MirrorChange):
    """A change of the mirror, and the frames by which other mirrors repeat it.

    Attributes:
        frames: what was changed, in order.
        fresh: handles and vectors (N, W) to be put on the server.
        dead: numbers of vectors that nothing needs after the change.
    """

    def __init__(self, connection: sqlite3.Connection, totals: Totals, generation: int) -> None:
        super().__init__(connection, totals, generation)
        self.frames: list[Json] = []
        self.fresh: list[tuple[Handles, Floats]] = []
        self.dead: list[int] = []

    def put(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """As ``Change.put``; the mirror gets handles of the vectors."""
        last = [*{picture.key: place for place, picture in enumerate(pictures)}.values()]
        kept, whole = [pictures[place] for place in last], np.asarray(vectors, np.float32)[last]
        handles = _new_handles(whole)
        self.fresh.append((handles, whole))
        super().put(kept, _written(handles), added, named)
        for start in range(0, len(kept), _FRAME):
            block = slice(start, start + _FRAME)
            frame = _frame("put", kept[block], added, named or {})
            self.frames.append({**frame, "handles": handles[block].tolist()})

    def update(
        self,
        pictures: Sequence[Picture],
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
    ) -> str:
        """As ``Change.update``."""
        for start in range(0, len(pictures), _FRAME):
            some = pictures[start : start + _FRAME]
            self.frames.append(_frame("update", some, added, named or {}))
        return super().update(pictures, added, named)

    def remove(self, keys: Sequence[str], keep_out: bool = False) -> None:
        """As ``Change.remove``."""
        if known := [*self._stored(keys)]:
            self.frames.append({"do": "remove", "keys": known})
            super().remove(known, keep_out)

    def keep_out(self, keys: Collection[str]) -> None:
        """As ``Change.keep_out``."""
        self.frames.append({"do": "keep_out", "keys": sorted(keys)})
        super().keep_out(keys)

    def clear(self) -> None:
        """As ``Change.clear``."""
        self.frames = [{"do": "clear"}]
        super().clear()

    def all_frames(self) -> list[Json]:
        """The frames, and the numbers of the vectors that are to be deleted."""
        blocks = range(0, len(self.dead), _DEAD)
        return [
            *self.frames,
            *({"do": "delete", "numbers": self.dead[n : n + _DEAD]} for n in blocks),
        ]

    def _forget_vectors(self, rows: Sequence[int]) -> None:
        found = rows_of(self._connection, "vector", "vectors", rows, "row")
        self.dead += [_read(blob)["number"].item() for _, blob in found]
        super()._forget_vectors(rows)


def repeat(change: MirrorChange, frame: Json) -> None:
    """Repeats a recorded change."""
    what = frame["do"]
    if what in ("put", "update"):
        pictures = [from_json(values) for values in frame["pictures"]]
        if what == "update":
            change.update(pictures, frame["added"], frame["named"])
        else:
            handles = np.array([tuple(one) for one in frame["handles"]], dtype=HANDLE)
            change.put(pictures, _written(handles), frame["added"], frame["named"])
    elif what == "remove":
        change.remove(frame["keys"])
    elif what == "keep_out":
        change.keep_out(frame["keys"])
    elif what == "clear":
        change.clear()


def whole_frames(connection: sqlite3.Connection, state: State) -> Iterator[Json]:
    """Frames that make all of a mirror anew, in place of all before them."""
    yield {"do": "clear"}
    some: list[records.Record] = []
    for record in records.read_all(connection):
        some.append(record)
        if len(some) == _FRAME:
            yield _frame_of(connection, some)
            some = []
    if some:
        yield _frame_of(connection, some)
    kept_out = database.read_kept_out(connection, state.totals)
    yield {"do": "keep_out", "keys": sorted(kept_out)}


def handles_of(connection: sqlite3.Connection, keys: Sequence[str]) -> Handles:
    """Handles (N,) of N keys, all of which must be stored."""
    numbers = database.read_some_numbers(connection, keys, _WORDS)
    return numbers.view(HANDLE).reshape(-1)


@dataclass(frozen=True, eq=False)
class MirrorStock(Snapshot):
    """The handles of one generation in memory; vectors come from the server when they are needed.

    Attributes:
        matrix: (N, 3), the handles as numbers.
        place: where the vectors are.
    """

    place: Place | None = None

    @classmethod
    def of(cls, connection: sqlite3.Connection, state: State, place: Place) -> MirrorStock:
        """Reads all handles from a connection in this state."""
        keys, rows = records.read_keys(connection, state.totals.count)
        numbers = database.read_all_numbers(connection, rows, _WORDS, state.totals.vectors)
        return cls(keys, rows, numbers, place=place)

    @property
    def is_exact(self) -> bool:
        """Whether the server compares all vectors."""
        place = self.place
        return place is None or place.server.is_exact(place.collection)

    @property
    def handles(self) -> Handles:
        """Of all entries (N,)."""
        return self.matrix.view(HANDLE).reshape(-1)

    @cached_property
    def _by_vector(self) -> Ints:
        return np.argsort(self.handles["number"])

    def indices_of(self, numbers: Ints) -> Ints:
        """Indices of the entries with these vectors; -1 for vectors that nothing names."""
        if not len(self.keys):
            return np.full(len(numbers), -1)
        known, order = self.handles["number"], self._by_vector
        places = np.searchsorted(known, numbers, sorter=order).clip(max=len(known) - 1)
        found: Ints = np.where(known[order[places]] == numbers, order[places], -1)
        return found

    def vectors(self, indices: Ints) -> Floats:
        """The vectors (n, W) of some entries; raises Lost."""
        assert self.place is not None
        return self.place.vectors(self.handles[indices])

    def nearest(
        self, reader: sqlite3.Connection, queries: Doubles, k: int, passing: Ints | None
    ) -> list[tuple[Ints, Doubles]]:
        """See ``Stock``; by the server, exact if that is. Raises Lost."""
        best = nearest_on_server(self, queries, k, self._among(passing))
        return [(self.numbers[indices], scores) for indices, scores in best]

    def entries(self, reader: sqlite3.Connection, rows: Sequence[Ints]) -> list[Entries]:
        """See ``Stock``; raises Lost."""
        every = [some.tolist() for some in rows]
        self._read(reader, set[int]().union(*every))
        together = np.array([*chain(*every)], dtype=np.int64)
        vectors = self.vectors(self._places(together))
        ends = np.cumsum([len(some) for some in every]).tolist()
        return [
            Entries(tuple(map(self._pictures.__getitem__, some)), vectors[end - len(some) : end])
            for some, end in zip(every, ends, strict=True)
        ]


class MirrorGeneration(Generation):
    """What has been read of one generation of a mirror.

    Args:
        state: of the file.
        server: where its vectors are.
    """

    def __init__(self, state: State, server: Server) -> None:
        super().__init__(state)
        self._server = server

    def stock(self, reader: sqlite3.Connection) -> MirrorStock:
        """The handles of all pictures."""

        def read() -> MirrorStock:
            place = Place.of(self._server, reader, self.state)
            return MirrorStock.of(reader, self.state, place)

        return self._part("stock", read)


def _frame(
    what: str,
    pictures: Sequence[Picture],
    added: Collection[str],
    named: Mapping[str, Collection[str]],
) -> Json:
    keys = {picture.key for picture in pictures}
    return {
        "do": what,
        "pictures": [as_json(picture) for picture in pictures],
        "added": sorted(keys & set(added)),
        "named": {key: sorted(fields) for key, fields in named.items() if key in keys and fields},
    }


def _frame_of(connection: sqlite3.Connection, stored: Sequence[records.Record]) -> Json:
    pictures = [record.picture for record in stored]
    added = [record.picture.key for record in stored if record.added]
    named = {record.picture.key: record.named for record in stored}
    handles = handles_of(connection, [picture.key for picture in pictures])
    return {**_frame("put", pictures, added, named), "handles": handles.tolist()}


def _new_handles(vectors: Floats) -> Handles:
    """Handles for new vectors (N, W), with numbers that no other vector has."""
    handles = np.empty(len(vectors), dtype=HANDLE)
    handles["number"] = secrets.randbits(62) + np.arange(len(vectors))
    handles["sum"] = [crc32(vector.tobytes()) for vector in vectors]
    return handles


def _written(handles: Handles) -> Floats:
    """Handles as rows of numbers (N, 3), whose bytes are theirs."""
    return np.ascontiguousarray(handles).view(SINGLE).reshape(len(handles), _WORDS)


def _read(blob: bytes) -> Handles:
    if len(blob) != HANDLE.itemsize:
        raise damaged("a handle is not as it was written")
    return np.frombuffer(blob, dtype=HANDLE)
