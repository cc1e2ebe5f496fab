"""Measures several routes in both directions: scores and links → one table per direction.

Takes arrays, whole or in blocks; knows no matcher, and not how a route makes its scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.measuring.metrics import (
    KS,
    PerQuery,
    RetrievalScores,
    chance_scores,
    check_depths,
)
from picturedesk.measuring.ranking import row_blocks, shape_of
from picturedesk.measuring.streaming import Block, Blocks, BothWays, both_ways
from picturedesk.types import Floats, Ints, Json

TO_PICTURE = "text → picture"
TO_TEXT = "picture → text"
CHANCE = "chance"
_PERCENT = ("recall@", "mrr", "ndcg@")  # measures shown in percent


class Table(NamedTuple):
    """One direction as text for people; the first column is the name of the route."""

    title: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationRow:
    """One route in one direction.

    Attributes:
        name: name of the route; "chance" is the expectation of a random order.
        direction: TO_PICTURE or TO_TEXT.
        scores: means over the queries.
        queries: measures per query, to compare routes on the same queries; None for chance.
    """

    name: str
    direction: str
    scores: RetrievalScores
    queries: PerQuery | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All routes: first text → picture, then picture → text; chance comes first in each."""

    rows: tuple[EvaluationRow, ...]

    def row(self, name: str, direction: str = TO_PICTURE) -> RetrievalScores:
        """The scores of one route in one direction.

        Raises:
            BadInput: there is no such row; the message lists the routes.
        """
        checks.text("name", name)
        checks.text("direction", direction)
        for row in self.rows:
            if (row.name, row.direction) == (name, direction):
                return row.scores
        names = ", ".join(dict.fromkeys(row.name for row in self.rows))
        raise BadInput(f"no row {name!r} in direction {direction!r}: there are {names}")

    def as_json(self) -> Json:
        """All rows with all measures; recall, MRR and nDCG as shares, 0 to 1."""
        return {
            "rows": [
                {
                    "name": row.name,
                    "direction": row.direction,
                    "queries": row.scores.queries,
                    "candidates": row.scores.candidates,
                    "left_out": row.scores.left_out,
                    **row.scores.as_row(),
                }
                for row in self.rows
            ]
        }

    def tables(self) -> list[Table]:
        """A table for each direction; shares in percent."""
        return summarise([self]).tables()


@dataclass(frozen=True, slots=True, eq=False)
class SummaryRow:
    """One route in one direction over several runs.

    Attributes:
        name: name of the route.
        direction: TO_PICTURE or TO_TEXT.
        mean: measure → mean over the runs.
        spread: measure → sample standard deviation over the runs; None for a single run.
        queries: smallest and largest number of queries in a run.
        candidates: smallest and largest number of candidates in a run.
    """

    name: str
    direction: str
    mean: Mapping[str, float]
    spread: Mapping[str, float | None]
    queries: tuple[int, int]
    candidates: tuple[int, int]

    def cells(self) -> list[str]:
        """The measures as text: "31.4 ± 0.6", or "31.4" for a single run."""
        return [_cell(self.mean[name], self.spread[name], name) for name in self.mean]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """One evaluation over several runs, for example several seeds."""

    rows: tuple[SummaryRow, ...]
    runs: int

    def as_json(self) -> Json:
        """All rows; per measure {"mean": …, "spread": …}, shares 0 to 1."""
        rows = [
            {"name": row.name, "direction": row.direction}
            | {key: {"mean": row.mean[key], "spread": row.spread[key]} for key in row.mean}
            for row in self.rows
        ]
        return {"runs": self.runs, "rows": rows}

    def tables(self) -> list[Table]:
        """A table for each direction; shares in percent, mean ± standard deviation."""
        return [self._table(direction) for direction in (TO_PICTURE, TO_TEXT)]

    def _table(self, direction: str) -> Table:
        rows = [row for row in self.rows if row.direction == direction]
        runs = f", {self.runs} runs: mean ± standard deviation" if self.runs > 1 else ""
        queries, candidates = _range(rows[0].queries), _range(rows[0].candidates)
        title = f"{direction}: {queries} queries, {candidates} candidates{runs}"
        names = [name.replace("_", " ") for name in rows[0].mean]
        columns = [f"{name} %" if name.startswith(_PERCENT) else name for name in names]
        return Table(title, ["route", *columns], [[row.name, *row.cells()] for row in rows])


def evaluate(
    scores: Mapping[str, Floats] | Iterable[tuple[str, Floats]],
    relevant: Ints,
    ks: Sequence[int] = KS,
) -> Evaluation:
    """Measures every route, and chance, in both directions.

    Args:
        scores: name of a route → (Q, N) scores of texts against pictures, higher is better. A
            generator of pairs is read one at a time, so that one matrix is in memory.
        relevant: (M, 2) pairs (text, picture) that ran together, many to many.
        ks: the depths of recall.

    Raises:
        BadInput: there is no route, shapes differ, or scores cannot be ranked.
    """
    check_depths(ks)
    measured: dict[str, BothWays] = {}
    shape: tuple[int, ...] = ()
    for name, matrix in _routes(scores):
        if shape and matrix.shape != shape:
            raise BadInput(
                f"route {name!r} has scores of shape {matrix.shape}, the one before of {shape}: "
                "routes must score the same texts and pictures"
            )
        shape = texts, pictures = shape_of(matrix)
        measured |= both_ways(_sliced(name, matrix), texts, pictures, relevant, ks)
    if not shape:
        raise BadInput("no route was given: there is nothing to evaluate")
    return _evaluation(measured, relevant, texts, pictures, ks, {})


