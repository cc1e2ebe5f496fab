"""TREC run and qrels files: written in blocks, measured by ``ir-measures``.

Knows names and scores, not pictures or texts. Measures by the rules of trec_eval: a run is ranked
by its scores in single precision, highest first, and equal scores by document name, last first; the
rank column is ignored. Every query of the qrels counts; a query that is not in the run, or has no
relevant document, counts as zero. Queries that are not in the qrels do not count. A document with a
degree above 0 is relevant; the gain of nDCG is the degree. (In ``measuring.metrics`` ties count
against a run, so a run with ties may get lower figures there.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.artifacts import atomic_path
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.types import Floats, Ints

CUTS = (1, 5, 10)
DEPTH = 1000  # documents per query, as usual in TREC
RUN_LINE = "query Q0 document rank score tag"
QRELS_LINE = "query 0 document degree"

Table = dict[str, dict[str, Any]]  # query → document → score, or degree


@dataclass(frozen=True, slots=True)
class TrecScores:
    """Means over the queries of the qrels, 0 to 1.

    Attributes:
        success: K → share of queries with a relevant document in the first K; the paper calls it
            recall@K.
        recall: K → mean share of a query's relevant documents in the first K.
        mrr: mean reciprocal rank of the first relevant document.
        ndcg10: mean nDCG at 10.
        average_precision: mean average precision.
        queries: number of queries in the qrels.
        unanswered: number of these that are not in the run.
        without_relevant: number of these without a relevant document.
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
        """Metrics by name: one row of a table."""
        row = {f"success@{k}": share for k, share in self.success.items()}
        row |= {f"recall@{k}": share for k, share in self.recall.items()}
        return row | {"mrr": self.mrr, "ndcg@10": self.ndcg10, "ap": self.average_precision}


class RunWriter:
    """Writes a run file; ``open_run`` makes one."""

    def __init__(
        self, file: TextIO, queries: Sequence[str], documents: Sequence[str], depth: int, tag: str
    ) -> None:
        self._file = file
        self._queries = queries
        self._documents = documents
        self._depth = depth
        self._tag = tag
        self._by_name = sorted(range(len(documents)), key=documents.__getitem__, reverse=True)
        self.written = 0  # queries

    def write(self, scores: Floats) -> None:
        """Writes the next q queries: scores (q, N), higher is better.

        Raises:
            BadInput: the shape is wrong, or a score is NaN.
        """
        queries = self._queries[self.written : self.written + len(scores)]
        if scores.shape != (len(queries), len(self._documents)) or np.isnan(scores).any():
            left = len(self._queries) - self.written
            raise BadInput(
                f"scores of shape {scores.shape} for {left} queries and {len(self._documents)} "
                "documents: give one number for each, and no NaN"
            )
        for query, row in zip(queries, scores, strict=True):
            values = row[self._by_name].astype(np.float32)
            for rank, place in enumerate(_best(values, self._depth), start=1):
                name = self._documents[self._by_name[place]]
                self._file.write(f"{query} Q0 {name} {rank} {values[place]!s} {self._tag}\n")
        self.written += len(queries)


@contextmanager
def open_run(
    path: Path,
    queries: Sequence[str],
    documents: Sequence[str],
    depth: int = DEPTH,
    tag: str = "picturedesk",
) -> Iterator[RunWriter]:
    """Writes a run in blocks: lines ``query Q0 document rank score tag``, the best of each query.

    The file appears atomically, with all queries.

    Args:
        path: the file.
        queries: Q names.
        documents: N names.
        depth: maximum number of documents per query.
        tag: name of the system, without white space.

    Raises:
        BadInput: a name is empty, has white space or occurs twice; or queries are missing at the
            end.
    """
    _check_names(queries, "queries")
    _check_names(documents, "documents")
    _check_names([tag], "tags")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        writer = RunWriter(file, queries, documents, depth, tag)
        yield writer
        if writer.written < len(queries):
            raise BadInput(f"{path} would end at query {writer.written} of {len(queries)}")


