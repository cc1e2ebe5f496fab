"""Cross-fitting: a head knows nothing of its part, and lies in the space of the main head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.heads.fusion import length_one
from picturedesk.learning.best import fit_best
from picturedesk.learning.cross_fitting import cross_fit
from picturedesk.learning.cross_validation import divide, fold_of
from picturedesk.learning.projections import Projections
from picturedesk.measuring.metrics import ranks
from picturedesk.routes import Pictures
from small_pairs import QUICK, features_of, make_pairs

CONFIG = QUICK.alignment


def world(pairs, texts=None):
    """Both sides of an archive, the matcher of them, and the parts of the texts."""
    chosen = np.arange(len(pairs.texts)) if texts is None else texts
    projections = Projections.of(pairs, features_of(pairs), chosen, CONFIG)
    return projections, projections.align(CONFIG), divide(pairs.split_groups, QUICK)


def crossed(projections, matcher, parts):
    return cross_fit(projections, matcher, parts, CONFIG)


def placed(matcher, pairs):
    return matcher.pictures(pairs.features, pairs.keys)


def unrelated(pairs, seed=0):
    """The same texts with pictures that show nothing of them."""
    random = np.random.default_rng(seed)
    features = random.normal(size=pairs.features.shape).astype(np.float32)
    features[:, 40:] = random.dirichlet(np.ones(8), size=len(features))
    return replace(pairs, features=features)


@pytest.fixture(scope="module")
def pairs():
    return make_pairs(texts=150)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_head_knows_nothing_of_the_texts_of_its_part(pairs, part):
    projections, matcher, parts = world(pairs)
    own = parts == part
    turned = np.where(own)[0][::-1]
    rows, features = projections.text_rows.copy(), projections.text_features.copy()
    rows[own], features[own] = rows[turned], features[turned]
    other = replace(projections, text_rows=rows, text_features=features)
    ours, theirs = (placed(crossed(one, matcher, parts), pairs) for one in (projections, other))
    np.testing.assert_array_equal(theirs[own], ours[own])
    assert np.abs(theirs[~own] - ours[~own]).max() > 1e-3


@pytest.mark.parametrize("part", [0, 2])
def test_a_head_knows_nothing_of_which_picture_of_its_part_ran_with_which_text(pairs, part):
    projections, matcher, parts = world(pairs)
    own = np.flatnonzero(parts == part)
    links = projections.links.copy()
    links[own, 1] = links[np.roll(own, 1), 1]
    other = replace(projections, links=links)
    ours, theirs = (placed(crossed(one, matcher, parts), pairs) for one in (projections, other))
    np.testing.assert_array_equal(theirs[own], ours[own])


def test_every_picture_that_was_learned_from_has_a_head_and_others_have_none(pairs):
    projections, matcher, parts = world(pairs, np.arange(120))
    found = crossed(projections, matcher, parts).cross_fitted
    assert len(found) == 120
    assert len(found.heads) == 3
    assert found.parts_of(pairs.keys[:120]).tolist() == parts[:120].tolist()
    assert set(found.parts_of(pairs.keys[120:])) == {-1}


def test_turned_heads_lie_in_the_space_of_the_main_head(pairs):
    projections, matcher, parts = world(pairs)
    main = matcher.pictures(pairs.features)
    found = crossed(projections, matcher, parts).cross_fitted
    for part, head in enumerate(found.heads):
        assert head.width == matcher.width
        common = parts != part
        cosines = (length_one(head(pairs.features[common])) * main[common]).sum(axis=1)
        assert cosines.mean() > 0.9


def test_texts_find_new_pictures_as_well_by_a_turned_head(pairs):
    training = np.arange(120)
    projections, matcher, parts = world(pairs, training)
    texts, new = matcher.texts(pairs.texts[120:]), pairs.features[120:]
    own = np.stack([np.arange(30)] * 2, axis=1)
    by_main = 1 / ranks(texts @ matcher.pictures(new).T, own)
    for head in crossed(projections, matcher, parts).cross_fitted.heads:
        found = 1 / ranks(texts @ length_one(head(new)).T, own)
        assert found.mean() > by_main.mean() - 0.1


def test_pictures_that_show_nothing_of_their_text_are_less_near_it():
    noise = unrelated(make_pairs(texts=150))
    projections, matcher, parts = world(noise)
    texts = matcher.placed(projections.text_features)
    by_main = (texts * matcher.pictures(noise.features)).sum(axis=1)
    by_others = (texts * placed(crossed(projections, matcher, parts), noise)).sum(axis=1)
    assert by_main.mean() > 0.5  # learned by heart
    assert by_others.mean() < 0.6 * by_main.mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_new_pictures_rank_higher_among_those_that_were_learned_from(seed):
    pairs = make_pairs(texts=450, noise=2.0, seed=seed)
    training, new = np.arange(300), np.arange(300, 450)
    projections, matcher, parts = world(pairs, training)
    texts = matcher.texts(pairs.texts[300:])
    own = np.stack([np.arange(150), new], axis=1)
    by_main = 1 / ranks(texts @ matcher.pictures(pairs.features).T, own)
    vectors = placed(crossed(projections, matcher, parts), pairs)
    np.testing.assert_array_equal(vectors[new], matcher.pictures(pairs.features[new]))
    found = 1 / ranks(texts @ vectors.T, own)
    assert found.mean() > 1.1 * by_main.mean()


def test_a_picture_of_several_texts_has_one_head():
    pairs = make_pairs(texts=60)
    rows = np.arange(0, 60, 2)
    more = np.stack([rows, rows + 1], axis=1)
    pairs = replace(
        pairs,
        links=np.concatenate([pairs.links, more]),
        split_groups=np.arange(60) // 2,
        duplicate_groups=np.arange(60) // 2,
    )
    projections, matcher, parts = world(pairs)
    found = crossed(projections, matcher, parts).cross_fitted
    assert found.parts_of(pairs.keys).tolist() == parts.tolist()


def test_where_too_little_is_left_the_main_head_places_the_picture():
    pairs = make_pairs(texts=3)
    projections, matcher, _ = world(pairs)
    parts = np.array([0, 0, 1])
    found = crossed(projections, matcher, parts)
    assert found.cross_fitted.parts_of(pairs.keys).tolist() == [-1, -1, 0]
    np.testing.assert_array_equal(placed(found, pairs)[:2], matcher.pictures(pairs.features)[:2])


def test_the_archive_keeps_vectors_of_the_main_head_and_the_catalogue_those_of_the_others(pairs):
    projections, matcher, parts = world(pairs)
    found = crossed(projections, matcher, parts)
    fold = fold_of(projections, found, None)
    np.testing.assert_array_equal(fold.archive.pictures, matcher.pictures(pairs.features))
    np.testing.assert_array_equal(fold.pictures.vectors, placed(found, pairs))


def test_the_recipe_gives_every_training_picture_a_head(pairs):
    fitted = fit_best(pairs, features_of(pairs), QUICK)
    known = fitted.matcher.cross_fitted
    assert known.parts_of(pairs.keys).tolist() == divide(pairs.split_groups, QUICK).tolist()
    assert len(known.heads) == QUICK.folds
    vectors = Pictures(fitted.matcher, pairs.keys, pairs.features).vectors
    assert np.abs(vectors - fitted.matcher.pictures(pairs.features)).max() > 1e-3
