"""The index of vectors by itself: what it proposes where FAISS alone would propose nothing."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.store.vector_index import Rows, VectorIndex

pytest.importorskip("faiss")


def unit(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Vectors of length one, in ten clusters."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(10, width))
    made = centres[np.arange(count) % 10] + 0.5 * random.normal(size=(count, width))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def built(vectors: np.ndarray, queries: np.ndarray | None = None) -> VectorIndex:
    rows = np.arange(len(vectors)) * 3  # rows need not follow each other
    return VectorIndex.build(len(vectors), vectors, [(rows, vectors)], queries)


@pytest.mark.parametrize("width", [1, 3, 129, 256, 300])
def test_vectors_of_any_width_are_found(width):
    vectors = unit(3000, width)
    index = built(vectors, vectors[:50])
    assert (index.facts.kept, index.facts.width) == (min(width, 256), width)
    found = index.search(vectors[:50].astype(np.float64), 400)
    nearest = [np.argsort(-(vectors @ query))[:10] * 3 for query in vectors[:50]]
    ties = width == 1  # all are equal
    shares = [np.isin(best, some).mean() for best, some in zip(nearest, found, strict=True)]
    assert ties or np.mean(shares) >= 0.98
    assert all(len(some) == 400 == len(np.unique(some)) for some in found)


def test_a_query_of_zeros_and_vectors_that_are_all_alike_get_as_many_as_there_are():
    vectors = unit(500, 8)
    index = built(vectors)
    may = np.zeros(1500, dtype=bool)
    may[np.arange(0, 1500, 3)[:450]] = True
    for chosen, among in ((None, np.arange(500) * 3), (Rows(may), np.flatnonzero(may))):
        (found,) = index.search(np.zeros((1, 8)), 410, chosen)
        assert len(np.unique(found)) == 410
        assert np.isin(found, among).all()
    alike = built(np.repeat(unit(1, 8), 500, axis=0))
    (found,) = alike.search(unit(1, 8, seed=2).astype(np.float64), 450)
    assert len(np.unique(found)) == 450
    (none,) = built(np.zeros((20, 8), dtype=np.float32)).search(np.ones((1, 8)), 20)
    assert sorted(none.tolist()) == list(range(0, 60, 3))


def test_fewer_rows_than_candidates_are_all_proposed():
    vectors = unit(2000, 16)
    index = built(vectors)
    may = np.zeros(6000, dtype=bool)
    may[[3, 30, 5997]] = True
    (found,) = index.search(vectors[:1].astype(np.float64), 400, Rows(may))
    assert found.tolist() == [3, 30, 5997]


def test_what_was_saved_and_extended_finds_the_same(tmp_path):
    every = unit(2100, 40)
    vectors, new = every[:2000], every[2000:]
    index = built(vectors, vectors[::20])
    opened = VectorIndex.open(tmp_path / "one", index.save(tmp_path / "one"))
    queries = new[:20].astype(np.float64)
    for one, other in zip(opened.search(queries, 50), index.search(queries, 50), strict=True):
        assert one.tolist() == other.tolist()
    longer = opened.extended(np.array([0, 3]), [(np.arange(6000, 6100), new)])
    again = VectorIndex.open(tmp_path / "two", longer.save(tmp_path / "two"))
    assert again.facts.count == 2098
    found = again.search(queries, 100)
    assert all(6000 + place in some for place, some in enumerate(found))
    assert not any(np.isin([0, 3], some).any() for some in again.search(queries, 2098))
    assert opened.facts.count == 2000


@pytest.mark.parametrize("cores", [2, 3])
def test_threads_that_share_a_search_find_what_one_finds(cores, monkeypatch):
    vectors = unit(4000, 24)
    index = built(vectors, vectors[:100])
    may = np.zeros(12_000, dtype=bool)
    may[np.random.default_rng(3).choice(4000, 1500, replace=False) * 3] = True
    cases = [(query, chosen) for query in vectors[:20] for chosen in (None, Rows(may))]

    def found() -> list[list[int]]:
        every = [index.search(query[None].astype(float), 300, some) for query, some in cases]
        return [rows.tolist() for (rows,) in every]

    alone = found()
    shared: list[int] = []
    share = VectorIndex._shared

    def watched(self: VectorIndex, *given: object) -> object:
        shared.append(given[-1])
        return share(self, *given)

    monkeypatch.setattr(VectorIndex, "_shared", watched)
    monkeypatch.setattr("picturedesk.store.vector_index._WORTH_SHARING", 1)
    monkeypatch.setattr("picturedesk.store.vector_index.cpus", lambda: cores)
    for mine, theirs in zip(found(), alone, strict=True):
        assert len(set(mine)) == 300
        assert set(theirs[:200]) <= set(mine)  # of equal codes, any may be the last
    assert set(shared) == {cores}


def test_rows_in_lists_that_are_hardly_looked_through_are_far():
    vectors = unit(20_000, 32)
    index = built(vectors, vectors[:200])
    assert index.facts.share > 2
    query = vectors[0].astype(np.float64)
    order = 3 * np.argsort(-(vectors @ vectors[0]))
    assert not index.far(query, order[:1]).any()
    assert index.far(query, order[-10:]).all()
    may = np.zeros(60_000, dtype=bool)
    may[np.arange(0, 60_000, 300)] = True  # so few that all lists are looked through
    assert not index.far(query, order[-10:], Rows(may)).any()
    moved = index.extended(order[:1], [(np.array([90_000]), vectors[:1])])
    assert not moved.far(query, np.array([90_000])).any()
    assert moved.far(query, order[-10:]).all()
