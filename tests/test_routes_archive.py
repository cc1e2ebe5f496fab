"""The archive as routes see it: links, near texts, and which pairs speak for a suggestion."""

from __future__ import annotations

import numpy as np
import pytest

import picturedesk.routes.archive
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.products import products
from picturedesk.routes import ArchiveVectors
from picturedesk.routes.archive import top
from picturedesk.routes.evidence import supporting_pairs
from small_routes import unit


def make_archive(texts=12, pictures=9, links=20, seed=0, width=6):
    pairs = np.random.default_rng(seed).integers(0, [texts, pictures], (links, 2))
    return ArchiveVectors(unit(texts, 5, seed + 1), unit(pictures, width, seed + 2), pairs)


def test_links_are_sorted_and_counted_once():
    archive = ArchiveVectors(
        unit(4, 5, 0), unit(3, 6, 1), np.array([[3, 1], [0, 2], [3, 0], [0, 2]])
    )
    assert archive.sorted_links.tolist() == [[0, 2], [3, 0], [3, 1]]
    assert archive.illustrated.tolist() == [True, False, False, True]
    own, counts = archive.links_of(np.array([3, 1, 0, 3]))
    assert own.tolist() == [0, 1, 2, 0, 1]
    assert counts.tolist() == [2, 0, 1, 2]


def test_links_that_point_outside_are_refused():
    with pytest.raises(BadInput, match="2 texts and 3 pictures"):
        ArchiveVectors(unit(2, 5, 0), unit(3, 6, 0), np.array([[0, 3]]))
    with pytest.raises(BadInput, match=r"must be \(M, 2\)"):
        ArchiveVectors(unit(2, 5, 0), unit(3, 6, 0), np.array([0, 1]))


@pytest.mark.parametrize("count", [1, 4, 99])
def test_neighbours_are_the_texts_with_pictures_of_highest_cosine(count):
    archive, queries = make_archive(links=8), unit(7, 5, 40)
    near = archive.neighbours(queries, count)
    cosines = queries @ archive.texts.T
    with_pictures = sorted({int(text) for text, _ in archive.links})
    for query, (rows, values) in enumerate(zip(*near, strict=True)):
        expected = sorted(with_pictures, key=lambda text: (-cosines[query, text], text))[:count]
        assert rows.tolist() == expected
        np.testing.assert_allclose(values, cosines[query, expected], atol=1e-6)
    assert near.first(1).rows.tolist() == near.rows[:, :1].tolist()


def test_the_nearest_text_is_the_first_of_those_that_rounding_cannot_tell_apart():
    text = unit(1, 5, 0)
    almost = length_one(text + np.float32(1e-8))
    archive = ArchiveVectors(
        np.concatenate([-text, almost, text, text]),
        np.eye(4, dtype=np.float32),
        np.array([[n, n] for n in range(4)]),
    )
    assert archive.nearest_text(text).tolist() == [1]
    assert archive.nearest_text(np.zeros((2, 5), dtype=np.float32)).tolist() == [-1, -1]


def test_a_text_without_a_picture_is_nobodys_nearest():
    text, far = unit(1, 5, 0), unit(1, 5, 1)
    archive = ArchiveVectors(
        np.concatenate([text, far]), np.eye(2, dtype=np.float32), np.array([[1, 1]])
    )
    assert archive.nearest_text(text).tolist() == [1]
    assert archive.neighbours(text, 2).rows.tolist() == [[1]]


def test_small_blocks_of_queries_change_nothing(monkeypatch):
    archive, queries = make_archive(), unit(15, 5, 50)
    near, nearest = archive.neighbours(queries, 4), archive.nearest_text(queries)
    monkeypatch.setattr(picturedesk.routes.archive, "_CELLS", 30)
    assert archive.neighbours(queries, 4).rows.tolist() == near.rows.tolist()
    assert archive.nearest_text(queries).tolist() == nearest.tolist()


def test_mapped_vectors_serve_as_well(tmp_path):
    archive, queries = make_archive(), unit(3, 5, 50)
    np.save(tmp_path / "texts.npy", archive.texts)
    mapped = np.load(tmp_path / "texts.npy", mmap_mode="r")
    again = ArchiveVectors(mapped, archive.pictures, archive.links)
    assert (
        again.neighbours(queries, 3).rows.tolist() == archive.neighbours(queries, 3).rows.tolist()
    )


def test_an_archive_without_links_is_refused():
    archive = ArchiveVectors(unit(2, 5, 0), unit(2, 6, 0), np.zeros((0, 2), dtype=np.int64))
    for ask in (lambda: archive.neighbours(unit(1, 5, 0), 1), lambda: archive.sorted_links):
        with pytest.raises(BadInput, match="links no text"):
            ask()
    with pytest.raises(BadInput, match="links no text"):
        archive.nearest_text(unit(1, 5, 0))


