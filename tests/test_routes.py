from __future__ import annotations

import numpy as np
import pytest

import picturedesk.routes.scores
from picturedesk.errors import BadInput
from picturedesk.routes.scores import (
    Memory,
    cosine,
    direct_scores,
    evidence_for,
    top,
    transfer_scores,
)


def vectors(rows, width, seed):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def memory(texts=12, pictures=9, links=20, seed=0, width=6):
    pairs = np.random.default_rng(seed).integers(0, [texts, pictures], (links, 2))
    return Memory(vectors(texts, 5, seed + 1), vectors(pictures, width, seed + 2), pairs)


def cos(a, b):
    product = np.linalg.norm(a) * np.linalg.norm(b)
    return a @ b / product if product else 0.0


def transfer_by_hand(texts, archive, candidates):
    """Eq. 7 and 8, one query after the other."""
    scores = np.zeros((len(texts), len(candidates)))
    told = sorted({int(text) for text, _ in archive.links})
    for q, text in enumerate(texts):
        nearest = max(told, key=lambda t: (cos(text, archive.texts[t]), -t))
        own = [picture for owner, picture in archive.links if owner == nearest]
        for n, candidate in enumerate(candidates):
            scores[q, n] = max(cos(archive.pictures[i], candidate) for i in own)
    return scores


def test_direct_scores_are_cosines():
    texts, pictures = vectors(4, 5, 0), vectors(6, 5, 1)
    expected = [[cos(text, picture) for picture in pictures] for text in texts]
    assert direct_scores(texts, pictures) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_zero_vector_has_cosine_zero_with_everything():
    assert not cosine(np.zeros((1, 5), dtype=np.float32), vectors(3, 5, 0)).any()


@pytest.mark.parametrize("seed", range(5))
def test_transfer_is_that_of_a_loop_over_queries(seed):
    archive, texts, candidates = memory(seed=seed), vectors(15, 5, 50), vectors(8, 6, 51)
    expected = transfer_by_hand(texts, archive, candidates)
    assert transfer_scores(texts, archive, candidates) == pytest.approx(expected, abs=1e-5)


def test_small_blocks_change_nothing(monkeypatch):
    archive, texts, candidates = memory(links=60), vectors(15, 5, 50), vectors(8, 6, 51)
    whole = transfer_scores(texts, archive, candidates)
    monkeypatch.setattr(picturedesk.routes.scores, "_CELLS", 20)
    monkeypatch.setattr(picturedesk.routes.scores, "_ROWS", 3)
    assert transfer_scores(texts, archive, candidates) == pytest.approx(whole, abs=1e-6)


def test_of_equally_similar_archive_texts_the_first_speaks():
    text = vectors(1, 5, 0)
    archive = Memory(
        np.concatenate([-text, 3 * text, text]),
        np.eye(3, dtype=np.float32),
        np.array([[0, 0], [1, 1], [2, 2]]),
    )
    assert transfer_scores(text, archive, np.eye(3, dtype=np.float32)).tolist() == [[0, 1, 0]]


def test_an_archive_text_without_a_picture_is_passed_over():
    text = vectors(1, 5, 0)
    far = vectors(1, 5, 1)
    archive = Memory(np.concatenate([text, far]), np.eye(2, dtype=np.float32), np.array([[1, 1]]))
    assert transfer_scores(text, archive, np.eye(2, dtype=np.float32)).tolist() == [[0, 1]]


