"""The best of many vectors, against sorting all of them."""

from __future__ import annotations

import numpy as np
import pytest

from catalogues import make_vectors
from picturedesk.store.catalogue.nearest import nearest


@pytest.mark.parametrize("share", [1.0, 0.7, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_nearest_equals_sorting_all_scores(seed, share):
    random = np.random.default_rng(seed)
    matrix = make_vectors(9000, seed, width=64)
    matrix[random.integers(9000, size=3000)] = matrix[0]  # many ties
    queries = make_vectors(3, seed, 64).astype(np.float64)
    among = np.flatnonzero(random.random(9000) < share)
    for k in (0, 1, 10, 5000, 20_000):
        for query, (found, cosines) in zip(
            queries, nearest(matrix, queries, k, among), strict=True
        ):
            scores = (matrix.astype(np.float64) * query).sum(axis=1)
            order = sorted(among.tolist(), key=lambda n: (-scores[n], n))
            assert found.tolist() == order[:k]
            np.testing.assert_array_equal(cosines, scores[found])


def test_vectors_that_single_precision_cannot_tell_apart_are_ordered_rightly():
    random = np.random.default_rng(0)
    matrix = np.repeat(make_vectors(1, width=700), 2000, axis=0)
    matrix[np.arange(2000), random.integers(700, size=2000)] *= np.float32(1 + 1e-6)
    query = make_vectors(1, 1, 700).astype(np.float64)
    scores = (matrix.astype(np.float64) * query[0]).sum(axis=1)
    ((found, _),) = nearest(matrix, query, 50, np.arange(2000))
    assert found.tolist() == np.argsort(-scores, kind="stable")[:50].tolist()
