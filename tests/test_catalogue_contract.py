"""What every catalogue promises, and nothing else: asks only what ``types.Catalogue`` names."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from catalogues import ENGINES, D, keys_of, make_pictures, make_vectors
from picturedesk.errors import BadInput
from picturedesk.testing import DictCatalogue
from picturedesk.types import Catalogue, Picture


def one(catalogue: Catalogue, query, k, where=""):
    """What is found for a single query (W,)."""
    (found,) = catalogue.nearest(np.asarray(query)[np.newaxis], k, where)
    return found


def all_keys(catalogue: Catalogue) -> list[str]:
    return catalogue.keys(limit=catalogue.count())


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_engine_has_every_method_of_the_protocol(engine, tmp_path):
    catalogue = engine(tmp_path, "", 0)
    promised = {name for name in vars(Catalogue) if not name.startswith("_")}
    assert "nearest" in promised
    assert promised <= set(dir(catalogue))
    catalogue.close()


def test_the_highest_cosines_are_those_of_the_nearest(catalogue: Catalogue):
    assert [one.tolist() for one in catalogue.highest(make_vectors(2, 7), 3)] in ([[], []], [])
    catalogue.add(make_pictures(30), make_vectors(30))
    queries = np.vstack([make_vectors(4, 7), np.zeros((1, D))])
    for k in (0, 1, 7, 99):
        found = catalogue.nearest(queries, k)
        for cosines, one in zip(catalogue.highest(queries, k), found, strict=True):
            assert cosines.tolist() == one.scores.tolist()


def test_nearest_picture_comes_first(catalogue: Catalogue):
    pictures, vectors = make_pictures(30), make_vectors(30)
    assert catalogue.add(pictures, vectors) == 30
    found = one(catalogue, vectors[7], 3)
    assert found.entries.pictures[0] == pictures[7]
    assert found.scores[0] == pytest.approx(1.0, abs=1e-6)
    expected = np.argsort(-(vectors @ vectors[7]), kind="stable")[:3]
    assert keys_of(found) == [pictures[n].key for n in expected]


def test_what_is_found_comes_with_its_vectors_as_they_were_stored(catalogue: Catalogue):
    vectors = make_vectors(30)
    catalogue.add(make_pictures(30), vectors)
    found = one(catalogue, vectors[7], 5)
    assert len(found.entries) == 5
    assert found.entries.vectors.dtype == np.float32
    np.testing.assert_array_equal(
        found.entries.vectors, vectors[[int(key) for key in keys_of(found)]]
    )


def test_scores_are_cosines_in_double_precision(catalogue: Catalogue):
    vectors, queries = make_vectors(600), 3 * make_vectors(4, seed=1).astype(np.float64)
    catalogue.add(make_pictures(600), vectors)
    directions = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    expected = directions @ vectors.T.astype(np.float64)
    for found, row in zip(catalogue.nearest(queries, 600), expected, strict=True):
        assert found.scores.dtype == np.float64
        np.testing.assert_allclose(found.scores, np.sort(row)[::-1], rtol=0, atol=1e-12)


def test_adding_a_known_key_replaces_it_and_is_not_new(catalogue: Catalogue):
    catalogue.add(make_pictures(3), make_vectors(3))
    renamed = Picture(uri="/elsewhere.jpg", key="0001", tags=("new",))
    vector = make_vectors(1, seed=9)
    assert catalogue.add([renamed, *make_pictures(1, 3)], np.vstack([vector, vector])) == 1
    assert catalogue.count() == 4
    fetched = catalogue.fetch(["0001"])
    assert fetched.pictures == (renamed,)
    np.testing.assert_array_equal(fetched.vectors, vector)
    assert one(catalogue, vector[0], 1).entries.pictures == (renamed,)


def test_of_a_key_that_is_given_twice_the_later_stays(catalogue: Catalogue):
    first, second = Picture("a.jpg", "k"), Picture("b.jpg", "k")
    assert catalogue.add([first, second], make_vectors(2)) == 1
    fetched = catalogue.fetch(["k"])
    assert fetched.pictures == (second,)
    np.testing.assert_array_equal(fetched.vectors, make_vectors(2)[1:])


def test_all_that_is_known_of_a_picture_comes_back(catalogue: Catalogue):
    picture = Picture("ü/1.jpg", "k", 'said "so"', "née", "cc0", "2020-02-01", ("one", 'tw"o', ""))
    catalogue.add([picture], make_vectors(1))
    assert catalogue.fetch(["k"]).pictures == (picture,)
    assert one(catalogue, np.ones(D), 1).entries.pictures == (picture,)


def test_removed_pictures_are_gone(catalogue: Catalogue):
    vectors = make_vectors(5)
    catalogue.add(make_pictures(5), vectors)
    one(catalogue, vectors[0], 1)
    assert catalogue.remove(["0000", "0003", "unknown", "0003"]) == 2
    assert set(keys_of(one(catalogue, vectors[0], 9))) == {"0001", "0002", "0004"}
    assert catalogue.keys() == ["0001", "0002", "0004"]
    with pytest.raises(BadInput, match="'0003'"):
        catalogue.fetch(["0003"])


def test_entries_are_fetched_in_the_order_asked(catalogue: Catalogue):
    pictures, vectors = make_pictures(6), make_vectors(6)
    catalogue.add(pictures, vectors)
    for _ in range(2):  # before and after a search
        fetched = catalogue.fetch(["0004", "0001", "0004"])
        assert fetched.pictures == (pictures[4], pictures[1], pictures[4])
        np.testing.assert_array_equal(fetched.vectors, vectors[[4, 1, 4]])
        nothing = catalogue.fetch([])
        assert (nothing.pictures, nothing.vectors.shape) == ((), (0, D))
        one(catalogue, vectors[0], 1)


@pytest.mark.parametrize("key", ["nope", "", "0001\0", "00012", "\ud800"])
def test_an_unknown_key_is_refused(catalogue: Catalogue, key):
    catalogue.add(make_pictures(3), make_vectors(3))
    for _ in range(2):
        for ask in (catalogue.fetch, lambda keys: catalogue.word_scores(["a"], keys)):
            with pytest.raises(BadInput, match="no picture with the key") as caught:
                ask(["0001", key])
            assert repr(key) in str(caught.value)
        one(catalogue, np.ones(D), 1)


def test_replace_all_leaves_nothing_of_before(catalogue: Catalogue):
    catalogue.add(make_pictures(5), make_vectors(5))
    catalogue.replace_all(make_pictures(2, 7), make_vectors(2))
    assert catalogue.keys() == ["0007", "0008"]
    assert len(one(catalogue, make_vectors(1)[0], 9).entries) == 2
    assert (catalogue.fingerprint, catalogue.width) == ("m1", D)


def test_replace_all_may_bring_another_fingerprint_and_width(catalogue: Catalogue):
    catalogue.add(make_pictures(3), make_vectors(3))
    one(catalogue, np.ones(D), 1)
    catalogue.replace_all(make_pictures(2), make_vectors(2, width=5), "m2")
    assert (catalogue.fingerprint, catalogue.width) == ("m2", 5)
    assert len(one(catalogue, np.ones(5), 9).entries) == 2
    with pytest.raises(BadInput, match=r"takes \(Q, 5\)"):
        one(catalogue, np.ones(D), 9)


def test_a_catalogue_without_fingerprint_waits_for_the_first(new_catalogue):
    catalogue: Catalogue = new_catalogue("", 0)
    assert (catalogue.fingerprint, catalogue.width, catalogue.count()) == ("", 0, 0)
    with pytest.raises(BadInput, match="no fingerprint yet"):
        catalogue.add(make_pictures(1), make_vectors(1))
    catalogue.replace_all(make_pictures(1), make_vectors(1), "m7")
    assert (catalogue.fingerprint, catalogue.width, catalogue.count()) == ("m7", D, 1)


def test_an_empty_catalogue_finds_nothing(catalogue: Catalogue):
    assert catalogue.count() == catalogue.count("licence = 'cc0'") == 0
    for found in (*catalogue.nearest(make_vectors(2), 5), catalogue.matching(["sea"], 5)):
        assert (found.entries.pictures, found.scores.shape) == ((), (0,))
        assert found.entries.vectors.shape == (0, D)
    assert catalogue.sample(3).vectors.shape == (0, D)
    assert catalogue.keys() == []
    assert catalogue.word_scores(["sea"], []).shape == (0,)
    assert not catalogue.has_words
    assert catalogue.add([], np.empty((0, D), np.float32)) == 0


def test_fewer_than_asked_for_come_where_there_are_fewer(catalogue: Catalogue):
    catalogue.add(make_pictures(4), make_vectors(4))
    assert len(one(catalogue, np.ones(D), 100).entries) == 4
    assert len(one(catalogue, np.ones(D), 100, "licence = 'cc0'").entries) == 2
    nothing = one(catalogue, np.ones(D), 0)
    assert (nothing.entries.vectors.shape, nothing.scores.shape) == ((0, D), (0,))
    assert catalogue.nearest(np.empty((0, D)), 3) == []


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
def test_vectors_of_wrong_shape_or_length_are_refused(catalogue: Catalogue, vectors, answer):
    catalogue.add(make_pictures(1, 9), make_vectors(1))
    for change in (catalogue.add, catalogue.replace_all):
        with pytest.raises(BadInput, match=answer):
            change(make_pictures(2), vectors)
    assert catalogue.keys() == ["0009"]


def test_zero_vectors_and_small_errors_of_length_pass(catalogue: Catalogue):
    vectors = np.vstack([np.zeros((1, D)), make_vectors(1) * 1.0009])
    assert catalogue.add(make_pictures(2), vectors) == 2
    assert one(catalogue, np.zeros(D), 2).scores.tolist() == [0.0, 0.0]


def test_a_picture_that_cannot_be_stored_is_refused_with_all_beside_it(catalogue: Catalogue):
    bad = ((Picture("a.jpg"), "no key"), (Picture("a.jpg", "\0"), "no key"))
    for picture, answer in (*bad, (Picture("\udcff", "k"), "UTF-8")):
        with pytest.raises(BadInput, match=answer):
            catalogue.add([*make_pictures(1), picture], make_vectors(2))
    assert catalogue.count() == 0


@pytest.mark.parametrize(
    ("queries", "k", "answer"),
    [
        (np.ones((2, D - 1)), 3, r"queries are of shape \(2, 7\), catalogue takes \(Q, 8\)"),
        (np.ones(D), 3, r"queries are of shape \(8,\)"),
        (np.ones((1, 1, D)), 3, r"queries are of shape \(1, 1, 8\)"),
        (np.full((1, D), np.inf), 3, "not finite"),
        (np.vstack([np.ones((1, D)), np.full((1, D), np.nan)]), 3, "not finite"),
        (np.ones((1, D)), -1, "k is -1: it must be a whole number, 0 or more"),
    ],
)
def test_queries_that_cannot_be_used_are_refused(catalogue: Catalogue, queries, k, answer):
    for _ in range(2):
        with pytest.raises(BadInput, match=answer):
            catalogue.nearest(queries, k)
        catalogue.add(make_pictures(3), make_vectors(3))


def test_an_amount_below_none_is_refused(catalogue: Catalogue):
    for ask in (
        lambda: catalogue.matching(["a"], -1),
        lambda: catalogue.sample(-1),
        lambda: catalogue.keys(limit=-1),
    ):
        with pytest.raises(BadInput, match="is -1: it must be a whole number, 0 or more"):
            ask()


@pytest.mark.parametrize("length", [1e-320, 1e-200, 1e-3, 1e3, 1e200, 1e308])
def test_the_length_of_a_query_does_not_matter(catalogue: Catalogue, length):
    catalogue.add(make_pictures(20), make_vectors(20))
    axis = np.eye(D)[2]
    plain, scaled = one(catalogue, axis, 20), one(catalogue, axis * length, 20)
    assert keys_of(plain) == keys_of(scaled)
    np.testing.assert_array_equal(plain.scores, scaled.scores)


def test_equal_scores_are_ordered_by_key(catalogue: Catalogue):
    pictures = make_pictures(40)[::-1]
    catalogue.add(pictures, np.repeat(make_vectors(1), 40, axis=0))
    for where in ("", "licence <> ''", "key > '0020'"):
        found = one(catalogue, make_vectors(1)[0], 10, where)
        assert len(set(found.scores.tolist())) == 1
        assert keys_of(found) == sorted(keys_of(found))
    assert keys_of(one(catalogue, make_vectors(1)[0], 3)) == ["0000", "0001", "0002"]
    assert keys_of(one(catalogue, np.zeros(D), 3)) == ["0000", "0001", "0002"]


@pytest.mark.parametrize("where", ["", "licence = 'cc0'", "key < '0050'"])
def test_queries_of_a_batch_find_what_each_finds_alone_bit_for_bit(new_catalogue, where):
    catalogue: Catalogue = new_catalogue("m1", 67)
    vectors = make_vectors(900, width=67)
    vectors[100:300] = vectors[0]
    catalogue.add(make_pictures(900)[::-1], vectors)
    queries = np.vstack([make_vectors(130, 5, 67), vectors[:3], np.zeros((1, 67)), vectors[:1]])
    together = catalogue.nearest(queries, 40, where)
    for query, found in zip(queries, together, strict=True):
        alone = one(catalogue, query, 40, where)
        assert keys_of(alone) == keys_of(found)
        assert alone.scores.tobytes() == found.scores.tobytes()
        assert alone.entries.vectors.tobytes() == found.entries.vectors.tobytes()


def test_a_sample_is_the_same_each_time_and_part_of_a_larger_one(catalogue: Catalogue):
    catalogue.add(make_pictures(30)[::-1], make_vectors(30)[::-1])
    sample = catalogue.sample(5)
    assert keys_of(sample) == keys_of(catalogue.sample(5)) == keys_of(catalogue.sample(8))[:5]
    np.testing.assert_array_equal(sample.vectors, make_vectors(30)[:5])
    assert len(catalogue.sample(0)) == 0
    assert len(catalogue.sample(99)) == 30
    assert keys_of(catalogue.sample(3, "licence = 'cc-by'")) == ["0001", "0004", "0007"]
    assert keys_of(catalogue.sample(99, "licence = 'cc-by'"))[-1] == "0028"


def test_an_added_entry_takes_the_place_of_at_most_one_of_a_sample(catalogue: Catalogue):
    order = np.random.default_rng(3).permutation(40)
    pictures, vectors = make_pictures(40), make_vectors(40)
    before: set[str] = set()
    for n in order:
        catalogue.add([pictures[n]], vectors[[n]])
        after = set(keys_of(catalogue.sample(10)))
        assert len(before - after) <= 1
        assert after - before <= {pictures[n].key}
        before = after


def test_all_keys_come_page_by_page(catalogue: Catalogue):
    catalogue.add(make_pictures(25)[::-1], make_vectors(25))
    pages, after = [], ""
    while page := catalogue.keys(after, 10):
        pages.append(page)
        after = page[-1]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert list(itertools.chain(*pages)) == [picture.key for picture in make_pictures(25)]
    assert catalogue.keys("0020x", 2) == ["0021", "0022"]
    assert catalogue.keys(limit=0) == []


def test_keys_are_ordered_by_code_point(catalogue: Catalogue):
    keys = ["Z", "a", "é", "\uffee", "\U0001f600", "aa"]
    catalogue.add([Picture("a.jpg", key) for key in keys], np.repeat(make_vectors(1), 6, axis=0))
    assert catalogue.keys() == sorted(keys)
    assert keys_of(one(catalogue, np.ones(D), 9)) == keys_of(catalogue.sample(9)) == sorted(keys)


def test_what_passes_is_counted(catalogue: Catalogue):
    catalogue.add(make_pictures(10), make_vectors(10))
    assert catalogue.count() == catalogue.count(" ") == 10
    assert catalogue.count("licence = 'cc0'") == 4
    assert catalogue.count("0") == 0


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("seed", range(3))
def test_an_engine_agrees_with_the_dictionary_after_any_changes(engine, seed, tmp_path):
    random = np.random.default_rng(seed)
    catalogue, obvious = engine(tmp_path, "m1", 33), DictCatalogue("m1", 33)
    pool = make_pictures(120)
    for _ in range(25):
        chosen = random.choice(120, size=random.integers(1, 30), replace=False)
        if random.random() < 0.3:
            keys = [pool[n].key for n in chosen]
            assert catalogue.remove(keys) == obvious.remove(keys)
        else:
            vectors = make_vectors(len(chosen), int(random.integers(1000)), 33)
            pictures = [pool[n] for n in chosen]
            assert catalogue.add(pictures, vectors) == obvious.add(pictures, vectors)
        if random.random() < 0.3:
            agree(catalogue, obvious, random)
    agree(catalogue, obvious, random)
    catalogue.close()


def agree(catalogue: Catalogue, obvious: Catalogue, random: np.random.Generator) -> None:
    where = str(random.choice(["", "licence = 'cc0'", "has_tag(tags, 'city')", "key > '0100'"]))
    assert all_keys(catalogue) == all_keys(obvious)
    assert catalogue.count(where) == obvious.count(where)
    assert keys_of(catalogue.sample(7, where)) == keys_of(obvious.sample(7, where))
    queries = random.standard_normal((5, 33))
    words = ["caption", "city", *map(str, random.integers(0, 120, 4))]
    found = [*catalogue.nearest(queries, 9, where), catalogue.matching(words, 200, where)]
    expected = [*obvious.nearest(queries, 9, where), obvious.matching(words, 200, where)]
    for mine, theirs in zip(found, expected, strict=True):
        assert keys_of(mine) == keys_of(theirs)
        assert mine.entries.pictures == theirs.entries.pictures
        np.testing.assert_allclose(mine.scores, theirs.scores, rtol=0, atol=1e-9)
    keys = all_keys(obvious)
    np.testing.assert_allclose(
        catalogue.word_scores(words, keys), obvious.word_scores(words, keys), rtol=0, atol=1e-9
    )


def test_what_was_added_is_told_from_what_came_with_the_archive(catalogue):
    vectors = make_vectors(6)
    catalogue.replace_all(make_pictures(4), vectors[:4], "m1", added=["0003", "nowhere"])
    assert catalogue.added() == ["0003"]
    catalogue.add(make_pictures(2, 4), vectors[4:])
    catalogue.add(make_pictures(1), vectors[:1])  # one that came with the archive
    assert catalogue.added() == ["0000", "0003", "0004", "0005"]
    assert catalogue.added(after="0000", limit=2) == ["0003", "0004"]
    catalogue.remove(["0003"])
    assert catalogue.added("0001") == ["0004", "0005"]
    catalogue.replace_all(make_pictures(3), vectors[:3])
    assert catalogue.added() == []


def test_a_condition_knows_nothing_of_additions(catalogue):
    with pytest.raises(BadInput, match="added"):
        catalogue.count("added = 1")
