"""The archive for routes: text vectors, picture vectors, links, and the nearest texts.

Takes arrays, also memory-mapped ones, and does not copy them. Where an index proposes texts, only
these are compared, and those that it does not have. Knows no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.types import Bools, Floats, Ints, Vectors

ROUNDING = 1e-6  # cosines that differ by less are a tie: float32 is not more exact
_CELLS = 1 << 22  # cosines in memory at a time: 16 MB
_GROUP = 64  # scores
_TEXTS = 1 << 16  # vectors of texts in memory at a time, where they are read from a file


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


@runtime_checkable
class NearTexts(Protocol):
    """An index of the first texts of an archive, which proposes some that are near a query."""

    @property
    def count(self) -> int:
        """The texts in rows below it are in the index, no others."""
        ...

    def near(self, queries: Floats, count: int, may: Bools | None) -> list[Ints]:
        """For each query rows of texts that may be its nearest, without repeats.

        Args:
            queries: (Q, D).
            count: how many nearest ones are wanted; more rows come, fewer only if fewer may.
            may: (count,) the texts that may be proposed; None for all.
        """
        ...


@dataclass(frozen=True, eq=False)
class ArchiveVectors:
    """An archive in the shared space.

    Attributes:
        texts: (T, D) of length one, or zeros.
        pictures: (P, D') fused, or level features as they are.
        links: (M, 2) indices (text, picture).
        groups: (T,) near-duplicate group of each text; None if there are no near-duplicates.
        index: proposes near texts; None compares a query with all of them.
    """

    texts: Vectors
    pictures: Vectors
    links: Ints
    groups: Ints | None = None
    index: NearTexts | None = None

    def __post_init__(self) -> None:
        """Raises BadInput if links are malformed or point outside."""
        for name in ("texts", "pictures", "links"):
            given = getattr(self, name)
            if name == "links" or isinstance(given, np.ndarray) or not isinstance(given, Vectors):
                checks.array(name, given)
        if self.groups is not None:
            checks.array("groups", self.groups)
        if self.index is not None and not isinstance(self.index, NearTexts):
            raise checks.refusal("index", self.index, "an index of the texts")
        if self.links.ndim != 2 or self.links.shape[1] != 2:
            raise BadInput(f"links of shape {self.links.shape}: they must be (M, 2)")
        bounds = (len(self.texts), len(self.pictures))
        for column, bound in zip(self.links.T, bounds, strict=True):
            if len(column) and not 0 <= column.min() <= column.max() < bound:
                raise BadInput(
                    f"a link points outside: there are {bounds[0]} texts and {bounds[1]} pictures"
                )

    @cached_property
    def sorted_links(self) -> Ints:
        """The links by text, then picture, each once; raises BadInput if there are none."""
        self._require_links()
        texts, pictures = self.links.T
        same = texts[1:] == texts[:-1]
        in_order = np.where(same, pictures[1:] > pictures[:-1], texts[1:] > texts[:-1]).all()
        return self.links if in_order else np.unique(self.links, axis=0)

    @cached_property
    def illustrated(self) -> Bools:
        """Whether each text (T,) has a picture."""
        mask = np.zeros(len(self.texts), dtype=bool)
        mask[self.links[:, 0]] = True
        return mask

    @cached_property
    def _of_links(self) -> Ints:
        """The texts (M,) of the sorted links, side by side in memory."""
        return np.ascontiguousarray(self.sorted_links[:, 0])

    @cached_property
    def _linked(self) -> Ints:
        """The texts with pictures, ascending, each once."""
        texts = self._of_links
        linked: Ints = texts[np.concatenate([[True], texts[1:] != texts[:-1]])]
        return linked

    def links_of(self, texts: Ints) -> tuple[Ints, Ints]:
        """The pictures of n texts, text by text.

        Returns:
            Rows of pictures (m,), ascending for each text, and the number of each text (n,).
        """
        first, last = (np.searchsorted(self._of_links, texts, side) for side in ("left", "right"))
        counts = last - first
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
        same_width(queries, self.texts)
        found = min(count, len(self._linked))
        rows = np.empty((len(queries), found), dtype=np.int64)
        cosines = np.empty((len(queries), found), dtype=np.float32)
        for query, (texts, similarities) in enumerate(self._compared(queries, found)):
            (best,) = top(similarities[None], found)
            rows[query], cosines[query] = texts[best], similarities[best]
        return Neighbours(rows, cosines)

    def nearest_text(self, queries: Floats) -> Ints:
        """The text with pictures of highest cosine with each query (Q,) (paper, Eq. 7).

        Of equal texts (within rounding) the one with the lowest row. -1 for a zero query.

        Raises:
            BadInput: widths differ, or the archive has no links.
        """
        same_width(queries, self.texts)
        nearest = np.full(len(queries), -1, dtype=np.int64)
        for query, (texts, similarities) in enumerate(self._compared(queries, 1)):
            nearest[query] = texts[np.argmax(similarities >= similarities.max() - ROUNDING)]
        nearest[~queries.any(axis=1)] = -1
        return nearest

    def _compared(self, queries: Floats, count: int) -> Iterator[tuple[Ints, Floats]]:
        """For each query texts (n,), ascending, with their cosines; among them the nearest.

        Those without pictures have -inf.

        Args:
            queries: (Q, D).
            count: how many of the nearest are wanted; no more than there are with pictures.
        """
        self._require_links()
        if self.index is not None:
            return self._near(queries, count, self.index)
        every = np.arange(len(self.texts))
        return ((every, row) for block in self._similarities(queries) for row in block)

    def _near(self, queries: Floats, count: int, index: NearTexts) -> Iterator[tuple[Ints, Floats]]:
        """The texts that an index proposes, and those that it does not have."""
        own = int(np.searchsorted(self._linked, index.count))  # of the texts with pictures
        may = None if own == index.count else self.illustrated[: index.count]
        added, vectors = self._linked[own:], self._not_in_index
        for query, rows in zip(queries, index.near(queries, count, may), strict=True):
            rows = np.sort(rows)
            cosines = [products(query[None], some)[0] for some in (self.texts[rows], vectors)]
            yield np.concatenate([rows, added]), np.concatenate(cosines)

    @cached_property
    def _not_in_index(self) -> Floats:
        """The vectors (n, D) of the texts with pictures that the index does not have."""
        start = 0 if self.index is None else self.index.count
        found: Floats = self.texts[self._linked[np.searchsorted(self._linked, start) :]]
        return found

    def _similarities(self, queries: Floats) -> Iterator[Floats]:
        """Cosines (B, T) of blocks of queries; -inf for texts without pictures."""
        without = np.flatnonzero(~self.illustrated)
        step = max(1, _CELLS // len(self.texts))
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            parts = [
                products(block, self.texts[first : first + _TEXTS])
                for first in range(0, len(self.texts), _TEXTS)
            ]
            similarities = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)  # (B, T)
            similarities[:, without] = -np.inf
            yield similarities

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


def same_width(a: Vectors, b: Vectors) -> None:
    """Raises BadInput unless both are (rows, width) of one width."""
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[1]:
        raise BadInput(
            f"vectors of shapes {a.shape} and {b.shape} cannot be compared: both must be "
            "(rows, width) of one width; were they made by the same matcher?"
        )
