"""BM25 of a catalogue's captions and tags."""

import random
import sqlite3
import time
from collections import Counter
from math import log

import numpy as np
import pytest

from catalogues import IMPLEMENTATIONS, D, make_pictures, make_vectors, opening
from picturedesk.errors import BadInput, Mismatch, PicturedeskError
from picturedesk.store.catalogue import bm25
from picturedesk.store.catalogue.exact import ExactCatalogue
from picturedesk.texts.words import words
from picturedesk.types import Picture


@pytest.fixture(params=IMPLEMENTATIONS)
def open_catalogue(request, tmp_path):
    with opening(request.param, tmp_path) as opener:
        yield opener


@pytest.fixture
def catalogue(open_catalogue):
    return open_catalogue()


def captioned(*captions, start=0):
    return [Picture(f"{n}.jpg", f"{n:04d}", text) for n, text in enumerate(captions, start)]


def add(catalogue, *captions, start=0):
    pictures = captioned(*captions, start=start)
    catalogue.add(pictures, make_vectors(len(pictures)))


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


def test_the_picture_whose_caption_has_the_words_comes_first(catalogue):
    add(catalogue, "A gull above the sea", "The sea at night, the sea by day", "A town hall", "")
    found = catalogue.words(words("Gulls: a GULL over the sea!"))
    assert list(found) == ["0000", "0001", "0002"]
    assert max(found, key=found.get) == "0000"
    assert min(found.values()) > 0


def test_tags_are_words_too_and_nothing_else_is(catalogue):
    picture = Picture("uri.jpg", "key", "caption", "credit", "licence", "date", ("Tag one", "two"))
    catalogue.add([picture], make_vectors(1))
    for word in ("caption", "tag", "one", "two"):
        assert catalogue.words([word]).keys() == {"key"}
    assert catalogue.words(["uri", "jpg", "key", "credit", "licence", "date", "tags"]) == {}


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
def test_captions_of_any_language_are_found_by_their_words(catalogue, caption, query, other):
    add(catalogue, caption, "something else")
    assert catalogue.words(words(query)).keys() == {"0000"}
    assert catalogue.words(words(other)) == {}


HOSTILE = [
    *("AND", "OR", "NOT", "NEAR", "near(a b)", "a*", "^a", '"', "''", "tokens:a", "a OR b", "-a"),
    *("a+b", "{a} : b", "\0", "'; DROP TABLE words; --", "\ud800", "", " ", "x" * 100_000),
]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_a_word_is_never_a_command(catalogue, word):
    add(catalogue, "a and b", "b or not near c")
    assert catalogue.words([word]) == {}
    assert catalogue.words([word, "a"]).keys() == {"0000"}


@pytest.mark.parametrize("word", ["and", "or", "not", "near", "x" * 30_000, "天", "٣", "a\u0301b"])
def test_a_word_of_the_splitter_is_one_token(catalogue, word):
    assert len(words(word)) == 1
    add(catalogue, f"{word} seen here", "seen there")
    assert catalogue.words(words(word)).keys() == {"0000"}


def drawn(random_numbers, count, vocabulary=40):
    names = [f"w{n}" for n in range(vocabulary)]
    likely = [1 / (1 + n) for n in range(vocabulary)]
    return " ".join(random_numbers.choices(names, likely, k=count))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_okapi_after_any_changes(catalogue, seed):
    numbers = random.Random(seed)
    documents = {}
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
        found = catalogue.words(query)
        assert found == pytest.approx(expected)
        assert list(found) == sorted(expected)


def test_scores_depend_neither_on_order_nor_on_history(open_catalogue, tmp_path):
    numbers = random.Random(7)
    captions = [drawn(numbers, 12) for _ in range(60)]
    query = words(drawn(numbers, 20))
    catalogue = open_catalogue()
    add(catalogue, *captions)
    expected = catalogue.words(query)
    assert catalogue.words([*query[::-1], *query]) == expected
    catalogue.replace_all(captioned("gone"), make_vectors(1))
    for n in numbers.sample(range(60), 60):
        add(catalogue, drawn(numbers, 5), start=n)
        add(catalogue, captions[n], start=n)
    assert catalogue.words(query) == expected


