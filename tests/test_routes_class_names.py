"""Class names: what the network sees, in words, against what a text says."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.heads.fusion import length_one
from picturedesk.routes import Fold, Queries
from picturedesk.routes.class_names import CENTRE, OTHERS, ClassNameSpace, ClassNamesPlan, shares
from picturedesk.routes.route import Classes, ShareConfig
from picturedesk.testing import TinyTextEncoder
from small_routes import CLASSES, TEXT_WIDTH, make_fold, make_matcher, make_pictures, make_queries

C, S, R = 5, 8, 3


def fitted():
    fold = make_fold()
    return fold, ClassNamesPlan().fit(fold)


def test_a_picture_of_a_class_suits_a_text_that_names_it():
    vectors = np.eye(C, S, dtype=np.float32)
    space = ClassNameSpace.of(CLASSES, vectors, R + 1)
    probabilities = np.full((C, C), 0.02, dtype=np.float32) + 0.9 * np.eye(C, dtype=np.float32)
    scores = space.texts(vectors) @ space.pictures(probabilities).T
    assert scores.argmax(axis=1).tolist() == list(range(C))
    assert not space.texts(np.zeros((1, S), dtype=np.float32)).any()


def test_shares_are_roots_that_sum_to_one():
    found = shares(np.array([[0.64, 0.36, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(found, [[8 / 14, 6 / 14, 0], [0, 0, 0]], atol=1e-6)


def test_the_space_is_centred_on_the_archive():
    fold, route = fitted()
    probabilities = fold.pictures.level("probs")
    np.testing.assert_allclose(route.space.text_centre, fold.queries.features.mean(axis=0))
    expected = (shares(probabilities) @ route.space.vectors).mean(axis=0)
    np.testing.assert_allclose(route.space.picture_centre, expected, atol=1e-6)


def test_scores_are_cosines_with_the_mean_of_the_names():
    fold, route = fitted()
    pictures, space = make_pictures(matcher=fold.queries.matcher), route.space
    queries = make_queries(["a cat in the rain", "dog and sea", "boat"], fold)
    means = shares(pictures.level("probs")) @ space.vectors - space.picture_centre
    texts = length_one(queries.features - space.text_centre) @ space.basis
    found = route.ask(queries).vectors @ route.store(pictures).T
    np.testing.assert_allclose(found, texts @ length_one(means).T, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(route.store(pictures), axis=1), 1, atol=1e-6)
    assert (np.linalg.norm(route.ask(queries).vectors, axis=1) <= 1 + 1e-6).all()


def test_where_classes_have_no_words_there_is_no_such_route():
    fold = make_fold()
    assert ClassNamesPlan().fit(Fold(fold.queries, fold.pictures)) is None


def test_sentence_vectors_may_be_some_of_the_text_features():
    fold = make_fold()
    encoder = TinyTextEncoder(16)
    classes = Classes(CLASSES, encoder.encode(CLASSES), slice(4, 20), "probs")
    route = ClassNamesPlan().fit(Fold(fold.queries, fold.pictures, classes))
    queries = make_queries(["cat and dog"], fold)
    expected = route.space.texts(queries.features[:, 4:20])
    np.testing.assert_array_equal(route.ask(queries).vectors, expected)
    slopes, _ = route.text_slopes(queries, route.store(make_pictures(3)))
    assert slopes.shape == (3, TEXT_WIDTH)
    assert not np.delete(slopes, np.arange(4, 20), axis=1).any()


@pytest.mark.parametrize("most", [0, 2, 99])
def test_shares_of_classes_sum_to_the_score(most):
    fold, route = fitted()
    pictures = make_pictures(matcher=fold.queries.matcher)
    toward = route.ask(make_queries(["cat"], fold)).vectors[0]
    found = route.picture_shares(pictures, toward, ShareConfig(most=most))
    assert found.kind == "classes"
    for parts, score in zip(found.shares, route.store(pictures) @ toward, strict=True):
        assert len(parts) == min(most, C) + 2
        assert [part.name for part in parts[-2:]] == [OTHERS, CENTRE]
        assert sum(part.share for part in parts) == pytest.approx(score, abs=1e-5)
        known = sum(part.probability for part in parts[:-1])
        assert known == pytest.approx(1, abs=1e-5)
        named = [part.share for part in parts[:-2]]
        assert named == sorted(named, reverse=True)
        if most == 99:
            assert parts[-2][1:] == (0.0, 0.0)


def test_slopes_of_a_text_give_its_scores():
    fold, route = fitted()
    query = make_queries(["a cat in the rain"], fold)
    stored = route.store(make_pictures(matcher=fold.queries.matcher))
    slopes, offsets = route.text_slopes(query, stored)
    found = slopes @ query.features[0] + offsets
    np.testing.assert_allclose(found, stored @ route.ask(query).vectors[0], atol=1e-6)


def test_a_text_without_a_sentence_vector_tells_nothing():
    fold, route = fitted()
    nothing = np.zeros((1, TEXT_WIDTH), dtype=np.float32)
    query = Queries(make_matcher(), ["…"], nothing, fold.archive)
    assert not route.ask(query).vectors.any()
    slopes, offsets = route.text_slopes(query, route.store(make_pictures(3)))
    assert not slopes.any()
    assert not offsets.any()


def test_what_was_saved_is_restored():
    fold, route = fitted()
    again = ClassNamesPlan().restore(fold.queries.matcher, route.settings(), route.arrays())
    pictures, queries = make_pictures(4), make_queries(["cat sea"], fold)
    np.testing.assert_array_equal(again.store(pictures), route.store(pictures))
    np.testing.assert_array_equal(again.ask(queries).vectors, route.ask(queries).vectors)
    assert again.space.names == CLASSES
