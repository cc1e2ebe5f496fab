"""The index beside a large catalogue: what it finds, and that nothing wrong ever comes of it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from operator import attrgetter

import numpy as np
import pytest

from catalogues import Indexed, keys_of, make_pictures, make_vectors, state_of
from picturedesk.disk.sums import row_sum
from picturedesk.errors import MissingArtefact, MissingExtra
from picturedesk.store.catalogue import indexed, records
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.store.index_folder import IndexFolder
from picturedesk.store.vector_index import IndexConfig, Rows, VectorIndex
from picturedesk.types import Changes, LazyPictures, Picture

pytest.importorskip("faiss", reason="needs the extra index")
W = 48


class Large(SqliteCatalogue):
    """Has an index from the first picture on, made by hand."""

    index_from = 1


def clustered(count: int, seed: int = 0):
    """Vectors (N, W) around 40 centres, in half precision."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, W))
    vectors = centres[random.integers(0, 40, count)] + 0.6 * random.standard_normal((count, W))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


@pytest.fixture
def catalogue(tmp_path):
    with closing(Large.open(tmp_path / "catalogue", "m1", W)) as opened:
        yield opened


def while_made(monkeypatch, act):
    """Does something once an index is made, before it is named."""
    build = VectorIndex.build.__func__

    def meanwhile(cls, *given):
        made = build(cls, *given)
        monkeypatch.undo()
        act()
        return made

    monkeypatch.setattr(VectorIndex, "build", classmethod(meanwhile))


def best_by_hand(vectors, query, k, passing=None):
    scores = vectors.astype(np.float64) @ (query / np.linalg.norm(query))
    if passing is not None:
        scores[~passing] = -np.inf
    return {f"{place:04d}" for place in np.argsort(-scores)[:k] if np.isfinite(scores[place])}


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01, 0.001])
def test_most_of_the_nearest_are_found_whatever_a_filter_lets_pass(catalogue, share):
    vectors, queries = clustered(5000), clustered(60, seed=1)
    passing = np.random.default_rng(3).random(5000) < share
    pictures = [
        Picture(f"{place}.jpg", f"{place:04d}", licence="yes" if ok else "no")
        for place, ok in enumerate(passing)
    ]
    catalogue.add(pictures, vectors)
    catalogue.optimize(clustered(60, seed=2))
    assert catalogue.indexed == 5000
    where = "" if share == 1 else "licence = 'yes'"
    found = catalogue.nearest(queries, 10, where)
    shares = []
    for query, hits in zip(queries, found, strict=True):
        best = best_by_hand(vectors, query, 10, passing if where else None)
        assert len(hits.entries) == len(best) == min(10, passing.sum())
        shares.append(len(best & set(keys_of(hits))) / len(best))
        assert list(hits.scores) == sorted(hits.scores, reverse=True)
    assert np.mean(shares) >= 0.98
    assert catalogue.recall(queries) >= 0.98


