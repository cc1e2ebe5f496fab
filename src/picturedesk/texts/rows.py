"""The features of many texts, some of which are known; the others are encoded when asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import picturedesk.checks as checks
from picturedesk.types import Floats, Ints, Progress, TextEncoder, silent

BLOCK = 256  # texts encoded between two calls of progress


class TextRows:
    """Features (T, I) of T texts; see ``types.RowSource``.

    Args:
        texts: T texts.
        encoder: encodes those whose features are not known.
        rows: (n,) indices of those whose features are known.
        known: (n, I) their features.
    """

    def __init__(
        self, texts: Sequence[str], encoder: TextEncoder, rows: Ints, known: Floats
    ) -> None:
        self._texts = checks.texts("texts", texts)
        self._encoder = checks.instance("encoder", encoder, TextEncoder)
        self._known = checks.matrix("known", known, encoder.width)
        self._place = np.full(len(self._texts), -1, dtype=np.int64)  # among the known ones
        self._place[checks.indices("rows", rows, len(self._texts))] = np.arange(len(self._known))

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, I)."""
        return len(self._texts), self._encoder.width

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """Features (n, I) of some of the texts."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self._texts)), dtype=np.int64)
        found = np.empty((len(rows), self._encoder.width), dtype=np.float32)
        places = self._place[rows]
        known = places >= 0
        found[known] = self._known[places[known]]
        new = np.flatnonzero(~known)
        for start in range(0, len(new), BLOCK):
            some = new[start : start + BLOCK]
            found[some] = self._encoder.encode([self._texts[row] for row in rows[some].tolist()])
        return found

    def with_known(self, rows: Ints, progress: Progress = silent) -> TextRows:
        """The same, with the features of more texts computed now and kept."""
        new = np.unique(rows[self._place[rows] < 0])
        features = encoded(self._encoder, [self._texts[row] for row in new.tolist()], progress)
        there = np.flatnonzero(self._place >= 0)
        every = np.concatenate([there, new])
        known = np.concatenate([self._known[self._place[there]], features])
        return TextRows(self._texts, self._encoder, every, known)


def encoded(encoder: TextEncoder, texts: Sequence[str], progress: Progress = silent) -> Floats:
    """Vectors (T, D) of all texts; reports progress."""
    vectors = np.zeros((len(texts), encoder.width), dtype=np.float32)
    for start in range(0, len(texts), BLOCK):
        progress(start, len(texts), "texts encoded")
        block = slice(start, start + BLOCK)
        vectors[block] = encoder.encode(texts[block])
    progress(len(texts), len(texts), "texts encoded")
    return vectors
