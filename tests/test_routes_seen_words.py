"""The seen-words route: words that pictures show, their probabilities, their shares, their tags."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.routes import Blend, Pictures
from picturedesk.routes.detectors import (
    areas,
    calibration,
    calibration_of_each,
    log_sigmoid,
)
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.route import ShareConfig
from picturedesk.routes.seen_words import OTHER_WORDS, SeenWordsPlan
from small_routes import make_queries
from trained_routes import (
    MOODS,
    THINGS,
    WORDS,
    make_archive,
    make_strangers,
    own_rank,
    shown_things,
)

pytest.importorskip("torch", reason="word detectors are trained with the extra 'train'")


@cache
def fitted(signal=True):
    """An archive of 240 pictures and the route that was fitted on it."""
    fold = make_archive(240, signal=signal)
    return fold, WORDS.fit(fold)


def scores(route, queries, pictures):
    return route.ask(queries).vectors @ route.store(pictures).T


def test_new_pictures_are_found_by_the_texts_that_name_what_they_show():
    fold, route = fitted()
    kinds = np.array([(one, other) for one in range(8) for other in range(one)])
    queries = make_queries([f"{THINGS[a]} {THINGS[b]}" for a, b in kinds], fold)
    found = scores(route, queries, make_strangers(fold, kinds))
    assert own_rank(found, np.stack([np.arange(28)] * 2, axis=1)) < 0.05


def test_the_tags_of_a_picture_are_what_it_shows():
    fold, route = fitted()
    shown = shown_things(60, 12)
    found = route.tags(make_strangers(fold, shown), 2)
    right = [
        {tag.word for tag in tags} == {THINGS[thing] for thing in things}
        for tags, things in zip(found, shown, strict=True)
    ]
    assert np.mean(right) > 0.85


def test_a_word_that_no_picture_shows_is_no_tag():
    fold, route = fitted()
    assert set(MOODS) <= set(route.detectors.vocabulary.words)
    for tags in route.tags(make_strangers(fold, shown_things(60, 12)), 50):
        assert not {tag.word for tag in tags} & set(MOODS)


def test_tags_are_fewer_than_most_and_only_words_that_are_likelier_than_usual():
    fold, route = fitted()
    pictures = make_strangers(fold, shown_things(30, 12))
    whole = route.tags(pictures, 50)
    usual = dict(zip(route.detectors.vocabulary.words, route.frequency, strict=True))
    for short, tags in zip(route.tags(pictures, 1), whole, strict=True):
        assert len(short) <= 1
        assert short == tags[:1]
        for tag in tags:
            assert usual[tag.word] < tag.probability <= 1
    assert route.tags(make_strangers(fold, np.zeros((0, 2), dtype=int)), 5) == []


def test_a_picture_like_no_other_is_tagged_without_a_warning():
    fold, route = fitted()
    wild = Pictures(fold.pictures.matcher, ["wild"], np.full((1, 25), -1e9, dtype=np.float32))
    assert len(route.tags(wild, 5)) == 1


def calibration_error(stated, true):
    """Mean distance of stated and observed shares over bins of what is stated."""
    edges = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.01]
    error = 0.0
    for low, high in pairwise(edges):
        within = (stated >= low) & (stated < high)
        if within.any():
            error += abs(stated[within].mean() - true[within].mean()) * within.mean()
    return error


def places_of(route, names):
    return [route.detectors.vocabulary.words.index(name) for name in names]


def test_probabilities_of_archive_pictures_come_true():
    fold, route = fitted()
    vocabulary = route.detectors.vocabulary
    true = vocabulary.shares(fold.queries.texts, fold.archive.links, len(fold.pictures))[:]
    stated = route.probabilities(fold.pictures)
    for names in (THINGS, MOODS):  # words that pictures show, and that they do not
        some = places_of(route, names)
        assert calibration_error(stated[:, some], true[:, some]) < 0.04


def test_probabilities_of_new_pictures_come_true():
    fold, route = fitted()
    shown = shown_things(500, 31)
    stated = route.probabilities(make_strangers(fold, shown))
    true = np.full(stated.shape, 1 / len(MOODS))  # of any mood
    things = np.zeros((len(shown), len(THINGS)))
    np.put_along_axis(things, shown, 1, axis=1)
    true[:, places_of(route, THINGS)] = things
    assert calibration_error(stated, true) < 0.05


def test_rows_of_the_block_have_length_one_at_most():
    fold, route = fitted()
    wild = Pictures(
        fold.pictures.matcher, ["w"], 100 * fold.pictures.features[:1].astype(np.float32)
    )
    for pictures in (fold.pictures, make_strangers(fold, shown_things(30, 9)), wild):
        stored = route.store(pictures)
        assert stored.shape == (len(pictures), route.block.width)
        assert stored.dtype == np.float32
        assert np.linalg.norm(stored, axis=1).max() <= 1 + 1e-6
    assert route.block.width == WORDS.width


def test_scores_are_sums_of_log_probabilities_where_all_directions_are_kept():
    fold = make_archive(120)
    route = replace(WORDS, width=99).fit(fold)
    pictures = make_strangers(fold, shown_things(20, 5))
    queries = make_queries(["cat", "cat sea", "sea sea cat"], fold)
    logs = log_sigmoid(route.detectors.logits(pictures)) - route.usual
    names = route.detectors.vocabulary.words
    cat, sea = (logs[:, names.index(word)] for word in ("cat", "sea"))
    found = scores(route, queries, pictures) / route.scale
    shortened = np.linalg.norm(route.store(pictures), axis=1) >= 1 - 1e-6
    expected = np.stack([cat, (cat + sea) / 2**0.5, (cat + sea) / 2**0.5])
    np.testing.assert_allclose(found[:, ~shortened], expected[:, ~shortened], atol=1e-3)


def test_an_archive_picture_is_read_by_the_member_that_did_not_learn_from_it_alone():
    fold, route = fitted()
    whole = route.detectors.logits(fold.pictures)
    for part in range(3):
        others = tuple(
            network if number == part else replace(network, biases=_moved(network.biases))
            for number, network in enumerate(route.detectors.networks)
        )
        changed = replace(route.detectors, networks=others).logits(fold.pictures)
        same = (changed == whole).all(axis=1)
        np.testing.assert_array_equal(same, route.detectors.members.parts == part)


def _moved(biases):
    return tuple(bias + np.float32(1) for bias in biases)


def test_pairs_that_have_nothing_in_common_do_not_score_above_chance():
    fold, route = fitted(signal=False)
    links = fold.archive.links
    assert own_rank(scores(route, fold.queries, fold.pictures), links) > 0.45
    renamed = Pictures(fold.pictures.matcher, [f"n{n}" for n in range(240)], fold.pictures.features)
    assert own_rank(scores(route, fold.queries, renamed), links) < 0.4  # learned by heart


def test_words_that_cannot_be_told_are_no_tags():
    fold, route = fitted(signal=False)
    found = route.tags(make_strangers(fold, shown_things(60, 12)), 50)
    assert np.mean([len(tags) for tags in found]) < 0.5


@pytest.mark.parametrize("most", [0, 1, 3, 99])
def test_shares_of_words_sum_to_the_score(most):
    fold, route = fitted()
    toward = route.ask(make_queries(["dog boat late"], fold)).vectors[0]
    for pictures in (fold.pictures, make_strangers(fold, shown_things(9, 4))):
        found = route.picture_shares(pictures, toward, ShareConfig(most=most))
        assert found.kind == "seen words"
        for shares, score in zip(found.shares, route.store(pictures) @ toward, strict=True):
            assert len(shares) == min(most, len(route.usual)) + 1
            assert shares[-1].name == OTHER_WORDS
            assert shares[-1].probability is None
            assert sum(share.share for share in shares) == pytest.approx(score, abs=1e-5)
            assert all(0 <= share.probability <= 1 for share in shares[:-1])


def test_the_largest_shares_are_those_of_the_words_that_text_and_picture_share():
    fold, route = fitted()
    pictures = make_strangers(fold, [(0, 4)])
    toward = route.ask(make_queries(["cat sea"], fold)).vectors[0]
    shares = route.picture_shares(pictures, toward, ShareConfig(most=2)).shares[0]
    assert {share.name for share in shares[:2]} == {"cat", "sea"}
    assert all(share.probability > 0.3 for share in shares[:2])


def test_a_text_without_a_word_of_the_vocabulary_scores_nothing():
    fold, route = fitted()
    assert not route.ask(make_queries(["zebra"], fold)).vectors.any()
    assert route.text_slopes(make_queries(["cat"], fold), route.store(fold.pictures)) is None


def test_what_was_saved_scores_tags_and_fingerprints_alike(tmp_path):
    fold, route = fitted()
    blend = Blend(fold.pictures.matcher, (DirectPlan().fit(fold), route), {"seen_words": 1.0})
    blend.save(tmp_path / "blend")
    again = Blend.load(tmp_path / "blend", fold.pictures.matcher)
    assert again.fingerprint == blend.fingerprint
    queries = make_queries(["cat sea", "hill late"], fold)
    for pictures in (fold.pictures, make_strangers(fold, shown_things(9, 3))):
        np.testing.assert_array_equal(again.vectors(pictures), blend.vectors(pictures))
        assert again.routes[1].tags(pictures, 5) == route.tags(pictures, 5)
    found = again.ask(queries).rows["seen_words"].vectors
    np.testing.assert_array_equal(found, blend.ask(queries).rows["seen_words"].vectors)


def test_a_small_archive_and_one_without_common_words_have_no_detectors():
    fold = make_archive(60)
    assert replace(WORDS, fewest_pictures=61).fit(fold) is None
    assert replace(WORDS, fewest=61).fit(fold) is None
    assert replace(WORDS, fewest_pictures=1, fewest=1).fit(make_archive(2, twice=False)) is None


def test_without_torch_there_are_no_detectors(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert WORDS.fit(make_archive(60)) is None


def test_one_member_and_no_width_are_refused():
    for wrong in ({"members": 1}, {"width": 0}):
        with pytest.raises(BadInput, match="at least 2 members and a width of 1"):
            SeenWordsPlan(**wrong)


def test_calibration_finds_the_curve_that_was_planted():
    random = np.random.default_rng(0)
    logits = random.normal(size=(400, 50)).astype(np.float32)
    shares = (random.random(logits.shape) < 1 / (1 + np.exp(1 - 2 * logits))).astype(np.float32)
    assert calibration(logits, shares) == pytest.approx((-1.0, 2.0), abs=0.06)


def test_calibration_of_each_word_finds_the_curves_that_were_planted():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 3)).astype(np.float32)
    planted = np.array([[0.5, -1.0, 0.0], [1.5, 0.7, -2.0]])
    chance = 1 / (1 + np.exp(-planted[0] - planted[1] * logits))
    shares = (random.random(logits.shape) < chance).astype(np.float32)
    offsets, slopes = calibration_of_each(logits, shares)
    np.testing.assert_allclose(offsets, planted[0], atol=0.12)
    np.testing.assert_allclose(slopes, [1.5, 0.7, 0.0], atol=0.12)  # none falls


def test_calibration_of_a_word_with_few_examples_changes_little():
    logits = np.linspace(-3, 3, 6, dtype=np.float32)[:, None]
    offsets, slopes = calibration_of_each(logits, (logits > 0).astype(np.float32))
    assert offsets == pytest.approx(0, abs=0.3)
    assert slopes == pytest.approx(1, abs=0.3)
    extreme = np.full((5, 1), 1e4, dtype=np.float32)
    found = calibration_of_each(extreme, np.zeros((5, 1), dtype=np.float32))
    assert np.isfinite(found).all()


def test_areas_are_the_shares_of_pairs_in_the_right_order():
    random = np.random.default_rng(0)
    values = np.round(random.normal(size=(30, 4)), 1).astype(np.float32)  # with ties
    right = random.random(values.shape) < 0.4
    right[:, 3] = False
    for column, found in enumerate(areas(values, right)):
        hits, others = values[right[:, column], column], values[~right[:, column], column]
        if len(hits):
            order = np.sign(hits[:, None] - others[None]) / 2 + 0.5
            assert found == pytest.approx(order.mean(), abs=1e-6)
        else:
            assert found == 0.5
