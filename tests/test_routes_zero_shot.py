"""The zero-shot route: a dual encoder's own cosine, in a basis of the archive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.heads.fusion import length_one
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import ArchiveVectors, Fold, Pictures, Queries
from picturedesk.routes.route import Dual, ShareConfig
from picturedesk.routes.zero_shot import WIDTH, ZeroShotPlan, principal_basis
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Level
from small_routes import head, make_texts

S = 12  # of the dual encoder
LEVELS = (Level("final", 13, "none"), Level("projected", S, "none"))


def make_fold(pictures=20, width=S, seed=0):
    """Texts read by two encoders, the second of which stands for a text tower of S numbers."""
    levels = (LEVELS[0], replace(LEVELS[1], width=width))
    spec = BackboneSpec("dual", "none", "none", levels, TINY_PREPROCESSING)
    encoder = JoinedEncoder([TinyTextEncoder(8), TinyTextEncoder(width)])
    matcher = Matcher(encoder, head(13 + width, 1), spec, text_head=head(8 + width, 2))
    texts = make_texts(30, 5)
    features = encoder.encode(texts)
    levels = np.random.default_rng(seed).normal(size=(pictures, 13 + width)).astype(np.float32)
    seen = Pictures(matcher, [str(n) for n in range(pictures)], levels)
    links = np.stack([np.arange(30), np.arange(30) % pictures], axis=1)
    archive = ArchiveVectors(matcher.placed(features), seen.vectors, links)
    dual = Dual(slice(8, 8 + width), "projected")
    return Fold(Queries(matcher, texts, features, archive), seen, dual=dual)


def test_scores_are_the_cosines_of_the_dual_encoder():
    fold = make_fold()
    route = ZeroShotPlan().fit(fold)
    texts = fold.queries.matcher.text_encoder.parts[1].encode(fold.queries.texts)
    expected = length_one(texts) @ length_one(fold.pictures.features[:, 13:]).T
    found = route.ask(fold.queries).vectors @ route.store(fold.pictures).T
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pairs_change_nothing():
    fold = make_fold()
    archive = fold.archive
    links = np.random.default_rng(1).permutation(archive.links[:, 1])
    mixed = ArchiveVectors(
        archive.texts, archive.pictures, np.stack([archive.links[:, 0], links], axis=1)
    )
    matcher, texts = fold.queries.matcher, fold.queries.texts
    other = replace(fold, queries=Queries(matcher, texts, fold.queries.features, mixed))
    ours, theirs = ZeroShotPlan().fit(fold), ZeroShotPlan().fit(other)
    np.testing.assert_array_equal(ours.basis, theirs.basis)


def test_without_a_dual_encoder_there_is_no_such_route():
    assert ZeroShotPlan().fit(replace(make_fold(), dual=None)) is None


def test_rows_are_never_longer_than_one_and_no_wider_than_the_limit():
    fold = make_fold(width=WIDTH + 40)
    route = ZeroShotPlan().fit(fold)
    stored = route.store(fold.pictures)
    assert stored.shape == (20, WIDTH) == (20, route.block.width)
    assert (np.linalg.norm(stored, axis=1) <= 1 + 1e-6).all()
    assert (np.linalg.norm(route.ask(fold.queries).vectors, axis=1) <= 1 + 1e-6).all()
    gram = route.basis.T @ route.basis
    np.testing.assert_allclose(gram, np.eye(WIDTH), atol=1e-5)


def test_the_basis_keeps_the_directions_in_which_texts_and_pictures_lie():
    random = np.random.default_rng(2)
    few = random.normal(size=(5, 64))
    texts = length_one(random.normal(size=(200, 5)) @ few).astype(np.float32)
    pictures = length_one(random.normal(size=(100, 5)) @ few).astype(np.float32)
    basis = principal_basis(texts, pictures, 5)
    np.testing.assert_allclose(
        (texts @ basis) @ (pictures @ basis).T, texts @ pictures.T, atol=1e-5
    )
    lone = principal_basis(texts[:1], pictures[:1], 8)  # fewer vectors than directions
    np.testing.assert_allclose(lone.T @ lone, np.eye(8), atol=1e-5)


def test_a_text_that_the_tower_did_not_read_scores_nothing():
    fold = make_fold()
    route = ZeroShotPlan().fit(fold)
    nothing = np.zeros((1, 8 + S), dtype=np.float32)
    query = Queries(fold.queries.matcher, ["…"], nothing, fold.archive)
    assert not route.ask(query).vectors.any()
    assert not route.text_slopes(query, route.store(fold.pictures)).slopes.any()


def test_slopes_of_a_text_give_its_scores_and_pictures_have_no_parts():
    fold = make_fold()
    route = ZeroShotPlan().fit(fold)
    query, stored = fold.queries.of(3), route.store(fold.pictures)
    slopes, offsets = route.text_slopes(query, stored)
    asked = route.ask(query).vectors[0]
    np.testing.assert_allclose(slopes @ query.features[0] + offsets, stored @ asked, atol=1e-6)
    assert route.picture_shares(fold.pictures, asked, ShareConfig()) is None


def test_what_was_saved_is_restored():
    fold = make_fold()
    route = ZeroShotPlan().fit(fold)
    again = ZeroShotPlan().restore(fold.queries.matcher, route.settings(), route.arrays())
    np.testing.assert_array_equal(again.store(fold.pictures), route.store(fold.pictures))
    np.testing.assert_array_equal(again.ask(fold.queries).vectors, route.ask(fold.queries).vectors)
