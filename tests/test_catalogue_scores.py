"""Scores of a catalogue: all of them, and the best of them, exactly."""

import numpy as np
import pytest

from catalogues import IMPLEMENTATIONS, keys_of, make_pictures, make_vectors, opening
from picturedesk.errors import BadInput, Mismatch
from picturedesk.store.catalogue.nearest import nearest


@pytest.fixture(params=IMPLEMENTATIONS)
def open_catalogue(request, tmp_path):
    with opening(request.param, tmp_path) as opener:
        yield opener


@pytest.fixture
def catalogue(open_catalogue):
    return open_catalogue()


@pytest.mark.parametrize("seed", range(5))
def test_nearest_equals_sorting_all_scores(seed):
    random = np.random.default_rng(seed)
    matrix = make_vectors(9000, seed, width=64)
    matrix[random.integers(9000, size=3000)] = matrix[0]  # many ties
    query = make_vectors(1, seed, 64)[0].astype(np.float64)
    among = np.flatnonzero(random.random(9000) < 0.7)
    scores = (matrix.astype(np.float64) * query).sum(axis=1)
    order = sorted(among.tolist(), key=lambda n: (-scores[n], n))
    for k in (1, 10, 5000, 20_000):
        found, found_scores = nearest(matrix, query, k, among)
        assert found.tolist() == order[:k]
        np.testing.assert_array_equal(found_scores, scores[found])


def test_scores_are_those_of_a_search_for_everything(catalogue):
    pictures, vectors = make_pictures(600)[::-1], make_vectors(600)
    vectors[100:200] = vectors[0]
    catalogue.add(pictures, vectors)
    for where in ("", " ", "licence = 'cc0'", "0"):
        found = catalogue.scores(3 * vectors[5], where)
        assert found.keys == sorted(found.keys)
        assert found.cosines.dtype == np.float64
        hits = catalogue.search(3 * vectors[5], 600, where)
        assert {hit.picture.key: hit.score for hit in hits} == dict(
            zip(found.keys, found.cosines.tolist(), strict=True)
        )


def test_scores_of_nothing_are_none_and_of_zeros_zero(catalogue):
    assert catalogue.scores(np.ones(8)).keys == []
    assert catalogue.scores(np.ones(8)).cosines.shape == (0,)
    catalogue.add(make_pictures(3), make_vectors(3))
    assert catalogue.scores(np.zeros(8)).cosines.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("query", "where", "answer"),
    [
        (np.ones(7), "", r"query is of shape \(7,\), catalogue takes \(8,\)"),
        (np.full(8, np.nan), "", "not finite"),
        (np.ones(8), "licens = 'cc0'", "no such column: licens; there are uri, key"),
    ],
)
def test_scores_refuse_what_search_refuses(catalogue, query, where, answer):
    with pytest.raises(BadInput, match=answer):
        catalogue.scores(query, where)


def test_scores_see_what_others_wrote_and_refuse_another_matcher(open_catalogue):
    one, other = open_catalogue(), open_catalogue()
    one.add(make_pictures(2), make_vectors(2))
    assert other.scores(np.ones(8)).keys == ["0000", "0001"]
    one.remove(["0000"])
    assert other.scores(np.ones(8)).keys == keys_of(other.search(np.ones(8), 9)) == ["0001"]
    open_catalogue("", 0).replace_all(make_pictures(1), make_vectors(1), "m2")
    with pytest.raises(Mismatch, match="filled with matcher m2"):
        other.scores(np.ones(8))
