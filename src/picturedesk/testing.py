"""Small deterministic test doubles. They need no network, model or download.

``tiny_backbone`` is a real Backbone over a few fixed NumPy matrices; ``TinyTextEncoder`` is a
hashed bag of words. Both are fast, need no fit, and always return the same bytes, alone or in a
batch. ``DictCatalogue`` is a catalogue without a file.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import closing
from math import log
from pathlib import Path
from typing import Self

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import array_fingerprint, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput
from picturedesk.store.catalogue import bm25, database
from picturedesk.store.catalogue.checks import check_amount, directions, storable, unknown_key
from picturedesk.store.catalogue.conditions import passing_rows, prepare
from picturedesk.types import Doubles, Entries, Floats, Found, Level, Picture, Preprocessing

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

    def add(self, pictures: Sequence[Picture], vectors: Floats) -> int:
        """Adds or replaces N pictures by key with vectors (N, W); returns how many were new."""
        before = len(self._entries)
        self._put(pictures, storable("catalogue", pictures, vectors, self.width))
        self._added |= {picture.key for picture in pictures}
        return len(self._entries) - before

    def remove(self, keys: Sequence[str]) -> int:
        """Removes pictures by key; returns how many there were."""
        self._added -= set(keys)
        return sum(self._entries.pop(key, None) is not None for key in keys)

    def replace_all(
        self,
        pictures: Sequence[Picture],
        vectors: Floats,
        fingerprint: str = "",
        added: Collection[str] = (),
    ) -> None:
        """Replaces all pictures; with a ``fingerprint``, W may change, too."""
        width = int(np.shape(vectors)[-1]) if fingerprint else self.width
        checked = storable("catalogue", pictures, vectors, width)
        self.fingerprint, self.width = fingerprint or self.fingerprint, width
        self._entries.clear()
        self._put(pictures, checked)
        self._added = self._entries.keys() & set(added)

    def nearest(self, queries: Floats | Doubles, k: int, where: str = "") -> list[Found]:
        """For each query (Q, W), the k entries with the highest cosine that meet ``where``."""
        k = check_amount("k", k)
        passing = self._passing(where)
        return [
            self._best({key: float((self._entries[key][1] * query).sum()) for key in passing}, k)
            for query in directions("catalogue", queries, self.width)
        ]

    def matching(self, words: Sequence[str], k: int, where: str = "") -> Found:
        """The k entries with the highest BM25 of caption and tags that meet ``where``."""
        k = check_amount("k", k)
        passing, scores = self._passing(where), self._bm25(words)
        return self._best({key: scores[key] for key in passing if key in scores}, k)

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
        return bool(self._documents())

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
            connection.execute(database.PICTURES)
            pictures = [self._entries[key][0] for key in keys]
            database.put_pictures(connection, range(1, len(keys) + 1), pictures)
            prepare(connection)
            return [keys[row - 1] for row in sorted(passing_rows(connection, where))]

    def _best(self, scores: dict[str, float], k: int) -> Found:
        best = sorted(scores, key=lambda key: (-scores[key], key))[:k]
        return Found(self.fetch(best), np.array([scores[key] for key in best], dtype=np.float64))

    def _documents(self) -> dict[str, list[str]]:
        """Per key its words as tokens; only of entries that have any."""
        split = {
            key: bm25.tokens_of(picture.caption, picture.tags).split()
            for key, (picture, _) in self._entries.items()
        }
        return {key: tokens for key, tokens in split.items() if tokens}

    def _bm25(self, words: Sequence[str]) -> dict[str, float]:
        """BM25 by key, of the entries that share a word; the formula is that of ``bm25.scores``."""
        documents = self._documents()
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
