"""Measures of several routes in both directions from blocks of scores: no matrix is ever whole.

Knows arrays and measures, neither tables nor how scores are made.

text → picture is complete within a block of texts. picture → text needs the scores of all
relevant pairs first, and then how many texts score as high: hence two passes over the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.measuring.metrics import KS, PerQuery, check_depths
from picturedesk.measuring.ranking import (
    Links,
    Scores,
    check_links,
    check_scores,
    count_in_columns,
    count_in_rows,
)
from picturedesk.types import Floats, Ints

Block = tuple[slice, Mapping[str, Floats]]  # rows of texts (q); name of a route → scores (q, N)
Blocks = Callable[[], Iterable[Block]]  # gives the same blocks each time it is called


@dataclass(frozen=True, slots=True, eq=False)
class BothWays:
    """One route, query by query: texts that ask for pictures, and pictures that ask for texts."""

    to_picture: PerQuery
    to_text: PerQuery


def both_ways(
    blocks: Blocks, queries: int, candidates: int, relevant: Ints, ks: Sequence[int] = KS
) -> dict[str, BothWays]:
    """Measures each route of the blocks; the figures are those of whole matrices, to the bit.

    Held at a time are one block with temporary arrays of some 50 MB, and some numbers for each
    link, text and picture of each route.

    Args:
        blocks: gives all texts in order, block by block, with the scores of every route. Called
            twice; the second time the scores must be the same to the bit, so keep the bounds.
        queries: Q texts.
        candidates: N pictures.
        relevant: (M, 2) pairs (text, picture) that ran together, many to many.
        ks: the depths of recall.

    Raises:
        BadInput: there is no route or no link, blocks leave out texts or differ between the
            passes, or scores cannot be ranked.
    """
    check_depths(ks)
    links = check_links(relevant, queries, candidates)
    if not len(links):
        raise BadInput("no query has a relevant item: nothing can be measured")
    routes = _first_pass(_in_order(blocks, queries, candidates), links)
    for route in routes.values():
        route.turn()
    for rows, scores in _in_order(blocks, queries, candidates):
        _check_names(routes, scores)
        for name, matrix in scores.items():
            routes[name].see_again(rows, matrix)
    return {name: route.measured(queries, candidates, ks) for name, route in routes.items()}


def _first_pass(blocks: Iterator[Block], links: Ints) -> dict[str, _Route]:
    """The routes that the blocks have, each after its first pass."""
    routes: dict[str, _Route] = {}
    for rows, scores in blocks:
        if not routes:
            routes = {name: _Route(links) for name in scores}
        _check_names(routes, scores)
        for name, matrix in scores.items():
            check_scores(matrix)
            routes[name].see(rows, matrix)
    if not routes:
        raise BadInput("no route was given: there is nothing to evaluate")
    return routes


class _Route:
    """One route while its blocks go by, once and then again.

    Args:
        links: (M, 2) in order, each once.
    """

    def __init__(self, links: Ints) -> None:
        self._links = links
        self._seen: list[Scores] = []  # scores of the links, block by block
        self._ranks: list[Ints] = []  # of the texts' best links, block by block

    def see(self, rows: slice, matrix: Floats) -> None:
        """First pass: ranks pictures for the texts of these rows (q, N)."""
        own = self._links[self._span(rows)] - [rows.start, 0]
        scores = matrix[own[:, 0], own[:, 1]]
        best = Links.of(own, scores).best()
        self._seen.append(scores)
        self._ranks.append(best.ranks(count_in_rows(matrix, best.query, best.score)))

    def turn(self) -> None:
        """Between the passes: all scores of links are known."""
        self._scores = np.concatenate(self._seen)  # (M,)
        self._to_picture = Links.of(self._links, self._scores)
        self._to_text = Links.of(self._links[:, ::-1], self._scores)
        self._best = self._to_text.best()
        self._not_beaten = np.zeros(len(self._best.query), dtype=np.int64)

    def see_again(self, rows: slice, matrix: Floats) -> None:
        """Second pass: counts texts of these rows (q, N) that score as high as a relevant one."""
        span = self._span(rows)
        own = self._links[span] - [rows.start, 0]
        if not np.array_equal(matrix[own[:, 0], own[:, 1]], self._scores[span]):
            raise BadInput(
                f"texts {rows.start} to {rows.stop} have other scores in the second pass: "
                "make the same blocks in the same way"
            )
        self._not_beaten += count_in_columns(matrix, self._best.query, self._best.score)

    def measured(self, queries: int, candidates: int, ks: Sequence[int]) -> BothWays:
        """After both passes: each text's and each picture's measures."""
        forwards, backwards = np.concatenate(self._ranks), self._best.ranks(self._not_beaten)
        return BothWays(
            PerQuery.of(self._to_picture, forwards, queries, candidates, ks),
            PerQuery.of(self._to_text, backwards, candidates, queries, ks),
        )

    def _span(self, rows: slice) -> slice:
        """Which links are of texts in these rows."""
        return slice(*np.searchsorted(self._links[:, 0], [rows.start, rows.stop]))


def _in_order(blocks: Blocks, queries: int, candidates: int) -> Iterator[Block]:
    """The blocks of one pass; raises BadInput where they are not all texts, once each."""
    done = 0
    for rows, scores in blocks():
        start, stop, step = rows.indices(queries)
        if (start, step) != (done, 1):
            raise BadInput(f"a block begins at text {start}, where {done} is next")
        for name, matrix in scores.items():
            if matrix.shape != (stop - start, candidates):
                raise BadInput(
                    f"route {name!r} has scores of shape {matrix.shape} for texts {start} to "
                    f"{stop} and {candidates} pictures"
                )
        yield slice(start, stop), scores
        done = stop
    if done != queries:
        raise BadInput(f"blocks end at text {done} of {queries}")


def _check_names(routes: Mapping[str, _Route], scores: Mapping[str, Floats]) -> None:
    if routes.keys() != scores.keys():
        raise BadInput(
            f"a block has the routes {', '.join(scores)}, the first had {', '.join(routes)}"
        )
