"""What every catalogue promises of words: BM25 of captions and tags, in any language."""

from __future__ import annotations

import random
from math import log

import numpy as np
import pytest

from catalogues import add_captions, captioned, keys_of, make_pictures, make_vectors, spoken
from picturedesk.errors import BadInput
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Picture

LEFT_OUT = ("behind",)  # engines; an index has no words


def okapi(documents, query):
    """The slow, obvious reference: BM25 of documents (lists of words by key) that have a hit."""
    documents = {key: document for key, document in documents.items() if document}
    mean = sum(map(len, documents.values())) / len(documents)
    scores = {}
    for key, document in documents.items():
        for word in sorted(set(query) & set(document)):
            having = sum(word in other for other in documents.values())
            idf = max(log((len(documents) - having + 0.5) / (having + 0.5)), 1e-6)
            often = document.count(word)
            gain = idf * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * len(document) / mean))
            scores[key] = scores.get(key, 0.0) + gain
    return scores


def drawn(numbers: random.Random, count: int, vocabulary: int = 40) -> str:
    names = [f"w{n}" for n in range(vocabulary)]
    likely = [1 / (1 + n) for n in range(vocabulary)]
    return " ".join(numbers.choices(names, likely, k=count))


def test_the_picture_whose_caption_has_the_words_comes_first(catalogue: Catalogue):
    add_captions(catalogue, "A gull above the sea", "The sea at night", "A town hall", "")
    found = catalogue.matching(words("Gulls: a GULL over the sea!"), 10)
    assert keys_of(found)[0] == "0000"
    assert set(keys_of(found)) == {"0000", "0001", "0002"}
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert found.scores[-1] > 0
    np.testing.assert_array_equal(found.entries.vectors, catalogue.fetch(keys_of(found)).vectors)


def test_the_best_matches_are_the_first_of_all_matches(catalogue: Catalogue):
    numbers = random.Random(1)
    add_captions(catalogue, *(drawn(numbers, numbers.choice((3, 9))) for _ in range(80)))
    everything = catalogue.matching(["w0", "w7", "w20"], 80)
    assert len(everything.entries) > 40
    for k in (0, 1, 7, 40):
        some = catalogue.matching(["w0", "w7", "w20"], k)
        assert keys_of(some) == keys_of(everything)[:k]
        np.testing.assert_array_equal(some.scores, everything.scores[:k])
        assert some.entries.vectors.shape == (k, catalogue.width)


def test_equal_matches_are_ordered_by_key(catalogue: Catalogue):
    pictures = captioned(*["the same sea"] * 12)[::-1]
    catalogue.add(pictures, make_vectors(12))
    for _ in range(2):  # before and after a search
        assert keys_of(catalogue.matching(["sea"], 5)) == [f"{n:04d}" for n in range(5)]
        catalogue.nearest(make_vectors(1), 1)


def test_tags_are_words_too_and_nothing_else_is(catalogue: Catalogue):
    picture = Picture("uri.jpg", "key", "caption", "credit", "licence", "date", ("Tag one", "two"))
    catalogue.add([picture], make_vectors(1))
    for word in ("caption", "tag", "one", "two"):
        assert spoken(catalogue, [word]).keys() == {"key"}
    assert spoken(catalogue, ["uri", "jpg", "key", "credit", "licence", "date", "tags"]) == {}


@pytest.mark.parametrize(
    ("caption", "query", "other"),
    [
        ("北京的足球", "足球", "篮球"),
        ("東京タワーの夜景", "タワー", "カメラ"),
        ("ภาพถ่ายทะเล", "ทะเล", "ภูเขา"),
        ("صورة البحر", "البحر", "الجبل"),
        ("Die Straße in München", "STRASSE", "Munchen"),
        ("l'eau et le café", "eau", "cafe"),
        ("we don't know", "don't", "don"),
        ("up 3.5 per cent", "3.5", "3"),
        ("समुद्र तट", "समुद्र", "पहाड़"),
    ],
)
def test_captions_of_any_language_are_found_by_their_words(
    catalogue: Catalogue, caption, query, other
):
    add_captions(catalogue, caption, "something else")
    assert spoken(catalogue, words(query)).keys() == {"0000"}
    assert spoken(catalogue, words(other)) == {}


HOSTILE = [
    *("AND", "OR", "NOT", "NEAR", "near(a b)", "a*", "^a", '"', "''", "tokens:a", "a OR b", "-a"),
    *("a+b", "{a} : b", "\0", "'; DROP TABLE words; --", "\ud800", "", " ", "x" * 100_000),
]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_a_word_is_never_a_command(catalogue: Catalogue, word):
    add_captions(catalogue, "a and b", "b or not near c")
    assert spoken(catalogue, [word]) == {}
    assert spoken(catalogue, [word, "a"]).keys() == {"0000"}
    assert catalogue.word_scores([word], ["0000", "0001"]).tolist() == [0, 0]


@pytest.mark.parametrize("word", ["and", "or", "not", "near", "x" * 30_000, "天", "٣", "a\u0301b"])
def test_a_word_of_the_splitter_is_one_token(catalogue: Catalogue, word):
    assert len(words(word)) == 1
    add_captions(catalogue, f"{word} seen here", "seen there")
    assert spoken(catalogue, words(word)).keys() == {"0000"}


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_okapi_after_any_changes(catalogue: Catalogue, seed):
    numbers = random.Random(seed)
    documents: dict[str, str] = {}
    for _ in range(30):
        chosen = [f"{n:04d}" for n in numbers.sample(range(80), numbers.randint(1, 12))]
        if numbers.random() < 0.3:
            catalogue.remove(chosen)
            documents = {key: text for key, text in documents.items() if key not in chosen}
        else:
            said = {key: drawn(numbers, numbers.choice((0, 1, 5, 20))) for key in chosen}
            pictures = [Picture("a.jpg", key, caption) for key, caption in said.items()]
            catalogue.add(pictures, make_vectors(len(pictures)))
            documents |= said
    for count in (1, 3, 30):
        query = words(drawn(numbers, count))
        expected = okapi({key: words(text) for key, text in documents.items()}, query)
        assert spoken(catalogue, query) == pytest.approx(expected)


