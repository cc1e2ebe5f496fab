"""What archive texts add to a score, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.routes.evidence import NEAR, net_shares, supporting_pairs, text_shares
from picturedesk.routes.kinds import PAPER
from picturedesk.types import RAN_WITH, SIMILAR, SIMILAR_TEXT
from small_routes import TEXTS, make_blend, make_fold, make_pictures, make_queries, make_texts

WEIGHTS = {"direct": 2.0, "transfer": 0.7}


def asked(fold, blend, seed=9):
    """One query, pictures' catalogue vectors, and their scores by the transfer route."""
    queries = make_queries(make_texts(1, seed), fold)
    vectors = blend.vectors(make_pictures())
    scores = blend.exact_scores(blend.ask(queries, WEIGHTS), vectors, None, WEIGHTS)
    return queries, vectors, scores["transfer"]


@pytest.mark.parametrize("plans", [None, PAPER], ids=["best", "paper"])
@pytest.mark.parametrize("groups", [None, np.arange(TEXTS) // 2], ids=["apart", "near-duplicates"])
def test_the_shares_of_all_texts_sum_to_what_transfer_adds(plans, groups):
    fold = make_fold(groups=groups)
    blend = make_blend(WEIGHTS, fold=fold, **({"plans": plans} if plans else {}))
    queries, vectors, scores = asked(fold, blend)
    shares = text_shares(blend, WEIGHTS, queries, vectors)
    assert len(np.unique(shares.rows)) == len(shares.rows)
    assert shares.shares.sum(axis=1) == pytest.approx(WEIGHTS["transfer"] * scores, abs=1e-5)


def test_the_shares_that_are_shown_sum_to_no_more_than_transfer_adds():
    fold = make_fold()
    blend = make_blend(WEIGHTS, fold=fold)
    counted = 0
    for seed in range(6):
        queries, vectors, scores = asked(fold, blend, seed)
        shares = text_shares(blend, WEIGHTS, queries, vectors)
        places = blend.layout.split(vectors)["fused"]
        near = queries.neighbours(NEAR)
        found = supporting_pairs(near, places, fold.archive, n=3, shares=shares)
        for pairs, score in zip(found, scores, strict=True):
            stated = [pair.share for pair in pairs if pair.share is not None]
            assert sum(stated) <= max(WEIGHTS["transfer"] * score, 0) + 1e-6
            assert stated == sorted(stated, reverse=True)
            counted += len(stated)
    assert counted > 50


def test_texts_that_speak_against_a_picture_take_from_the_others():
    assert net_shares(np.array([3.0, 1.0, -2.0])) == pytest.approx([1.5, 0.5, 0.0])
    assert net_shares(np.array([1.0, 0.0, 2.0])).tolist() == [1, 0, 2]
    assert net_shares(np.array([1.0, -2.0])).tolist() == [0, 0]
    several = net_shares(np.array([[3.0, 1.0, -2.0], [0.0, 0.0, 0.0], [-1.0, 0.5, 0.0]]))
    assert several[0] == pytest.approx([1.5, 0.5, 0.0])
    assert not several[1:].any()


def test_where_transfer_weighs_nothing_evidence_is_similar_only():
    fold = make_fold()
    blend = make_blend({"direct": 1.0}, fold=fold)
    queries, vectors, _ = asked(fold, make_blend(WEIGHTS, fold=fold))
    vectors = vectors[:, : blend.layout.width]
    assert text_shares(blend, blend.weights_of("blend"), queries, vectors) is None
    places = blend.layout.split(vectors)["fused"]
    found = supporting_pairs(queries.neighbours(NEAR), places, fold.archive)
    assert {(pair.kind, pair.share) for pairs in found for pair in pairs} == {(SIMILAR, None)}


@pytest.mark.parametrize("counts", [False, True])
def test_a_picture_that_ran_with_a_similar_text_says_so_and_is_not_like_itself(counts):
    fold = make_fold()
    blend = make_blend(WEIGHTS, fold=fold)
    text, picture = 7, 7  # ran together
    queries = make_queries([fold.queries.texts[text]], fold)
    vectors = blend.vectors(fold.pictures)[[picture]]
    shares = text_shares(blend, WEIGHTS, queries, vectors) if counts else None
    places = fold.archive.pictures[[picture]]
    pairs = supporting_pairs(
        queries.neighbours(NEAR), places, fold.archive, own=np.array([picture]), shares=shares
    )[0]
    first = pairs[0]
    assert (first.text, first.picture, first.kind) == (text, picture, RAN_WITH)
    assert first.picture_similarity is None
    assert (first.share is not None) == counts
    assert all(pair.picture != picture for pair in pairs[1:])
    assert {pair.kind for pair in pairs[1:]} <= ({SIMILAR_TEXT} if counts else {SIMILAR})