def test_with_several_pictures_the_nearest_one_counts():
    text = vectors(1, 5, 0)
    archive = Memory(text, np.eye(3, dtype=np.float32)[:2], np.array([[0, 0], [0, 1]]))
    candidates = np.array([[1, 0, 0], [0, 2, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    found = transfer_scores(text, archive, candidates)[0]
    assert found == pytest.approx([1, 1, np.sqrt(0.5), 0])


def test_a_text_without_a_known_word_scores_zero():
    found = transfer_scores(np.zeros((1, 5), dtype=np.float32), memory(), vectors(4, 6, 0))
    assert found.tolist() == [[0, 0, 0, 0]]


def test_raw_features_may_have_another_width_than_texts():
    archive = memory(width=40)
    assert transfer_scores(vectors(2, 5, 0), archive, vectors(7, 40, 1)).shape == (2, 7)


def test_widths_that_differ_are_refused():
    with pytest.raises(BadInput, match=r"\(2, 4\) and \(12, 5\)"):
        transfer_scores(vectors(2, 4, 0), memory(), vectors(7, 6, 1))
    with pytest.raises(BadInput, match="cannot be compared"):
        transfer_scores(vectors(2, 5, 0), memory(), vectors(7, 5, 1))


def test_an_archive_without_links_is_refused():
    archive = Memory(vectors(2, 5, 0), vectors(2, 6, 0), np.zeros((0, 2), dtype=np.int64))
    with pytest.raises(BadInput, match="links no text"):
        transfer_scores(vectors(1, 5, 0), archive, vectors(1, 6, 0))
    assert evidence_for(vectors(1, 5, 0)[0], vectors(1, 6, 0)[0], archive) == []


def test_links_that_point_outside_are_refused():
    with pytest.raises(BadInput, match="2 texts and 3 pictures"):
        Memory(vectors(2, 5, 0), vectors(3, 6, 0), np.array([[0, 3]]))


def test_top_puts_the_best_first_and_breaks_ties_by_index():
    scores = np.array([[1, 3, 2, 3, 1], [0, 0, 0, 0, 0], [5, 4, 3, 2, 1]], dtype=np.float32)
    assert top(scores, 3).tolist() == [[1, 3, 2], [0, 1, 2], [0, 1, 2]]
    assert top(scores, 9).shape == (3, 5)
    assert top(scores[:, :0], 2).shape == (3, 0)
    with pytest.raises(BadInput, match="at least one"):
        top(scores, 0)


def test_top_is_a_stable_sort_cut_short():
    scores = np.random.default_rng(0).integers(0, 6, (50, 30)).astype(np.float32)
    expected = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 7, 30):
        assert np.array_equal(top(scores, k), expected[:, :k])


def test_evidence_is_what_is_alike_in_both_text_and_picture():
    axes = np.eye(4, dtype=np.float32)
    archive = Memory(
        np.stack([axes[0], axes[0] + axes[1], -axes[0], axes[0]]),
        np.stack([axes[1], axes[0], axes[0], axes[0] + axes[2]]),
        np.array([[0, 0], [1, 1], [2, 2], [3, 3]]),
    )
    found = evidence_for(axes[0], axes[0], archive, n=3)
    # text 3: 1 · √½; text 1: √½ · 1; text 0's picture and text 2 are not alike
    assert [(pair.text, pair.picture) for pair in found] == [(1, 1), (3, 3)]
    assert found[0].text_similarity == pytest.approx(np.sqrt(0.5))
    assert found[0].picture_similarity == pytest.approx(1)


def test_evidence_hears_only_the_nearest_texts_and_each_once():
    archive = memory(texts=30, pictures=20, links=90)
    text, picture = vectors(1, 5, 7)[0], vectors(1, 6, 8)[0]
    near = set(top(cosine(text[None], archive.texts), 4)[0].tolist())
    linked = {tuple(link) for link in archive.links.tolist()}
    found = evidence_for(text, picture, archive, n=10, n_near=4)
    assert found
    assert {pair.text for pair in found} <= near
    assert {(pair.text, pair.picture) for pair in found} <= linked
    assert len({pair.text for pair in found}) == len({pair.picture for pair in found}) == len(found)
    strength = [pair.text_similarity * pair.picture_similarity for pair in found]
    assert strength == sorted(strength, reverse=True)
    assert evidence_for(text, picture, archive, n=1, n_near=4) == found[:1]
