"""The feature store: level features on disk, in one SQLite file, keyed by content hash.

One process at a time appends batches, each in one transaction; any number of processes may read
meanwhile. Every row has checksums, and is compared with them when it is read. Knows nothing of
pictures, networks or folders. Refuses features of another backbone.

Why SQLite: it is in the standard library (importing lancedb takes 1.7 s), transactions are
atomic, and readers never wait for the writer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import plain
from picturedesk.disk.database import RECORDS_VERSION, read_manifest, rows_of
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.disk.sums import blob_sum, row_sum
from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.types import Cell, Floats, Ints, Level, RowSource

_ROW = np.dtype("<f4")  # features on disk: float32, little-endian, on every machine
_IN_MEMORY = 2e9  # bytes of features, at most: some 120,000 pictures of the default backbone
_LARGEST = 2**63 - 1  # of SQLite's whole numbers

# ``position`` is the order of insertion. ``sum`` is of the short columns, ``features_sum`` of key
# and features. The wide column is last, so that SQLite reads the others without it. Every source
# refers to a stored picture.
_SCHEMA = (
    """CREATE TABLE pictures (
        position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, phash INTEGER NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, facts TEXT NOT NULL,
        sum INTEGER NOT NULL,
        features_sum INTEGER NOT NULL, features BLOB NOT NULL)""",
    """CREATE TABLE sources (
        path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        key TEXT NOT NULL REFERENCES pictures (key), sum INTEGER NOT NULL) WITHOUT ROWID""",
)
_CURE = "remove it and run picturedesk fit again"
_KIND = FileKind(  # "PDFS"
    "feature store", 0x50444653, _SCHEMA, cure=_CURE, version=RECORDS_VERSION
)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRow:
    """One stored picture.

    Attributes:
        key: content hash of its bytes, hex.
        features: all levels, (ΣD_l,).
        phash: perceptual hash, 0 to 2**64 - 1.
        width: of the picture as shown, pixels.
        height: of the picture as shown, pixels.
        facts: what its file says and shows of itself, by the names of fields and own columns.

    Raises:
        BadInput: a field is of another kind.
    """

    key: str
    features: Floats
    phash: int
    width: int
    height: int
    facts: Mapping[str, Cell] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.text("key", self.key)
        checks.array("features", self.features)
        checks.whole_number("phash", self.phash, 0, 2**64 - 1)
        checks.whole_number("width", self.width, 1)
        checks.whole_number("height", self.height, 1)
        if not isinstance(self.facts, Mapping):
            raise checks.refusal("facts", self.facts, "values by the names of columns")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was when its picture was read; if it is unchanged, it is not read again.

    Attributes:
        path: absolute.
        size: bytes.
        mtime_ns: time of its last change, nanoseconds since 1970.
        key: content hash of its bytes, hex.
    """

    path: str
    size: int
    mtime_ns: int
    key: str

    def __post_init__(self) -> None:
        checks.strings(self, ("path", "key"))
        checks.whole_number("size", self.size, -1, _LARGEST)
        checks.whole_number("mtime_ns", self.mtime_ns, -_LARGEST, _LARGEST)


