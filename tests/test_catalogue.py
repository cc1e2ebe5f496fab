"""The contract of a catalogue, over every implementation."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from catalogues import IMPLEMENTATIONS, D, keys_of, make_pictures, make_vectors, opening
from picturedesk.errors import BadInput, Mismatch
from picturedesk.types import Picture


@pytest.fixture(params=IMPLEMENTATIONS)
def open_catalogue(request, tmp_path):
    with opening(request.param, tmp_path) as opener:
        yield opener


@pytest.fixture
def catalogue(open_catalogue):
    return open_catalogue()


def test_nearest_picture_comes_first(catalogue):
    pictures, vectors = make_pictures(30), make_vectors(30)
    assert catalogue.add(pictures, vectors) == 30
    hits = catalogue.search(vectors[7], 3)
    assert hits[0].picture == pictures[7]
    assert hits[0].score == pytest.approx(1.0, abs=1e-6)
    expected = np.argsort(-(vectors @ vectors[7]), kind="stable")[:3]
    assert keys_of(hits) == [pictures[n].key for n in expected]


def test_adding_a_known_key_replaces_it_and_is_not_new(catalogue):
    catalogue.add(make_pictures(3), make_vectors(3))
    renamed = Picture(uri="/elsewhere.jpg", key="0001", tags=("new",))
    vector = make_vectors(1, seed=9)
    assert catalogue.add([renamed, *make_pictures(1, 3)], np.vstack([vector, vector])) == 1
    assert len(catalogue) == 4
    assert catalogue.pictures(["0001"]) == [renamed]
    np.testing.assert_array_equal(catalogue.vectors(["0001", "0000"])[0], vector[0])


def test_a_key_that_is_given_twice_counts_once(catalogue):
    first, second = Picture("a.jpg", "k"), Picture("b.jpg", "k")
    assert catalogue.add([first, second], make_vectors(2)) == 1
    assert catalogue.pictures(["k"]) == [second]


def test_removed_pictures_are_gone(catalogue):
    vectors = make_vectors(5)
    catalogue.add(make_pictures(5), vectors)
    catalogue.search(vectors[0], 1)
    assert catalogue.remove(["0000", "0003", "unknown"]) == 2
    assert keys_of(catalogue.search(vectors[0], 9)) != []
    assert set(keys_of(catalogue.search(vectors[0], 9))) == {"0001", "0002", "0004"}
    assert catalogue.keys() == ["0001", "0002", "0004"]


def test_vectors_and_pictures_come_in_the_order_asked(catalogue):
    pictures, vectors = make_pictures(6), make_vectors(6)
    catalogue.add(pictures, vectors)
    np.testing.assert_array_equal(catalogue.vectors(["0004", "0001"]), vectors[[4, 1]])
    assert catalogue.pictures(["0004", "0001"]) == [pictures[4], pictures[1]]
    assert catalogue.vectors([]).shape == (0, D)


def test_an_unknown_key_is_refused(catalogue):
    for ask in (catalogue.vectors, catalogue.pictures):
        with pytest.raises(BadInput, match="no picture with the key 'nope'"):
            ask(["nope"])


def test_replace_all_leaves_nothing_of_before(catalogue):
    catalogue.add(make_pictures(5), make_vectors(5))
    catalogue.replace_all(make_pictures(2, 7), make_vectors(2))
    assert catalogue.keys() == ["0007", "0008"]
    assert len(catalogue.search(make_vectors(1)[0], 9)) == 2


def test_an_empty_catalogue_finds_nothing(catalogue):
    assert len(catalogue) == 0
    assert catalogue.search(make_vectors(1)[0], 5) == []
    assert catalogue.add([], np.empty((0, D), np.float32)) == 0


def test_what_was_added_is_there_when_it_is_opened_again(open_catalogue):
    first = open_catalogue()
    first.add(make_pictures(4), make_vectors(4))
    first.close()
    again = open_catalogue()
    assert again.pictures(again.keys()) == make_pictures(4)
    np.testing.assert_array_equal(again.vectors(again.keys()), make_vectors(4))


def test_another_matcher_or_width_is_refused_with_a_cure(open_catalogue):
    open_catalogue()
    with pytest.raises(Mismatch, match=r"matcher m1 .*is matcher m2 .*run the same"):
        open_catalogue("m2")
    with pytest.raises(Mismatch, match=r"width 8.*width 9"):
        open_catalogue("m1", 9)


def test_a_new_matcher_comes_with_replace_all(open_catalogue):
    old = open_catalogue()
    old.add(make_pictures(3), make_vectors(3))
    unchecked = open_catalogue("", 0)
    assert (unchecked.matcher, unchecked.width, len(unchecked)) == ("m1", D, 3)
    unchecked.replace_all(make_pictures(2), make_vectors(2, width=5), "m2")
    assert (unchecked.matcher, unchecked.width) == ("m2", 5)
    assert len(unchecked.search(make_vectors(1, width=5)[0], 9)) == 2
    for use in (
        lambda: old.search(make_vectors(1)[0], 1),
        lambda: old.add(make_pictures(1), make_vectors(1)),
    ):
        with pytest.raises(Mismatch, match="filled with matcher m2 since it was opened with m1"):
            use()
    open_catalogue("m2", 5)


def test_a_catalogue_without_matcher_takes_none_but_the_first(open_catalogue):
    unchecked = open_catalogue("", 0)
    with pytest.raises(BadInput, match="no matcher yet"):
        unchecked.add(make_pictures(1), make_vectors(1))
    unchecked.replace_all(make_pictures(1), make_vectors(1), "m7")
    assert len(open_catalogue("m7")) == 1


@pytest.mark.parametrize(
    ("vectors", "answer"),
    [
        (make_vectors(3), r"shape \(3, 8\), catalogue takes \(2, 8\) for 2 pictures"),
        (make_vectors(2, width=7), r"shape \(2, 7\)"),
        (make_vectors(2)[0], r"shape \(8,\)"),
        (make_vectors(2) * 1.01, "2 vectors are not of length one, the first with 1.01 "),
        (np.full((2, D), np.nan), "2 vectors are not of length one, the first with nan "),
    ],
)
def test_vectors_of_wrong_shape_or_length_are_refused(catalogue, vectors, answer):
    with pytest.raises(BadInput, match=answer):
        catalogue.add(make_pictures(2), vectors)
    assert len(catalogue) == 0


def test_zero_vectors_and_small_errors_of_length_pass(catalogue):
    vectors = np.vstack([np.zeros((1, D)), make_vectors(1) * 1.0009])
    assert catalogue.add(make_pictures(2), vectors) == 2
    assert [hit.score for hit in catalogue.search(np.zeros(D), 2)] == [0.0, 0.0]


def test_a_picture_that_cannot_be_stored_is_refused(catalogue):
    for picture, answer in ((Picture("a.jpg"), "has no key"), (Picture("\udcff", "k"), "UTF-8")):
        with pytest.raises(BadInput, match=answer):
            catalogue.add([picture], make_vectors(1))


@pytest.mark.parametrize(
    ("query", "k", "answer"),
    [
        (np.ones(D - 1), 3, r"query is of shape \(7,\), catalogue takes \(8,\)"),
        (np.full(D, np.inf), 3, "not finite"),
        (np.ones(D), -1, "k is -1"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused(catalogue, query, k, answer):
    with pytest.raises(BadInput, match=answer):
        catalogue.search(query, k)


def test_equal_scores_are_ordered_by_key(catalogue):
    pictures = make_pictures(40)[::-1]
    catalogue.add(pictures, np.repeat(make_vectors(1), 40, axis=0))
    for where in ("", "licence <> ''"):
        hits = catalogue.search(make_vectors(1)[0], 10, where)
        assert len({hit.score for hit in hits}) == 1
        assert keys_of(hits) == sorted(keys_of(hits))
    assert keys_of(catalogue.search(make_vectors(1)[0], 3)) == ["0000", "0001", "0002"]


def test_others_see_a_change_at_their_next_search(open_catalogue):
    one, other = open_catalogue(), open_catalogue()
    vectors = make_vectors(4)
    one.add(make_pictures(2), vectors[:2])
    assert len(other.search(vectors[0], 9)) == 2
    one.add(make_pictures(2, 2), vectors[2:])
    assert keys_of(other.search(vectors[3], 1)) == ["0003"]
    one.remove(["0003"])
    assert keys_of(other.search(vectors[3], 1)) != ["0003"]


def test_threads_may_share_a_catalogue(catalogue):
    vectors = make_vectors(50)
    catalogue.add(make_pictures(50), vectors)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: catalogue.search(vectors[n], 1, "1"), range(50)))
    assert [keys_of(hits) for hits in found] == [[f"{n:04d}"] for n in range(50)]
