"""Small deterministic test doubles. They need no network, model or download.

``tiny_backbone`` is a real Backbone over a few fixed NumPy matrices; ``TinyTextEncoder`` is a
hashed bag of words. Both are fast, need no fit, and always return the same bytes, alone or in a
batch. ``DictCatalogue`` is a catalogue without a file.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from math import log
from pathlib import Path
from typing import Self

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import array_fingerprint, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED
from picturedesk.store.catalogue import bm25, records
from picturedesk.store.catalogue.checks import (
    check_amount,
    directions,
    storable,
    storable_records,
    unknown_key,
)
from picturedesk.store.catalogue.columns import columns_of, counted
from picturedesk.store.catalogue.conditions import passing_rows, prepare
from picturedesk.types import (
    Changes,
    Column,
    Doubles,
    Entries,
    Floats,
    Found,
    Level,
    Picture,
    Preprocessing,
)

TINY_LEVELS = (
    Level("patches", 16, "max"),
    Level("mixed", 24, "avg"),
    Level("final", 8, "none"),
)
TINY_PREPROCESSING = Preprocessing(
    size=32, resize=36, interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)


class TinyRunner:
    """A network of three levels made of three fixed matrices; counts its calls.

    Attributes:
        calls: number of calls.
        pictures: number of pictures over all calls.
    """

    def __init__(self, levels: Sequence[Level] = TINY_LEVELS, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        shapes = {"patches": (48, 16), "mixed": (16, 24), "final": (96, 8)}
        self.weights: dict[str, Floats] = {
            name: (random.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
            for name, shape in shapes.items()
        }
        self.levels = tuple(levels)
        self.calls = 0
        self.pictures = 0

    def __call__(self, pixels: Floats) -> Floats:
        """Pixels (B, 3, 32, 32) → (B, ΣD_l); a row does not depend on the rest of its batch."""
        self.calls += 1
        self.pictures += len(pixels)
        return np.stack([self._one(picture) for picture in pixels])

    def _one(self, picture: Floats) -> Floats:
        """Pixels (3, 32, 32) → (ΣD_l,)."""
        patches = picture.reshape(3, 8, 4, 8, 4).transpose(1, 3, 0, 2, 4).reshape(64, 48)
        patches = np.tanh(2 * patches @ self.weights["patches"])  # (64, 16)
        mixed = np.maximum(patches @ self.weights["mixed"], 0)  # (64, 24)
        quarters = mixed.reshape(2, 4, 2, 4, 24).mean(axis=(1, 3)).reshape(96)
        read = {
            "patches": patches.max(axis=0),
            "mixed": mixed.mean(axis=0),
            "final": np.tanh(quarters @ self.weights["final"]),
        }
        return np.concatenate([read[level.name] for level in self.levels]).astype(np.float32)


def tiny_backbone(
    levels: Sequence[str] | None = None, *, seed: int = 0, runner: TinyRunner | None = None
) -> Backbone:
    """A Backbone with 32 px input and up to three levels: patches:max, mixed:avg, final.

    Args:
        levels: some of the three, in any order; None reads all (48 numbers per picture).
        seed: seed of the weights; it changes the fingerprint.
        runner: pass one to count its calls; it brings its own levels and weights.
    """
    known = {str(level): level for level in TINY_LEVELS}
    for name in levels or ():
        if name not in known:
            raise BadInput(f"level '{name}' is not in tiny: it has {', '.join(known)}")
    if runner is None:
        runner = TinyRunner([known[name] for name in levels or known], seed)
    spec = BackboneSpec(
        name="tiny",
        weights=f"random:{seed}",
        weights_sha256=array_fingerprint(runner.weights),
        levels=runner.levels,
        preprocessing=TINY_PREPROCESSING,
    )
    return Backbone.of(spec, runner)


class TinyTextEncoder:
    """A hashed bag of words: every word adds 1 or -1 to one column. Needs no fit.

    Args:
        width: width D of the vectors.
    """

    KIND = "tiny-text-encoder"

    def __init__(self, width: int = 32) -> None:
        self._width = width

    @property
    def width(self) -> int:
        """Width D of the vectors."""
        return self._width

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the output."""
        return fingerprint((self.KIND, self._width))

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros for a text without words."""
        vectors = np.zeros((len(texts), self._width), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                code = zlib.crc32(word.encode())
                row[code % self._width] += 1.0 if code & 0x10000 else -1.0
            row /= max(float(np.linalg.norm(row)), 1e-12)
        return vectors

    def save(self, folder: Path) -> None:
        """Writes a manifest; there is nothing else to save."""
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, self.KIND, {"width": self._width})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; returns the same output."""
        return cls(int(read_manifest(folder, cls.KIND)["width"]))


