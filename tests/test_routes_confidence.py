"""Pools and confidence: shares of a softmax, and the probabilities that are read off them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.disk.artifacts import plain
from picturedesk.routes import Confidence, Pool
from picturedesk.routes.confidence import TEN, picture_features, ten_features

SURE = Confidence(0.5, (0.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), 0.2, 1.5)


def softmax(scores, temperature):
    exponents = np.exp((scores - scores.max()) / temperature)
    return exponents / exponents.sum()


def test_shares_sum_to_one_whatever_the_scores():
    extreme = Pool.whole(np.array([1000.0, 0.0, -1000.0]))
    assert extreme.shares(0.1).sum() == pytest.approx(1)
    np.testing.assert_allclose(Pool.whole(np.zeros(4)).shares(1.0), 0.25)
    assert Pool.whole(np.empty(0)).shares(1.0).shape == (0,)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_shares_of_a_whole_pool_are_a_softmax(temperature):
    scores = np.random.default_rng(0).normal(size=300)
    found = Pool.whole(scores).shares(temperature)
    np.testing.assert_allclose(found, softmax(scores, temperature))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_a_background_stands_for_the_rest(temperature):
    scores = np.sort(np.random.default_rng(0).normal(size=20_000))[::-1]
    sample = np.random.default_rng(1).permutation(scores[200:])[:512]
    found = Pool(scores[:200], sample, len(scores)).shares(temperature)
    expected = softmax(scores, temperature)[:200]
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_a_background_of_all_others_is_exact_and_may_score_higher():
    scores = np.array([1.0, 0.5, 3.0, 2.0])
    found = Pool(scores[:2], scores[2:], 4).shares(0.3)
    np.testing.assert_allclose(found, softmax(scores, 0.3)[:2])


def test_a_lead_over_the_others_is_confidence():
    close, clear = (Pool.whole(np.array([lead, 0.9, 0.8] + [0.0] * 20)) for lead in (1.0, 3.0))
    ranked = np.arange(10)
    assert SURE.of_pictures(clear, ranked)[0] > SURE.of_pictures(close, ranked)[0]
    assert SURE.of_ten(clear, 0.5) > SURE.of_ten(close, 0.5)
    assert (np.diff(SURE.of_pictures(clear, ranked)) <= 0).all()


def test_what_is_weighed_is_worked_out_by_hand():
    scores = np.array([2.0, 1.0, 0.5, 0.0])
    pool = Pool(scores[:3], scores[3:], 40)
    shares = pool.shares(0.5)
    found = picture_features(pool, np.array([0, 2]), 0.5)
    for rank, (row, place) in enumerate(zip(found, (0, 2), strict=True), start=1):
        share = shares[place]
        assert row == pytest.approx([np.log(share / (1 - share)), np.log(40), np.log(rank)])
    ten = ten_features(pool, 0.7, 0.5)
    first = shares[:TEN].sum()
    assert ten == pytest.approx([np.log(first / (1 - first)), np.log(40), 0.7])


def test_ten_are_the_best_ten_in_whatever_order_they_come():
    scores = np.random.default_rng(0).normal(size=50)
    one, other = Pool.whole(scores), Pool.whole(scores[::-1])
    assert SURE.of_ten(one, 0.5) == pytest.approx(SURE.of_ten(other, 0.5))
    best = softmax(scores, 0.5)[np.argsort(-scores)[:10]].sum()
    assert SURE.of_ten(one, 0.5) == pytest.approx(best)


def test_more_entries_make_less_sure_where_the_curve_says_so():
    wary = replace(SURE, picture=(0.0, 1.0, -0.5, 0.0))
    scores = np.array([3.0, 1.0, 0.0])
    few, many = Pool.whole(scores), Pool(scores, np.empty(0), 1000)
    ranked = np.array([0])
    assert wary.of_pictures(many, ranked)[0] < wary.of_pictures(few, ranked)[0]


def test_a_text_unlike_the_archive_is_not_familiar():
    assert SURE.is_familiar(0.3)
    assert not SURE.is_familiar(0.1)


def test_a_best_score_that_is_low_is_not_strong():
    assert SURE.is_strong(Pool.whole(np.array([0.0, 2.0])))
    assert not SURE.is_strong(Pool.whole(np.array([0.0, 1.0])))
    assert not SURE.is_strong(Pool.whole(np.zeros(0)))


def test_json_gives_the_same_confidence_back():
    for known in (SURE, replace(SURE, weakest=float("-inf"))):
        assert Confidence.from_json(json.loads(json.dumps(plain(known)))) == known
