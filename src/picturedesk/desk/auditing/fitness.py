"""How well texts and pictures suit each other, against what is usual for each of them.

Takes vectors of the shared space, pictures placed by heads that did not learn from them; knows
neither desk nor catalogue. Means and deviations over all pictures or texts follow from sums of
products of coordinates, so that no matrix of all scores is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from picturedesk.routes.archive import top
from picturedesk.types import Bools, Doubles, Floats, Ints, Vectors

_CELLS = 1 << 22  # scores in memory at a time: 16 MB
_ROWS = 1 << 13  # vectors that are summed at a time
_SMALLEST = 1e-6  # deviation of scores


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """The scores of each of some vectors with all vectors of the other side.

    Attributes:
        means: (N,).
        deviations: (N,) above 0.
    """

    means: Doubles
    deviations: Doubles

    @classmethod
    def of(cls, vectors: Vectors, others: Vectors) -> Usual:
        """Of vectors (N, D) with other ones (M, D)."""
        sums = [some.sum(axis=0, dtype=np.float64) for some in _blocks(others)]
        mean = np.sum(sums, axis=0) / max(len(others), 1)  # (D,)
        squares = np.zeros((others.shape[1], others.shape[1]))
        for start in range(0, len(others), _ROWS):
            some = np.asarray(others[start : start + _ROWS], dtype=np.float64) - mean
            squares += some.T @ some
        squares /= max(len(others), 1)
        means, variances = np.empty(len(vectors)), np.empty(len(vectors))
        for start in range(0, len(vectors), _ROWS):
            block = slice(start, start + _ROWS)
            some = np.asarray(vectors[block], dtype=np.float64)
            means[block] = some @ mean
            variances[block] = np.einsum("nd,nd->n", some @ squares, some)
        return cls(means, np.sqrt(np.maximum(variances, _SMALLEST**2)))

    def standardised(self, scores: Doubles, rows: Ints) -> Doubles:
        """Scores (m,) of the vectors in these rows (m,), in deviations above their means."""
        found: Doubles = (scores - self.means[rows]) / self.deviations[rows]
        return found


@dataclass(frozen=True, eq=False)
class Fitness:
    """T texts and N pictures in the shared space.

    Attributes:
        texts: (T, D) of length one, or zeros for texts without a known word.
        pictures: (N, D) of length one.
        offsets: (N,) subtracted from a picture's scores before pictures are ranked (hubness).
        links: (M, 2) rows (text, picture) of the pairs, by text; no text is a row of zeros.
        held_out: (T,) texts that nothing was learned from.
    """

    texts: Vectors
    pictures: Floats
    offsets: Floats
    links: Ints
    held_out: Bools

    @cached_property
    def own(self) -> Doubles:
        """Cosine (M,) of text and picture of each pair."""
        found = np.empty(len(self.links))
        for start in range(0, len(self.links), _ROWS):
            block = slice(start, start + _ROWS)
            texts, pictures = self.links[block].T
            found[block] = np.einsum("md,md->m", self.texts[texts], self.pictures[pictures])
        return found

    @cached_property
    def suits(self) -> Doubles:
        """How well the two of each pair (M,) suit each other.

        In standard deviations above what is usual for the text and for the picture, the mean.
        """
        texts, pictures = self.links.T
        of_texts = Usual.of(self.texts, self.pictures).standardised(self.own, texts)
        of_pictures = Usual.of(self.pictures, self.texts).standardised(self.own, pictures)
        return (of_texts + of_pictures) / 2

    @cached_property
    def suspicion(self) -> Doubles:
        """Share (M,) of comparable pairs that suit better.

        Pairs that were learned from suit better than others whether right or wrong, so these are
        compared with each other, and held-out pairs with each other.
        """
        found = np.zeros(len(self.links))
        of_pair = self.held_out[self.links[:, 0]]
        for kind in (False, True):
            some = np.flatnonzero(of_pair == kind)
            ascending = np.sort(self.suits[some])
            worse = np.searchsorted(ascending, self.suits[some], side="right")
            found[some] = (len(some) - worse) / max(len(some) - 1, 1)
        return found

    @cached_property
    def worst_pairs(self) -> Ints:
        """The pairs (M,), the most suspicious first."""
        return np.lexsort((self.suits, -self.suspicion))

    def best(self, k: int) -> Iterator[Ints]:
        """Rows (q, k) of the best pictures for known texts, their own last, block by block."""
        known = np.flatnonzero(known_texts(self.texts))
        step = max(1, _CELLS // max(len(self.pictures), 1))
        for start in range(0, len(known), step):
            rows = known[start : start + step]
            scores = self.ranking_scores(rows)
            first, last = (np.searchsorted(self.links[:, 0], rows, s) for s in ("left", "right"))
            for place, (begin, end) in enumerate(zip(first, last, strict=True)):
                scores[place, self.links[begin:end, 1]] = -np.inf
            yield top(scores, k)

    def ranking_scores(self, rows: Ints) -> Floats:
        """Scores (q, N) that rank pictures for texts in these rows (q,)."""
        scores: Floats = self.texts[rows] @ self.pictures.T - self.offsets
        return scores

    def ranks(self, pairs: Ints) -> Ints:
        """Rank (p,), from 1, of the picture of each of some pairs among all for its text."""
        found = np.empty(len(pairs), dtype=np.int64)
        for place, pair in enumerate(pairs.tolist()):
            text, picture = self.links[pair]
            scores = self.ranking_scores(np.array([text]))[0]
            found[place] = 1 + int((scores > scores[picture]).sum())
        return found


def known_texts(texts: Vectors) -> Bools:
    """Whether each text (T,) has a known word: its vector is not zero."""
    found = [some.any(axis=1) for some in _blocks(texts)]
    return np.concatenate([*found, np.zeros(0, dtype=bool)])


def _blocks(vectors: Vectors) -> Iterator[Floats]:
    """Vectors (N, D) in blocks."""
    return (vectors[start : start + _ROWS] for start in range(0, len(vectors), _ROWS))