class DictCatalogue:
    """A Catalogue in a dictionary, without a file; every search reads all entries.

    Simple and slow: the reference for other catalogues. For one thread.

    Args:
        fingerprint: hash of everything that determines the vectors; "" if ``replace_all`` sets it.
        width: width W of the vectors.
    """

    def __init__(self, fingerprint: str = "", width: int = 0) -> None:
        self.fingerprint = fingerprint
        self.width = width if fingerprint else 0
        self._entries: dict[str, tuple[Picture, Floats]] = {}
        self._added: set[str] = set()
        self._named: dict[str, frozenset[str]] = {}
        self._kept_out: set[str] = set()

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key with vectors (N, W); returns how many were new."""
        return self.change(Changes(pictures, vectors, added=[one.key for one in pictures]))

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key; returns how many there were."""
        before = len(self._entries)
        self.change(Changes(removed=keys))
        return before - len(self._entries)

    def update(self, pictures: Sequence[Picture]) -> None:
        """Replaces the records of known pictures, which keep their vectors."""
        self.change(Changes(updated=pictures))

    def change(self, changes: Changes) -> int:
        """Removes, updates and adds; returns how many pictures were new."""
        for picture in storable_records(changes.updated):
            if picture.key not in self._entries or picture.key in changes.removed:
                raise unknown_key("catalogue", picture.key)
        vectors = changes.vectors
        if vectors is not None:
            vectors = storable("catalogue", changes.pictures, vectors, self.width)
        self._take_out(changes.removed, changes.keep_out)
        for picture in changes.updated:
            self._entries[picture.key] = (picture, self._entries[picture.key][1])
        before = len(self._entries)
        if vectors is not None:
            self._put(changes.pictures, vectors)
        self._note(changes)
        return len(self._entries) - before

    def _take_out(self, keys: Sequence[str], keep_out: bool) -> None:
        known = self._entries.keys() & set(keys)
        for key in known:
            del self._entries[key]
            self._named.pop(key, None)
        self._added -= known
        self._kept_out |= known if keep_out else set()

    def _note(self, changes: Changes) -> None:
        changed = {one.key for one in (*changes.updated, *changes.pictures)}
        self._kept_out -= changed
        self._added |= changed & set(changes.added)
        for key, fields in changes.named.items():
            if key in changed and fields:
                self._named[key] = self._named.get(key, frozenset()) | set(fields)

    def replace_all(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        fingerprint: str = "",
        added: Collection[str] = (),
        named: Mapping[str, Collection[str]] | None = None,
        kept_out: Collection[str] = (),
    ) -> None:
        """Replaces all pictures; with a ``fingerprint``, W may change, too."""
        width = int(np.shape(vectors)[-1]) if fingerprint else self.width
        checked = storable("catalogue", pictures, vectors, width)
        self.fingerprint, self.width = fingerprint or self.fingerprint, width
        self._entries.clear()
        self._put(pictures, checked)
        self._added = self._entries.keys() & set(added)
        noted = (named or {}).items()
        self._named = {
            key: frozenset(fields) for key, fields in noted if fields and key in self._entries
        }
        self._kept_out = set(kept_out)

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each query (Q, W), the k entries with the highest cosine that meet ``where``."""
        k = check_amount("k", k)
        passing = self._passing(where)
        return [
            self._best({key: float((self._entries[key][1] * query).sum()) for key in passing}, k)
            for query in directions("catalogue", queries, self.width)
        ]

    def highest(self, queries: Floats | Doubles, k: int) -> list[Doubles]:
        """For each query (Q, W), the k highest cosines of all entries."""
        return [found.scores for found in self.nearest(queries, k)]

    def matching(
        self, words: Sequence[str], k: int, where: str = "", at_least: float = 0.0
    ) -> Found:
        """The k entries with the highest BM25 of caption and tags that meet ``where``."""
        k, at_least = check_amount("k", k), checks.number("at_least", at_least, 0)
        passing, scores = self._passing(where), self._bm25(words)
        near = {key: scores[key] for key in passing if key in scores}
        return self._best({key: score for key, score in near.items() if score >= at_least}, k)

    def mentioning(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The same with the BM25 of own columns of words added."""
        k = check_amount("k", k)
        passing, scores = self._passing(where), Counter(self._bm25(words))
        scores.update(self._bm25(words, bm25.NOTES))
        return self._best({key: scores[key] for key in passing if key in scores}, k)

    def find(self, keys: Sequence[str]) -> dict[str, Picture]:
        """The pictures that it has among these keys, by key."""
        return {key: self._entries[key][0] for key in keys if key in self._entries}

    def page(
        self, where: str = "", order: str = "", after: str = "", limit: int = 100
    ) -> tuple[Picture, ...]:
        """Pictures that meet ``where``, sorted by a column."""
        limit, passing = check_amount("limit", limit), set(self._passing(where))
        name = order.removeprefix("-") or "key"
        if name not in self.columns():
            raise BadInput(f"order {order!r} is no column: there are {', '.join(self.columns())}")
        keys = sorted(self._entries)
        with_value = [key for key in keys if self._value(key, name) not in (None, "", ())]
        with_value.sort(key=lambda key: _sortable(self._value(key, name)), reverse=order[:1] == "-")
        ordered = [*with_value, *(key for key in keys if key not in set(with_value))]
        if after and after not in self._entries:
            raise unknown_key("catalogue", after)
        first = ordered.index(after) + 1 if after else 0
        chosen = [key for key in ordered[first:] if key in passing][:limit]
        return tuple(self._entries[key][0] for key in chosen)

    def _value(self, key: str, name: str) -> object:
        picture = self._entries[key][0]
        return getattr(picture, name) if name in FIXED else picture.columns.get(name)

    def columns(self) -> dict[str, Column]:
        """All columns by name."""
        return columns_of(counted(picture for picture, _ in self._entries.values()))

    def places(self) -> dict[str, tuple[str, ...]]:
        """Key → all names of the picture's bytes, its ``uri`` first."""
        return {
            key: tuple(dict.fromkeys((picture.uri, *picture.names)))
            for key, (picture, _) in sorted(self._entries.items())
        }

    def named(self) -> dict[str, frozenset[str]]:
        """Key → fields and own columns that a user has set."""
        return dict(self._named)

    def kept_out(self) -> frozenset[str]:
        """Keys of removed pictures that stay out until ``add`` brings them again."""
        return frozenset(self._kept_out)

    def word_scores(self, words: Sequence[str], keys: Sequence[str]) -> Doubles:
        """BM25 (N,) of the entries with these keys; 0 if no word matches."""
        self.fetch(keys)
        scores = self._bm25(words)
        return np.array([scores.get(key, 0.0) for key in keys], dtype=np.float64)

    def fetch(self, keys: Sequence[str]) -> Entries:
        """The entries with these keys, in their order; raises BadInput for an unknown key."""
        for key in keys:
            if key not in self._entries:
                raise unknown_key("catalogue", key)
        found = [self._entries[key] for key in keys]
        vectors = np.array([vector for _, vector in found], dtype=np.float32)
        return Entries(
            tuple(picture for picture, _ in found), vectors.reshape(len(keys), self.width)
        )

    def sample(self, count: int, where: str = "") -> Entries:
        """The ``count`` entries with the lowest keys that meet ``where``, or all."""
        count = check_amount("count", count)
        return self.fetch(self._passing(where)[:count])

    def keys(self, after: str = "", limit: int = 1000) -> list[str]:
        """The first ``limit`` keys greater than ``after``, ascending."""
        limit = check_amount("limit", limit)
        return sorted(key for key in self._entries if key > after)[:limit]

    def added(self, after: str = "", limit: int = 1000) -> list[str]:
        """The same of those that ``add`` put there."""
        limit = check_amount("limit", limit)
        return sorted(key for key in self._added if key > after)[:limit]

    def count(self, where: str = "") -> int:
        """Number of entries that meet ``where``."""
        return len(self._passing(where))

    @property
    def has_words(self) -> bool:
        """Whether any entry has a word in caption or tags."""
        return bool(self._documents(bm25.WORDS))

    def optimize(self, queries: Floats | None = None, only_if_needed: bool = False) -> None:
        """Does nothing: every search reads all entries."""

    @property
    def indexed(self) -> int:
        """0: there is no index."""
        return 0

    def recall(self, queries: Floats, k: int = 10) -> float:
        """1: nothing is missed."""
        return 1.0

    def close(self) -> None:
        """Does nothing: there is nothing to close."""

    def _put(self, pictures: Sequence[Picture], vectors: Floats) -> None:
        for picture, vector in zip(pictures, vectors, strict=True):
            self._entries[picture.key] = (picture, vector.copy())

    def _passing(self, where: str) -> list[str]:
        """Keys of the entries that pass a condition, ascending."""
        keys = sorted(self._entries)
        if not where.strip():
            return keys
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute(records.PICTURES)
            pictures = (self._entries[key][0] for key in keys)
            records.put(connection, [*map(records.Record, range(1, len(keys) + 1), pictures)])
            prepare(connection)
            own = [name for name in self.columns() if name not in FIXED]
            return [keys[row - 1] for row in sorted(passing_rows(connection, where, own).rows)]

    def _best(self, scores: dict[str, float], k: int) -> Found:
        best = sorted(scores, key=lambda key: (-scores[key], key))[:k]
        return Found(self.fetch(best), np.array([scores[key] for key in best], dtype=np.float64))

    def _documents(self, index: bm25.Index) -> dict[str, list[str]]:
        """Per key its words as tokens; only of entries that have any."""
        split = {key: index.tokens(picture).split() for key, (picture, _) in self._entries.items()}
        return {key: tokens for key, tokens in split.items() if tokens}

    def _bm25(self, words: Sequence[str], index: bm25.Index = bm25.WORDS) -> dict[str, float]:
        """BM25 by key, of the entries that share a word; the formula is that of ``bm25.scores``."""
        documents = self._documents(index)
        having = Counter(token for tokens in documents.values() for token in set(tokens))
        mean = sum(map(len, documents.values())) / max(1, len(documents))
        scores: defaultdict[str, float] = defaultdict(float)
        for token in bm25.rarest(words, having):
            n = having[token]
            idf = max(log((len(documents) - n + 0.5) / (n + 0.5)), 1e-6)
            for key, tokens in documents.items():
                often = tokens.count(token)
                saturation = often + 1.2 * (0.25 + 0.75 * len(tokens) / mean)
                scores[key] += idf * often * 2.2 / saturation
        return {key: score for key, score in scores.items() if score}


def _sortable(value: object) -> tuple[int, float, str]:
    """Numbers before texts, as SQLite sorts them; lists as JSON."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    if isinstance(value, str):
        return 1, 0.0, value
    return 1, 0.0, json.dumps(value, ensure_ascii=False)