def test_scores_depend_neither_on_order_nor_on_history(catalogue: Catalogue):
    numbers = random.Random(7)
    captions = [drawn(numbers, 12) for _ in range(60)]
    query = words(drawn(numbers, 20))
    add_captions(catalogue, *captions)
    expected = spoken(catalogue, query)
    assert spoken(catalogue, [*query[::-1], *query]) == expected
    catalogue.replace_all(captioned("gone"), make_vectors(1))
    for n in numbers.sample(range(60), 60):
        add_captions(catalogue, drawn(numbers, 5), start=n)
        add_captions(catalogue, captions[n], start=n)
    assert spoken(catalogue, query) == expected


def test_scores_of_keys_are_those_of_matching_and_0_without_a_shared_word(catalogue: Catalogue):
    numbers = random.Random(3)
    add_captions(catalogue, *(drawn(numbers, numbers.choice((0, 2, 9))) for _ in range(60)))
    query = ["w0", "w5", "w30", "unheard"]
    found = spoken(catalogue, query)
    assert 0 < len(found) < 60
    keys = [f"{n:04d}" for n in numbers.choices(range(60), k=90)]
    scores = catalogue.word_scores(query, keys)
    assert scores.dtype == np.float64
    assert scores.tolist() == [found.get(key, 0.0) for key in keys]
    assert catalogue.word_scores([], keys).tolist() == [0.0] * 90
    assert catalogue.word_scores(query, []).shape == (0,)


def test_a_replaced_caption_is_found_by_its_new_words_only(catalogue: Catalogue):
    add_captions(catalogue, "old gull", "the sea")
    assert spoken(catalogue, ["gull"]) != {}
    add_captions(catalogue, "new tern")
    assert spoken(catalogue, ["old", "gull"]) == {}
    assert spoken(catalogue, ["tern"]).keys() == {"0000"}
    add_captions(catalogue, "")
    assert spoken(catalogue, ["new", "tern"]) == {}


def test_of_a_key_that_is_given_twice_the_later_words_stay(catalogue: Catalogue):
    twice = [Picture("a.jpg", "k", "gull"), Picture("a.jpg", "k", "tern")]
    catalogue.add(twice, make_vectors(2))
    assert (spoken(catalogue, ["gull"]), spoken(catalogue, ["tern"]).keys()) == ({}, {"k"})
    catalogue.add([*twice, Picture("a.jpg", "k")], make_vectors(3))
    assert spoken(catalogue, ["gull", "tern"]) == {}


def test_words_of_removed_pictures_are_gone(catalogue: Catalogue):
    add_captions(catalogue, "gull", "tern", "gull and tern")
    catalogue.remove(["0000", "unknown"])
    assert spoken(catalogue, ["gull"]).keys() == {"0002"}
    add_captions(catalogue, "skua", start=7)
    assert spoken(catalogue, ["gull"]).keys() == {"0002"}
    catalogue.replace_all(captioned("puffin"), make_vectors(1))
    assert spoken(catalogue, ["gull", "tern", "skua"]) == {}
    assert spoken(catalogue, ["puffin"]).keys() == {"0000"}


def test_a_refused_change_leaves_the_words(catalogue: Catalogue):
    add_captions(catalogue, "gull")
    for change in (catalogue.add, catalogue.replace_all):
        with pytest.raises(BadInput):
            change(captioned("tern"), make_vectors(1) * 2)
    assert spoken(catalogue, ["tern"]) == {}
    assert spoken(catalogue, ["gull"]).keys() == {"0000"}


def test_a_condition_leaves_scores_as_they_are(catalogue: Catalogue):
    pictures = make_pictures(60)
    catalogue.add(pictures, make_vectors(60))
    everything = spoken(catalogue, ["caption", "sport", "7"])
    assert len(everything) == 60
    cc0 = {picture.key for picture in pictures if picture.licence == "cc0"}
    found = spoken(catalogue, ["caption", "sport", "7"], "licence = 'cc0'")
    assert found == {key: everything[key] for key in cc0}
    assert spoken(catalogue, ["7"], "licence = 'cc-by'").keys() == {"0007"}
    assert spoken(catalogue, ["7"], "0") == {}


def test_has_words_tells_whether_any_picture_has_one(catalogue: Catalogue):
    assert not catalogue.has_words
    add_captions(catalogue, "", "...!")
    assert not catalogue.has_words
    assert spoken(catalogue, ["a"]) == {}
    catalogue.add([Picture("a.jpg", "0001", tags=("sea",))], make_vectors(1))
    assert catalogue.has_words
    catalogue.remove(["0001"])
    assert not catalogue.has_words


def test_of_many_words_the_rarest_count(catalogue: Catalogue):
    common = " ".join(f"common{n}" for n in range(120))
    add_captions(catalogue, f"{common} rare", common, common, "other", "words", "than", "those")
    query = [*(f"common{n}" for n in range(120)), "rare"]
    assert spoken(catalogue, query)["0000"] > spoken(catalogue, query)["0001"]
    assert spoken(catalogue, ["rare"]).keys() == {"0000"}