def test_widths_that_differ_are_refused():
    with pytest.raises(BadInput, match=r"\(2, 4\) and \(12, 5\) cannot be compared"):
        make_archive().neighbours(unit(2, 4, 0), 1)
    near = make_archive().neighbours(unit(1, 5, 0), 3)
    with pytest.raises(BadInput, match=r"shape \(2, 4\) cannot be compared .* width 6"):
        supporting_pairs(near, unit(2, 4, 0), make_archive())


def test_top_puts_the_best_first_and_breaks_ties_by_index():
    scores = np.array([[1, 3, 2, 3, 1], [0, 0, 0, 0, 0], [5, 4, 3, 2, 1]], dtype=np.float32)
    assert top(scores, 3).tolist() == [[1, 3, 2], [0, 1, 2], [0, 1, 2]]
    assert top(scores, 9).shape == (3, 5)
    assert top(scores[:, :0], 2).shape == (3, 0)
    with pytest.raises(BadInput, match="at least one"):
        top(scores, 0)


def test_top_of_many_scores_is_that_of_a_full_sort():
    scores = np.random.default_rng(5).integers(0, 400, size=(3, 1000)).astype(np.float32)
    scores[1, 990:] = 500  # behind the last whole group of scores
    scores[2] = -np.inf
    for k in (1, 3, 15, 16, 999):
        expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        assert np.array_equal(top(scores, k), expected)


def test_one_query_has_the_products_that_it_has_among_others():
    queries, rows = unit(3, 16, 1), unit(50, 16, 2)
    together = products(queries, rows)
    for query, expected in zip(queries, together, strict=True):
        np.testing.assert_allclose(products(query[None], rows), expected[None], atol=1e-6)


def test_top_is_a_stable_sort_cut_short():
    scores = np.random.default_rng(0).integers(0, 6, (50, 30)).astype(np.float32)
    expected = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 7, 30):
        assert np.array_equal(top(scores, k), expected[:, :k])


def test_evidence_is_what_is_alike_in_both_text_and_picture():
    axes = np.eye(4, dtype=np.float32)
    archive = ArchiveVectors(
        length_one(np.stack([axes[0], axes[0] + axes[1], -axes[0], axes[0]])),
        length_one(np.stack([axes[1], axes[0], axes[0], axes[0] + axes[2]])),
        np.array([[0, 0], [1, 1], [2, 2], [3, 3]]),
    )
    found = supporting_pairs(archive.neighbours(axes[:1], 50), axes[:1], archive, n=3)[0]
    # text 3: 1 · √½; text 1: √½ · 1; text 0's picture and text 2 are not alike
    assert [(pair.text, pair.picture) for pair in found] == [(1, 1), (3, 3)]
    assert found[0].text_similarity == pytest.approx(np.sqrt(0.5))
    assert found[0].picture_similarity == pytest.approx(1)


def test_evidence_comes_from_the_nearest_texts_and_each_speaks_once():
    archive = make_archive(texts=30, pictures=20, links=90)
    text, picture = unit(1, 5, 7), unit(1, 6, 8)
    near = archive.neighbours(text, 4)
    linked = {tuple(link) for link in archive.links.tolist()}
    found = supporting_pairs(near, picture, archive, n=10)[0]
    assert found
    assert {pair.text for pair in found} <= set(near.rows[0].tolist())
    assert {(pair.text, pair.picture) for pair in found} <= linked
    assert len({pair.text for pair in found}) == len({pair.picture for pair in found}) == len(found)
    strength = [pair.text_similarity * pair.picture_similarity for pair in found]
    assert strength == sorted(strength, reverse=True)
    assert supporting_pairs(near, picture, archive, n=1)[0] == found[:1]


def test_several_suggestions_at_once_have_the_evidence_of_each_alone():
    archive = make_archive(texts=30, pictures=20, links=90)
    near, pictures = archive.neighbours(unit(1, 5, 7), 10), unit(4, 6, 8)
    together = supporting_pairs(near, pictures, archive)
    for row, found in enumerate(together):
        alone = supporting_pairs(near, pictures[row : row + 1], archive)[0]
        assert [(w.text, w.picture) for w in alone] == [(w.text, w.picture) for w in found]
        values = [pair.picture_similarity for pair in alone]
        assert values == pytest.approx([pair.picture_similarity for pair in found], abs=1e-6)
    assert supporting_pairs(near, pictures[:0], archive) == []
