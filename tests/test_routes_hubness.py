"""Hubness: pictures that suit everything stand out, those that suit their own text do not."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.routes import Pictures
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.hubness import HubnessPlan, hubness
from small_routes import D, make_fold, make_pictures, make_queries, unit


def fit(fold):
    return HubnessPlan().fit(replace(fold, fitted={"direct": DirectPlan().fit(fold)}))


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


def test_many_pictures_are_worked_out_in_blocks_without_a_trace(monkeypatch):
    texts, pictures = unit(40, D, 0), unit(10, D, 1)
    links = np.array([[0, 2], [5, 4], [6, 9]])
    whole = hubness(texts, pictures, 0.1, links)
    monkeypatch.setattr(sys.modules["picturedesk.routes.hubness"], "_BLOCK", 3)
    np.testing.assert_allclose(hubness(texts, pictures, 0.1, links), whole, atol=1e-6)


def test_the_route_knows_which_pictures_ran_with_which_texts():
    fold = make_fold()
    route = fit(fold)
    expected = hubness(
        fold.archive.texts, fold.pictures.vectors, route.temperature, fold.archive.links
    )
    np.testing.assert_allclose(route.store(fold.pictures)[:, 0], expected, atol=1e-6)
    free = hubness(fold.archive.texts, fold.pictures.vectors, route.temperature)
    renamed = Pictures(fold.pictures.matcher, [f"n{n}" for n in range(24)], fold.pictures.features)
    np.testing.assert_allclose(route.store(renamed)[:, 0], free, atol=1e-6)
    assert (expected < free).any()


def test_the_order_and_the_company_of_archive_pictures_change_nothing():
    fold = make_fold()
    route = fit(fold)
    whole = route.store(fold.pictures)
    rows = [7, 0, 20]
    keys = [fold.pictures.keys[row] for row in rows]
    some = Pictures(fold.pictures.matcher, keys, fold.pictures.features[rows])
    np.testing.assert_allclose(route.store(some), whole[rows], atol=1e-6)


def test_of_very_many_texts_evenly_spaced_ones_are_kept(monkeypatch):
    fold = make_fold()
    monkeypatch.setattr(sys.modules["picturedesk.routes.hubness"], "MOST_TEXTS", 10)
    route = fit(fold)
    rows = np.linspace(0, 29, 10, dtype=int)
    np.testing.assert_array_equal(route.texts, fold.archive.texts[rows])
    strangers = make_pictures(5, matcher=fold.pictures.matcher)
    some = hubness(fold.archive.texts[rows], strangers.vectors, route.temperature)
    np.testing.assert_allclose(route.store(strangers)[:, 0], some, atol=1e-6)


def test_links_of_texts_that_are_not_kept_do_no_harm(monkeypatch):
    monkeypatch.setattr(sys.modules["picturedesk.routes.hubness"], "MOST_TEXTS", 10)
    kept = np.linspace(0, 29, 10, dtype=int)
    fold = make_fold(links=np.array([[1, 0], [0, 1], [29, 2]]))
    assert 1 not in kept
    route = fit(fold)
    found = route.store(fold.pictures)[:, 0]
    free = hubness(fold.archive.texts[kept], fold.pictures.vectors, route.temperature)
    assert found[0] == pytest.approx(free[0], abs=1e-6)
    assert (found[1:3] < free[1:3]).any()


def test_it_is_taken_off_for_every_text_and_cannot_be_asked_alone():
    fold = make_fold()
    route = fit(fold)
    asked = route.ask(make_queries(["cat", "dog sea"], fold))
    assert asked.vectors.tolist() == [[-1.0], [-1.0]]
    assert not route.standalone


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(BadInput, match="the temperature and all weights are above 0"):
        HubnessPlan(temperature=0.0)


def test_without_the_routes_that_it_corrects_there_is_none():
    assert HubnessPlan().fit(make_fold()) is None


def test_the_hubness_of_a_sum_is_that_of_the_weighted_scores_together():
    fold = make_fold()
    direct = DirectPlan().fit(fold)
    fitted = {"direct": direct, "other": replace(direct, name="other")}
    plan = HubnessPlan("joint", mix=(("direct", 1.0), ("other", 0.5)))
    route = plan.fit(replace(fold, fitted=fitted))
    scores = fold.archive.texts @ fold.pictures.vectors.T  # the same for both routes
    scores[fold.archive.links[:, 0], fold.archive.links[:, 1]] = -1
    exponents = 1.5 * scores / route.temperature
    highest = exponents.max(axis=0)
    soft = route.temperature * (highest + np.log(np.exp(exponents - highest).mean(axis=0)))
    np.testing.assert_allclose(route.store(fold.pictures)[:, 0] * 1.5, soft, atol=1e-5)
    assert route.ask(fold.queries).vectors[0].tolist() == [-1.5]


def test_the_block_of_another_route_must_be_stored_before():
    fold = make_fold()
    route = replace(fit(fold), blocks=("other",))
    with pytest.raises(BadInput, match="'other' must be stored before"):
        route.store(fold.pictures)
