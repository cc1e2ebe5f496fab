"""Calibration: on scores whose chances are known, and on queries whose pictures are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from confidences import judged, known_cases, known_scores, posterior
from picturedesk.learning.calibration import BEST, FALSE_DOUBT, SAMPLE, calibrate, case_of
from picturedesk.learning.known_queries import ShortQueries
from picturedesk.measuring.reliability import reliability
from picturedesk.routes.confidence import Pool
from picturedesk.texts.splitting import sentences_of
from picturedesk.texts.words import words
from small_pairs import make_pairs

FITTED = 1000  # queries that are calibrated on
ASKED = 1000  # queries that are asked then
OWN_NOISE = 0.01  # of the calibration, which is fitted on a sample, too


@pytest.fixture(scope="module")
def cases():
    return known_cases(*known_scores(FITTED, seed=0))


@pytest.fixture(scope="module")
def confidence(cases):
    return calibrate(cases)


@pytest.fixture(scope="module")
def answers(confidence):
    """What is said of other queries, which pictures are right (Q, 10), and exact chances."""
    # A doubt lowers chances, whatever it comes from; here it comes from chance alone.
    scores, right = known_scores(ASKED, seed=1)
    best = np.argsort(-scores, axis=1)[:, :10]
    said = [judged(confidence, case) for case in known_cases(scores, right)]
    exact = np.stack([posterior(row)[places] for row, places in zip(scores, best, strict=True)])
    return said, best == right[:, None], exact


def without_doubt(answers):
    said, right, exact = answers
    usual = np.array([not one.doubt for one in said])
    assert usual.mean() > 0.9
    return [one for one in said if not one.doubt], right[usual], exact[usual]


def test_stated_chances_are_what_happens(answers):
    said, right, _ = without_doubt(answers)
    first = reliability(np.array([one.chances[0] for one in said]), right[:, 0])
    ten = reliability(np.array([one.found for one in said]), right.any(axis=1))
    assert first.ece < first.noise_high + OWN_NOISE
    assert ten.ece < ten.noise_high + OWN_NOISE
    assert first.auc > 0.7


def test_stated_chances_are_the_exact_ones(answers):
    said, _, exact = without_doubt(answers)
    first = np.array([one.chances[0] for one in said])
    ten = np.array([one.found for one in said])
    assert np.abs(first - exact[:, 0]).mean() < 0.03
    assert np.abs(ten - exact.sum(axis=1)).mean() < 0.03


def test_doubt_is_rare_where_the_picture_was_found(cases, confidence):
    found = [case for case in cases if case.found]
    doubted = np.mean([bool(judged(confidence, case).doubt) for case in found])
    assert FALSE_DOUBT / 2 < doubted <= FALSE_DOUBT + 1 / len(found)


def test_doubt_is_as_rare_for_new_queries_whose_picture_was_found(answers):
    said, right, _ = answers
    doubted = np.array([bool(one.doubt) for one in said])[right.any(axis=1)]
    noise = np.sqrt(FALSE_DOUBT * (1 - FALSE_DOUBT) / len(doubted))
    assert doubted.mean() < FALSE_DOUBT + 3 * noise


def test_scores_unlike_all_that_were_known_are_doubted(cases, confidence):
    case = next(case for case in cases if case.found)
    low = case.pool.scores[:10] - 8
    nearest, known = case.signals[1:]
    said = confidence.judge(case.pool, low, case.matches, nearest, known, 50)
    assert said.doubt.startswith("even the best")


def test_levels_of_matches_are_those_of_right_pictures(cases, confidence):
    right = np.concatenate([c.matches[c.right[: len(c.matches)]] for c in cases if c.found])
    level = [confidence.texts.level(match) for match in right]
    assert level.count("weak") / len(level) == pytest.approx(0.1, abs=0.01)
    assert level.count("strong") / len(level) == pytest.approx(0.5, abs=0.01)


def test_too_few_queries_give_no_confidence(cases):
    assert calibrate(cases[:40]) is None
    assert calibrate([case for case in cases if not case.found][:200]) is None
    assert calibrate([]) is None


def test_queries_of_few_words_are_calibrated_by_themselves(cases):
    some = cases[:60]
    easier = known_cases(*known_scores(60, seed=2, count=40))
    both, alone = calibrate(some, easier, short_below=7), calibrate(some, easier[:40])
    assert (both.texts, both.short_below) == (alone.texts, 7)
    assert both.short is not None
    assert both.short.curve != both.texts.curve
    assert alone.short is None


def test_what_is_always_right_or_never_is_calibrated_too():
    scores = np.concatenate([[9.0], np.zeros(40)])
    sure = known_cases(np.tile(scores, (60, 1)), np.zeros(60, dtype=int))
    assert judged(calibrate(sure), sure[5]).chances[0] > 0.9
    mixed = known_cases(np.tile(scores, (60, 1)), np.where(np.arange(60) < 30, 40, 5))
    assert judged(calibrate(mixed), mixed[0]).chances[0] < 0.1


def test_equal_seeds_give_equal_confidences(cases):
    assert calibrate(cases[:60], seed=1) == calibrate(cases[:60], seed=1)


def test_usual_scores_are_the_mean_quantiles_of_known_queries(cases, confidence):
    scores = known_scores(FITTED, seed=0)[0]
    ranks = (np.arange(len(confidence.usual)) + 0.5) / len(confidence.usual)
    expected = np.quantile(scores, ranks, axis=1).mean(axis=1)
    np.testing.assert_allclose(confidence.usual, expected, atol=0.1)
    assert confidence.entries == scores.shape[1]


def test_a_case_keeps_the_best_scores_a_sample_and_all_right_ones():
    scores = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    order = np.argsort(-scores)
    right = np.zeros(5000, dtype=bool)
    right[order[[3, 250, 4000]]] = True
    case = case_of(scores, right, np.zeros(10), np.zeros(4), np.random.default_rng(0))
    np.testing.assert_allclose(case.pool.scores, scores[order[:BEST]])
    assert np.flatnonzero(case.right).tolist() == [3]
    np.testing.assert_allclose(np.sort(case.deep), np.sort(scores[order[[250, 4000]]]))
    assert (len(case.pool.others), case.pool.total, case.found) == (SAMPLE, 5000, True)
    wrong = set(scores[order[BEST:]].astype(np.float64)) - set(case.deep)
    assert set(case.pool.others) <= wrong


def short_queries(pairs, seed=0):
    shorts = ShortQueries(pairs)
    queries, relevant = shorts.of(np.arange(len(pairs.texts)), seed)
    assert len(queries) > 20
    return shorts, queries, relevant


def make_archive():
    """Texts of three sentences; every fourth ran with the next one's picture too."""
    pairs = make_pairs(texts=120)
    random = np.random.default_rng(5)
    stock = [f"w{chr(97 + n // 20)}{chr(97 + n % 20)}" for n in range(300)]

    def sentence(length):
        return " ".join(random.choice(stock, length)).capitalize() + "."

    texts = [f"{sentence(3)} {sentence(7)} {sentence(8)}" for _ in pairs.texts]
    rows = np.arange(len(texts))
    more = np.stack([rows[::4], (rows[::4] + 1) % len(texts)], axis=1)
    return replace(pairs, texts=tuple(texts), links=np.concatenate([pairs.links, more]))