def test_questions_unlike_the_typical_ones_are_looked_for_more_deeply(tmp_path, monkeypatch):
    random, width = np.random.default_rng(0), 600
    vectors = random.standard_normal((6000, width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors.astype(np.float16).astype(np.float32)
    typical, others = random.standard_normal((2, 80, width))
    typical[:, width // 2 :], others[:, : width // 2] = 0, 0
    with closing(Large.open(tmp_path / "catalogue", "m1", width)) as catalogue:
        catalogue.add(make_pictures(6000), vectors)
        catalogue.optimize(typical[:60].astype(np.float32))

        def recall(queries):
            found = catalogue.nearest(queries, 10)
            best = [best_by_hand(vectors, query, 10) for query in queries]
            pairs = zip(found, best, strict=True)
            return np.mean([len(wanted & set(keys_of(hits))) / 10 for hits, wanted in pairs])

        assert recall(typical[60:]) >= 0.98
        assert recall(others) >= 0.95
        monkeypatch.setattr(indexed, "_DOUBTFUL", 11)
        assert recall(others) < 0.9


def test_scores_are_those_of_the_stored_vectors(catalogue):
    vectors, queries = clustered(3000), clustered(5, seed=1).astype(np.float64)
    catalogue.add(make_pictures(3000), vectors)
    catalogue.optimize()
    for query, hits in zip(queries, catalogue.nearest(queries, 20), strict=True):
        rows = [int(key) for key in keys_of(hits)]
        expected = vectors[rows].astype(np.float64) @ (query / np.linalg.norm(query))
        np.testing.assert_allclose(hits.scores, expected, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(hits.entries.vectors, vectors[rows])


def test_what_changed_while_an_index_was_made_counts(catalogue, monkeypatch):
    vectors = clustered(300)
    catalogue.add(make_pictures(200), vectors[:200])

    def change():
        catalogue.remove(["0007"])
        catalogue.add(make_pictures(1, 250), vectors[250:251])
        catalogue.add(make_pictures(1, 3), vectors[251:252])

    while_made(monkeypatch, change)
    catalogue.optimize()
    assert catalogue.indexed == 198  # without the removed one and the replaced one
    found = catalogue.nearest(vectors[[7, 250, 251]], 400)
    assert "0007" not in keys_of(found[0])
    assert keys_of(found[1])[0] == "0250"
    assert keys_of(found[2])[0] == "0003"
    assert len(found[0].entries) == 200
    catalogue.optimize()
    assert catalogue.indexed == 200
    assert "0007" not in keys_of(catalogue.nearest(vectors[[7]], 400)[0])


def test_an_index_of_pictures_that_were_replaced_meanwhile_is_thrown_away(catalogue, monkeypatch):
    catalogue.add(make_pictures(100), clustered(100))
    others = (make_pictures(5, 500), clustered(5, seed=5))
    while_made(monkeypatch, lambda: catalogue.replace_all(*others))
    catalogue.optimize()
    assert catalogue.indexed == 0
    assert state_of(catalogue).index is None
    (found,) = catalogue.nearest(clustered(1), 10)
    assert set(keys_of(found)) == {f"{place:04d}" for place in range(500, 505)}


def test_of_two_that_make_an_index_the_newer_stays(catalogue, monkeypatch):
    vectors = clustered(120)
    catalogue.add(make_pictures(100), vectors[:100])

    def faster():
        catalogue.add(make_pictures(20, 100), vectors[100:])
        catalogue.optimize()

    while_made(monkeypatch, faster)
    catalogue.optimize()
    assert catalogue.indexed == 120


def test_little_that_changed_is_searched_beside_the_index(catalogue, monkeypatch):
    vectors = clustered(400)
    catalogue.add(make_pictures(300), vectors[:300])
    catalogue.optimize(only_if_needed=True)
    made = state_of(catalogue).index
    catalogue.add(make_pictures(100, 300), vectors[300:])
    catalogue.optimize(only_if_needed=True)
    assert state_of(catalogue).index == made
    assert catalogue.indexed == 300
    assert keys_of(catalogue.nearest(vectors[[377]], 1)[0]) == ["0377"]
    monkeypatch.setattr("picturedesk.store.index_folder._FEW", 50)
    catalogue.optimize(only_if_needed=True)
    assert catalogue.indexed == 400


def test_lists_are_learned_anew_when_there_are_many_more(catalogue, monkeypatch):
    vectors = clustered(900)
    catalogue.add(make_pictures(300), vectors[:300])
    catalogue.optimize()
    catalogue.add(make_pictures(600, 300), vectors[300:])
    made = []
    build = VectorIndex.build.__func__
    watched = classmethod(lambda cls, *given: made.append(given[0]) or build(cls, *given))
    monkeypatch.setattr(VectorIndex, "build", watched)
    catalogue.optimize()
    assert made == [900]
    catalogue.remove([f"{place:04d}" for place in range(20)])
    catalogue.optimize()
    assert made == [900]  # these were taken out of the lists that there are
    assert catalogue.indexed == 880


def damage_lists(folder):
    (made,) = [one for one in folder.iterdir() if not one.name.startswith(".")]
    lists = made / "lists.faiss"
    content = bytearray(lists.read_bytes())
    content[len(content) // 2] ^= 1
    lists.write_bytes(content)


def lose_faiss(folder, monkeypatch):
    def missing():
        raise MissingExtra("an index of pictures (with faiss)", "index")

    monkeypatch.setattr("picturedesk.store.vector_index._faiss", missing)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder, monkeypatch: damage_lists(folder),
        lambda folder, monkeypatch: shutil.rmtree(folder),
        lose_faiss,
    ],
    ids=["damaged", "gone", "no faiss"],
)
def test_without_a_usable_index_searches_are_exact_and_say_so(tmp_path, harm, monkeypatch, caplog):
    path, vectors = tmp_path / "catalogue", clustered(500)
    with closing(Large.open(path, "m1", W)) as catalogue:
        catalogue.add(make_pictures(500), vectors)
        catalogue.optimize()
    harm(tmp_path / "catalogue.index", monkeypatch)
    with closing(Large.open(path, "m1", W)) as catalogue, caplog.at_level(logging.WARNING):
        (found,) = catalogue.nearest(vectors[[9]], 3)
        assert keys_of(found)[0] == "0009"
        assert catalogue.indexed == 0
    assert sum("searching without an index" in line for line in caplog.messages) == 1


def test_what_cannot_be_used_is_made_again(tmp_path):
    path, vectors = tmp_path / "catalogue", clustered(200)
    with closing(Large.open(path, "m1", W)) as catalogue:
        catalogue.add(make_pictures(200), vectors)
        catalogue.optimize()
    shutil.rmtree(tmp_path / "catalogue.index")
    with closing(Large.open(path, "m1", W)) as catalogue:
        catalogue.optimize()
        assert catalogue.indexed == 200


def test_two_indexes_stay_for_those_who_read_the_one_before(catalogue, tmp_path):
    vectors = clustered(50)
    for place in range(5):
        catalogue.add(make_pictures(10, 10 * place), vectors[10 * place : 10 * place + 10])
        catalogue.optimize()
    folders = [one for one in (tmp_path / "catalogue.index").iterdir()]
    assert len(folders) == 2
    assert state_of(catalogue).index.name in {one.name for one in folders}


def test_a_reader_from_before_goes_on(tmp_path):
    path, vectors = tmp_path / "catalogue", clustered(300)
    with (
        closing(Large.open(path, "m1", W)) as writer,
        closing(Large.open(path, "m1", W)) as reader,
    ):
        writer.add(make_pictures(100), vectors[:100])
        writer.optimize()
        assert len(reader.nearest(vectors[[0]], 400)[0].entries) == 100
        for place in range(100, 300, 50):
            writer.add(make_pictures(50, place), vectors[place : place + 50])
            writer.optimize()
            assert len(reader.nearest(vectors[[0]], 400)[0].entries) == place + 50
        writer.change(Changes(removed=["0000"]))
        assert "0000" not in keys_of(reader.nearest(vectors[[0]], 400)[0])


def test_small_catalogues_have_no_index(tmp_path):
    with closing(SqliteCatalogue.open(tmp_path / "catalogue", "m1", W)) as catalogue:
        catalogue.add(make_pictures(50), clustered(50))
        catalogue.optimize()
        assert (catalogue.indexed, catalogue.recall(clustered(3))) == (0, 1.0)
        assert not (tmp_path / "catalogue.index").exists()


def test_rows_of_an_index_are_found_if_they_may_be_and_no_others():
    vectors, rows = clustered(2000), 3 * np.arange(2000)
    index = VectorIndex.build(2000, vectors, [(rows, vectors)], config=IndexConfig(width=W))
    for count in (0, 1, 7, 500, 2000):
        chosen = np.random.default_rng(count).choice(rows, count, replace=False)
        may = index.rows_among(chosen, np.array([0, 1, 2]))
        (found,) = index.search(vectors[:1].astype(np.float64), 600, may)
        allowed = set(chosen.tolist()) - {0}
        assert may.count == len(allowed)
        assert set(found.tolist()) <= allowed
        assert len(found) == min(600, len(allowed))
        assert len(set(found.tolist())) == len(found)


def test_an_extended_index_equals_what_is_there():
    vectors, rows = clustered(1500), np.arange(1500)
    index = VectorIndex.build(1000, vectors[:1000], [(rows[:1000], vectors[:1000])])
    index = index.extended(rows[:100], [(rows[1000:], vectors[1000:]), (rows[:50], vectors[:50])])
    assert index.facts.count == 1450
    (found,) = index.search(vectors[:1].astype(np.float64), 2000)
    assert set(found.tolist()) == set(rows.tolist()) - set(range(50, 100))


def test_recall_is_that_of_searches_by_hand():
    vectors, queries = clustered(4000), clustered(40, seed=4)
    index = VectorIndex.build(4000, vectors, [(np.arange(4000), vectors)], queries)
    found = index.search(queries.astype(np.float64), 400)
    by_hand = [np.argsort(-(vectors @ query))[:10] for query in queries]
    share = np.mean([np.isin(best, rows).mean() for best, rows in zip(by_hand, found, strict=True)])
    assert index.facts.recall == pytest.approx(share, abs=0.005)
    assert index.facts.recall >= 0.99


def test_folders_of_killed_makers_do_not_stay(catalogue, tmp_path, monkeypatch):
    catalogue.add(make_pictures(60), clustered(60))
    left = tmp_path / "catalogue.index" / "3-killed"
    left.mkdir(parents=True)
    old, new = (tmp_path / "catalogue.index" / f".{name}" for name in ("4-killed", "5-made-now"))
    for unfinished in (old, new):
        unfinished.mkdir()
    os.utime(old, (0, 0))
    for place in range(3):
        catalogue.add(make_pictures(1, 100 + place), clustered(1))
        catalogue.optimize()
    assert not left.exists()
    assert not old.exists()
    assert new.exists()


def test_the_index_of_a_catalogue_in_tests_is_used(tmp_path, monkeypatch):
    with closing(Indexed.open(tmp_path / "catalogue", "m1", 8)) as catalogue:
        catalogue.add(make_pictures(30), make_vectors(30))
        asked = []
        search = VectorIndex.search
        monkeypatch.setattr(VectorIndex, "search", lambda *given: asked.append(1) or search(*given))
        catalogue.nearest(make_vectors(1), 3)
    assert asked


def test_rows_are_bits_by_number():
    rows = Rows(np.array([True, False, True] * 5))
    assert rows.count == 10
    assert np.unpackbits(rows.mask, bitorder="little")[:6].tolist() == [1, 0, 1, 1, 0, 1]


def test_a_sweep_without_a_folder_does_nothing(catalogue):
    IndexFolder(catalogue._file.path.with_name("none")).sweep(None)


def test_a_record_that_no_picture_can_be_is_told_when_it_is_asked_for():
    names = len(records.FIXED)
    row = [7, "a.jpg", "key", *[""] * (names - 2), "no JSON", "[]", 0]
    for known, said in ((row_sum(*row), "cannot be read"), (5, "is not as it was written")):
        record = records.StoredRecord([*row, known])
        pictures = LazyPictures([record], attrgetter("picture"))
        assert (record.key, len(pictures)) == ("key", 1)
        with pytest.raises(MissingArtefact, match=f"row 7 {said}"):
            pictures[0]


def test_records_that_are_not_there_are_told(tmp_path):
    with Large.open(tmp_path / "c.db", "m1", W) as catalogue:
        catalogue.add(make_pictures(20), clustered(20))
        catalogue.optimize()
    with closing(sqlite3.connect(tmp_path / "c.db")) as connection, connection:
        connection.execute("DELETE FROM pictures WHERE key > '0010'")
    with (
        Large.open(tmp_path / "c.db", "m1", W) as catalogue,
        pytest.raises(MissingArtefact, match="9 of 20 records are missing"),
    ):
        catalogue.nearest(clustered(1, 3), 20)


def test_pictures_of_a_large_catalogue_are_a_sequence(tmp_path):
    with Large.open(tmp_path / "c.db", "m1", W) as catalogue:
        catalogue.add(make_pictures(20), clustered(20))
        catalogue.optimize()
        (found,) = catalogue.nearest(clustered(1, 3), 5)
        pictures = found.entries.pictures
        assert pictures == tuple(pictures)
        assert pictures[1:3] == (pictures[1], pictures[2])
        assert found.entries.keys == tuple(one.key for one in pictures)
        assert pictures != tuple(pictures)[:4]


@pytest.mark.parametrize("few", [10, 10_000])
def test_a_query_of_zeros_gets_the_lowest_keys(catalogue, monkeypatch, few):
    monkeypatch.setattr(indexed, "_FEW", few)
    vectors = clustered(600)
    catalogue.add(make_pictures(600)[::-1], vectors)
    catalogue.optimize()
    catalogue.remove(["0001"])
    nothing, other = np.zeros(W), clustered(1, 3)[0]
    first, _, last = catalogue.nearest(np.stack([nothing, other, nothing]), 3)
    assert keys_of(first) == keys_of(last) == ["0000", "0002", "0003"]
    assert first.scores.tolist() == [0, 0, 0]
    (found,) = catalogue.nearest(nothing[None], 4, "key >= '0100' AND key < '0300'")
    assert keys_of(found) == ["0100", "0101", "0102", "0103"]
    (found,) = catalogue.nearest(nothing[None], 4, "key >= '0598'")
    assert keys_of(found) == ["0598", "0599"]