def _routes(
    scores: Mapping[str, Floats] | Iterable[tuple[str, Floats]],
) -> Iterator[tuple[str, Floats]]:
    """Each route with its scores, one at a time."""
    pairs: object = scores.items() if isinstance(scores, Mapping) else scores
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise checks.refusal("scores", scores, "scores by the name of a route")
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise checks.refusal("scores", pair, "pairs of a route's name and its scores")
        yield checks.text("a route's name", pair[0]), checks.array("scores", pair[1])


def evaluate_blocks(
    blocks: Blocks,
    queries: int,
    candidates: int,
    relevant: Ints,
    ks: Sequence[int] = KS,
    backwards: Mapping[str, str] | None = None,
) -> Evaluation:
    """Like ``evaluate``, but reads blocks of texts: no score matrix is ever in memory as a whole.

    Args:
        blocks: is called twice; yields the rows of some texts with the scores (q, N) of every
            route, for all texts in order. ``row_blocks`` makes such rows. The second call must
            yield the same bounds and, to the bit, the same scores (matrix products of another
            shape round differently).
        queries: Q texts.
        candidates: N pictures.
        relevant: (M, 2) pairs (text, picture) that ran together, many to many.
        ks: the depths of recall.
        backwards: name of a route → name of the scores in the blocks that rank texts for a
            picture, where they are not the route's own; these have no rows of their own.

    Raises:
        BadInput: as in ``evaluate``; or blocks leave out texts or differ between the passes.
    """
    measured = both_ways(blocks, queries, candidates, relevant, ks)
    return _evaluation(measured, relevant, queries, candidates, ks, backwards or {})


def summarise(evaluations: Sequence[Evaluation]) -> Summary:
    """Mean and sample standard deviation of every cell over several runs.

    Raises:
        BadInput: there are none, or they do not have the same rows and measures.
    """
    if not evaluations:
        raise BadInput("no evaluation was given: there is nothing to summarise")
    shapes = {
        tuple((row.name, row.direction, *row.scores.as_row()) for row in one.rows)
        for one in evaluations
    }
    if len(shapes) > 1:
        raise BadInput("evaluations with different routes or measures cannot be summarised as one")
    rows = tuple(_summary(same) for same in zip(*(one.rows for one in evaluations), strict=True))
    return Summary(rows, len(evaluations))


def _sliced(name: str, matrix: Floats) -> Blocks:
    """A whole matrix as blocks of one route."""

    def blocks() -> Iterator[Block]:
        for rows in row_blocks(*matrix.shape):
            yield rows, {name: matrix[rows]}

    return blocks


def _evaluation(
    measured: Mapping[str, BothWays],
    relevant: Ints,
    texts: int,
    pictures: int,
    ks: Sequence[int],
    backwards: Mapping[str, str],
) -> Evaluation:
    """Chance and the routes, in one direction after the other; see ``evaluate_blocks``."""
    for name, other in backwards.items():
        if not {name, other} <= measured.keys():
            raise BadInput(f"{name!r} and {other!r} are not both among {', '.join(measured)}")
    names = [name for name in measured if name not in backwards.values()]
    turned = np.flip(relevant, axis=-1)
    return Evaluation(
        (
            _chance(TO_PICTURE, relevant, texts, pictures, ks),
            *(_row(name, TO_PICTURE, measured[name].to_picture) for name in names),
            _chance(TO_TEXT, turned, pictures, texts, ks),
            *(_row(name, TO_TEXT, measured[backwards.get(name, name)].to_text) for name in names),
        )
    )


def _row(name: str, direction: str, queries: PerQuery) -> EvaluationRow:
    return EvaluationRow(name, direction, queries.mean(), queries)


def _chance(
    direction: str, relevant: Ints, queries: int, candidates: int, ks: Sequence[int]
) -> EvaluationRow:
    scores = chance_scores(relevant, candidates, ks)
    return EvaluationRow(CHANCE, direction, replace(scores, left_out=queries - scores.queries))


def _summary(same: Sequence[EvaluationRow]) -> SummaryRow:
    """One route in one direction, from each run → its means and deviations."""
    measures = [row.scores.as_row() for row in same]
    values = {name: [one[name] for one in measures] for name in measures[0]}
    queries = [row.scores.queries for row in same]
    candidates = [row.scores.candidates for row in same]
    several = len(same) > 1
    return SummaryRow(
        name=same[0].name,
        direction=same[0].direction,
        mean={name: float(np.mean(found)) for name, found in values.items()},
        spread={
            name: float(np.std(found, ddof=1)) if several else None
            for name, found in values.items()
        },
        queries=(min(queries), max(queries)),
        candidates=(min(candidates), max(candidates)),
    )


def _cell(mean: float, spread: float | None, measure: str) -> str:
    scale = 100.0 if measure.startswith(_PERCENT) else 1.0
    deviation = "" if spread is None else f" ± {scale * spread:.1f}"
    return f"{scale * mean:.1f}{deviation}"


def _range(counts: tuple[int, int]) -> str:
    low, high = counts
    return str(low) if low == high else f"{low} to {high}"