def test_pictures_suit_a_short_query_if_they_ran_with_a_text_that_holds_its_words():
    pairs = make_archive()
    held = [set(words(text)) for text in pairs.texts]
    _, queries, relevant = short_queries(pairs)
    for place, query in enumerate(queries):
        wanted = set(words(query))
        expected = {int(picture) for text, picture in pairs.links if wanted <= held[text]}
        assert set(relevant[relevant[:, 0] == place, 1].tolist()) == expected
        assert expected


def test_short_queries_are_telling_words_or_a_first_sentence():
    pairs = make_archive()
    shorts, queries, _ = short_queries(pairs)
    first = {next(iter(sentences_of(text))) for text in pairs.texts}
    holders = [set(words(text)) for text in pairs.texts]
    lengths = set()
    for query in queries:
        own = words(query)
        assert len(set(own)) < shorts.below
        if query in first:
            continue
        lengths.add(len(own))
        for word in own:
            count = sum(word in text for text in holders)
            assert 1 < count <= 0.1 * len(pairs.texts)
    assert lengths == {1, 2, 3}
    assert first & set(queries)


def test_short_queries_come_from_the_chosen_texts_alone():
    pairs = make_archive()
    shorts = ShortQueries(pairs)
    chosen = np.arange(10)
    known = {word for row in chosen for word in words(pairs.texts[row])}
    queries, relevant = shorts.of(chosen, 0)
    assert queries
    assert {word for query in queries for word in words(query)} <= known
    assert relevant[:, 0].max() == len(queries) - 1
    assert shorts.of(np.empty(0, dtype=np.int64), 0)[0] == []


def test_equal_seeds_give_equal_short_queries():
    pairs = make_archive()
    one, other, another = (short_queries(pairs, seed)[1] for seed in (3, 3, 4))
    assert one == other != another


@pytest.mark.parametrize("seed", range(4))
def test_a_better_score_never_has_a_lower_chance(seed):
    few = calibrate(known_cases(*known_scores(60, seed=seed)))
    scores = np.sort(np.random.default_rng(seed).normal(size=300))[::-1]
    chances = few.texts.curve.chances(Pool.of(scores, scores[:0], len(scores)), scores)
    assert (np.diff(chances) <= 1e-12).all()
