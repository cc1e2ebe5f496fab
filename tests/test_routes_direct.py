"""The direct route: cosines, and what levels and text features add to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.routes import Queries
from picturedesk.routes.direct import ALWAYS, DirectPlan, cosine, direct_scores
from picturedesk.routes.route import ShareConfig
from small_routes import make_fold, make_matcher, make_pictures, make_queries, make_texts, unit


def vectors(rows, width, seed):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def cos(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def test_direct_scores_are_cosines():
    texts, pictures = vectors(4, 5, 0), vectors(6, 5, 1)
    expected = [[cos(text, picture) for picture in pictures] for text in texts]
    assert direct_scores(texts, pictures) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_zero_vector_has_cosine_zero_with_everything():
    assert not cosine(np.zeros((1, 5), dtype=np.float32), vectors(3, 5, 0)).any()


def test_widths_that_differ_are_refused():
    with pytest.raises(BadInput, match=r"\(2, 4\) and \(3, 5\) cannot be compared"):
        cosine(vectors(2, 4, 0), vectors(3, 5, 0))


def test_the_route_scores_as_the_function_over_arrays():
    fold = make_fold()
    route, pictures = DirectPlan().fit(fold), make_pictures(matcher=fold.queries.matcher)
    queries = make_queries(make_texts(4, 1), fold)
    found = route.ask(queries).vectors @ route.store(pictures).T
    expected = direct_scores(queries.vectors, pictures.vectors)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert route.block.width == pictures.vectors.shape[1]


@pytest.mark.parametrize("typical", [False, True])
def test_shares_of_levels_sum_to_the_product_with_the_fused_vector(typical):
    fold = make_fold()
    route, pictures = DirectPlan().fit(fold), make_pictures(matcher=fold.queries.matcher)
    toward = unit(1, route.block.width, 8)[0]
    config = ShareConfig(typical=pictures.features.mean(axis=0) if typical else None)
    found = route.picture_shares(pictures, toward, config)
    assert found.kind == "levels"
    for shares, product in zip(found.shares, pictures.vectors @ toward, strict=True):
        assert [share.name for share in shares] == ["early:max", "final", "probs", ALWAYS]
        assert sum(share.share for share in shares) == pytest.approx(product, abs=1e-5)


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_slopes_of_a_text_give_its_scores(power):
    fold = make_fold()
    matcher = fold.queries.matcher
    bent = replace(matcher, text_head=replace(matcher.text_head, power=power))
    plain = replace(matcher, text_encoder=type(matcher.text_encoder)(6), text_head=None)
    for ours in (bent, plain):
        route = replace(DirectPlan().fit(fold), matcher=ours)
        features = ours.text_encoder.encode(make_texts(1, 2))
        query = Queries(ours, make_texts(1, 2), features, fold.archive)
        stored = make_pictures(matcher=ours).vectors
        slopes, offsets = route.text_slopes(query, stored)
        found = slopes @ features[0] + offsets
        np.testing.assert_allclose(found, stored @ query.vectors[0], atol=1e-5)


def test_a_text_without_a_direction_has_no_slopes():
    fold = make_fold()
    query = Queries(make_matcher(), ["!?"], np.zeros((1, 32), dtype=np.float32), fold.archive)
    slopes, offsets = DirectPlan().fit(fold).text_slopes(query, unit(3, 6, 0))
    assert not slopes.any()
    assert not offsets.any()
