"""The towers route: cosines of trained towers, explained, saved, fair to archive pictures."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.routes import Blend, Pictures, Queries
from picturedesk.routes.direct import ALWAYS, NOT_ATTRIBUTED, DirectPlan
from picturedesk.routes.route import ShareConfig
from picturedesk.routes.towers import TowersPlan
from small_routes import make_queries
from trained_routes import (
    THINGS,
    TOWERS,
    make_archive,
    make_strangers,
    own_rank,
    shown_things,
)

pytest.importorskip("torch", reason="towers are trained with the extra 'train'")


@cache
def fitted(signal=True):
    """An archive of 160 pictures and the route that was fitted on it."""
    fold = make_archive(signal=signal)
    return fold, TOWERS.fit(fold)


def scores(route, queries, pictures):
    return route.ask(queries).vectors @ route.store(pictures).T


def test_new_pictures_are_found_by_the_texts_that_name_what_they_show():
    fold, route = fitted()
    kinds = np.array([(one, other) for one in range(8) for other in range(one)])
    queries = make_queries([f"{THINGS[a]} {THINGS[b]}" for a, b in kinds], fold)
    found = scores(route, queries, make_strangers(fold, kinds))
    assert own_rank(found, np.stack([np.arange(28)] * 2, axis=1)) < 0.05


def test_rows_of_the_block_have_length_one_at_most():
    fold, route = fitted()
    for pictures in (fold.pictures, make_strangers(fold, shown_things(30, 9))):
        stored = route.store(pictures)
        assert stored.shape == (len(pictures), route.block.width)
        assert stored.dtype == np.float32
        assert np.linalg.norm(stored, axis=1).max() <= 1 + 1e-6
        assert np.linalg.norm(stored, axis=1).min() > 0


def test_an_archive_picture_is_placed_by_the_member_that_did_not_learn_from_it_alone():
    fold, route = fitted()
    stored = np.stack(np.split(route.store(fold.pictures), 3, axis=1))  # (K, P, D)
    used = stored.any(axis=2)
    assert (used.sum(axis=0) == 1).all()
    np.testing.assert_array_equal(used.argmax(axis=0), route.members.parts)
    lengths = np.linalg.norm(stored, axis=2).max(axis=0)
    np.testing.assert_allclose(lengths, route.alone, atol=1e-5)
    assert 3**-0.5 - 1e-6 <= route.alone <= 1


def test_a_new_picture_is_placed_by_the_mean_of_all_members():
    fold, route = fitted()
    pictures = make_strangers(fold, shown_things(5, 3))
    queries = make_queries(["cat sea", "hill late"], fold)
    raised = np.sign(pictures.features) * np.sqrt(np.abs(pictures.features))
    each = [
        length_one(one.texts(queries.features)) @ length_one(one.pictures(raised)).T
        for one in route.towers
    ]
    np.testing.assert_allclose(scores(route, queries, pictures), np.mean(each, axis=0), atol=1e-5)


def test_the_company_and_order_of_pictures_change_nothing():
    fold, route = fitted()
    rows = [40, 2, 111]
    keys = [fold.pictures.keys[row] for row in rows]
    some = Pictures(fold.pictures.matcher, keys, fold.pictures.features[rows])
    np.testing.assert_allclose(route.store(some), route.store(fold.pictures)[rows], atol=1e-6)


def test_pairs_that_have_nothing_in_common_do_not_score_above_chance():
    fold, route = fitted(signal=False)
    links = fold.archive.links
    assert own_rank(scores(route, fold.queries, fold.pictures), links) > 0.45
    renamed = Pictures(fold.pictures.matcher, [f"n{n}" for n in range(160)], fold.pictures.features)
    assert own_rank(scores(route, fold.queries, renamed), links) < 0.3  # learned by heart


@pytest.mark.parametrize("typical", [False, True])
def test_shares_of_levels_sum_to_the_score_and_their_error_is_small(typical):
    fold, route = fitted()
    shown = np.array([0, 7, 33])
    known = Pictures(
        fold.pictures.matcher, [fold.pictures.keys[n] for n in shown], fold.pictures.features[shown]
    )
    toward = route.ask(make_queries(["dog boat late"], fold)).vectors[0]
    base = fold.pictures.features.mean(axis=0) if typical else None
    for pictures in (known, make_strangers(fold, shown_things(3, 4))):
        found = route.picture_shares(pictures, toward, ShareConfig(typical=base))
        assert found.kind == "tower levels"
        expected = route.store(pictures) @ toward
        for shares, score in zip(found.shares, expected, strict=True):
            names = [share.name for share in shares]
            assert names == ["early:max", "final", "probs", ALWAYS, NOT_ATTRIBUTED]
            assert sum(share.share for share in shares) == pytest.approx(score, abs=1e-5)
            assert abs(shares[-1].share) <= 0.01 * max(abs(score), np.abs(expected).max())


def test_a_direction_of_zeros_has_no_shares():
    fold, route = fitted()
    pictures = make_strangers(fold, shown_things(2, 4))
    nothing = np.zeros(route.block.width, dtype=np.float32)
    found = route.picture_shares(pictures, nothing, ShareConfig())
    assert all(share.share == 0 for shares in found.shares for share in shares)


def test_slopes_of_a_text_give_its_scores_and_are_their_finite_differences():
    fold, route = fitted()
    stored = route.store(make_strangers(fold, shown_things(6, 8)))
    query = make_queries(["cat road calm"], fold)
    slopes, offsets = route.text_slopes(query, stored)
    np.testing.assert_allclose(
        slopes @ query.features[0] + offsets, stored @ route.ask(query).vectors[0], atol=1e-5
    )

    def product(features):
        """Of the unscaled outputs: slopes hold the lengths of the query's vectors constant."""
        total = np.zeros(len(stored))
        for tower, block in zip(route.towers, np.split(stored, 3, axis=1), strict=True):
            first, last = (one.astype(np.float64) for one in tower.texts.weights)
            begin, end = tower.texts.biases
            length = np.linalg.norm(tower.texts(query.features)[0])
            hidden = np.maximum(features @ first + begin, 0)
            total += block @ (hidden @ last + end) / length
        return total

    here = query.features[0].astype(np.float64)
    for place in range(0, len(here), 5):
        step = np.zeros_like(here)
        step[place] = 1e-6
        numeric = (product(here + step) - product(here - step)) / 2e-6
        np.testing.assert_allclose(slopes[:, place], numeric, atol=1e-4)


