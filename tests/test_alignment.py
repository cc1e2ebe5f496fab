"""The closed form: principal components, canonical correlations, and what noise does to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.learning.alignment import AlignmentConfig, Block, Links, Side, align

RANDOM = np.random.default_rng(1)
WEAK = AlignmentConfig(picture_ridge=1e-4, text_ridge=1e-4)


def linked_sides(rows=400, shared=5, noise=0.3, seed=0):
    """Texts (rows, 20) and pictures (rows, 30) that show the same hidden numbers."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(rows, shared))
    texts = hidden @ random.normal(size=(shared, 20)) + noise * random.normal(size=(rows, 20))
    pictures = hidden @ random.normal(size=(shared, 30)) + noise * random.normal(size=(rows, 30))
    return texts.astype(np.float32), pictures.astype(np.float32)


def fit(texts, pictures, links, config=WEAK):
    text = Side.fit(texts, [Block(slice(None))], 1.0, config)
    picture = Side.fit(pictures, [Block(slice(None))], 1.0, config)
    return align(text, picture, text(texts), picture(pictures), Links.alike(links), config)


def pairs(count):
    return np.stack([np.arange(count)] * 2, axis=1)


def test_components_are_those_of_scikit_learn_scaled_to_one_variance():
    rows = RANDOM.normal(size=(60, 9)).astype(np.float32) @ RANDOM.normal(size=(9, 9))
    side = Side.fit(rows.astype(np.float32), [Block(slice(None))], 1.0, AlignmentConfig())
    theirs = PCA().fit(rows)
    ratio = theirs.explained_variance_ratio_
    np.testing.assert_allclose(side.variances, ratio, atol=1e-4)
    ours = side(rows.astype(np.float32))
    np.testing.assert_allclose(ours.var(axis=0), ratio, atol=1e-4)


def test_more_columns_than_rows_give_the_same_components():
    rows = RANDOM.normal(size=(12, 40)).astype(np.float32)
    side = Side.fit(rows, [Block(slice(None))], 1.0, AlignmentConfig())
    gram = side(rows) @ side(rows).T
    centred = rows - rows.mean(axis=0)
    expected = centred @ centred.T
    np.testing.assert_allclose(gram, expected / np.trace(expected) * 12, atol=1e-3)


def test_blocks_weigh_what_they_are_told_to():
    rows = RANDOM.normal(size=(300, 30)).astype(np.float32)
    rows[:, 10:] *= 100
    blocks = [Block(slice(0, 10), 3.0), Block(slice(10, 30), 1.0)]
    side = Side.fit(rows, blocks, 1.0, AlignmentConfig())
    alone = rows.copy()
    alone[:, 10:] = rows[:, 10:].mean(axis=0)
    assert side(alone).var(axis=0).sum() == pytest.approx(0.75, abs=0.02)


def test_a_block_of_weight_zero_and_columns_of_no_block_are_not_heard():
    rows = RANDOM.normal(size=(50, 6)).astype(np.float32)
    blocks = [Block(slice(0, 2)), Block(slice(2, 4), 0.0)]
    side = Side.fit(rows, blocks, 1.0, AlignmentConfig())
    other = rows.copy()
    other[:, 2:] = RANDOM.normal(size=(50, 4))
    np.testing.assert_allclose(side(other), side(rows), atol=1e-5)
    with pytest.raises(BadInput, match="no block"):
        Side.fit(rows, [Block(slice(0, 2), 0.0)], 1.0, AlignmentConfig())


def test_scaled_columns_are_heard_alike():
    rows = RANDOM.normal(size=(500, 4)).astype(np.float32) * np.array([1, 10, 100, 1000])
    side = Side.fit(rows.astype(np.float32), [Block(slice(None), scaled=True)], 1.0, WEAK)
    assert side.variances.max() < 0.6  # unscaled, the last column would have all of it


