"""A catalogue that looks at every entry: what an index must agree with. Slow and obvious."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes.captions import CaptionIndex
from picturedesk.store.catalogue.columns import columns_of, counted
from picturedesk.types import Entries, Found

COLUMNS = ("uri", "key", "caption", "credit", "licence", "date")


class BruteForceCatalogue:
    """Keeps ``types.Catalogue`` in a dictionary.

    Args:
        pictures: entries to begin with.
        vectors: (N, W) of these.
        step: cosines are rounded to multiples of it, as an index might; 0 leaves them alone.

    Attributes:
        depths: k of each search for nearest entries.
    """

    def __init__(self, pictures=(), vectors=(), step=0.0):
        self.fingerprint = ""
        self.depths = []
        self._step = step
        self._entries = {}
        self.add(pictures, vectors)

    @property
    def width(self):
        return len(next(iter(self._entries.values()))[1]) if self._entries else 0

    def add(self, pictures, vectors):
        before = len(self._entries)
        for picture, vector in zip(pictures, vectors, strict=True):
            self._entries[picture.key] = (picture, vector)
        self._entries = dict(sorted(self._entries.items()))
        return len(self._entries) - before

    def update(self, pictures):
        vectors = self.fetch([picture.key for picture in pictures]).vectors
        self.add(pictures, vectors)

    def change(self, changes):
        self.remove(changes.removed)
        self.update(changes.updated)
        return self.add(changes.pictures, () if changes.vectors is None else changes.vectors)

    def remove(self, keys):
        return sum(self._entries.pop(key, None) is not None for key in set(keys))

    def replace_all(self, pictures, vectors, fingerprint="", added=(), named=None, kept_out=()):
        self._entries = {}
        self.add(pictures, vectors)
        self.fingerprint = fingerprint or self.fingerprint

    def nearest(self, queries, k, where=""):
        self.depths.append(k)
        return [self._nearest(query, k, where) for query in queries]

    def highest(self, queries, k):
        return [self._nearest(query, k, "").scores for query in queries]

    def _nearest(self, query, k, where):
        entries = self.fetch(self._passing(where))
        length = np.linalg.norm(query)
        toward = query / length if length else query
        # Not one matrix product: that rounds equal rows differently.
        cosines = np.array([(vector * toward).sum() for vector in entries.vectors])
        if self._step:
            cosines = self._step * np.round(cosines / self._step)
        return self._best(entries, cosines, k)

    def matching(self, words, k, where="", at_least=0.0):
        scores = dict(zip(self._entries, self._bm25(words), strict=True))
        keys = [key for key in self._passing(where) if scores[key] > 0 and scores[key] >= at_least]
        found = np.array([scores[key] for key in keys], dtype=np.float64)
        return self._best(self.fetch(keys), found, k)

    def mentioning(self, words, k, where=""):
        return self.matching(words, k, where)

    def page(self, where="", order="", after="", limit=100):
        keys = [key for key in self._passing(where) if key > after][:limit]
        return self.fetch(keys).pictures

    def places(self):
        return {key: (picture.uri,) for key, (picture, _) in self._entries.items()}

    def named(self):
        return {}

    def kept_out(self):
        return frozenset()

    def word_scores(self, words, keys):
        scores = dict(zip(self._entries, self._bm25(words), strict=True))
        return np.array([scores[key] for key in keys], dtype=np.float64)

    def fetch(self, keys):
        if unknown := [key for key in keys if key not in self._entries]:
            raise BadInput(f"no entry has the key {unknown[0]}")
        vectors = [self._entries[key][1] for key in keys]
        return Entries(
            tuple(self._entries[key][0] for key in keys),
            np.array(vectors, dtype=np.float32).reshape(len(keys), self.width),
        )

    def find(self, keys):
        return {key: self._entries[key][0] for key in keys if key in self._entries}

    def columns(self):
        return columns_of(counted(picture for picture, _ in self._entries.values()))

    def sample(self, count, where=""):
        keys = self._passing(where)
        order = np.random.default_rng(0).permutation(len(keys))
        return self.fetch([keys[place] for place in order[:count]])

    def keys(self, after="", limit=1000):
        return [key for key in self._entries if key > after][:limit]

    def added(self, after="", limit=1000):
        return self.keys(after, limit)

    def count(self, where=""):
        return len(self._passing(where))

    def optimize(self, queries=None, only_if_needed=False):
        """There is nothing to do."""

    @property
    def indexed(self):
        return 0

    def recall(self, queries, k=10):
        return 1.0

    @property
    def has_words(self):
        return any(picture.caption or picture.tags for picture, _ in self._entries.values())

    def close(self):
        pass

    def _passing(self, where):
        if not where:
            return list(self._entries)
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute(f"CREATE TABLE pictures ({', '.join(COLUMNS)})")
            rows = [
                [getattr(picture, column) for column in COLUMNS]
                for picture, _ in self._entries.values()
            ]
            connection.executemany(f"INSERT INTO pictures VALUES ({', '.join('??????')})", rows)
            passing = connection.execute(
                f"SELECT key FROM pictures WHERE ({where}) ORDER BY key"
            ).fetchall()
        return [key for (key,) in passing]

    def _bm25(self, words):
        captions = [
            "\n".join((picture.caption, *picture.tags)) for picture, _ in self._entries.values()
        ]
        with CaptionIndex(captions) as index:
            return index(words)

    @staticmethod
    def _best(entries, scores, k):
        order = np.argsort(-scores, kind="stable")[:k]  # entries come by ascending key
        pictures = tuple(entries.pictures[place] for place in order)
        return Found(Entries(pictures, entries.vectors[order]), scores[order])
