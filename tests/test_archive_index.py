"""The index of an archive's texts: what it finds, and that nothing wrong ever comes of it."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from memories import LARGE
from picturedesk.desk import Desk
from picturedesk.desk.archived import archive_vectors
from picturedesk.desk.inspect import diagnose
from picturedesk.disk.artifacts import plain
from picturedesk.errors import MissingExtra
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText
from picturedesk.store.vector_index import VectorIndex
from picturedesk.types import Picture

pytest.importorskip("faiss", reason="needs the extra index")
W, PICTURES = 48, 7


class Indexed(ArchiveMemory):
    """Has an index from the first text on, made by hand."""

    index_from = 1


def clustered(count: int, seed: int = 0) -> np.ndarray:
    """Vectors (N, W) around 40 centres, in half precision."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, W))
    vectors = centres[random.integers(0, 40, count)] + 0.6 * random.standard_normal((count, W))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16).astype(np.float32)


def add(memory: ArchiveMemory, vectors: np.ndarray, start: int = 0, linked: bool = True) -> None:
    """Adds texts, each with one of seven pictures."""
    texts = [ArchiveText(f"t{start + n}", f"begins {n}") for n in range(len(vectors))]
    pictures = [Picture(f"{n}.jpg", f"p{n}") for n in range(PICTURES)]
    rows = memory.add_pictures(pictures, clustered(PICTURES, seed=7))
    every = np.arange(len(vectors))
    links = np.stack([every, rows[(start + every) % PICTURES]], axis=1)
    memory.add_texts(texts, vectors, None, links if linked else links[:0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An archive memory of 600 texts, with an index."""
    path = tmp_path / "memory"
    with Indexed.create(path, "m", W, LARGE) as memory:
        add(memory, clustered(600))
        memory.optimize()
    return path


def near(memory: ArchiveMemory, queries: np.ndarray, count: int = 50) -> np.ndarray:
    return archive_vectors(memory).neighbours(queries, count).rows


@pytest.mark.parametrize("texts", [0, LARGE], ids=["single", "half"])
def test_nearly_all_of_the_nearest_texts_are_found_with_their_exact_cosines(tmp_path, texts):
    vectors, queries = clustered(4000), clustered(60, seed=1)
    with Indexed.create(tmp_path / "memory", "m", W, texts) as memory:
        add(memory, vectors)
        memory.optimize()
        assert memory.index is not None
        assert memory.index.count == 4000
        found = archive_vectors(memory).neighbours(queries, 50)
        assert memory.recall() >= 0.98
    cosines = queries @ vectors.T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :50]
    assert np.mean([np.isin(*pair).mean() for pair in zip(best, found.rows, strict=True)]) >= 0.98
    for query, (rows, values) in enumerate(zip(*found, strict=True)):
        assert len(set(rows.tolist())) == 50
        np.testing.assert_allclose(values, cosines[query, rows], atol=1e-6)
        assert (np.diff(values) <= 0).all()


def test_an_index_that_proposes_all_changes_nothing(folder):
    queries = clustered(9, seed=3)
    with Indexed.open(folder) as memory:
        archive = archive_vectors(memory)
        assert archive.index is not None
        found = [archive.neighbours(queries[n : n + 1], 400) for n in range(9)]
        nearest = archive.nearest_text(queries)
    shutil.rmtree(folder / "texts.index")
    with Indexed.open(folder) as memory:
        archive = archive_vectors(memory)
        assert archive.index is None
        for query, some in enumerate(found):
            expected = archive.neighbours(queries[query : query + 1], 400)
            assert some.rows[0, :100].tolist() == expected.rows[0, :100].tolist()
            np.testing.assert_array_equal(some.cosines[0, :100], expected.cosines[0, :100])
        np.testing.assert_array_equal(archive.nearest_text(queries), nearest)


def test_texts_added_later_are_found_and_removed_pairs_are_not(folder):
    later = clustered(30, seed=5)
    with Indexed.open(folder) as memory:
        add(memory, later, start=600)
        assert memory.index is not None
        assert memory.index.count == 600
        assert near(memory, later, 1)[:, 0].tolist() == list(range(600, 630))
        assert memory.remove("t9", "p2")
        assert memory.remove("t611", f"p{611 % PICTURES}")
        queries = np.concatenate([memory.text_vectors[9:10], later[11:12]])
        assert not {9, 611} & set(near(memory, queries, 628).ravel().tolist())
        assert near(memory, queries, 10**6).shape == (2, 628)
        memory.optimize()
        assert memory.index.count == 630
        assert not {9, 611} & set(near(memory, queries, 628).ravel().tolist())
        add(memory, memory.text_vectors[9:10], start=9)  # the pair that was removed comes back
        assert near(memory, queries[:1], 1).tolist() == [[9]]


def test_only_texts_with_pictures_are_found_however_few_they_are(tmp_path):
    vectors = clustered(3000)
    with Indexed.create(tmp_path / "memory", "m", W, LARGE) as memory:
        add(memory, vectors[:2990], linked=False)
        add(memory, vectors[2990:], start=2990)
        memory.optimize()
        found = near(memory, vectors[:5])
        assert found.shape == (5, 10)
        assert all(sorted(rows) == list(range(2990, 3000)) for rows in found.tolist())


def test_links_that_do_not_count_are_left_out(folder):
    with Indexed.open(folder) as memory:
        vectors = memory.text_vectors[:20]
        some = memory.links[memory.links[:, 0] >= 100]
        found = archive_vectors(memory, some).neighbours(vectors, 50).rows
        assert found.min() >= 100


def test_a_text_without_a_known_word_is_nobodys_nearest(folder):
    with Indexed.open(folder) as memory:
        queries = np.concatenate([np.zeros((1, W), np.float32), memory.text_vectors[5:6]])
        assert archive_vectors(memory).nearest_text(queries).tolist() == [-1, 5]


def test_little_that_is_new_waits_and_much_is_taken_in(folder, monkeypatch):
    with Indexed.open(folder) as memory:
        memory.optimize()
        generation = memory.generation
        add(memory, clustered(100, seed=4), start=600)
        memory.optimize(only_if_needed=True)
        assert memory.index is not None
        assert (memory.index.count, memory.generation) == (600, generation + 2)
        monkeypatch.setattr("picturedesk.store.index_folder._FEW", 50)
        memory.optimize(only_if_needed=True)
        assert memory.index.count == 700
        assert near(memory, clustered(100, seed=4)[:3], 1)[:, 0].tolist() == [600, 601, 602]


def test_lists_are_learned_anew_when_there_are_many_more(folder, monkeypatch):
    made = []
    build = VectorIndex.build.__func__
    watched = classmethod(lambda cls, *given: made.append(given[0]) or build(cls, *given))
    monkeypatch.setattr(VectorIndex, "build", watched)
    with Indexed.open(folder) as memory:
        for start, count, expected in ((600, 500, []), (1100, 200, [1300])):
            add(memory, clustered(count, seed=start), start=start)
            memory.optimize()
            assert made == expected
            assert memory.index is not None
            assert memory.index.count == start + count


def test_of_two_that_make_an_index_the_newer_stays(folder, monkeypatch):
    with Indexed.open(folder) as slow, Indexed.open(folder) as fast:
        add(slow, clustered(700, seed=2), start=600)
        build = VectorIndex.build.__func__

        def meanwhile(cls, *given):
            made = build(cls, *given)
            monkeypatch.undo()
            add(fast, clustered(5, seed=8), start=1300)
            fast.optimize()
            return made

        monkeypatch.setattr(VectorIndex, "build", classmethod(meanwhile))
        slow.optimize()
        assert slow.index is not None
        assert slow.index.count == 1305
        folders = [one.name for one in (folder / "texts.index").iterdir()]
        assert len(folders) == 2
    with Indexed.open(folder) as memory:
        assert memory.index is not None


def damaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = (folder / "texts.index").iterdir()
    content = bytearray((made / "lists.faiss").read_bytes())
    content[len(content) // 2] ^= 1
    (made / "lists.faiss").write_bytes(content)


def gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "texts.index")


def of_another_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = (folder / "texts.index").iterdir()
    with Indexed.create(folder.with_name("other"), "m", W, LARGE) as other:
        add(other, clustered(600, seed=6))
        other.optimize()
    shutil.rmtree(made)
    (there,) = (folder.with_name("other") / "texts.index").iterdir()
    there.rename(made)


def no_faiss(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing():
        raise MissingExtra("an index of pictures (with faiss)", "index")

    monkeypatch.setattr("picturedesk.store.vector_index._faiss", missing)


@pytest.mark.parametrize("harm", [damaged, gone, of_another_fit, no_faiss])
def test_without_a_usable_index_all_texts_are_compared_and_a_warning_says_so(
    folder, harm, monkeypatch, caplog
):
    harm(folder, monkeypatch)
    with Indexed.open(folder) as memory, caplog.at_level(logging.WARNING):
        assert memory.index is None
        assert memory.recall() == 1
        assert near(memory, memory.text_vectors[8:9], 1).tolist() == [[8]]
    assert sum("without an index" in line for line in caplog.messages) == 1
    monkeypatch.undo()
    with Indexed.open(folder) as memory:
        memory.optimize()
        assert memory.index is not None
        assert near(memory, memory.text_vectors[8:9], 1).tolist() == [[8]]


def test_a_small_archive_has_no_index(tmp_path):
    with ArchiveMemory.create(tmp_path / "memory", "m", W) as memory:
        add(memory, clustered(50))
        memory.optimize()
        assert memory.index is None
        assert memory.recall() == 1
        assert not (tmp_path / "memory" / "texts.index").exists()


def test_a_desk_answers_the_same_with_an_index_of_its_few_texts(quick_desk, monkeypatch):
    def answers() -> list:
        with Desk(quick_desk) as desk:
            texts = [text.excerpt for text in desk.memory.texts(range(0, len(desk.memory), 9))]
            found = [
                plain(list(desk.suggest(text, route=route)))
                for text in texts
                for route in ("", "transfer")
            ]
            return [found, desk.optimize(), desk.evaluate().as_json()]

    before, was, measured = answers()
    assert was.indexed_texts == 0
    monkeypatch.setattr(ArchiveMemory, "index_from", 1)
    with Desk(quick_desk) as desk:
        now = desk.optimize()
    assert (now.indexed_texts, now.texts, now.text_recall) == (was.texts, was.texts, 1)
    after, _, again = answers()
    assert after == before
    assert again == measured
    said = {check.name: check for check in diagnose(quick_desk)}["index of texts"]
    assert (said.state, "searches find 100.0% of the 50 nearest" in said.found) == ("ok", True)
    with Desk(quick_desk) as desk:
        shutil.rmtree(desk.fitted.memory / "texts.index")
    monkeypatch.setattr("picturedesk.desk.inspect.INDEX_FROM", 1)
    said = {check.name: check for check in diagnose(quick_desk)}["index of texts"]
    assert (said.state, "compared one by one, which is slow" in said.found) == ("absent", True)
    assert "picturedesk optimize" in said.cure
