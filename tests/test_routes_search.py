"""Search: few candidates give the answer that all entries would give; pools stand for the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from brute_force_catalogue import BruteForceCatalogue
from picturedesk.errors import BadInput, UnknownPicture
from picturedesk.routes import search
from picturedesk.routes.blend import total
from picturedesk.routes.kinds import PAPER
from picturedesk.routes.search import SearchConfig
from picturedesk.store.catalogue.checks import unknown_key
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Picture
from small_routes import WORDS, make_blend, make_fold, make_pictures, make_queries, make_texts

COUNT = 120
ALL = SearchConfig(candidates=10 * COUNT)
WITHOUT_WORDS = {"direct": 2.0, "hubness": 0.5, "transfer": 0.3, "class_names": 0.7}
WITH_WORDS = {**WITHOUT_WORDS, "captions": 1.5}
MOSTLY_WORDS = {"direct": 0.2, "captions": 3.0}
TEXTS = [*make_texts(6, 11), "nothing of it", "cat dog boat tree sea night day rain road"]


def make_captions(count, seed=7):
    """Every other picture has a few words."""
    random = np.random.default_rng(seed)
    few = [" ".join(random.choice(WORDS, random.integers(1, 4))) for _ in range(count)]
    return [caption if number % 2 else "" for number, caption in enumerate(few)]


def entries(blend, count=COUNT, twins=False):
    """Catalogue entries; with twins, groups of five have equal vectors and equal captions."""
    vectors = blend.vectors(make_pictures(count, matcher=blend.matcher))
    captions = make_captions(count)
    if twins:
        rows = np.random.default_rng(9).integers(0, count // 5, count)
        vectors, captions = vectors[rows], [captions[row] for row in rows]
    pictures = [
        Picture(f"{n}.jpg", key=f"{n:04d}", caption=caption, licence=("cc0", "cc-by")[n % 3 == 0])
        for n, caption in enumerate(captions)
    ]
    return pictures, vectors


def make_world(weights, twins=False, plans=None, **changes):
    fold = make_fold()
    blend = make_blend(weights, fold=fold, **({"plans": plans} if plans else {}), **changes)
    return blend, BruteForceCatalogue(*entries(blend, twins=twins)), make_queries(TEXTS, fold)


def keys(ranking):
    return [picture.key for picture in ranking.pictures]


def by_hand(blend, catalogue, queries, route, where=""):
    """Keys of all entries that pass, best first, and their scores: each entry is looked at."""
    everything = catalogue.sample(catalogue.count(where), where)
    own = [picture.key for picture in everything.pictures]
    weights, asked = blend.weights_of(route), blend.ask(queries)
    for query, text in enumerate(queries.texts):
        bm25 = catalogue.word_scores(words(text), own)
        scored = blend.exact_scores(asked.of(query), everything.vectors, bm25, weights)
        scores = np.asarray(total(scored, weights))
        order = sorted(range(len(own)), key=lambda place: (-scores[place], own[place]))
        yield [own[place] for place in order], scores[order]


@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("weights", [WITHOUT_WORDS, WITH_WORDS, MOSTLY_WORDS])
@pytest.mark.parametrize("candidates", [2, 5, 20, 1000])
def test_few_candidates_give_the_answer_that_all_give(weights, candidates, twins):
    blend, catalogue, queries = make_world(weights, twins)
    config = SearchConfig(candidates=candidates)
    found = search(blend, catalogue, blend.ask(queries), 7, "blend", config=config)
    for ranking, (order, scores) in zip(
        found, by_hand(blend, catalogue, queries, "blend"), strict=True
    ):
        assert keys(ranking) == order[:7]
        np.testing.assert_array_equal(ranking.scores, scores[:7])
        np.testing.assert_array_equal(ranking.pool.scores[:7], scores[:7])


@pytest.mark.parametrize("route", ["direct", "transfer", "class_names", "captions"])
@pytest.mark.parametrize("twins", [False, True])
def test_one_route_alone_is_searched_as_exactly(route, twins):
    blend, catalogue, queries = make_world(WITH_WORDS, twins)
    config = SearchConfig(candidates=5)
    found = search(blend, catalogue, blend.ask(queries), 9, route, config=config)
    for ranking, (order, scores) in zip(
        found, by_hand(blend, catalogue, queries, route), strict=True
    ):
        assert keys(ranking) == order[:9]
        np.testing.assert_array_equal(ranking.route_scores[route], scores[:9])


@pytest.mark.parametrize("weights", [{"transfer": 1.0}, {"direct": 1.0, "transfer": 0.8}])
@pytest.mark.parametrize("candidates", [2, 5, 20])
def test_a_route_that_asks_with_several_vectors_is_searched_exactly(weights, candidates):
    blend, catalogue, queries = make_world(weights, plans=PAPER)
    asked = blend.ask(queries)
    assert len(asked.rows["transfer"].vectors) > len(TEXTS)
    config = SearchConfig(candidates=candidates)
    found = search(blend, catalogue, asked, 7, "blend", config=config)
    for ranking, (order, scores) in zip(
        found, by_hand(blend, catalogue, queries, "blend"), strict=True
    ):
        assert keys(ranking) == order[:7]
        np.testing.assert_array_equal(ranking.scores, scores[:7])


@pytest.mark.parametrize("where", ["licence = 'cc0'", "key > '0100'", "key = 'none of them'"])
def test_only_entries_that_pass_are_found(where):
    blend, catalogue, queries = make_world(WITH_WORDS)
    config = SearchConfig(candidates=3)
    found = search(blend, catalogue, blend.ask(queries), 30, "blend", where, config)
    for ranking, (order, _) in zip(
        found, by_hand(blend, catalogue, queries, "blend", where), strict=True
    ):
        assert keys(ranking) == order[:30]
        assert len(ranking.pictures) == min(30, catalogue.count(where))


def test_of_equal_scores_the_lower_key_comes_first_however_many_there_are():
    blend, catalogue, queries = make_world(WITHOUT_WORDS)
    same = catalogue.fetch(["0007"])
    pictures = [replace(same.pictures[0], key=f"{n:04d}") for n in reversed(range(60))]
    catalogue.replace_all(pictures, np.repeat(same.vectors, 60, axis=0))
    config = SearchConfig(candidates=4)
    for ranking in search(blend, catalogue, blend.ask(queries), 10, "blend", config=config):
        assert keys(ranking) == [f"{n:04d}" for n in range(10)]


def test_entries_without_the_words_follow_by_key():
    blend, catalogue, _ = make_world({"captions": 1.0})
    vectors = catalogue.fetch(catalogue.keys()[:8]).vectors
    captions = ["", "cat", "cat", "cat", "", "cat", "", ""]
    pictures = [Picture("", key=str(n), caption=caption) for n, caption in enumerate(captions)]
    catalogue.replace_all(pictures, vectors)
    one = blend.ask(make_queries(["cat"], make_fold()))
    found = search(blend, catalogue, one, 6, "captions", config=SearchConfig(candidates=2))[0]
    assert keys(found) == ["1", "2", "3", "5", "0", "4"]


def test_cosines_that_an_index_rounds_change_no_answer():
    """Vectors that differ by less than an index tells apart, so that it gives them in any order."""
    blend, catalogue, queries = make_world(WITHOUT_WORDS)
    random = np.random.default_rng(2)
    vectors = np.repeat(catalogue.fetch(["0007"]).vectors, 60, axis=0)
    vectors += (3e-7 * random.normal(size=vectors.shape)).astype(np.float32)
    pictures = [Picture("", key=f"{n:04d}") for n in range(60)]
    exact, rounded = (BruteForceCatalogue(pictures, vectors, step) for step in (0.0, 1e-6))
    found = search(
        blend, rounded, blend.ask(queries), 3, "blend", config=SearchConfig(candidates=6)
    )
    for ranking, (order, _) in zip(found, by_hand(blend, exact, queries, "blend"), strict=True):
        assert keys(ranking) == order[:3]


def test_more_is_asked_for_only_where_it_is_needed():
    blend, catalogue, queries = make_world(WITHOUT_WORDS)
    search(blend, catalogue, blend.ask(queries), 5, "blend", config=SearchConfig(candidates=6))
    assert catalogue.depths == [6]  # without words, the best cosines are the best scores
    catalogue.depths.clear()
    few = SearchConfig(candidates=2, most=20)
    search(blend, catalogue, blend.ask(queries), 1, "captions", config=few)
    assert max(catalogue.depths) <= 20


@pytest.mark.parametrize("candidates", [2, 20])
def test_captions_that_count_against_a_picture_are_searched_as_exactly(candidates):
    blend, catalogue, queries = make_world(WITH_WORDS)
    against = {**WITHOUT_WORDS, "captions": -1.5}
    few, every = (
        search(blend, catalogue, blend.ask(queries), 7, "blend", config=config, weights=against)
        for config in (SearchConfig(candidates=candidates), ALL)
    )
    for one, other in zip(few, every, strict=True):
        assert keys(one) == keys(other)
        np.testing.assert_array_equal(one.scores, other.scores)


class Noting(BruteForceCatalogue):
    """Notes what is asked for by words: at least which BM25, and how many entries came."""

    def __init__(self, *given):
        super().__init__(*given)
        self.told = []

    def matching(self, words, k, where="", at_least=0.0):
        found = super().matching(words, k, where, at_least)
        self.told.append((at_least, len(found.scores)))
        return found


@pytest.mark.parametrize("weight", [0.05, 0.5, 1.5])
def test_by_words_only_entries_are_fetched_that_could_be_among_the_best(weight):
    blend, plain, queries = make_world({**WITHOUT_WORDS, "captions": weight})
    catalogue = Noting(*entries(blend))
    config = SearchConfig(candidates=20, background=0)
    found = search(blend, catalogue, blend.ask(queries), 5, "blend", config=config)
    for ranking, (order, scores) in zip(
        found, by_hand(blend, plain, queries, "blend"), strict=True
    ):
        assert keys(ranking) == order[:5]
        np.testing.assert_array_equal(ranking.scores, scores[:5])
    assert catalogue.depths == [20]  # not once more by vector, although captions count
    asked = [words(text) for text in queries.texts]
    all_matches = [len(plain.matching(some, COUNT).scores) for some in asked]
    assert sum(count for _, count in catalogue.told) < 0.7 * sum(all_matches)
    assert all(at_least > 0 for at_least, _ in catalogue.told)
    if weight < 0.1:
        assert not catalogue.told  # captions add too little to change anything


def test_no_entries_give_an_empty_ranking():
    blend, _, queries = make_world(WITH_WORDS)
    found = search(blend, BruteForceCatalogue(), blend.ask(queries), 5, "blend")
    assert [len(ranking.pictures) for ranking in found] == [0] * len(TEXTS)
    assert all(ranking.vectors.shape == (0, blend.layout.width) for ranking in found)
    assert all(ranking.pool.total == 0 for ranking in found)


def test_catalogues_without_words_are_searched_by_the_other_routes():
    blend, catalogue, queries = make_world(WITH_WORDS)
    bare = [replace(picture, caption="") for picture in catalogue.fetch(catalogue.keys()).pictures]
    catalogue.add(bare, catalogue.fetch(catalogue.keys()).vectors)
    assert not catalogue.has_words
    found = search(blend, catalogue, blend.ask(queries), 3, "blend")
    dense = replace(blend, weights=WITHOUT_WORDS)
    assert list(map(keys, found)) == list(
        map(keys, search(dense, catalogue, dense.ask(queries), 3, "blend"))
    )
    assert not found[0].route_scores["captions"].any()


def test_several_queries_at_once_are_as_one_by_one():
    blend, catalogue, queries = make_world(WITH_WORDS)
    config = SearchConfig(candidates=5)
    together = search(blend, catalogue, blend.ask(queries), 6, "blend", config=config)
    for query, ranking in enumerate(together):
        alone = search(blend, catalogue, blend.ask(queries.of(query)), 6, "blend", config=config)[0]
        assert keys(alone) == keys(ranking)
        np.testing.assert_allclose(alone.scores, ranking.scores, atol=1e-6)


def test_routes_that_there_are_not_are_named():
    blend, catalogue, queries = make_world(WITH_WORDS)
    known = "direct, transfer, class_names, captions, blend"
    with pytest.raises(BadInput, match=f"'sideways' is not known: {known}"):
        search(blend, catalogue, blend.ask(queries), 3, "sideways")


class Restless(BruteForceCatalogue):
    """Loses the best candidate while a search scores it, so many times."""

    times = 0

    def word_scores(self, words, keys):
        if self.times:
            self.times -= 1
            self.remove(keys[:1])
            raise unknown_key("catalogue", keys[0])
        return super().word_scores(words, keys)


def test_pictures_that_are_removed_during_a_search_are_left_out():
    fold = make_fold()
    blend = make_blend(WITH_WORDS, fold=fold)
    queries = blend.ask(make_queries(TEXTS[:1], fold))
    catalogue = Restless(*entries(blend))
    (before,) = search(blend, catalogue, queries, 5, "blend")
    catalogue.times = 3
    (after,) = search(blend, catalogue, queries, 5, "blend")
    left = set(catalogue.keys(limit=COUNT))
    assert len(left) == COUNT - 3
    assert set(keys(after)) <= left
    assert keys(after) == keys(search(blend, catalogue, queries, 5, "blend")[0])
    assert keys(after) != keys(before)
    catalogue.times = COUNT
    with pytest.raises(UnknownPicture, match="has no picture with the key"):
        search(blend, catalogue, queries, 5, "blend")


def test_a_pool_of_all_entries_holds_every_score():
    blend, catalogue, queries = make_world(WITH_WORDS)
    found = search(blend, catalogue, blend.ask(queries), 5, "blend", config=ALL)
    for ranking, (_, scores) in zip(
        found, by_hand(blend, catalogue, queries, "blend"), strict=True
    ):
        np.testing.assert_array_equal(ranking.pool.scores, scores)
        assert ranking.pool.total == COUNT
        assert not len(ranking.pool.others)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_a_background_stands_for_what_is_no_candidate(temperature):
    blend, catalogue, queries = make_world(WITH_WORDS)
    asked = blend.ask(queries)
    few = SearchConfig(candidates=20, background=60)
    sampled = search(blend, catalogue, asked, 5, "blend", config=few)
    whole = search(blend, catalogue, asked, 5, "blend", config=ALL)
    for ours, theirs in zip(sampled, whole, strict=True):
        assert ours.pool.total == theirs.pool.total == COUNT
        best = theirs.pool.scores[:5]
        expected = theirs.pool.shares(best, temperature)
        np.testing.assert_allclose(ours.pool.shares(best, temperature), expected, rtol=0.15)


def test_a_background_of_all_entries_gives_the_whole_softmax():
    blend, catalogue, queries = make_world(WITH_WORDS)
    asked = blend.ask(queries)
    few = SearchConfig(candidates=8, background=COUNT)
    for ours, theirs in zip(
        search(blend, catalogue, asked, 5, "blend", config=few),
        search(blend, catalogue, asked, 5, "blend", config=ALL),
        strict=True,
    ):
        assert len(ours.pool.scores) < COUNT
        scores = theirs.pool.scores
        expected = theirs.pool.shares(scores, 0.5)
        np.testing.assert_allclose(ours.pool.shares(scores, 0.5), expected, rtol=1e-5)


@pytest.mark.parametrize("config", [ALL, SearchConfig(candidates=8, background=COUNT)])
def test_the_pool_is_of_the_whole_catalogue_whatever_a_filter_lets_pass(config):
    blend, catalogue, queries = make_world(WITH_WORDS)
    asked = blend.ask(queries)
    few = catalogue.nearest(np.ones((1, blend.layout.width)), 3)[0].entries.pictures
    where = f"key in ({', '.join(repr(picture.key) for picture in few)})"
    plain = search(blend, catalogue, asked, 5, "blend", config=config)
    filtered = search(blend, catalogue, asked, 5, "blend", where, config)
    for ours, theirs in zip(filtered, plain, strict=True):
        assert len(ours.pictures) == 3
        assert ours.pool.total == theirs.pool.total == COUNT
        found, expected = (pool.shares(ours.judged, 0.5) for pool in (ours.pool, theirs.pool))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        np.testing.assert_array_equal(ours.judged, ours.scores)


def test_scores_are_judged_without_captions_where_these_played_no_part():
    blend, catalogue, queries = make_world(WITH_WORDS)
    config = SearchConfig(judge_captions=False)
    for ranking in search(blend, catalogue, blend.ask(queries), 5, "blend", config=config):
        captions = ranking.route_scores["captions"] * blend.weights["captions"]
        np.testing.assert_allclose(ranking.judged, ranking.scores - captions, atol=1e-6)
        assert ranking.pool.scores.max() >= ranking.judged.max() - 1e-6


def test_without_a_background_nothing_is_sampled():
    blend, catalogue, queries = make_world(WITH_WORDS)
    catalogue.sample = lambda count, where="": pytest.fail("sampled")
    config = SearchConfig(candidates=5, background=0)
    found = search(blend, catalogue, blend.ask(queries), 3, "blend", config=config)
    assert all(ranking.pool is None for ranking in found)


def test_the_double_keeps_the_protocol():
    promised = {name for name in vars(Catalogue) if not name.startswith("_")}
    assert promised <= {*dir(BruteForceCatalogue()), "close"}
