"""The transfer route: the paper's to the letter, and the one in which many texts speak."""

from __future__ import annotations

import numpy as np
import pytest

import picturedesk.routes.archive
import picturedesk.routes.transfer
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.routes import ArchiveVectors, Queries
from picturedesk.routes.transfer import (
    NearestTextPlan,
    NearestTextRoute,
    TransferPlan,
    TransferRoute,
    transfer_scores,
)
from small_routes import TEXTS, D, make_fold, make_matcher, make_pictures, make_queries, make_texts


def vectors(rows, width, seed):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def make_archive(texts=12, pictures=9, links=20, seed=0, width=6):
    pairs = np.random.default_rng(seed).integers(0, [texts, pictures], (links, 2))
    return ArchiveVectors(vectors(texts, 5, seed + 1), vectors(pictures, width, seed + 2), pairs)


def cos(a, b):
    product = np.linalg.norm(a) * np.linalg.norm(b)
    return a @ b / product if product else 0.0


def transfer_by_hand(texts, archive, candidates):
    """Eq. 7 and 8, one query after the other."""
    scores = np.zeros((len(texts), len(candidates)))
    with_pictures = sorted({int(text) for text, _ in archive.links})
    for q, text in enumerate(texts):
        nearest = max(with_pictures, key=lambda t: (cos(text, archive.texts[t]), -t))
        own = [picture for owner, picture in archive.links if owner == nearest]
        for n, candidate in enumerate(candidates):
            scores[q, n] = max(cos(archive.pictures[i], candidate) for i in own)
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_transfer_is_that_of_a_loop_over_queries(seed):
    archive, texts, candidates = make_archive(seed=seed), vectors(15, 5, 50), vectors(8, 6, 51)
    expected = transfer_by_hand(texts, archive, candidates)
    assert transfer_scores(texts, archive, candidates) == pytest.approx(expected, abs=1e-5)


def test_small_blocks_change_nothing(monkeypatch):
    archive, texts, candidates = make_archive(links=60), vectors(15, 5, 50), vectors(8, 6, 51)
    whole = transfer_scores(texts, archive, candidates)
    monkeypatch.setattr(picturedesk.routes.archive, "_CELLS", 20)
    monkeypatch.setattr(picturedesk.routes.transfer, "_ROWS", 3)
    assert transfer_scores(texts, archive, candidates) == pytest.approx(whole, abs=1e-6)


def test_of_equally_similar_archive_texts_the_first_speaks():
    text = vectors(1, 5, 0)
    archive = ArchiveVectors(
        np.concatenate([-text, 3 * text, text]),
        np.eye(3, dtype=np.float32),
        np.array([[0, 0], [1, 1], [2, 2]]),
    )
    assert transfer_scores(text, archive, np.eye(3, dtype=np.float32)).tolist() == [[0, 1, 0]]


def test_an_archive_text_without_a_picture_is_passed_over():
    text, far = vectors(1, 5, 0), vectors(1, 5, 1)
    axes = np.eye(2, dtype=np.float32)
    archive = ArchiveVectors(np.concatenate([text, far]), axes, np.array([[1, 1]]))
    assert transfer_scores(text, archive, axes).tolist() == [[0, 1]]


def test_with_several_pictures_the_nearest_one_counts():
    text = vectors(1, 5, 0)
    archive = ArchiveVectors(text, np.eye(3, dtype=np.float32)[:2], np.array([[0, 0], [0, 1]]))
    candidates = np.array([[1, 0, 0], [0, 2, 0], [1, 1, 0], [0, 0, 1]], dtype=np.float32)
    found = transfer_scores(text, archive, candidates)[0]
    assert found == pytest.approx([1, 1, np.sqrt(0.5), 0])


def test_a_text_without_a_known_word_scores_zero():
    found = transfer_scores(np.zeros((1, 5), dtype=np.float32), make_archive(), vectors(4, 6, 0))
    assert found.tolist() == [[0, 0, 0, 0]]


def test_raw_features_may_have_another_width_than_texts():
    archive = make_archive(width=40)
    assert transfer_scores(vectors(2, 5, 0), archive, vectors(7, 40, 1)).shape == (2, 7)


def test_widths_that_differ_are_refused():
    with pytest.raises(BadInput, match=r"\(2, 4\) and \(12, 5\)"):
        transfer_scores(vectors(2, 4, 0), make_archive(), vectors(7, 6, 1))
    with pytest.raises(BadInput, match="cannot be compared"):
        transfer_scores(vectors(2, 5, 0), make_archive(), vectors(7, 5, 1))


