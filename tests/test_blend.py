"""The blend: one inner product for several routes, class names, hubness, confidence."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.routes import (
    Blend,
    CatalogueSpace,
    ClassNames,
    Confidence,
    Question,
    Weights,
    hubness,
)
from picturedesk.routes.confidence import softmax

D, R, S, C = 6, 3, 8, 5
SURE = Confidence(0.5, (0.0, 1.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), 0.2, 1.5)


def unit(rows, width, seed):
    return length_one(np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32))


def names():
    random = np.random.default_rng(5)
    vectors = unit(C, S, 6)
    texts, probabilities = unit(9, S, 7), random.dirichlet(np.ones(C), size=9).astype(np.float32)
    named = ClassNames.of(("cat", "dog", "boat", "tree", "sea"), vectors, R)
    return named.centred(texts, probabilities)


def make_blend(**changes):
    weights = Weights(direct=2.0, hubs=0.5, transfer=0.3, names=0.7, words=1.5)
    blend = Blend(CatalogueSpace(D, R, hubs=True), weights, names=names(), probabilities="probs")
    return replace(blend, sentences=(0, S), confidence=SURE, **changes)


def question(seed=0):
    return Question(unit(1, D, seed)[0], unit(1, D, seed + 1)[0], unit(1, R, seed + 2)[0], 0.5)


def test_the_query_gives_the_weighed_sum_of_all_routes():
    blend, asked = make_blend(), question()
    fused, archive = unit(20, D, 3), unit(30, D, 4)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(C), size=20).astype(np.float32)
    vectors = blend.pictures(fused, probabilities, archive)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    query = blend.query(asked)
    cosines = vectors.astype(np.float64) @ (query / np.linalg.norm(query))
    expected = (
        2.0 * fused @ asked.text
        + 0.3 * fused @ asked.transfer
        + 0.7 * blend.names.pictures(probabilities) @ asked.names
        - 0.5 * hubness(archive, fused, blend.hub_temperature)
    )
    np.testing.assert_allclose(blend.space.scores(cosines, query), expected, atol=1e-5)
    np.testing.assert_allclose(blend.space.fused_of(vectors), fused, atol=1e-6)
    np.testing.assert_allclose(
        blend.space.hubness_of(vectors), hubness(archive, fused, 0.1), atol=1e-6
    )


@pytest.mark.parametrize("route", ["direct", "transfer", "names"])
def test_a_route_alone_is_its_cosine(route):
    blend, asked = make_blend(), question()
    fused, archive = unit(20, D, 3), unit(30, D, 4)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(C), size=20).astype(np.float32)
    vectors = blend.pictures(fused, probabilities, archive)
    expected = {
        "direct": fused @ asked.text,
        "transfer": fused @ asked.transfer,
        "names": blend.names.pictures(probabilities) @ asked.names,
    }[route]
    scores = vectors.astype(np.float64) @ blend.query(asked, route) * blend.space.scale
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_without_names_and_hubs_catalogue_vectors_are_fused_vectors():
    space = CatalogueSpace(D)
    fused = unit(4, D, 0)
    assert space.width == D
    np.testing.assert_array_equal(space.pictures(fused, None, None), fused)
    np.testing.assert_array_equal(space.fused_of(fused), fused)
    assert not space.hubness_of(fused).any()


def test_what_is_missing_is_said():
    blend = make_blend()
    with pytest.raises(BadInput, match="level probs is needed"):
        blend.pictures(unit(2, D, 0), None, unit(2, D, 1))
    with pytest.raises(BadInput, match="'sideways' is not known: transfer, names, words, direct"):
        blend.query(question(), "sideways")
    bare = Blend(CatalogueSpace(D, hubs=True), Weights())
    with pytest.raises(BadInput, match="'names' is not known"):
        bare.weights_of("names")


def test_saved_and_loaded_a_blend_is_the_same(tmp_path):
    for number, blend in enumerate((make_blend(), Blend(CatalogueSpace(D), Weights()))):
        blend.save(tmp_path / str(number))
        loaded = Blend.load(tmp_path / str(number))
        assert loaded.fingerprint == blend.fingerprint
        assert (loaded.weights, loaded.kernel, loaded.confidence, loaded.space) == (
            blend.weights,
            blend.kernel,
            blend.confidence,
            blend.space,
        )
        if blend.names is not None:
            assert loaded.names.names == blend.names.names
            np.testing.assert_array_equal(loaded.names.basis, blend.names.basis)


def test_weights_do_not_change_what_is_stored_and_names_do():
    blend = make_blend()
    assert replace(blend, weights=Weights()).fingerprint == blend.fingerprint
    other = replace(blend.names, picture_centre=blend.names.picture_centre + 1)
    assert replace(blend, names=other).fingerprint != blend.fingerprint


def test_hubness_is_between_mean_and_maximum_and_marks_what_suits_everything():
    texts = unit(200, D, 0)
    pictures = np.concatenate([length_one(texts.mean(axis=0)[None]), unit(50, D, 1)])
    cosines = pictures @ texts.T
    for temperature in (0.05, 0.5):
        found = hubness(texts, pictures, temperature)
        assert (found <= cosines.max(axis=1) + 1e-6).all()
        assert (found >= cosines.mean(axis=1) - 1e-6).all()
    assert hubness(texts, pictures, 5.0).argmax() == 0
    assert not hubness(texts[:0], pictures, 0.1).any()


def test_a_picture_is_no_hub_for_being_near_to_its_own_texts():
    texts, others = unit(40, D, 0), unit(30, D, 2)
    pictures = np.concatenate([texts[[3, 7]], others])
    links = np.array([[3, 0], [7, 1], [7, 2]])
    free = hubness(texts, pictures, 0.1)
    found = hubness(texts, pictures, 0.1, links)
    assert (found[:2] < free[:2] - 0.05).all()
    np.testing.assert_array_equal(found[3:], free[3:])
    without = np.delete(texts, [3], axis=0)
    expected = hubness(without, pictures[:1], 0.1)[0] + 0.1 * np.log(39 / 40)
    assert found[0] == pytest.approx(expected, abs=1e-4)


def test_links_of_texts_that_are_not_asked_do_no_harm(monkeypatch):
    texts, pictures = unit(100, D, 0), unit(4, D, 1)
    monkeypatch.setattr(sys.modules["picturedesk.routes.hubness"], "MOST_TEXTS", 10)
    free = hubness(texts, pictures, 0.1)
    np.testing.assert_array_equal(hubness(texts, pictures, 0.1, np.array([[1, 0]])), free)
    assert (hubness(texts, pictures, 0.1, np.array([[0, 0], [99, 0]])) <= free).all()


def test_of_very_many_texts_evenly_spaced_ones_are_asked(monkeypatch):
    texts, pictures = unit(1000, D, 0), unit(5, D, 1)
    some = hubness(texts[np.linspace(0, 999, 100, dtype=int)], pictures, 0.1)
    monkeypatch.setattr(sys.modules["picturedesk.routes.hubness"], "MOST_TEXTS", 100)
    np.testing.assert_array_equal(hubness(texts, pictures, 0.1), some)


def test_a_picture_of_a_class_suits_a_text_that_names_it():
    vectors = np.eye(C, S, dtype=np.float32)
    named = ClassNames.of(("cat", "dog", "boat", "tree", "sea"), vectors, R + 1)
    probabilities = np.full((C, C), 0.02, dtype=np.float32) + 0.9 * np.eye(C, dtype=np.float32)
    scores = named.texts(vectors) @ named.pictures(probabilities).T
    assert scores.argmax(axis=1).tolist() == list(range(C))
    assert named.seen(probabilities[2], 1)[0][0] == "boat"
    assert not named.texts(np.zeros((1, S), dtype=np.float32)).any()


def test_shares_sum_to_one_whatever_the_scores():
    assert softmax(np.array([1000.0, 0.0, -1000.0]), 0.1).sum() == pytest.approx(1)
    np.testing.assert_allclose(softmax(np.zeros(4), 1.0), 0.25)


def test_a_lead_over_the_others_is_confidence():
    close, clear = np.array([1.0, 0.9, 0.8] + [0.0] * 20), np.array([3.0, 0.9, 0.8] + [0.0] * 20)
    ranked = np.arange(10)
    assert SURE.of_pictures(clear, ranked)[0] > SURE.of_pictures(close, ranked)[0]
    assert SURE.of_ten(clear, 0.5) > SURE.of_ten(close, 0.5)
    assert (np.diff(SURE.of_pictures(clear, ranked)) <= 0).all()


def test_a_text_unlike_the_archive_is_not_familiar():
    assert SURE.is_familiar(0.3)
    assert not SURE.is_familiar(0.1)


def test_a_best_score_that_is_low_is_not_strong():
    assert SURE.is_strong(np.array([0.0, 2.0]))
    assert not SURE.is_strong(np.array([0.0, 1.0]))
    assert not SURE.is_strong(np.zeros(0))
