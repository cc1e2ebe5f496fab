"""Metrics of several routes in both directions from blocks of scores, never from a whole matrix.

Knows arrays and metrics; no tables, and not how scores are made.

text → picture is complete within a block of texts. picture → text needs the scores of all relevant
pairs, and then the number of texts that score as high: this takes two passes over the blocks.
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
Blocks = Callable[[], Iterable[Block]]  # yields the same blocks in every call


@dataclass(frozen=True, slots=True, eq=False)
class BothWays:
    """Metrics per query of one route: text → picture, and picture → text."""

    to_picture: PerQuery
    to_text: PerQuery


def both_ways(
    blocks: Blocks, queries: int, candidates: int, relevant: Ints, ks: Sequence[int] = KS
) -> dict[str, BothWays]:
    """Measures each route; the figures equal those of whole matrices, to the bit.

    In memory are one block with temporary arrays of about 50 MB, and a few numbers for each link,
    text and picture of each route.

    Args:
        blocks: yields all texts in order, in blocks, with the scores of every route. It is called
            twice; the second call must yield the same bounds and, to the bit, the same scores.
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
    """The routes of the blocks, each after its first pass."""
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
    """Measures one route in two passes over its blocks.

    Args:
        links: (M, 2) sorted, each once.
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
        """Ends the first pass: the scores of all links are known."""
        self._scores = np.concatenate(self._seen)  # (M,)
        self._to_picture = Links.of(self._links, self._scores)
        self._to_text = Links.of(self._links[:, ::-1], self._scores)
        self._best = self._to_text.best()
        self._not_beaten = np.zeros(len(self._best.query), dtype=np.int64)

    def see_again(self, rows: slice, matrix: Floats) -> None:
        """Second pass: counts texts of these rows (q, N) that score as high as relevant ones."""
        span = self._span(rows)
        own = self._links[span] - [rows.start, 0]
        if not np.array_equal(matrix[own[:, 0], own[:, 1]], self._scores[span]):
            raise BadInput(
                f"texts {rows.start} to {rows.stop} have other scores in the second pass: "
                "make the same blocks in the same way"
            )
        self._not_beaten += count_in_columns(matrix, self._best.query, self._best.score)

    def measured(self, queries: int, candidates: int, ks: Sequence[int]) -> BothWays:
        """After both passes: the metrics of each text and each picture."""
        forwards, backwards = np.concatenate(self._ranks), self._best.ranks(self._not_beaten)
        return BothWays(
            PerQuery.of(self._to_picture, forwards, queries, candidates, ks),
            PerQuery.of(self._to_text, backwards, candidates, queries, ks),
        )

    def _span(self, rows: slice) -> slice:
        """The links of the texts in these rows."""
        return slice(*np.searchsorted(self._links[:, 0], [rows.start, rows.stop]))


def _in_order(blocks: Blocks, queries: int, candidates: int) -> Iterator[Block]:
    """The blocks of one pass; raises BadInput unless they contain all texts once."""
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
