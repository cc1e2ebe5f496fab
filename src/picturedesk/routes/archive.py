"""The archive for routes: text vectors, picture vectors, links, and the nearest texts.

Takes arrays, also memory-mapped ones, and does not copy them. Knows no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.types import Bools, Floats, Ints

ROUNDING = 1e-6  # cosines that differ by less are a tie: float32 is not more exact
_CELLS = 1 << 22  # cosines in memory at a time: 16 MB
_GROUP = 64  # scores


class Neighbours(NamedTuple):
    """The archive texts with pictures that are most similar to each query, best first.

    Attributes:
        rows: (Q, n) of the archive's texts.
        cosines: (Q, n), -1 to 1.
    """

    rows: Ints
    cosines: Floats

    def of(self, query: int) -> Neighbours:
        """Those of one query."""
        return Neighbours(self.rows[query : query + 1], self.cosines[query : query + 1])

    def first(self, count: int) -> Neighbours:
        """The ``count`` most similar texts of each query, or all."""
        return Neighbours(self.rows[:, :count], self.cosines[:, :count])


@dataclass(frozen=True, eq=False)
class ArchiveVectors:
    """An archive in the shared space.

    Attributes:
        texts: (T, D) of length one, or zeros.
        pictures: (P, D') fused, or level features as they are.
        links: (M, 2) indices (text, picture).
        groups: (T,) near-duplicate group of each text; None if there are no near-duplicates.
    """

    texts: Floats
    pictures: Floats
    links: Ints
    groups: Ints | None = None

    def __post_init__(self) -> None:
        """Raises BadInput if links are malformed or point outside."""
        for name in ("texts", "pictures", "links"):
            checks.array(name, getattr(self, name))
        if self.groups is not None:
            checks.array("groups", self.groups)
        if self.links.ndim != 2 or self.links.shape[1] != 2:
            raise BadInput(f"links of shape {self.links.shape}: they must be (M, 2)")
        bounds = np.array([len(self.texts), len(self.pictures)])
        if ((self.links < 0) | (self.links >= bounds)).any():
            raise BadInput(
                f"a link points outside: there are {bounds[0]} texts and {bounds[1]} pictures"
            )

    @cached_property
    def sorted_links(self) -> Ints:
        """The links by text, then picture, each once; raises BadInput if there are none."""
        self._require_links()
        return np.unique(self.links, axis=0)

    @cached_property
    def illustrated(self) -> Bools:
        """Whether each text (T,) has a picture."""
        mask = np.zeros(len(self.texts), dtype=bool)
        mask[self.links[:, 0]] = True
        return mask

    @cached_property
    def _first(self) -> Ints:
        """(T + 1,) start of each text's links among the sorted links."""
        return np.searchsorted(self.sorted_links[:, 0], np.arange(len(self.texts) + 1))

    @cached_property
    def repeats(self) -> bool:
        """Whether any group of near-duplicates has two texts."""
        return self.groups is not None and len(np.unique(self.groups)) < len(self.groups)

    def links_of(self, texts: Ints) -> tuple[Ints, Ints]:
        """The pictures of n texts, text by text.

        Returns:
            Rows of pictures (m,), ascending for each text, and the number of each text (n,).
        """
        first, counts = self._first[texts], self._first[texts + 1] - self._first[texts]
        before = np.cumsum(counts) - counts
        places = np.repeat(first - before, counts) + np.arange(counts.sum())
        return self.sorted_links[places, 1], counts

    def neighbours(self, queries: Floats, count: int) -> Neighbours:
        """The texts with pictures that are most similar to each query.

        Args:
            queries: (Q, D) of length one, or zeros.
            count: how many, at least 1; the result has fewer if fewer texts have pictures.

        Raises:
            BadInput: widths differ, or the archive has no links.
        """
        found = min(count, int(self.illustrated.sum()))
        rows = np.empty((len(queries), found), dtype=np.int64)
        cosines = np.empty((len(queries), found), dtype=np.float32)
        for block, similarities in self._similarities(queries):
            rows[block] = top(similarities, found)
            cosines[block] = np.take_along_axis(similarities, rows[block], axis=1)
        return Neighbours(rows, cosines)

    def nearest_text(self, queries: Floats) -> Ints:
        """The text with pictures of highest cosine with each query (Q,) (paper, Eq. 7).

        Of equal texts (within rounding) the one with the lowest row. -1 for a zero query.

        Raises:
            BadInput: widths differ, or the archive has no links.
        """
        nearest = np.full(len(queries), -1, dtype=np.int64)
        for block, similarities in self._similarities(queries):
            best = similarities.max(axis=1, keepdims=True)
            nearest[block] = np.argmax(similarities >= best - ROUNDING, axis=1)
        nearest[~queries.any(axis=1)] = -1
        return nearest

    def _similarities(self, queries: Floats) -> Iterator[tuple[slice, Floats]]:
        """Blocks of queries with their cosines (B, T); -inf for texts without pictures."""
        same_width(queries, self.texts)
        self._require_links()
        without = np.flatnonzero(~self.illustrated)
        step = max(1, _CELLS // len(self.texts))
        for start in range(0, len(queries), step):
            block = slice(start, start + step)
            similarities = products(queries[block], self.texts)  # (B, T)
            similarities[:, without] = -np.inf
            yield block, similarities

    def _require_links(self) -> None:
        if not len(self.links):
            raise BadInput("the archive links no text to a picture: the transfer route needs them")


def top(scores: Floats, k: int) -> Ints:
    """The k best columns of each row, best first; of equal scores, the lower index is first.

    Args:
        scores: (Q, N), higher is better.
        k: 1 or more; if there are fewer columns, the result has all.

    Returns:
        (Q, min(k, N)).
    """
    if k < 1:
        raise BadInput(f"k is {k}: ask for at least one")
    k = min(k, scores.shape[1])
    best = np.empty((len(scores), k), dtype=np.int64)
    for row, values in enumerate(scores):
        near = np.flatnonzero(values >= _reached(values, k)) if k else np.arange(0)
        best[row] = near[np.argsort(-values[near], kind="stable")[:k]]
    return best


def _reached(values: Floats, k: int) -> np.float32:
    """A score that at least k of the values reach, and few more.

    It is the k-th largest maximum of groups of values, which is found faster than the k-th value.
    """
    whole = len(values) // _GROUP * _GROUP
    if whole >= k * _GROUP:
        values = values[:whole].reshape(-1, _GROUP).max(axis=1)
    score: np.float32 = np.partition(values, len(values) - k)[len(values) - k]
    return score


def same_width(a: Floats, b: Floats) -> None:
    """Raises BadInput unless both are (rows, width) of one width."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise BadInput(
            f"vectors of shapes {a.shape} and {b.shape} cannot be compared: both must be "
            "(rows, width) of one width; were they made by the same matcher?"
        )