def test_a_replaced_caption_is_found_by_its_new_words_only(catalogue):
    add(catalogue, "old gull", "the sea")
    assert catalogue.words(["gull"]) != {}
    add(catalogue, "new tern")
    assert catalogue.words(["old", "gull"]) == {}
    assert catalogue.words(["tern"]).keys() == {"0000"}
    add(catalogue, "")
    assert catalogue.words(["new", "tern"]) == {}


def test_of_a_key_that_is_given_twice_the_later_words_stay(catalogue):
    twice = [Picture("a.jpg", "k", "gull"), Picture("a.jpg", "k", "tern")]
    catalogue.add(twice, make_vectors(2))
    assert (catalogue.words(["gull"]), catalogue.words(["tern"]).keys()) == ({}, {"k"})
    catalogue.add([*twice, Picture("a.jpg", "k")], make_vectors(3))
    assert catalogue.words(["gull", "tern"]) == {}


def test_words_of_removed_pictures_are_gone(catalogue):
    add(catalogue, "gull", "tern", "gull and tern")
    catalogue.remove(["0000", "unknown"])
    assert catalogue.words(["gull"]).keys() == {"0002"}
    add(catalogue, "skua", start=7)  # may take the row that was left
    assert catalogue.words(["gull"]).keys() == {"0002"}
    catalogue.replace_all(captioned("puffin"), make_vectors(1))
    assert catalogue.words(["gull", "tern", "skua"]) == {}
    assert catalogue.words(["puffin"]).keys() == {"0000"}


def test_a_refused_or_failed_change_leaves_the_words(catalogue):
    add(catalogue, "gull")
    with pytest.raises(BadInput):
        catalogue.add(captioned("tern"), make_vectors(1) * 2)
    with pytest.raises(TypeError):
        catalogue.replace_all([Picture("a.jpg", "k", "tern", tags=(object(),))], make_vectors(1))
    assert catalogue.words(["tern"]) == {}
    assert catalogue.words(["gull"]).keys() == {"0000"}


def test_a_condition_leaves_scores_as_they_are(catalogue):
    pictures = make_pictures(60)
    catalogue.add(pictures, make_vectors(60))
    everything = catalogue.words(["caption", "sport", "7"])
    assert len(everything) == 60
    cc0 = {picture.key for picture in pictures if picture.licence == "cc0"}
    found = catalogue.words(["caption", "sport", "7"], "licence = 'cc0'")
    assert found == {key: everything[key] for key in sorted(cc0)}
    assert catalogue.words(["7"], "licence = 'cc-by'").keys() == {"0007"}
    assert catalogue.words(["7"], "0") == {}


def test_a_bad_condition_is_refused_even_where_no_word_is_known(catalogue):
    with pytest.raises(BadInput, match="no such column: licens"):
        catalogue.words([], "licens = 'cc0'")


ATTACKS = [
    *("words MATCH '61'", "words = '61'", "words.tokens = '61'", "tokens = '61'"),
    *("caption MATCH '61'", "match('61', caption)", "bm25(pictures) < 0", "bm25(words) < 0"),
    *("words.rank < 0", "rank < 0", "vocabulary.term = '61'", "term = '61'"),
    "EXISTS (SELECT 1 FROM words WHERE words MATCH '61')",
    "row IN (SELECT rowid FROM words)",
    "row IN words",
    "row IN words_content",
    "key IN vocabulary",
    "EXISTS (SELECT 1 FROM words('61'))",
    "1) UNION SELECT rowid FROM words('61') WHERE (1",
    "1) AND row IN (SELECT id FROM words_docsize) AND (1",
    *("fts5_source_id() <> ''", "fts5(NULL) IS NULL", "snippet(words, 0, '', '', '', 1) = ''"),
    "highlight(words, 0, '', '') = ''",
]


@pytest.mark.parametrize("where", ATTACKS, ids=range(len(ATTACKS)))
def test_a_condition_cannot_reach_the_words(catalogue, where):
    add(catalogue, "a", "b")
    query = np.ones(D)
    for ask in (
        lambda: catalogue.words(["a"], where),
        lambda: catalogue.scores(query, where),
        lambda: catalogue.search(query, 1, where),
    ):
        with pytest.raises(BadInput, match="there are uri, key, caption"):
            ask()
    assert catalogue.words(["a"]).keys() == {"0000"}


