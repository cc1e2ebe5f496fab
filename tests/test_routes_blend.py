"""The blend: one inner product for several routes, one scorer for all who rank."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from confidences import SURE
from picturedesk.errors import BadInput, Mismatch
from picturedesk.routes import Blend, Block, Pictures, Rows
from picturedesk.routes.blend import total
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.direct import DirectRoute
from picturedesk.routes.kinds import PAPER
from picturedesk.texts.words import words
from small_routes import (
    CLASSES,
    D,
    make_blend,
    make_fold,
    make_matcher,
    make_pictures,
    make_queries,
    make_texts,
    unit,
)

TEXTS = [*make_texts(5, 1), "qqq zzz"]


@dataclass(frozen=True)
class World:
    """A blend, texts as its routes see them, and pictures to rank."""

    blend: Blend
    fold: object
    queries: object
    pictures: object


def make_world(weights=None, **changes):
    fold = make_fold()
    blend = make_blend(weights, fold=fold, **changes)
    return World(blend, fold, make_queries(TEXTS, fold), make_pictures(matcher=blend.matcher))


def route_of(blend, name):
    return next(route for route in blend.routes if route.name == name)


def test_the_combined_query_gives_the_weighted_sum_of_all_routes():
    world = make_world()
    blend, fused = world.blend, world.pictures.vectors
    vectors = blend.vectors(world.pictures)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    names, hubs = route_of(blend, "class_names"), route_of(blend, "hubness")
    asked = blend.ask(world.queries)
    for query in range(len(TEXTS)):
        one = world.queries.of(query)
        expected = (
            2.0 * fused @ one.vectors[0]
            - 0.5 * hubs.store(world.pictures)[:, 0]
            + 0.3 * fused @ route_of(blend, "transfer").ask(one).vectors[0]
            + 0.7 * names.store(world.pictures) @ names.ask(one).vectors[0]
        )
        combined = blend.combined(asked.of(query), blend.weights_of("blend"))
        assert combined.shape == (1, blend.layout.width)
        cosines = vectors.astype(np.float64) @ combined[0] / np.linalg.norm(combined)
        found = blend.layout.products(cosines, combined[0])
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_catalogue_vectors_hold_what_the_routes_stored():
    world = make_world()
    parts = world.blend.layout.split(world.blend.vectors(world.pictures))
    assert list(parts) == ["fused", "hubness", "class_names"]
    for name, stored in world.blend.store(world.pictures).items():
        np.testing.assert_allclose(parts[name], stored, atol=1e-6)
    np.testing.assert_allclose(parts["fused"], world.pictures.vectors, atol=1e-6)


@pytest.mark.parametrize("route", ["direct", "transfer", "class_names"])
def test_a_route_alone_is_its_cosine(route):
    world = make_world()
    blend, alone = world.blend, route_of(world.blend, route)
    asked = blend.ask(world.queries)
    combined = [blend.combined(asked.of(q), blend.weights_of(route))[0] for q in range(len(TEXTS))]
    vectors = blend.vectors(world.pictures).astype(np.float64)
    expected = alone.ask(world.queries).vectors @ alone.store(world.pictures).T
    scores = np.stack(combined) @ vectors.T * blend.layout.radius
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("captioned", [True, False])
@pytest.mark.parametrize("route", ["blend", "direct", "transfer", "class_names", "captions"])
def test_many_at_once_and_one_exactly_score_alike(route, captioned):
    world = make_world()
    blend, asked = world.blend, world.blend.ask(world.queries)
    vectors, weights = blend.vectors(world.pictures), blend.weights_of(route)
    captions = [f"{CLASSES[n % 5]} and rain" if captioned else "" for n in range(40)]
    with CaptionIndex(captions) as index:
        together = total(blend.scores(asked, blend.store(world.pictures), index), weights)
        assert together.shape == (len(TEXTS), 40)
        for query, text in enumerate(TEXTS):
            bm25 = index(words(text)).astype(np.float64) if captioned else None
            alone = total(blend.exact_scores(asked.of(query), vectors, bm25, weights), weights)
            np.testing.assert_allclose(alone, together[query], atol=1e-5)


def test_where_captions_play_no_part_they_are_not_scored():
    world = make_world()
    asked, parts = world.blend.ask(world.queries), world.blend.store(world.pictures)
    without = world.blend.scores(asked, parts, None)
    assert list(without) == ["direct", "hubness", "transfer", "class_names"]


def test_equal_vectors_get_equal_exact_scores_wherever_they_stand():
    world = make_world()
    blend, weights = world.blend, world.blend.weights_of("blend")
    vectors = blend.vectors(world.pictures)
    asked = blend.ask(world.queries).of(0)
    for count in (2, 3, 17, 40):
        some = np.concatenate([vectors[:count], vectors[:1]])
        scores = total(blend.exact_scores(asked, some, None, weights), weights)
        assert scores[0] == scores[-1]


def test_without_other_blocks_catalogue_vectors_are_fused_vectors():
    world = make_world({"direct": 1.0}, plans=PAPER, default="direct", recipe="paper")
    vectors = world.blend.vectors(world.pictures)
    assert world.blend.layout.width == D
    np.testing.assert_array_equal(vectors, world.pictures.vectors)
    assert list(world.blend.layout.split(vectors)) == ["fused"]


def test_the_cosine_of_the_nearest_archive_text_comes_with_the_query():
    world = make_world()
    cosines = world.queries.vectors @ world.fold.archive.texts.T
    np.testing.assert_allclose(world.blend.ask(world.queries).nearest, cosines.max(axis=1))


def test_what_is_missing_is_said():
    blend = make_blend()
    with pytest.raises(BadInput, match="'sideways' is not known: direct, transfer, class_names, "):
        blend.weights_of("sideways")
    with pytest.raises(BadInput, match="'hubness' is not known"):
        blend.weights_of("hubness")  # a mere correction
    paper = make_blend({"direct": 1.0}, plans=PAPER, default="direct", recipe="paper")
    assert paper.names == ("transfer", "direct")
    with pytest.raises(BadInput, match="'blend' is not known: transfer, direct"):
        paper.weights_of("blend")
    matcher = make_matcher()
    fewer = replace(
        matcher,
        fusion=replace(matcher.fusion, weights=matcher.fusion.weights[:20]),
        levels=("early:max", "final"),
    )
    features = np.zeros((2, 20), dtype=np.float32)
    with pytest.raises(BadInput, match="'probs' is needed, the matcher reads early:max, final"):
        blend.vectors(Pictures(fewer, ["a", "b"], features))


@dataclass(frozen=True, eq=False)
class SeveralRows(DirectRoute):
    """Asks with three vectors a text."""

    name: str = "several"

    def ask(self, queries):
        count = len(queries)
        return Rows(unit(3 * count, D, 1), np.arange(0, 3 * count, 3))


def test_two_routes_of_several_vectors_are_not_blended():
    world = make_world()
    one, other = SeveralRows(world.blend.matcher), SeveralRows(world.blend.matcher, name="more")
    blend = replace(world.blend, routes=(*world.blend.routes, one, other))
    asked = blend.ask(world.queries).of(0)
    assert blend.combined(asked, {"several": 1.0, "direct": 1.0}).shape == (3, blend.layout.width)
    with pytest.raises(BadInput, match="several and more ask with several vectors"):
        blend.combined(asked, {"several": 1.0, "more": 1.0})


def test_of_several_vectors_the_best_counts_beside_other_routes():
    world = make_world()
    blend = replace(world.blend, routes=(*world.blend.routes, SeveralRows(world.blend.matcher)))
    asked, weights = blend.ask(world.queries).of(2), {"several": 0.5, "direct": 2.0}
    fused = world.pictures.vectors
    best = (asked.rows["several"].vectors @ fused.T).max(axis=0)
    expected = 0.5 * best + 2.0 * fused @ world.queries.vectors[2]
    vectors = blend.vectors(world.pictures)
    exact = total(blend.exact_scores(asked, vectors, None, weights), weights)
    np.testing.assert_allclose(exact, expected, atol=1e-5)
    products = vectors @ blend.combined(asked, weights).T * blend.layout.radius
    np.testing.assert_allclose(products.max(axis=1), expected, atol=1e-5)


def test_routes_of_one_name_or_unequal_blocks_of_one_name_are_refused():
    blend = make_blend()
    with pytest.raises(BadInput, match="each needs a name of its own"):
        replace(blend, routes=(*blend.routes, blend.routes[0]))
    with pytest.raises(BadInput, match="not 'blend'"):
        replace(blend, routes=(DirectRoute(blend.matcher, name="blend"),))

    class Wider(DirectRoute):
        block = Block("fused", D + 1)

    with pytest.raises(BadInput, match="route wider stores"):
        replace(blend, routes=(*blend.routes, Wider(blend.matcher, name="wider")))


def test_saved_and_loaded_a_blend_is_the_same(tmp_path):
    width = make_blend().layout.width
    world = make_world(confidence=SURE, references=unit(7, width, 5))
    paper = make_blend({"direct": 1.0}, plans=PAPER, default="direct", recipe="paper")
    for number, blend in enumerate((world.blend, paper)):
        folder = tmp_path / str(number)
        blend.save(folder)
        loaded = Blend.load(folder, blend.matcher)
        assert loaded.fingerprint == blend.fingerprint
        assert loaded.names == blend.names
        for name in ("weights", "default", "confidence", "recipe", "layout"):
            assert getattr(loaded, name) == getattr(blend, name)
        np.testing.assert_array_equal(loaded.references, blend.references)
        np.testing.assert_array_equal(loaded.vectors(world.pictures), blend.vectors(world.pictures))
        ours, theirs = blend.ask(world.queries), loaded.ask(world.queries)
        for name, rows in ours.rows.items():
            np.testing.assert_array_equal(theirs.rows[name].vectors, rows.vectors)
        assert [route.settings() for route in loaded.routes] == [
            route.settings() for route in blend.routes
        ]


def test_a_blend_of_another_fit_or_of_unknown_routes_is_refused(tmp_path):
    blend = make_blend()
    blend.save(tmp_path / "blend")
    other = replace(make_matcher(), text_head=replace(blend.matcher.text_head, power=0.5))
    with pytest.raises(Mismatch, match="of another fit"):
        Blend.load(tmp_path / "blend", other)
    with pytest.raises(Mismatch, match="route 'hubness', known are direct, transfer"):
        Blend.load(tmp_path / "blend", blend.matcher, PAPER)
    replace(blend, recipe="gone").save(tmp_path / "blend")
    with pytest.raises(Mismatch, match="route 'direct', known are none"):
        Blend.load(tmp_path / "blend", blend.matcher)


def test_a_match_compares_a_score_with_those_of_archive_texts():
    world = make_world()
    blend, fold = world.blend, world.fold
    weights = blend.weights_of("blend")
    asked = blend.ask(make_queries(fold.queries.texts[:6], fold))
    rows = np.concatenate([blend.combined(asked.of(query), weights) for query in range(6)])
    blend = replace(blend, confidence=SURE, references=rows.astype(np.float32))
    vectors = blend.vectors(world.pictures)
    each = [
        total(blend.exact_scores(asked.of(q), vectors, None, weights), weights) for q in range(6)
    ]
    scores = np.linspace(-1, 1, len(vectors))
    expected = (scores - np.mean(each, axis=0)) / np.std(each, axis=0)
    np.testing.assert_allclose(blend.matches(vectors, scores), expected, rtol=1e-3, atol=1e-4)


def test_weights_do_not_change_what_is_stored_and_routes_do():
    blend = make_blend()
    assert replace(blend, weights={"direct": 9.0}, confidence=SURE).fingerprint == blend.fingerprint
    names = route_of(blend, "class_names")
    moved = replace(names.space, picture_centre=names.space.picture_centre + 1)
    for changed in (replace(names, space=moved), replace(names, level="final")):
        routes = [changed if route is names else route for route in blend.routes]
        assert replace(blend, routes=tuple(routes)).fingerprint != blend.fingerprint
    assert replace(blend, routes=blend.routes[:-2]).fingerprint != blend.fingerprint


def test_the_total_of_no_weighted_route_is_zeros():
    scores = {"direct": np.ones((2, 3), dtype=np.float32)}
    assert not total(scores, {}).any()
    assert not total(scores, {"direct": 0.0, "captions": 3.0}).any()
    np.testing.assert_array_equal(total(scores, {"direct": 2.0}), 2 * scores["direct"])
