"""TREC run and qrels files: written, read, and measured as trec_eval does.

Knows names and scores, not pictures or texts.

Rules, those of trec_eval behind ``ir-measures``: the ranking of a run is by its scores in single
precision, highest first, and equal scores by document name, last first; the rank column is not
read. Every query of the qrels counts: one that the run lacks, or that has no relevant document,
counts as zero. Queries that the qrels lack do not count. Relevant is what has a degree above 0;
nDCG takes the degree itself as gain. (``measuring.metrics`` lets ties count against, so that a run
with ties may measure lower there.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from picturedesk.disk.artifacts import atomic_path
from picturedesk.errors import BadInput
from picturedesk.types import Floats, Ints

Run = dict[str, dict[str, float]]  # query → document → score
Qrels = dict[str, dict[str, int]]  # query → document → degree

_Value = TypeVar("_Value", int, float)

CUTS = (1, 5, 10)
DEPTH = 1000  # documents kept per query, as is usual in TREC


@dataclass(frozen=True, slots=True)
class TrecScores:
    """Means over the queries of the qrels, 0 to 1.

    Attributes:
        success: K → share of queries with a relevant document in the first K; this is what the
            paper calls recall@K.
        recall: K → mean share of a query's relevant documents in the first K.
        mrr: mean reciprocal rank of the first relevant document.
        ndcg10: mean nDCG at 10.
        average_precision: mean average precision.
        queries: how many counted.
        unanswered: how many of them the run lacks.
        without_relevant: how many of them have no relevant document.
    """

    success: dict[int, float]
    recall: dict[int, float]
    mrr: float
    ndcg10: float
    average_precision: float
    queries: int
    unanswered: int
    without_relevant: int

    def as_row(self) -> dict[str, float]:
        """The measures by name: one row of a table."""
        row = {f"success@{k}": share for k, share in self.success.items()}
        row |= {f"recall@{k}": share for k, share in self.recall.items()}
        return row | {"mrr": self.mrr, "ndcg@10": self.ndcg10, "ap": self.average_precision}


def write_run(
    path: Path,
    queries: Sequence[str],
    documents: Sequence[str],
    scores: Floats,
    depth: int = DEPTH,
    tag: str = "picturedesk",
) -> None:
    """Writes ``query Q0 document rank score tag``, the best ``depth`` documents of each query.

    Args:
        path: the file.
        queries: Q names.
        documents: N names.
        scores: (Q, N), higher is better.
        depth: documents kept per query.
        tag: name of the system, without white space.

    Raises:
        BadInput: a name is empty, has white space or is there twice; shapes differ; NaN scores.
    """
    _check_names(queries, "queries")
    _check_names(documents, "documents")
    _check_names([tag], "tags")
    if scores.shape != (len(queries), len(documents)) or np.isnan(scores).any():
        raise BadInput(
            f"scores of shape {scores.shape} for {len(queries)} queries and {len(documents)} "
            "documents: give one number for each, and no NaN"
        )
    by_name = sorted(range(len(documents)), key=documents.__getitem__, reverse=True)
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, row in zip(queries, scores, strict=True):
            values = row[by_name].astype(np.float32)
            for rank, place in enumerate(_best(values, depth), start=1):
                name = documents[by_name[place]]
                file.write(f"{query} Q0 {name} {rank} {values[place]!s} {tag}\n")


def write_qrels(
    path: Path, queries: Sequence[str], documents: Sequence[str], relevant: Ints
) -> None:
    """Writes ``query 0 document 1`` for each link (M, 2) of query and document indices."""
    _check_names(queries, "queries")
    _check_names(documents, "documents")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, document in np.unique(relevant, axis=0):
            file.write(f"{queries[query]} 0 {documents[document]} 1\n")


def read_run(path: Path) -> Run:
    """Reads a run file; a malformed line is named by its number."""
    run: Run = {}
    for number, cells in _lines(path, 6, "query Q0 document rank score tag"):
        try:
            score = float(cells[4])
        except ValueError:
            score = math.nan
        if math.isnan(score):
            raise BadInput(f"{path}:{number}: score {cells[4]!r} is not a number")
        _put(run, cells, score, f"{path}:{number}")
    return run


def read_qrels(path: Path) -> Qrels:
    """Reads a qrels file; a malformed line is named by its number."""
    qrels: Qrels = {}
    for number, cells in _lines(path, 4, "query 0 document degree"):
        try:
            degree = int(cells[3])
        except ValueError:
            raise BadInput(f"{path}:{number}: degree {cells[3]!r} is not a whole number") from None
        _put(qrels, cells, degree, f"{path}:{number}")
    return qrels


def score_run(
    run: Mapping[str, Mapping[str, float]], qrels: Mapping[str, Mapping[str, int]]
) -> TrecScores:
    """Measures a run against qrels by the rules of this module.

    Raises:
        BadInput: if no query of the qrels has a relevant document.
    """
    relevant = {
        query: {name: degree for name, degree in documents.items() if degree > 0}
        for query, documents in qrels.items()
    }
    if not any(relevant.values()):
        raise BadInput("the qrels name no relevant document: nothing can be measured")
    rows = [
        _QueryScores.of(_ranking(run.get(query, {})), documents)
        for query, documents in relevant.items()
        if documents
    ]
    count = len(relevant)
    return TrecScores(
        success={k: sum(row.found[k] > 0 for row in rows) / count for k in CUTS},
        recall={k: sum(row.found[k] / row.relevant for row in rows) / count for k in CUTS},
        mrr=sum(row.reciprocal for row in rows) / count,
        ndcg10=sum(row.ndcg10 for row in rows) / count,
        average_precision=sum(row.average_precision for row in rows) / count,
        queries=count,
        unanswered=sum(not run.get(query) for query in relevant),
        without_relevant=count - len(rows),
    )


@dataclass(frozen=True, slots=True)
class _QueryScores:
    found: dict[int, int]
    relevant: int
    reciprocal: float
    ndcg10: float
    average_precision: float

    @classmethod
    def of(cls, ranking: Sequence[str], relevant: Mapping[str, int]) -> _QueryScores:
        ranks = [rank for rank, name in enumerate(ranking, start=1) if name in relevant]
        gains = [relevant.get(name, 0) for name in ranking[:10]]
        ideal = sorted(relevant.values(), reverse=True)[:10]
        return cls(
            found={k: sum(rank <= k for rank in ranks) for k in CUTS},
            relevant=len(relevant),
            reciprocal=1 / ranks[0] if ranks else 0.0,
            ndcg10=_discounted(gains) / _discounted(ideal),
            average_precision=sum(n / rank for n, rank in enumerate(ranks, start=1))
            / len(relevant),
        )


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def _ranking(documents: Mapping[str, float]) -> list[str]:
    names = sorted(documents, reverse=True)
    with np.errstate(over="ignore"):  # what single precision cannot hold is infinite there
        values = np.array([documents[name] for name in names]).astype(np.float32)
    return [names[place] for place in _best(values, len(names))]


def _best(values: Floats, depth: int) -> list[int]:
    """Places of the highest values, best first, of equal ones the first; at most ``depth``."""
    places = np.arange(len(values))
    if depth < len(values):
        least = np.partition(values, len(values) - depth)[len(values) - depth]
        places = np.flatnonzero(values >= least)  # depth of them, or more where the last ones tie
    best: list[int] = places[np.argsort(-values[places], kind="stable")[:depth]].tolist()
    return best


def _put(
    table: dict[str, dict[str, _Value]], cells: Sequence[str], value: _Value, where: str
) -> None:
    """Enters a line's value; document names are kept once, however many queries name them."""
    documents = table.setdefault(cells[0], {})
    if cells[2] in documents:
        raise BadInput(f"{where}: {cells[2]} is there twice for query {cells[0]}")
    documents[sys.intern(cells[2])] = value


def _lines(path: Path, cells: int, form: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a file with their numbers, from 1, as cells; empty ones are passed over."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                found = line.split()
                if len(found) not in (0, cells):
                    raise BadInput(
                        f"{path}:{number}: {len(found)} cells, there should be {cells}: {form}"
                    )
                if found:
                    yield number, found
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text: give a file of lines {form!r}") from None


def _check_names(names: Sequence[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise BadInput(f"{what} of a TREC file must have different names: one is there twice")
    for name in names:
        if len(name.split()) != 1 or name.strip() != name:
            raise BadInput(f"{name!r} cannot stand in a TREC file: {what} have no white space")