def test_correlations_are_those_of_scikit_learn():
    texts, pictures = linked_sides(noise=1.0)
    ours = fit(texts, pictures, pairs(len(texts))).correlations[:4]
    theirs = CCA(4, max_iter=5000).fit(texts, pictures)
    a, b = theirs.transform(texts, pictures)
    expected = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(4)]
    np.testing.assert_allclose(ours, sorted(expected, reverse=True), atol=5e-3)


def test_new_texts_find_their_pictures():
    texts, pictures = linked_sides(rows=600)
    aligned = fit(texts[:400], pictures[:400], pairs(400), AlignmentConfig())
    scores = (
        length_one(aligned.text_head(texts[400:]))
        @ length_one(aligned.picture_head(pictures[400:])).T
    )
    assert (scores.argmax(axis=1) == np.arange(200)).mean() > 0.9


def test_links_may_be_many_to_many():
    texts, pictures = linked_sides()
    twice = np.concatenate([texts, texts])
    links = np.stack([np.arange(800), np.arange(800) % 400], axis=1)
    once = fit(texts, pictures, pairs(400))
    both = fit(twice, pictures, links)
    np.testing.assert_allclose(both.correlations[:5], once.correlations[:5], atol=1e-3)


def test_equal_input_gives_equal_heads():
    texts, pictures = linked_sides()
    one, other = (fit(texts, pictures, pairs(400)) for _ in range(2))
    assert one.text_head.fingerprint == other.text_head.fingerprint
    assert one.picture_head.fingerprint == other.picture_head.fingerprint


def test_too_few_links_and_unusable_settings_are_refused():
    texts, pictures = linked_sides()
    with pytest.raises(BadInput, match="1 links: at least two"):
        fit(texts, pictures, pairs(1))
    with pytest.raises(BadInput, match="above 0"):
        AlignmentConfig(text_ridge=0)
    with pytest.raises(BadInput, match="start at 1"):
        AlignmentConfig(width=0)


def decisions(count, decided=(), against=(), passed_over=None):
    marked = np.zeros(count, dtype=bool)
    marked[list(decided)] = True
    rows = np.empty((0, 0), dtype=np.float32) if passed_over is None else passed_over
    return Links(pairs(count), marked, np.array(against, dtype=np.int64), rows)


def test_a_decided_pair_counts_as_often_as_the_settings_say():
    texts, pictures = linked_sides(rows=60)
    text = Side.fit(texts, [Block(slice(None))], 1.0, WEAK)
    picture = Side.fit(pictures, [Block(slice(None))], 1.0, WEAK)
    sides = (text, picture, text(texts), picture(pictures))
    often = np.concatenate([pairs(60), pairs(3), pairs(3)])
    expected = align(*sides, Links.alike(often), WEAK)
    found = align(*sides, decisions(60, decided=range(3)), replace(WEAK, decided=3))
    np.testing.assert_allclose(found.correlations, expected.correlations, atol=1e-5)
    once = align(*sides, decisions(60, decided=range(3)), replace(WEAK, decided=1))
    assert abs(once.correlations - expected.correlations).max() > 1e-4


def test_what_was_passed_over_moves_away_from_its_text():
    texts, pictures = linked_sides(rows=200, noise=1.0)
    config = AlignmentConfig()
    text = Side.fit(texts, [Block(slice(None))], 1.0, config)
    picture = Side.fit(pictures, [Block(slice(None))], 1.0, config)
    sides = (text, picture, text(texts), picture(pictures))
    disliked = np.arange(100, 150)

    def cosines(against):
        rows = sides[3][disliked]
        links = decisions(200, against=range(50), passed_over=rows)
        found = align(*sides, links, replace(config, against=against))
        left = length_one(found.text_head(texts[:50]))
        return (left * length_one(found.picture_head(pictures[disliked]))).sum(axis=1).mean()

    assert cosines(1.0) < cosines(0.3) < cosines(0.0) - 1e-3
