"""Retrieval metrics: arrays → floats. Knows no texts and no pictures.

A query may have any number of relevant items. Three rules:

* **Ties count against a scorer.** A non-relevant item with the same score as a relevant one ranks
  above it, so that a constant score is worth nothing. Relevant items with equal scores get
  consecutive ranks.
* **recall@K is a hit rate**, as in the paper: the share of queries with *at least one* relevant
  item among the first K. Ranks and reciprocal ranks are those of the best relevant item.
* **Queries without a relevant item** are left out and counted.

NaN scores are refused; infinite scores are allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.measuring.ranking import (
    DEEPEST,
    Links,
    check_links,
    check_scores,
    count_in_rows,
    unique_links,
)
from picturedesk.types import Bools, Doubles, Floats, Ints

KS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """The metrics of one route in one direction.

    Attributes:
        recall: K → share of queries with a relevant item among the first K, 0 to 1.
        median_rank: of the best relevant item, from 1.
        mean_rank: of the best relevant item, from 1.
        mrr: mean reciprocal rank of the best relevant item, 0 to 1.
        ndcg10: mean nDCG of the first ten, 0 to 1, with binary relevance; the ideal order of a
            query is that of its own relevant items.
        queries: number of queries counted.
        candidates: N, number of items ranked for each.
        left_out: number of queries without a relevant item.
    """

    recall: Mapping[int, float]
    median_rank: float
    mean_rank: float
    mrr: float
    ndcg10: float
    queries: int
    candidates: int
    left_out: int = 0

    def as_row(self) -> dict[str, float]:
        """Metrics by name, recall first: one row of a table."""
        row = {f"recall@{k}": share for k, share in self.recall.items()}
        row |= {"median_rank": self.median_rank, "mean_rank": self.mean_rank}
        return row | {"mrr": self.mrr, "ndcg@10": self.ndcg10}


@dataclass(frozen=True, slots=True, eq=False)
class PerQuery:
    """Metrics per query, to compare routes on the same queries by resampling.

    Attributes:
        queries: (Q',) rows of the score matrix with a relevant item, ascending.
        ranks: (Q',) rank of the best relevant item, from 1.
        hits: K → (Q',) whether it is among the first K.
        reciprocal_ranks: (Q',).
        ndcg10: (Q',).
        candidates: N.
        left_out: number of queries without a relevant item.
    """

    queries: Ints
    ranks: Ints
    hits: Mapping[int, Bools]
    reciprocal_ranks: Doubles
    ndcg10: Doubles
    candidates: int
    left_out: int

    @classmethod
    def of(
        cls, links: Links, ranks: Ints, queries: int, candidates: int, ks: Sequence[int] = KS
    ) -> PerQuery:
        """Metrics per query from the ranks of relevant items.

        Args:
            links: (M,) all links.
            ranks: (M',) of ``links.best()``.
            queries: Q.
            candidates: N.
            ks: the depths of recall.

        Raises:
            BadInput: there is no link, or a depth is below 1.
        """
        check_depths(ks)
        if not len(links.query):
            raise BadInput("no query has a relevant item: nothing can be measured")
        measured, starts = np.unique(links.best().query, return_index=True)
        first = ranks[starts]
        totals = np.bincount(links.query, minlength=queries)[measured]
        return cls(
            queries=measured,
            ranks=first,
            hits={k: first <= k for k in ks},
            reciprocal_ranks=1.0 / first,
            ndcg10=np.add.reduceat(_gains(ranks), starts) / _ideal_gains(totals),
            candidates=candidates,
            left_out=queries - len(measured),
        )

    def mean(self) -> RetrievalScores:
        """Means (and the median rank) over the queries."""
        return RetrievalScores(
            recall={k: float(hit.mean()) for k, hit in self.hits.items()},
            median_rank=float(np.median(self.ranks)),
            mean_rank=float(self.ranks.mean()),
            mrr=float(self.reciprocal_ranks.mean()),
            ndcg10=float(self.ndcg10.mean()),
            queries=len(self.queries),
            candidates=self.candidates,
            left_out=self.left_out,
        )


def ranks(scores: Floats, relevant: Ints) -> Ints:
    """Rank of each query's best relevant item, ties counted against it; 0 if it has none.

    Args:
        scores: (Q, N), higher is better.
        relevant: (M, 2) pairs (query, item).

    Returns:
        (Q,) ranks from 1 to N.

    Raises:
        BadInput: scores are NaN, shapes are wrong, or links point outside the scores.
    """
    best = _links(scores, relevant).best(1)
    found = np.zeros(len(scores), dtype=np.int64)
    found[best.query] = best.ranks(count_in_rows(scores, best.query, best.score))
    return found


def retrieval_scores(scores: Floats, relevant: Ints, ks: Sequence[int] = KS) -> RetrievalScores:
    """All metrics of one score matrix.

    Args:
        scores: (Q, N), higher is better.
        relevant: (M, 2) pairs (query, item).
        ks: the depths of recall.

    Raises:
        BadInput: as in ``ranks``; or no query has a relevant item.
    """
    return per_query(scores, relevant, ks).mean()


def per_query(scores: Floats, relevant: Ints, ks: Sequence[int] = KS) -> PerQuery:
    """Like ``retrieval_scores``, but per query."""
    check_depths(ks)
    links = _links(scores, relevant)
    best = links.best()
    ranks = best.ranks(count_in_rows(scores, best.query, best.score))
    queries, candidates = scores.shape
    return PerQuery.of(links, ranks, queries, candidates, ks)


def chance_scores(relevant: Ints, candidates: int, ks: Sequence[int] = KS) -> RetrievalScores:
    """The expected metrics of a random order of the candidates, in closed form.

    The median rank is that of the distribution of ranks over all queries and orders (the mean of
    two if there are two).

    Args:
        relevant: (M, 2) pairs (query, item); only their number per query matters.
        candidates: N.
        ks: the depths of recall.

    Raises:
        BadInput: there are no links, or a query has more relevant items than candidates.
    """
    check_depths(ks)
    links = unique_links(relevant)
    if not len(links):
        raise BadInput("no query has a relevant item: chance has nothing to find")
    totals = np.unique(links[:, 0], return_counts=True)[1]
    sizes, queries = np.unique(totals, return_counts=True)
    if sizes[-1] > candidates:
        raise BadInput(f"a query has {sizes[-1]} relevant items among {candidates} candidates")
    share = queries / queries.sum()
    place = np.arange(1, candidates + 1)
    at_rank = sum(w * _first_rank(r, candidates) for r, w in zip(sizes, share, strict=True))
    until = np.minimum(np.cumsum(at_rank), 1.0)  # (N,) share of queries answered by rank
    gains = _gains(place).sum() * sizes / candidates / _ideal_gains(sizes)
    return RetrievalScores(
        recall={k: float(until[min(k, candidates) - 1]) for k in ks},
        median_rank=float(np.searchsorted(until, [0.5 - 1e-9, 0.5 + 1e-9]).mean() + 1),
        mean_rank=float(share @ ((candidates + 1) / (sizes + 1))),
        mrr=float(at_rank @ (1.0 / place)),
        ndcg10=float(share @ gains),
        queries=len(totals),
        candidates=candidates,
    )


def _first_rank(relevant: int, candidates: int) -> Doubles:
    """(N,) probability that the best of r relevant items has rank 1 … N in a random order."""
    before = np.arange(candidates, dtype=np.float64)  # items above, none of them relevant
    still = np.maximum(candidates - relevant - before[:-1], 0) / (candidates - before[:-1])
    none_above = np.concatenate([[1.0], np.cumprod(still)])
    found: Doubles = none_above * relevant / (candidates - before)
    return found


def _gains(places: Ints) -> Doubles:
    """Discounted gain of a relevant item at each rank; 0 below the depth."""
    return np.where(places <= DEEPEST, 1.0 / np.log2(places + 1.0), 0.0)


def _ideal_gains(totals: Ints) -> Doubles:
    best = np.cumsum(_gains(np.arange(1, DEEPEST + 1)))
    ideal: Doubles = best[np.minimum(totals, DEEPEST) - 1]
    return ideal


def _links(scores: Floats, relevant: Ints) -> Links:
    """The links with their scores, after checks."""
    check_scores(scores)
    links = check_links(relevant, *scores.shape)
    return Links.of(links, scores[links[:, 0], links[:, 1]])


def check_depths(ks: Sequence[int]) -> None:
    """Raises BadInput unless depths of recall are whole numbers from 1."""
    depths = checks.several("ks", ks)
    if not depths:
        raise BadInput("recall at no depth: give whole numbers from 1")
    for depth in depths:
        checks.whole_number("a depth of recall", depth, 1)