def test_has_words_tells_whether_any_picture_has_one(open_catalogue):
    one, other = open_catalogue(), open_catalogue()
    assert not one.has_words
    add(one, "", "...!")
    assert not other.has_words
    assert other.words(["a"]) == {}
    one.add([Picture("a.jpg", "0001", tags=("sea",))], make_vectors(1))
    assert other.has_words
    one.remove(["0001"])
    assert not other.has_words


def test_others_see_new_words_and_refuse_another_matcher(open_catalogue):
    one, other = open_catalogue(), open_catalogue()
    assert other.words(["gull"]) == {}
    add(one, "gull")
    assert other.words(["gull"]).keys() == {"0000"}
    open_catalogue("", 0).replace_all(captioned("gull"), make_vectors(1), "m2")
    with pytest.raises(Mismatch, match="filled with matcher m2"):
        other.words(["gull"])


def test_of_many_words_the_rarest_are_asked_for():
    tokens = [f"w{n:03d}".encode().hex() for n in range(300)]
    known = {token: 1 + n // 10 for n, token in enumerate(tokens)}
    asked = bm25.rarest([f"w{n:03d}" for n in range(400, 50, -1)], known)
    assert asked == tokens[51 : 51 + bm25.MOST_WORDS]


def test_words_that_stand_nearly_everywhere_are_left_out_unless_alone():
    the, sea, gull = (word.encode().hex() for word in ("the", "sea", "gull"))
    known = {the: bm25.MOST_HITS + 5, sea: bm25.MOST_HITS, gull: 1}
    assert bm25.rarest(["the", "gull"], known) == [gull]
    assert bm25.rarest(["the", "sea"], known) == [sea]
    assert bm25.rarest(["the", "sea", "gull"], known) == [gull]
    assert bm25.rarest(["the"], known) == [the]
    assert bm25.rarest(["tern"], known) == []


def test_a_catalogue_from_before_there_were_words_gets_them(tmp_path):
    path = tmp_path / "catalogue"
    pictures = [*captioned("a gull", "", "北京的足球"), Picture("d.jpg", "k", tags=("Sea",))]
    with ExactCatalogue.open(path, "m1", D) as catalogue:
        catalogue.add(pictures, make_vectors(4))
        expected = catalogue.words(["gull", "足球", "sea"])
    for damage in (
        "DELETE FROM manifest WHERE name = 'words'; DROP TABLE words; DROP TABLE vocabulary",
        "UPDATE manifest SET value = 'other rules' WHERE name = 'words'; DELETE FROM words",
    ):
        file = sqlite3.connect(path)
        file.executescript(damage)
        file.close()
        with ExactCatalogue.open(path, "m1", D) as catalogue:
            assert catalogue.has_words
            assert catalogue.words(["gull", "足球", "sea"]) == expected
            assert len(expected) == 3


class SqliteWithout:
    """A connection of an SQLite that was built without FTS5."""

    def execute(self, statement):
        raise sqlite3.OperationalError("no such function: fts5_source_id")


def test_an_sqlite_without_fts5_is_told_with_a_cure():
    with pytest.raises(PicturedeskError, match=r"has no FTS5, .*use a Python from") as caught:
        bm25.check(SqliteWithout())
    assert "\n" not in str(caught.value)


def test_a_long_text_is_answered_quickly(tmp_path):
    numbers = np.random.default_rng(0)
    likely = 1 / np.arange(1, 3001)
    names = np.array([f"w{n}" for n in range(3000)])
    drawn_words = numbers.choice(names, (8000, 15), p=likely / likely.sum())
    with ExactCatalogue.open(tmp_path / "catalogue", "m1", D) as catalogue:
        add(catalogue, *(" ".join(row) for row in drawn_words))
        article = [f"w{n}" for n in range(2000)]
        catalogue.words(article)
        started = time.monotonic()
        found = catalogue.words(article)
        assert time.monotonic() - started < 0.5
    frequency = Counter(word for row in drawn_words for word in set(row))
    rarest = sorted(article, key=lambda word: (frequency[word], word.encode().hex()))
    asked = {word for word in rarest if frequency[word]}
    assert 0 < len(found) <= sum(sorted(frequency[word] for word in asked)[: bm25.MOST_WORDS])