def test_an_archive_without_links_is_refused():
    links = np.zeros((0, 2), dtype=np.int64)
    archive = ArchiveVectors(vectors(2, 5, 0), vectors(2, 6, 0), links)
    with pytest.raises(BadInput, match="links no text"):
        transfer_scores(vectors(1, 5, 0), archive, vectors(1, 6, 0))


def with_repeated_texts(fold):
    """The same archive, in which every text of the second half is one of the first half again."""
    features = fold.queries.features.copy()
    features[15:] = features[:15]
    matcher = fold.queries.matcher
    archive = ArchiveVectors(matcher.placed(features), fold.archive.pictures, fold.archive.links)
    return Queries(matcher, fold.queries.texts, features, archive)


def test_the_papers_route_as_an_object_gives_the_scores_of_the_function():
    fold = make_fold()
    route = NearestTextPlan().fit(fold)
    candidates = make_pictures(matcher=fold.queries.matcher)
    new = make_queries([*make_texts(8, 20), "!?"], fold)
    repeated = with_repeated_texts(fold)
    for queries in (new, fold.queries, repeated):
        rows = route.ask(queries)
        found = rows.best(rows.vectors @ route.store(candidates).T)
        expected = transfer_scores(queries.vectors, queries.archive, candidates.vectors)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not rows_of(route, new, 8).any()
    assert rows_of(route, fold.queries, 5).tolist() == fold.archive.pictures[[5, 6]].tolist()


def rows_of(route, queries, query):
    return route.ask(queries).of(query).vectors


def kernel_by_hand(queries, archive, nearest, temperature):
    """Where the pictures of similar texts lie, one query and one text after the other."""
    found = np.zeros((len(queries), archive.pictures.shape[1]))
    for query, vector in enumerate(queries):
        if not vector.any():
            continue
        cosines = archive.texts @ vector
        own = [archive.links_of(np.array([text]))[0] for text in range(TEXTS)]
        speaking, groups = [], set()
        for text in sorted(range(TEXTS), key=lambda text: (-cosines[text], text)):
            group = text if archive.groups is None else int(archive.groups[text])
            if len(own[text]) and group not in groups and len(speaking) < nearest:
                speaking.append(text)
                groups.add(group)
        for text in speaking:
            mean = archive.pictures[own[text]].mean(axis=0)
            found[query] += np.exp(cosines[text] / temperature) * mean
    return length_one(found.astype(np.float32))


@pytest.mark.parametrize("nearest", [1, 4, 99])
@pytest.mark.parametrize("grouped", [False, True])
def test_many_texts_speak_each_for_the_mean_of_its_pictures(nearest, grouped):
    groups = np.arange(TEXTS) % 13 if grouped else None
    fold = make_fold(groups=groups)
    queries = make_queries([*make_texts(6, 30), "!?"], fold)
    route = TransferPlan(nearest=nearest, temperature=0.2).fit(fold)
    found = route.ask(queries)
    expected = kernel_by_hand(queries.vectors, fold.archive, nearest, 0.2)
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    assert len(found.starts) == len(found.vectors) == 7


def test_with_one_text_that_has_one_picture_both_routes_are_one():
    rows = np.arange(24)
    fold = make_fold(links=np.stack([rows, rows], axis=1))
    queries = make_queries(make_texts(6, 30), fold)
    one = TransferPlan(nearest=1).fit(fold).ask(queries)
    paper = NearestTextPlan().fit(fold).ask(queries)
    np.testing.assert_allclose(one.vectors, paper.vectors, atol=1e-6)


def test_settings_of_no_meaning_are_refused():
    for settings in ({"nearest": 0}, {"temperature": 0.0}):
        with pytest.raises(BadInput, match="nearest starts at 1, the temperature is above 0"):
            TransferPlan(**settings)


def test_what_was_saved_is_restored():
    matcher = make_matcher()
    route = TransferPlan(nearest=3, temperature=0.5).fit(make_fold())
    again = TransferPlan().restore(matcher, route.settings(), route.arrays())
    assert isinstance(again, TransferRoute)
    assert (again.nearest, again.temperature) == (3, 0.5)
    assert isinstance(NearestTextPlan().restore(matcher, {}, {}), NearestTextRoute)
    assert again.block.width == D