def write_run(
    path: Path,
    queries: Sequence[str],
    documents: Sequence[str],
    scores: Floats,
    depth: int = DEPTH,
    tag: str = "picturedesk",
) -> None:
    """Like ``open_run``, for whole scores (Q, N)."""
    with open_run(path, queries, documents, depth, tag) as run:
        run.write(scores)


def write_qrels(
    path: Path, queries: Sequence[str], documents: Sequence[str], relevant: Ints
) -> None:
    """Writes ``query 0 document 1`` for each link (M, 2) of query and document indices."""
    _check_names(queries, "queries")
    _check_names(documents, "documents")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, document in np.unique(relevant, axis=0):
            file.write(f"{queries[query]} 0 {documents[document]} 1\n")


def score_run(run: Path, qrels: Path) -> TrecScores:
    """Measures a run file against a qrels file by the rules of this module.

    Raises:
        BadInput: a file cannot be read or used, or no query of the qrels has a relevant document.
        MissingExtra: ir-measures is not installed.
    """
    run, qrels = checks.existing("run", run), checks.existing("qrels", qrels)
    try:
        import ir_measures
    except ImportError:
        raise MissingExtra("measuring a TREC run", "trec") from None
    found = _table(run, RUN_LINE, ir_measures.read_trec_run)
    wanted = _table(qrels, QRELS_LINE, ir_measures.read_trec_qrels)
    lacking = sum(max(degrees.values()) <= 0 for degrees in wanted.values())
    if lacking == len(wanted):
        raise BadInput(f"{qrels} names no relevant document: nothing can be measured")
    success = {k: ir_measures.Success @ k for k in CUTS}
    recall = {k: ir_measures.R @ k for k in CUTS}
    mrr, ndcg, precision = ir_measures.RR, ir_measures.nDCG @ 10, ir_measures.AP
    measures = [*success.values(), *recall.values(), mrr, ndcg, precision]
    means = ir_measures.calc_aggregate(measures, wanted, found)
    return TrecScores(
        success={k: float(means[measure]) for k, measure in success.items()},
        recall={k: float(means[measure]) for k, measure in recall.items()},
        mrr=float(means[mrr]),
        ndcg10=float(means[ndcg]),
        average_precision=float(means[precision]),
        queries=len(wanted),
        unanswered=len(wanted.keys() - found.keys()),
        without_relevant=lacking,
    )


def _table(path: Path, form: str, read: Callable[[TextIO], Iterable[Any]]) -> Table:
    """The lines of a file by query and document, as ir-measures reads them."""
    table: Table = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            for row in read(file):
                _enter(table, path, *row[:3])
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text: give a file of lines {form!r}") from None
    except ValueError as error:
        raise BadInput(f"{path} has a line that is not {form!r} ({error})") from None
    return table


def _enter(table: Table, path: Path, query: str, document: str, value: float) -> None:
    documents = table.setdefault(query, {})
    if document in documents:
        raise BadInput(f"{path}: {document} is there twice for query {query}")
    if math.isnan(value):
        raise BadInput(f"{path}: the score of {document} for query {query} is not a number")
    documents[document] = value


def _best(values: Floats, depth: int) -> list[int]:
    """Indices of the highest values, best first, at most ``depth``; the first of equal ones."""
    places = np.arange(len(values))
    if depth < len(values):
        least = np.partition(values, len(values) - depth)[len(values) - depth]
        places = np.flatnonzero(values >= least)  # depth of them, or more where the last ones tie
    best: list[int] = places[np.argsort(-values[places], kind="stable")[:depth]].tolist()
    return best


def _check_names(names: Sequence[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise BadInput(f"{what} of a TREC file must have different names: one is there twice")
    for name in names:
        if len(name.split()) != 1 or name.strip() != name:
            raise BadInput(f"{name!r} cannot stand in a TREC file: {what} have no white space")
