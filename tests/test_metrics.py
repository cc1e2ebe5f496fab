"""Metrics against hand-worked cases, a slow obvious reference, and simulated chance."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.measuring import ranking
from picturedesk.measuring.metrics import chance_scores, per_query, ranks, retrieval_scores

DISCOUNT = [1 / math.log2(1 + rank) for rank in range(1, 11)]


def links(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, dtype=np.int64)


def slow_order(scores: np.ndarray, relevant: set[int]) -> list[int]:
    """Candidates best first; among equals those that are not relevant come first."""
    return sorted(range(len(scores)), key=lambda item: (-scores[item], item in relevant))


def slow_scores(scores: np.ndarray, pairs: np.ndarray, ks: tuple[int, ...]) -> dict[str, float]:
    """Every measure by its definition, one query after the other."""
    found: dict[str, list[float]] = {f"recall@{k}": [] for k in ks}
    found |= {"rank": [], "mrr": [], "ndcg@10": []}
    for query, row in enumerate(scores):
        relevant = {int(item) for asked, item in pairs if asked == query}
        if not relevant:
            continue
        order = slow_order(row, relevant)
        places = [place for place, item in enumerate(order, start=1) if item in relevant]
        for k in ks:
            found[f"recall@{k}"].append(float(places[0] <= k))
        found["rank"].append(places[0])
        found["mrr"].append(1 / places[0])
        gain = sum(DISCOUNT[place - 1] for place in places if place <= 10)
        found["ndcg@10"].append(gain / sum(DISCOUNT[: len(relevant)]))
    rank = found.pop("rank")
    return {
        **{name: float(np.mean(values)) for name, values in found.items()},
        "median_rank": float(np.median(rank)),
        "mean_rank": float(np.mean(rank)),
    }


def test_ranks_of_a_case_worked_by_hand():
    scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1], [0.7, 0.8, 0.9]], dtype=np.float32)
    assert ranks(scores, links((0, 1), (1, 2), (2, 1))).tolist() == [1, 3, 2]


def test_all_measures_of_a_case_worked_by_hand():
    # ranks of the relevant items: query 0 → 1 and 3, query 1 → 4, query 2 → 2
    scores = np.array(
        [[9, 8, 7, 6, 5], [4, 3, 2, 1, 0], [1, 2, 3, 4, 5]],
        dtype=np.float32,
    )
    measured = retrieval_scores(scores, links((0, 0), (0, 2), (1, 3), (2, 3)), ks=(1, 2, 4))
    assert measured.recall == pytest.approx({1: 1 / 3, 2: 2 / 3, 4: 1.0})
    assert measured.median_rank == 2
    assert measured.mean_rank == pytest.approx(7 / 3)
    assert measured.mrr == pytest.approx((1 + 1 / 4 + 1 / 2) / 3)
    # (1 + 0.5) / (1 + 0.63093) = 0.91972; 0.43068; 0.63093
    assert measured.ndcg10 == pytest.approx((0.919721 + 0.430677 + 0.630930) / 3, abs=1e-6)
    assert (measured.queries, measured.candidates, measured.left_out) == (3, 5, 0)


def test_an_equal_score_ranks_above_the_relevant_item():
    scores = np.array([[1, 1, 1, 0]], dtype=np.float32)
    assert ranks(scores, links((0, 0))).tolist() == [3]


def test_equal_scores_of_relevant_items_follow_one_another():
    scores = np.array([[1, 1, 1, 0]], dtype=np.float32)
    measured = retrieval_scores(scores, links((0, 0), (0, 1)))
    assert measured.mean_rank == 2
    assert measured.ndcg10 == pytest.approx((DISCOUNT[1] + DISCOUNT[2]) / sum(DISCOUNT[:2]))


def test_a_constant_score_is_worth_nothing():
    measured = retrieval_scores(np.zeros((4, 50)), links(*((q, q) for q in range(4))))
    assert measured.mean_rank == 50
    assert set(measured.recall.values()) == {0.0}
    assert measured.ndcg10 == 0


def test_perfect_scores_reach_one():
    measured = retrieval_scores(np.eye(6), links(*((q, q) for q in range(6))))
    assert measured.recall == {1: 1.0, 5: 1.0, 10: 1.0}
    assert (measured.median_rank, measured.mrr, measured.ndcg10) == (1, 1, 1)


def test_ndcg_of_more_than_ten_relevant_items_can_reach_one():
    scores = np.arange(30, 0, -1, dtype=np.float32)[None]
    assert retrieval_scores(scores, links(*((0, i) for i in range(15)))).ndcg10 == pytest.approx(1)


def test_a_query_without_a_relevant_item_is_left_out_and_counted():
    scores = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    measured = per_query(scores, links((2, 0), (0, 1)))
    assert measured.queries.tolist() == [0, 2]
    assert measured.ranks.tolist() == [2, 1]
    assert measured.left_out == measured.mean().left_out == 1
    assert ranks(scores, links((2, 0), (0, 1))).tolist() == [2, 0, 1]


def test_a_link_given_twice_counts_once():
    scores = np.array([[3, 2, 1]], dtype=np.float32)
    twice = retrieval_scores(scores, links((0, 1), (0, 1), (0, 2)))
    assert twice == retrieval_scores(scores, links((0, 1), (0, 2)))


@pytest.mark.parametrize("seed", range(40))
def test_measures_equal_a_slow_reference_on_scores_with_many_ties(seed):
    random = np.random.default_rng(seed)
    queries, items = random.integers(1, 12), random.integers(1, 40)
    scores = random.integers(0, random.integers(1, 9), size=(queries, items)).astype(np.float32)
    pairs = np.argwhere(random.random((queries, items)) < random.choice([0.02, 0.2, 0.7]))
    if not len(pairs):
        pairs = links((0, 0))
    random.shuffle(pairs)
    measured = retrieval_scores(scores, pairs, ks=(1, 3, 10))
    assert measured.as_row() == pytest.approx(slow_scores(scores, pairs, (1, 3, 10)))


def test_per_query_arrays_average_to_the_scores():
    random = np.random.default_rng(0)
    scores = random.integers(0, 5, size=(20, 30)).astype(np.float32)
    pairs = np.argwhere(random.random((20, 30)) < 0.05)
    each, measured = per_query(scores, pairs), retrieval_scores(scores, pairs)
    assert each.hits[5].mean() == measured.recall[5]
    assert each.reciprocal_ranks.mean() == measured.mrr
    assert each.ndcg10.mean() == measured.ndcg10
    assert len(each.queries) == len(each.ranks) == measured.queries


def test_blocks_make_no_difference(monkeypatch):
    random = np.random.default_rng(1)
    scores = random.integers(0, 9, size=(50, 70)).astype(np.float32)
    pairs = np.argwhere(random.random((50, 70)) < 0.05)
    whole = retrieval_scores(scores, pairs)
    monkeypatch.setattr(ranking, "_CELLS", 100)
    assert retrieval_scores(scores, pairs) == whole


def test_memory_stays_flat_in_the_number_of_scores():
    scores = np.random.default_rng(0).random((2000, 8000), dtype=np.float32)  # 64 MB
    pairs = np.stack([np.arange(2000)] * 2, axis=1)
    tracemalloc.start()
    retrieval_scores(scores, pairs)
    retrieval_scores(scores.T, pairs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


def test_transposed_scores_measure_the_other_direction():
    scores = np.array([[3, 2, 1], [0, 5, 1]], dtype=np.float32)
    pairs = links((0, 1), (1, 2))
    assert ranks(scores.T, pairs[:, ::-1]).tolist() == [0, 2, 2]


def test_without_links_no_query_has_a_rank():
    assert ranks(np.zeros((2, 3)), np.zeros((0, 2), dtype=np.int64)).tolist() == [0, 0]


def test_infinite_scores_are_scores():
    scores = np.array([[-np.inf, 0, np.inf]], dtype=np.float32)
    assert ranks(scores, links((0, 0))).tolist() == [3]
    assert ranks(scores, links((0, 2))).tolist() == [1]


def test_whole_number_scores_are_ranked():
    assert ranks(np.array([[3, 7, 5]], dtype=np.uint8), links((0, 0))).tolist() == [3]


@pytest.mark.parametrize(
    ("scores", "pairs", "message"),
    [
        (np.full((2, 3), np.nan), links((0, 0)), "NaN"),
        (np.where(np.eye(3) > 0, np.nan, 1.0), links((0, 1)), "NaN"),
        (np.zeros((2, 0)), links((0, 0)), r"shape \(2, 0\)"),
        (np.zeros(3), links((0, 0)), r"shape \(3,\)"),
        (np.zeros((2, 3)), links((2, 0)), "2 queries and 3 items"),
        (np.zeros((2, 3)), links((0, 3)), "2 queries and 3 items"),
        (np.zeros((2, 3)), links((-1, 0)), "2 queries and 3 items"),
        (np.zeros((2, 3)), np.zeros((2, 3), dtype=int), "pairs"),
        (np.zeros((2, 3)), np.zeros((1, 2)), "whole numbers"),
        (np.zeros((2, 3)), np.zeros((0, 2)), "no query has a relevant item"),
    ],
)
def test_what_cannot_be_ranked_is_refused(scores, pairs, message):
    with pytest.raises(BadInput, match=message):
        retrieval_scores(scores, pairs)


@pytest.mark.parametrize("ks", [(), (0,), (5, -1)])
def test_depths_below_one_are_refused(ks):
    with pytest.raises(BadInput, match="depth"):
        retrieval_scores(np.eye(2), links((0, 0)), ks)
    with pytest.raises(BadInput, match="depth"):
        chance_scores(links((0, 0)), 5, ks)


def test_chance_of_one_relevant_item_in_ten_worked_by_hand():
    expected = chance_scores(links((0, 0), (1, 4)), 10, ks=(1, 5, 10, 20))
    assert expected.recall == pytest.approx({1: 0.1, 5: 0.5, 10: 1.0, 20: 1.0})
    assert expected.mean_rank == expected.median_rank == 5.5
    assert expected.mrr == pytest.approx(sum(1 / n for n in range(1, 11)) / 10)
    assert expected.ndcg10 == pytest.approx(sum(DISCOUNT) / 10)
    assert (expected.queries, expected.candidates) == (2, 10)


def test_chance_of_two_relevant_items_in_four_worked_by_hand():
    # the first of two is at rank 1, 2, 3 in 3, 2, 1 of the 6 orders
    expected = chance_scores(links((0, 0), (0, 1)), 4, ks=(1, 2, 3))
    assert expected.recall == pytest.approx({1: 3 / 6, 2: 5 / 6, 3: 1.0})
    assert expected.mean_rank == pytest.approx(10 / 6)
    assert expected.median_rank == 1.5
    assert expected.mrr == pytest.approx((3 + 2 / 2 + 1 / 3) / 6)
    ideal = DISCOUNT[0] + DISCOUNT[1]
    assert expected.ndcg10 == pytest.approx(sum(DISCOUNT[:4]) / 2 / ideal)


@pytest.mark.parametrize("candidates", [15, 60])
def test_chance_is_what_random_scores_reach(candidates):
    pairs = [(q, i) for q, many in enumerate([1, 1, 1, 2, 2, 5, 15]) for i in range(many)]
    expected = chance_scores(links(*pairs), candidates)
    random = np.random.default_rng(0)
    repeated = links(*((7 * turn + q, i) for turn in range(4000) for q, i in pairs))
    simulated = retrieval_scores(random.random((28_000, candidates)), repeated)
    assert expected.as_row() == pytest.approx(simulated.as_row(), rel=0.03)


def test_all_candidates_relevant_leaves_nothing_to_chance():
    expected = chance_scores(links(*((0, i) for i in range(12))), 12)
    assert set(expected.recall.values()) == {1.0}
    assert (expected.mean_rank, expected.median_rank, expected.mrr) == (1, 1, 1)
    assert expected.ndcg10 == pytest.approx(1)


def test_chance_among_a_million_candidates_stays_exact():
    expected = chance_scores(links((0, 0)), 1_000_000)
    assert expected.recall[10] == pytest.approx(1e-5)
    assert expected.median_rank == expected.mean_rank == 500_000.5


def test_chance_refuses_more_relevant_items_than_candidates():
    with pytest.raises(BadInput, match="3 relevant items among 2 candidates"):
        chance_scores(links((0, 0), (0, 1), (0, 2)), 2)
    with pytest.raises(BadInput, match="no query has a relevant item"):
        chance_scores(np.zeros((0, 2), dtype=np.int64), 2)


def test_a_row_names_every_measure():
    row = retrieval_scores(np.eye(2), links((0, 0)), ks=(1, 5)).as_row()
    assert list(row) == ["recall@1", "recall@5", "median_rank", "mean_rank", "mrr", "ndcg@10"]
