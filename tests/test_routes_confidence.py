"""Pools and confidence: shares of the whole catalogue, and what is said of suggestions."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from confidences import CURVE, SURE, USUAL, whole
from picturedesk.disk.artifacts import plain
from picturedesk.routes import Confidence, Pool
from picturedesk.routes.confidence import (
    FAIR,
    KINKS,
    SIGNALS,
    STRONG,
    WEAK,
    Calibration,
    Curve,
    Usual,
    curve_features,
    logit,
    signals_of,
    standardised,
)

LEVELS = (WEAK, FAIR, STRONG)


def softmax(scores, temperature):
    exponents = np.exp((scores - scores.max()) / temperature)
    return exponents / exponents.sum()


def judge(pool, scores, confidence=SURE, **changes):
    """What is said of these scores for a usual text."""
    scores = np.asarray(scores, dtype=np.float64)
    usual = {"matches": np.full(len(scores), 4.0), "nearest": 0.6, "known": 0.9, "words": 50}
    return confidence.judge(pool, scores, **(usual | changes))


def test_shares_sum_to_one_whatever_the_scores():
    extreme = np.array([1000.0, 0.0, -1000.0])
    assert whole(extreme).shares(extreme, 0.1).sum() == pytest.approx(1)
    np.testing.assert_allclose(whole(np.zeros(4)).shares(np.zeros(4), 1.0), 0.25)
    assert whole([]).shares(np.empty(0), 1.0).shape == (0,)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_shares_of_a_whole_pool_are_a_softmax(temperature):
    scores = np.random.default_rng(0).normal(size=300)
    found = whole(scores).shares(scores, temperature)
    np.testing.assert_allclose(found, softmax(scores, temperature))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 10.0])
def test_a_sample_stands_for_the_rest(temperature):
    scores = np.sort(np.random.default_rng(0).normal(size=20_000))[::-1]
    sample = np.random.default_rng(1).permutation(scores[200:])[:512]
    pool = Pool.of(scores[:200], sample, len(scores))
    expected = softmax(scores, temperature)[:200]
    np.testing.assert_allclose(pool.shares(scores[:200], temperature), expected, rtol=0.1)
    deep = scores[[200, 2_000, 10_000]]
    np.testing.assert_allclose(pool.ranks(deep), [200, 2_000, 10_000], rtol=0.15, atol=100)


def test_a_sample_of_all_others_is_exact_and_may_score_higher():
    scores = np.array([1.0, 0.5, 3.0, 2.0])
    pool = Pool.of(scores[:2], scores[2:], 4)
    np.testing.assert_allclose(pool.shares(scores, 0.3), softmax(scores, 0.3))
    assert pool.ranks(scores).tolist() == [2, 3, 0, 1]


def test_a_rank_counts_the_entries_that_score_higher():
    pool = whole([5.0, 3.0, 3.0, 1.0])
    assert pool.ranks(np.array([5.0, 3.0, 1.0, 4.0, 9.0, -9.0])).tolist() == [0, 1, 3, 1, 0, 4]
    assert whole([1.0, 5.0, 3.0, 3.0]).ranks(np.array([3.0])).tolist() == [1]


def test_a_catalogue_that_is_smaller_than_the_archive_is_filled_up_with_usual_scores():
    scores, usual = np.array([2.0, 1.5]), np.linspace(-1, 1, 5)
    pool = whole(scores).beside(usual, 52)
    everything = np.concatenate([scores, np.repeat(usual, 10)])
    np.testing.assert_allclose(pool.shares(everything, 0.5), softmax(everything, 0.5))
    assert pool.ranks(np.array([2.0, 1.5, 0.75, -2.0])).tolist() == [0, 1, 12, 52]


@pytest.mark.parametrize("entries", [0, 3, 4])
def test_a_catalogue_of_the_archives_size_stays_as_it_is(entries):
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    pool = whole(scores).beside(np.linspace(-1, 9, 5), entries)
    np.testing.assert_allclose(pool.shares(scores, 0.5), softmax(scores, 0.5))
    assert pool.ranks(scores).tolist() == [0, 1, 2, 3]


def test_what_the_curve_weighs_is_worked_out_by_hand():
    scores = np.array([2.0, 1.0, 0.5])
    pool = Pool.of(scores, np.array([0.0, 0.7]), 40)
    values = np.array([2.0, 0.5])
    found = curve_features(pool, values, (0.5, 1.0))
    logits = [logit(pool.shares(values, temperature)) for temperature in (0.5, 1.0)]
    for place, (row, rank) in enumerate(zip(found, (0.0, 2 + 37 / 2), strict=True)):
        depth = np.log1p(rank)
        ends = [0.0, *np.log1p(KINKS), np.inf]
        steps = [min(max(depth, low), high) - low for low, high in pairwise(ends)]
        assert sum(steps) == pytest.approx(depth)
        expected = [*(each[place] for each in logits), *steps, float(rank == 0)]
        assert row == pytest.approx(expected)


def test_the_chance_is_a_logistic_curve_of_what_is_weighed():
    scores = np.random.default_rng(0).normal(size=30)
    curve = Curve((0.5, 1.0), (-1.0, *np.linspace(0.1, 0.7, 7)), 1.0)
    pool = whole(scores)
    sums = -1 + curve_features(pool, scores, (0.5, 1.0)) @ np.linspace(0.1, 0.7, 7)
    np.testing.assert_allclose(curve.chances(pool, scores), 1 / (1 + np.exp(-sums)))
    np.testing.assert_allclose(CURVE.chances(pool, scores), softmax(scores, 0.5), atol=1e-6)


@pytest.mark.parametrize(("exclusive", "expected"), [(1.0, 0.8), (0.0, 0.65), (0.5, 0.725)])
def test_chances_of_several_pictures_add_up_where_only_one_is_right(exclusive, expected):
    chances = np.array([0.5, 0.3])
    assert replace(CURVE, exclusive=exclusive).together(chances) == pytest.approx(expected)
    assert replace(CURVE, exclusive=exclusive).together(np.full(9, 0.9)) <= 1


def test_pictures_together_are_never_less_likely_than_the_best_of_them():
    wary = replace(CURVE, joint=(-5.0, 1.0))
    assert wary.together(np.array([0.5, 0.3])) == 0.5
    assert wary.together(np.array([0.5])) == 0.5
    assert wary.together(np.empty(0)) == 0.0


@pytest.mark.parametrize("exclusive", [0.0, 0.4, 1.0])
def test_more_pictures_shown_are_more_likely_to_have_the_right_one(exclusive):
    curve = replace(CURVE, exclusive=exclusive)
    confidence = replace(SURE, texts=replace(SURE.texts, curve=curve))
    scores = np.sort(np.random.default_rng(0).normal(size=300))[::-1]
    found = [judge(whole(scores), scores[:k], confidence).found for k in (1, 2, 5, 10, 100)]
    assert found == sorted(set(found))
    alone = judge(whole(scores), scores[:1], confidence).chances[0]
    assert found[0] == pytest.approx(alone)


def test_what_a_filter_takes_away_lowers_the_sum_and_nothing_else():
    scores = np.sort(np.random.default_rng(0).normal(size=300))[::-1]
    kept = np.arange(0, 30, 3)
    every, some = judge(whole(scores), scores[:10]), judge(whole(scores), scores[kept])
    np.testing.assert_array_equal(some.chances[:4], every.chances[::3])
    assert some.found < every.found


def test_a_lead_over_the_others_is_confidence():
    close, clear = ([lead, 0.9, 0.8] + [0.0] * 20 for lead in (1.0, 3.0))
    surer, less = judge(whole(clear), clear[:10]), judge(whole(close), close[:10])
    assert surer.chances[0] > less.chances[0]
    assert surer.found > less.found
    assert (np.diff(surer.chances) <= 0).all()


def test_the_best_of_three_pictures_is_not_sure_for_that():
    among_many = replace(SURE, entries=1000)
    nonsense = np.array([0.3, 0.1, -0.2])
    alone, beside = (judge(whole(nonsense), nonsense, known) for known in (SURE, among_many))
    assert alone.found > 0.99
    assert beside.found < 0.02
    assert beside.chances.max() < 0.01


def test_pictures_of_a_small_catalogue_that_stand_out_are_trusted():
    scores = np.array([6.0, 0.1, -0.2])
    assert judge(whole(scores), scores, replace(SURE, entries=1000)).chances[0] > 0.9


def test_a_better_match_has_no_lower_level():
    matches = np.linspace(-3, 5, 81)
    found = judge(whole(matches), matches, matches=matches).matches
    order = [LEVELS.index(level) for level in found]
    assert order == sorted(order)
    assert set(found) == set(LEVELS)
    assert [SURE.texts.level(match) for match in (0.99, 1.0, 1.99, 2.0)] == [
        WEAK,
        FAIR,
        FAIR,
        STRONG,
    ]


def test_a_match_is_told_in_deviations_from_other_texts():
    references = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
    found = standardised(np.array([4.0, 2.0]), references)
    assert found == pytest.approx([2 / np.sqrt(8 / 3), 0.0])
    assert standardised(np.array([1.0]), np.ones((3, 1))).tolist() == [0.0]


def test_a_usual_text_is_not_doubted():
    said = judge(whole([2.0, 0.0]), [2.0])
    assert (said.doubt, said.unusual < 0) == ("", True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scores": [-5.0]}, "even the best of these pictures suits the text less"),
        ({"nearest": -0.5}, "the archive has no similar text"),
        ({"known": 0.0}, "the archive knows few words of this text"),
    ],
)
def test_a_doubt_names_what_is_most_unusual(changes, reason):
    said = judge(whole([2.0, 0.0]), **({"scores": [2.0]} | changes))
    assert said.unusual > 0
    assert said.doubt.startswith(reason)


def test_chances_shrink_with_how_unusual_a_text_is():
    usual = judge(whole([2.0, 0.0]), [2.0])
    few = [judge(whole([2.0, 0.0]), [2.0], known=known) for known in (0.3, 0.15, 0.0)]
    for said in few:
        assert said.unusual > 0
        assert said.chances[0] == pytest.approx(usual.chances[0] * np.exp(-said.unusual))
        assert said.found == pytest.approx(usual.found * np.exp(-said.unusual))
    assert few[0].found > few[1].found > few[2].found
    near = judge(whole([2.0, 0.0]), [2.0], nearest=0.41)
    assert (near.found, near.doubt) == (usual.found, "")


def test_several_signals_that_are_somewhat_low_make_a_doubt_together():
    low = {"scores": [1.05], "nearest": 0.41, "known": 0.61}
    usual = {"scores": [2.0]}
    together = judge(whole([2.0, 0.0]), **low)
    assert together.doubt
    for name, value in low.items():
        assert not judge(whole([2.0, 0.0]), **(usual | {name: value})).doubt


def test_a_surprise_is_the_weighted_log_share_of_values_that_are_as_low():
    known, weights = Usual(((0.0, 1.0, 2.0, 3.0),) * len(SIGNALS), 0.0, 100), np.array(SIGNALS)

    def surprise(value):
        return known.surprise(np.full(len(SIGNALS), value))

    for value, share in ((3.0, 1.0), (1.5, 0.6), (0.0, 0.4)):
        assert surprise(value) == pytest.approx(weights * np.log(share))
    # 3 below the lowest, from which the median is 1.5 away
    assert surprise(-3.0) == pytest.approx(weights * (np.log(0.2) - 3 / 1.5))
    assert (surprise(-4.0) < surprise(-3.0)).all()


def test_few_known_texts_make_no_small_p_value():
    quantiles = (tuple(np.linspace(0, 1, 101)),) * len(SIGNALS)
    few, many = Usual(quantiles, 0.0, 9), Usual(quantiles, 0.0, 1000)
    lowest = np.zeros(len(SIGNALS))
    assert few.surprise(lowest) == pytest.approx(np.array(SIGNALS) * np.log(1 / 10))
    assert many.surprise(lowest) == pytest.approx(np.array(SIGNALS) * np.log(2 / 102))


def test_signals_are_of_the_best_picture():
    assert signals_of(np.array([1.0, 3.0, 2.0]), 0.6, 0.9).tolist() == [3.0, 0.6, 0.9]


def test_a_query_of_few_words_has_a_calibration_of_its_own():
    few = replace(SURE.texts, curve=replace(CURVE, weights=(-3.0, *CURVE.weights[1:])))
    both = replace(SURE, short=few)
    scores = np.array([3.0, 2.0, 1.0])
    found = {words: judge(whole(scores), scores, both, words=words).found for words in (1, 3, 4)}
    assert found[1] == found[3] < found[4]
    assert found[4] == judge(whole(scores), scores, SURE, words=1).found


def test_json_gives_the_same_confidence_back():
    unlimited = replace(USUAL, limit=float("-inf"))
    short = Calibration(CURVE, unlimited, fair=0.5, strong=0.75)
    for known in (SURE, replace(SURE, short=short, captions=False)):
        assert Confidence.from_json(json.loads(json.dumps(plain(known)))) == known
