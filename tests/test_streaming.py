"""Evaluation block by block: the figures of whole matrices, to the bit, in little memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.measuring.evaluation import TO_PICTURE, TO_TEXT, evaluate, evaluate_blocks
from picturedesk.measuring.metrics import PerQuery, per_query
from picturedesk.measuring.ranking import row_blocks

PAIRS = np.array([[0, 0], [1, 1], [2, 2]])


def in_blocks(scores: dict[str, np.ndarray], step: int):
    """Whole matrices, ``step`` texts at a time, as often as asked."""
    queries = len(next(iter(scores.values())))

    def blocks():
        for start in range(0, queries, step):
            rows = slice(start, min(start + step, queries))
            yield rows, {name: matrix[rows] for name, matrix in scores.items()}

    return blocks


def assert_same(found: PerQuery, expected: PerQuery) -> None:
    for name in ("queries", "ranks", "reciprocal_ranks", "ndcg10"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert found.hits.keys() == expected.hits.keys()
    assert all(np.array_equal(found.hits[k], expected.hits[k]) for k in expected.hits)
    assert (found.candidates, found.left_out) == (expected.candidates, expected.left_out)


@pytest.mark.parametrize("seed", range(20))
def test_blocks_of_any_size_measure_as_whole_matrices_do(seed):
    random = np.random.default_rng(seed)
    queries, items = random.integers(1, 25), random.integers(1, 40)
    scores = {  # few different numbers, so that there are many ties
        "direct": random.integers(0, 4, size=(queries, items)).astype(np.float32),
        "transfer": random.normal(size=(queries, items)),
        "infinite": random.choice([-np.inf, 0.0, np.inf], size=(queries, items)),
    }
    pairs = np.argwhere(random.random((queries, items)) < random.choice([0.05, 0.3, 0.8]))
    pairs = np.concatenate([pairs, pairs[:5], [[0, 0]]])  # some links twice
    random.shuffle(pairs)
    for step in (1, 2, 7, queries):
        found = evaluate_blocks(in_blocks(scores, step), queries, items, pairs, ks=(1, 3, 10))
        for row in found.rows:
            if row.queries is not None:
                matrix, links = scores[row.name], pairs
                if row.direction == TO_TEXT:
                    matrix, links = matrix.T, pairs[:, ::-1]
                assert_same(row.queries, per_query(matrix, links, ks=(1, 3, 10)))
        whole = evaluate(scores, pairs, ks=(1, 3, 10))
        assert found.as_json() == whole.as_json()
        assert found.tables() == whole.tables()


def test_pictures_that_share_a_text_and_texts_that_share_a_picture_are_measured():
    scores = np.array([[0, 2, 1], [0, 5, 5], [1, 1, 1]], dtype=np.float32)
    pairs = np.array([[0, 0], [0, 1], [1, 1], [2, 2], [1, 2]])
    found = evaluate_blocks(in_blocks({"direct": scores}, 2), 3, 3, pairs)
    forwards, backwards = (
        next(row.queries for row in found.rows if (row.name, row.direction) == ("direct", way))
        for way in (TO_PICTURE, TO_TEXT)
    )
    assert forwards.ranks.tolist() == [1, 1, 3]
    assert backwards.ranks.tolist() == [3, 1, 1]


def test_memory_does_not_grow_with_the_scores():
    count, width = 6000, 16
    random = np.random.default_rng(0)
    texts = random.normal(size=(count, width)).astype(np.float32)
    pictures = (texts + random.normal(size=(count, width))).astype(np.float32)

    def blocks():
        for rows in row_blocks(count, count, cells=1 << 20):
            yield rows, {"direct": texts[rows] @ pictures.T, "transfer": -texts[rows] @ texts.T}

    pairs = np.stack([np.arange(count)] * 2, axis=1)
    tracemalloc.start()
    found = evaluate_blocks(blocks, count, count, pairs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # the two matrices would be 288 MB
    assert found.row("direct").recall[10] > 0.4
    assert found.row("transfer", TO_TEXT).recall[10] < 0.01


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(slice(1, 3), {"a": np.eye(3)[1:]})], "begins at text 1, where 0 is next"),
        ([(slice(0, 2), {"a": np.eye(3)[:2]})], "end at text 2 of 3"),
        ([(slice(0, 3), {"a": np.eye(3)})] * 2, "begins at text 0, where 3 is next"),
        ([(slice(0, 3), {"a": np.eye(2)})], r"'a' has scores of shape \(2, 2\) for texts 0 to 3"),
        (
            [(slice(0, 1), {"a": np.eye(3)[:1]}), (slice(1, 3), {"b": np.eye(3)[1:]})],
            "a block has the routes b, the first had a",
        ),
        ([(slice(0, 3), {"a": np.full((3, 3), np.nan)})], "NaN"),
        ([(slice(0, 3), {})], "no route"),
    ],
)
def test_blocks_that_are_not_all_texts_once_with_all_routes_are_refused(blocks, message):
    with pytest.raises(BadInput, match=message):
        evaluate_blocks(lambda: blocks, 3, 3, PAIRS)


def test_a_second_pass_with_other_scores_is_refused():
    passes = iter([np.eye(3), 2 * np.eye(3)])
    with pytest.raises(BadInput, match="texts 0 to 3 have other scores in the second pass"):
        evaluate_blocks(lambda: [(slice(0, 3), {"a": next(passes)})], 3, 3, PAIRS)


def test_links_that_cannot_be_measured_are_refused_before_anything_is_scored():
    def blocks():
        raise AssertionError("nothing should be scored")

    with pytest.raises(BadInput, match="3 queries and 2 items"):
        evaluate_blocks(blocks, 3, 2, PAIRS)
    with pytest.raises(BadInput, match="no query has a relevant item"):
        evaluate_blocks(blocks, 3, 2, np.empty((0, 2), dtype=np.int64))
    with pytest.raises(BadInput, match="a depth of recall is 0"):
        evaluate_blocks(blocks, 3, 3, PAIRS, ks=(0,))


def test_rows_are_cut_so_that_a_block_holds_few_scores():
    assert list(row_blocks(5, 10, cells=20)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(row_blocks(2, 10, cells=3)) == [slice(0, 1), slice(1, 2)]
    assert list(row_blocks(0, 10)) == []