def test_a_text_without_a_known_word_scores_nothing_and_has_no_slopes():
    fold, route = fitted()
    unknown = Queries(
        fold.pictures.matcher, ["!?"], np.zeros((1, 32), dtype=np.float32), fold.archive
    )
    assert not route.ask(unknown).vectors.any()
    slopes, offsets = route.text_slopes(unknown, route.store(fold.pictures))
    assert not slopes.any()
    assert not offsets.any()


def test_what_was_saved_scores_and_fingerprints_alike(tmp_path):
    fold, route = fitted()
    blend = Blend(fold.pictures.matcher, (DirectPlan().fit(fold), route), {"towers": 1.0})
    blend.save(tmp_path / "blend")
    again = Blend.load(tmp_path / "blend", fold.pictures.matcher)
    assert again.fingerprint == blend.fingerprint
    queries = make_queries(["cat sea", "hill late"], fold)
    for pictures in (fold.pictures, make_strangers(fold, shown_things(9, 3))):
        np.testing.assert_array_equal(again.vectors(pictures), blend.vectors(pictures))
    found = again.ask(queries).rows["towers"].vectors
    np.testing.assert_array_equal(found, blend.ask(queries).rows["towers"].vectors)


def test_equal_seeds_give_the_same_route():
    fold, route = fitted()
    again = TOWERS.fit(fold)
    for name, array in route.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])


def test_only_the_columns_that_heads_are_to_read_are_read():
    fold = make_archive(60)
    few = replace(fold, active=np.arange(8, 20))
    route = TOWERS.fit(few)
    changed = fold.pictures.features.copy()
    changed[:, :8] += 5
    changed[:, 20:] -= 5
    other = Pictures(fold.pictures.matcher, fold.pictures.keys, changed)
    np.testing.assert_array_equal(route.store(fold.pictures), route.store(other))
    toward = route.ask(make_queries(["cat"], fold)).vectors[0]
    shares = route.picture_shares(other, toward, ShareConfig()).shares[0]
    assert [share.name for share in shares] == ["final", ALWAYS, NOT_ATTRIBUTED]


def test_a_small_archive_and_one_of_few_pictures_have_no_towers():
    assert replace(TOWERS, fewest_texts=161).fit(make_archive()) is None
    fold = make_archive(2, twice=False)
    assert replace(TOWERS, fewest_texts=1).fit(fold) is None


def test_without_torch_there_are_no_towers(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert TOWERS.fit(make_archive()) is None


def test_one_member_is_refused():
    with pytest.raises(BadInput, match="1 members: at least 2 are needed"):
        TowersPlan(members=1)
