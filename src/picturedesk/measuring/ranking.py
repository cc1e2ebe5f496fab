"""Ranks by counting: a relevant item ranks below all items that it does not beat.

Takes arrays of scores and links, whole or in blocks; knows no metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.types import Floats, Ints

DEEPEST = 10  # relevant items ranked per query: nDCG@10 needs no more
_CELLS = 1 << 22  # scores compared at a time, which limits temporary arrays to 64 MB

Scores = npt.NDArray[Any]  # of any type of number


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Links (M,) with their scores, queries ascending, within a query by falling score.

    Attributes:
        query: (M,).
        item: (M,) relevant to it.
        score: (M,) of the item for the query.
        place: (M,) position among the links of its query, from 1.
        at_least: (M,) number of links of its query, itself included, that score at least as high.
    """

    query: Ints
    item: Ints
    score: Scores
    place: Ints
    at_least: Ints

    @classmethod
    def of(cls, links: Ints, score: Scores) -> Links:
        """Sorts links (M, 2), each given once, with their scores (M,)."""
        order = np.lexsort((score, -links[:, 0]))[::-1]
        query, item, score = links[order, 0], links[order, 1], score[order]
        first = np.flatnonzero(np.diff(query, prepend=-1))
        sizes = np.diff(first, append=len(query))
        place = np.arange(1, len(query) + 1) - np.repeat(first, sizes)
        last = np.ones(len(query), dtype=bool)  # last of its run of ties
        last[:-1] = (query[1:] != query[:-1]) | (score[1:] != score[:-1])
        ends = np.flatnonzero(last)
        at_least = np.repeat(place[ends], np.diff(ends, prepend=-1))
        return cls(query, item, score, place, at_least)

    def best(self, places: int = DEEPEST) -> Links:
        """The first ``places`` links of each query; later ones cannot rank above that."""
        kept = self.place <= places
        query, item, score = self.query[kept], self.item[kept], self.score[kept]
        return Links(query, item, score, self.place[kept], self.at_least[kept])

    def ranks(self, not_beaten: Ints) -> Ints:
        """Rank (M,) of each link: its place, below all items that it does not beat.

        Args:
            not_beaten: (M,) number of items, relevant or not, with the same or a higher score.
        """
        return self.place - self.at_least + not_beaten


def row_blocks(rows: int, columns: int, cells: int | None = None) -> Iterator[slice]:
    """Consecutive rows in blocks of at most ``cells`` scores, or of one row."""
    step = max(1, (cells or _CELLS) // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def count_in_rows(scores: Scores, rows: Ints, least: Scores) -> Ints:
    """Number of scores (Q, N) in each of the rows (M,) that are at least ``least`` (M,)."""
    found = np.empty(len(rows), dtype=np.int64)
    for part in row_blocks(len(rows), scores.shape[1]):
        found[part] = np.count_nonzero(scores[rows[part]] >= least[part, None], axis=1)
    return found


def count_in_columns(scores: Scores, columns: Ints, least: Scores) -> Ints:
    """Number of scores (Q, N) in each of the columns (M,) that are at least ``least`` (M,)."""
    found = np.empty(len(columns), dtype=np.int64)
    for part in row_blocks(len(columns), len(scores)):
        taken = np.take(scores, columns[part], axis=1)
        found[part] = np.count_nonzero(taken >= least[part], axis=0)
    return found


def shape_of(scores: Floats) -> tuple[int, int]:
    """Q and N; raises BadInput for scores of another shape or without candidates."""
    checks.array("scores", scores)
    if scores.ndim != 2 or not scores.shape[1]:
        raise BadInput(f"scores of shape {scores.shape}: they must be (queries, candidates)")
    queries, candidates = scores.shape
    return queries, candidates


def check_scores(scores: Floats) -> None:
    """Raises BadInput for scores of another shape, without candidates, or with NaN."""
    shape_of(scores)
    for part in row_blocks(*scores.shape):
        if np.isnan(scores[part]).any():
            raise BadInput("some scores are NaN: a broken vector cannot be ranked")


def check_links(relevant: Ints, queries: int, candidates: int) -> Ints:
    """Sorts links (M, 2) and removes repetitions; raises BadInput if one points outside."""
    links = unique_links(relevant)
    if len(links) and ((links < 0) | (links >= np.array([queries, candidates]))).any():
        raise BadInput(
            f"a link points to (query, item) {tuple(map(int, links.max(axis=0)))} or below 0: "
            f"scores are of {queries} queries and {candidates} items"
        )
    return links


def unique_links(relevant: Ints) -> Ints:
    """Sorts links (M, 2) and removes repetitions; raises BadInput unless they are pairs."""
    links = checks.array("links", relevant)
    if links.ndim != 2 or links.shape[1] != 2:
        raise BadInput(f"links of shape {links.shape}: they must be (M, 2) pairs (query, item)")
    if len(links) and links.dtype.kind not in "iu":
        raise BadInput(f"links of type {links.dtype}: they must be whole numbers (query, item)")
    unique: Ints = np.unique(links.astype(np.int64), axis=0)
    return unique
