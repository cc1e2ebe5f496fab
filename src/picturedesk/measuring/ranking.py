"""Ranks by counting: a relevant item ranks after all that it does not beat.

Knows arrays of scores and links, whole or block by block, and no measures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.errors import BadInput
from picturedesk.types import Floats, Ints

DEEPEST = 10  # relevant items of a query that are ranked: nDCG@10 asks for no more
_CELLS = 1 << 22  # scores compared at a time, so that temporary arrays stay under 64 MB

Scores = npt.NDArray[Any]  # of any type of number


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Links (M,) with their scores, queries ascending, within a query by falling score.

    Attributes:
        query: (M,).
        item: (M,) relevant to it.
        score: (M,) of the item for the query.
        place: (M,) the link's place among its query's own, from 1.
        at_least: (M,) how many of these score as high as it or higher (itself and ties included).
    """

    query: Ints
    item: Ints
    score: Scores
    place: Ints
    at_least: Ints

    @classmethod
    def of(cls, links: Ints, score: Scores) -> Links:
        """Puts links (M, 2), each once, and their scores (M,) in order."""
        order = np.lexsort((score, -links[:, 0]))[::-1]
        query, item, score = links[order, 0], links[order, 1], score[order]
        first = np.flatnonzero(np.diff(query, prepend=-1))
        sizes = np.diff(first, append=len(query))
        place = np.arange(1, len(query) + 1) - np.repeat(first, sizes)
        last = np.ones(len(query), dtype=bool)  # of its run of ties
        last[:-1] = (query[1:] != query[:-1]) | (score[1:] != score[:-1])
        ends = np.flatnonzero(last)
        at_least = np.repeat(place[ends], np.diff(ends, prepend=-1))
        return cls(query, item, score, place, at_least)

    def best(self, places: int = DEEPEST) -> Links:
        """The first ``places`` of each query: one further down cannot rank higher than that."""
        kept = self.place <= places
        query, item, score = self.query[kept], self.item[kept], self.score[kept]
        return Links(query, item, score, self.place[kept], self.at_least[kept])

    def ranks(self, not_beaten: Ints) -> Ints:
        """Rank (M,) of each link: its place, and after all it does not beat.

        Args:
            not_beaten: (M,) how many items of its query, relevant or not, score as high or higher.
        """
        return self.place - self.at_least + not_beaten


def row_blocks(rows: int, columns: int, cells: int | None = None) -> Iterator[slice]:
    """Consecutive rows, few enough that a block has at most ``cells`` scores, or one row."""
    step = max(1, (cells or _CELLS) // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def count_in_rows(scores: Scores, rows: Ints, least: Scores) -> Ints:
    """How many scores (Q, N) in each of the rows (M,) are at least ``least`` (M,)."""
    found = np.empty(len(rows), dtype=np.int64)
    for part in row_blocks(len(rows), scores.shape[1]):
        found[part] = np.count_nonzero(scores[rows[part]] >= least[part, None], axis=1)
    return found


def count_in_columns(scores: Scores, columns: Ints, least: Scores) -> Ints:
    """How many scores (Q, N) in each of the columns (M,) are at least ``least`` (M,)."""
    found = np.empty(len(columns), dtype=np.int64)
    for part in row_blocks(len(columns), len(scores)):
        taken = np.take(scores, columns[part], axis=1)
        found[part] = np.count_nonzero(taken >= least[part], axis=0)
    return found


def shape_of(scores: Floats) -> tuple[int, int]:
    """Q and N; raises BadInput for scores that are no (Q, N), or have no candidates."""
    if scores.ndim != 2 or not scores.shape[1]:
        raise BadInput(f"scores of shape {scores.shape}: they must be (queries, candidates)")
    queries, candidates = scores.shape
    return queries, candidates


def check_scores(scores: Floats) -> None:
    """Raises BadInput for scores that are no (Q, N), have no candidates, or hold NaN."""
    shape_of(scores)
    for part in row_blocks(*scores.shape):
        if np.isnan(scores[part]).any():
            raise BadInput("some scores are NaN: a broken vector cannot be ranked")


def check_links(relevant: Ints, queries: int, candidates: int) -> Ints:
    """The links (M, 2) in order, each once; raises BadInput for what points outside."""
    links = unique_links(relevant)
    if len(links) and ((links < 0) | (links >= np.array([queries, candidates]))).any():
        raise BadInput(
            f"a link points to (query, item) {tuple(map(int, links.max(axis=0)))} or below 0: "
            f"scores are of {queries} queries and {candidates} items"
        )
    return links


def unique_links(relevant: Ints) -> Ints:
    """The links (M, 2) in order, each once; raises BadInput for what is no pair of numbers."""
    links = np.asarray(relevant)
    if links.ndim != 2 or links.shape[1] != 2:
        raise BadInput(f"links of shape {links.shape}: they must be (M, 2) pairs (query, item)")
    if len(links) and links.dtype.kind not in "iu":
        raise BadInput(f"links of type {links.dtype}: they must be whole numbers (query, item)")
    unique: Ints = np.unique(links.astype(np.int64), axis=0)
    return unique