class FeatureStore:
    """Rows of level features (ΣD_l,), in order of insertion.

    Several threads may use one store, and several processes may open one file.
    """

    def __init__(self, database: SharedDatabase, spec: BackboneSpec) -> None:
        self.path = checks.instance("database", database, SharedDatabase).path
        self.spec = checks.instance("spec", spec, BackboneSpec)
        self._database = database

    @classmethod
    def open(cls, path: Path | str, spec: BackboneSpec | None = None) -> FeatureStore:
        """Opens a store; creates it if the file is missing and ``spec`` is given.

        Args:
            path: the store's file.
            spec: the backbone whose features it must hold; None accepts any.

        Raises:
            Mismatch: it holds features of another backbone, or has another format version.
            MissingArtefact: the file is missing, damaged or not a feature store.
        """
        path = checks.path("path", path)
        checks.optional("spec", spec, BackboneSpec)
        made_with = None
        if spec is not None:
            made_with = {"fingerprint": spec.fingerprint, "spec": plain(spec)}
        database = SharedDatabase.open(path, _KIND, made_with)
        try:
            with database.reading() as reader:
                known = BackboneSpec.from_json(read_manifest(reader)["spec"])
            if spec is not None and spec.fingerprint != known.fingerprint:
                raise Mismatch(
                    f"{path} holds features of another backbone ({_differences(known, spec)}): "
                    "take the backbone that filled it, or another file (picturedesk fit --desk NEW)"
                )
        except BaseException:
            database.close()
            raise
        return cls(database, known)

    def close(self) -> None:
        """Closes the file; everything that was added is already stored."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, rows: Sequence[FeatureRow], sources: Sequence[Source] = ()) -> None:
        """Adds rows, and the files they were read from, in one transaction.

        A key that is already stored keeps its row. Raises BadInput for a row of another width.
        """
        rows = checks.several_of("rows", rows, FeatureRow)
        sources = checks.several_of("sources", sources, Source)
        for row in rows:
            if row.features.shape != (self.spec.width,):
                raise BadInput(
                    f"features of picture {row.key} have shape {row.features.shape}, the store "
                    f"{self.path} holds rows of ({self.spec.width},)"
                )
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO pictures (key, phash, width, height, facts, sum, features_sum, "
                "features) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                map(_stored_picture, rows),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO sources (path, size, mtime_ns, key, sum) "
                "VALUES (?, ?, ?, ?, ?)",
                map(_stored_source, sources),
            )

    def remember(self, sources: Sequence[Source]) -> None:
        """Records files whose pictures are already stored, so that they are not read again."""
        self.add((), sources)

    def lookup(self, path: str, size: int, mtime_ns: int) -> str | None:
        """Key of the picture in this file; None if the file is unknown or has changed."""
        checks.path("path", path)
        checks.whole_number("size", size, -1)
        checks.whole_number("mtime_ns", mtime_ns, -_LARGEST)
        found = self._one("SELECT * FROM sources WHERE path = ?", (os.fsencode(path),))
        if found is None:
            return None
        *source, known = found
        self._check(known == row_sum(*source))
        return str(source[3]) if source[1:3] == [size, mtime_ns] else None

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str) or not key.isascii():  # content keys are
            return False
        return self._one("SELECT 1 FROM pictures WHERE key = ?", (key,)) is not None

    def among(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that it has, in their order."""
        keys = checks.texts("keys", keys)
        with self._database.reading() as reader:
            return [key for _, key in rows_of(reader, "key", "pictures", keys)]

    def __len__(self) -> int:
        found = self._one("SELECT count(*) FROM pictures", ())
        return int(found[0]) if found else 0

    def keys(self) -> list[str]:
        """All keys, in the order of insertion."""
        with self._database.reading() as reader:
            rows = reader.execute("SELECT key FROM pictures ORDER BY position")
            return [key for (key,) in rows]

    def read(self, keys: Sequence[str], levels: Sequence[str] | None = None) -> Floats:
        """Features (N, ΣD_l) of N keys, in their order; takes memory for the result and one row.

        Args:
            keys: may repeat.
            levels: names ("blocks.3:max") in the order of the result; None reads all levels.

        Raises:
            BadInput: an unknown key or level.
        """
        keys = checks.texts("keys", keys)
        names = [str(level) for level in self.spec.levels]
        if levels is not None:
            names = checks.texts("levels", levels)
        columns = [self.spec.columns(name) for name in names]
        widths = [column.stop - column.start for column in columns]
        starts = np.cumsum([0, *widths]).tolist()
        features = np.empty((len(keys), starts[-1]), dtype=np.float32)  # (N, ΣD_l)
        found = self._rows("features_sum, features", keys)
        for key, row, (known, blob) in zip(keys, features, found, strict=True):
            self._check(known == blob_sum(blob, key))
            whole = np.frombuffer(blob, dtype=_ROW)
            for start, width, column in zip(starts, widths, columns, strict=False):
                row[start : start + width] = whole[column]
        return features

    def rows(self, keys: Sequence[str]) -> RowSource:
        """Features (N, ΣD_l) of N keys, as ``read``; very many are read when they are asked for.

        The store must then stay open.
        """
        keys = checks.texts("keys", keys)
        small = 4 * len(keys) * self.spec.width <= _IN_MEMORY
        return self.read(keys) if small else StoredRows(self, keys)

    def hashes(self, keys: Sequence[str]) -> npt.NDArray[np.uint64]:
        """Perceptual hashes (N,) of N keys, in their order; raises BadInput for an unknown key."""
        signed = [phash for phash, *_ in self._facts(checks.texts("keys", keys))]
        return np.array(signed, dtype=np.int64).view(np.uint64)

    def sizes(self, keys: Sequence[str]) -> Ints:
        """Width and height (N, 2) in pixels of N keys, in their order.

        Raises BadInput for an unknown key.
        """
        keys = checks.texts("keys", keys)
        rows = [(width, height) for _, width, height, _ in self._facts(keys)]
        return np.array(rows, dtype=np.int64).reshape(len(keys), 2)

    def facts(self, keys: Sequence[str]) -> list[dict[str, Cell]]:
        """What the files of N keys say and show of themselves, in their order.

        By the names of a picture's fields and own columns; ``images.with_file_facts`` merges them
        into a picture. Raises BadInput for an unknown key.
        """
        found = self._facts(checks.texts("keys", keys))
        return [_cells(json.loads(facts)) for *_, facts in found]

    def _facts(self, keys: Sequence[str]) -> Iterator[tuple[int, int, int, str]]:
        """Perceptual hash, signed, width, height and facts as JSON of N keys, in their order."""
        found = self._rows("sum, phash, width, height, facts", keys)
        for key, (known, *facts) in zip(keys, found, strict=True):
            self._check(known == row_sum(key, *facts))
            yield facts[0], facts[1], facts[2], facts[3]

    def _check(self, whole: bool) -> None:
        if not whole:
            raise MissingArtefact(f"{self.path} is damaged, a checksum differs: {_CURE}")

    def _rows(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """These columns of N keys, in their order, one row in memory at a time."""
        expected = 0
        with self._database.reading() as reader:
            for place, *row in rows_of(reader, columns, "pictures", keys):
                if place != expected:
                    break
                yield tuple(row)
                expected += 1
        if expected < len(keys):
            raise BadInput(f"picture '{keys[expected]}' is not in {self.path}: extract it first")

    def _one(self, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        with self._database.reading() as reader:
            row: tuple[Any, ...] | None = reader.execute(query, values).fetchone()
            return row


class StoredRows:
    """Features of pictures in a store, read when they are asked for; see ``types.RowSource``.

    Args:
        store: stays open as long as rows are asked for.
        keys: N keys.
    """

    def __init__(self, store: FeatureStore, keys: Sequence[str]) -> None:
        self._store = store
        self._keys = keys

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ΣD_l)."""
        return len(self._keys), self._store.spec.width

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """Features (n, ΣD_l) of some of the pictures; raises BadInput for an unknown key."""
        if isinstance(rows, slice):
            return self._store.read(self._keys[rows])
        return self._store.read([self._keys[row] for row in rows.tolist()])


def _differences(there: BackboneSpec, wanted: BackboneSpec) -> str:
    """How two backbones differ, in words: "levels final there, final, head wanted"."""
    pairs: list[tuple[str, object, object]] = [("backbone", there.name, wanted.name)]
    if there.weights_sha256 != wanted.weights_sha256:
        names = [f"{spec.weights} ({spec.weights_sha256[:12]})" for spec in (there, wanted)]
        pairs.append(("weights", names[0], names[1]))
    pairs += _level_pairs(there.levels, wanted.levels)
    for part in fields(there.preprocessing):
        values = [getattr(spec.preprocessing, part.name) for spec in (there, wanted)]
        pairs.append((f"preprocessing {part.name}", values[0], values[1]))
    return "; ".join(f"{what} {old} there, {new} wanted" for what, old, new in pairs if old != new)


def _level_pairs(
    there: Sequence[Level], wanted: Sequence[Level]
) -> list[tuple[str, object, object]]:
    """The level lists; if both backbones read the same depths, the pooling of each."""
    if [level.name for level in there] == [level.name for level in wanted]:
        pairs = zip(there, wanted, strict=True)
        return [(f"pooling of {old.name}", old.pooling, new.pooling) for old, new in pairs]
    return [("levels", ", ".join(map(str, there)), ", ".join(map(str, wanted)))]


def _stored_picture(row: FeatureRow) -> tuple[object, ...]:
    said = json.dumps(dict(row.facts), ensure_ascii=False, separators=(",", ":"))
    facts = (row.key, _signed(row.phash), row.width, row.height, said)
    blob = np.ascontiguousarray(row.features, dtype=_ROW).tobytes()
    return (*facts, row_sum(*facts), blob_sum(blob, row.key), blob)


def _cells(stored: dict[str, Any]) -> dict[str, Cell]:
    """Facts as they were given: JSON makes lists of tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }


def _stored_source(source: Source) -> tuple[object, ...]:
    facts = (os.fsencode(source.path), source.size, source.mtime_ns, source.key)
    return (*facts, row_sum(*facts))


def _signed(phash: int) -> int:
    """The same 64 bits as a signed integer, which SQLite needs."""
    return phash - (1 << 64) if phash >= 1 << 63 else phash
