"""The vocabulary of word detectors: which words, and how many of a picture's texts have each."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.routes.vocabulary import Vocabulary
from picturedesk.texts.words import words

TEXTS = (
    "A dog runs on the beach",
    "The dog, the DOG!",
    "A boat on the sea 1987",
    "A boat in 1987, the dog on it",
    "the unlinked zebra zebra",
    "",
)
LINKS = np.array([[0, 0], [1, 0], [2, 1], [3, 2], [3, 0], [0, 3], [5, 4]])
PICTURES = 6  # the last one ran with no text


def everything():
    return Vocabulary.of(TEXTS, LINKS, fewest=1, widest=1.0, most=100)


def slow_shares(vocabulary, texts, links, pictures):
    """Counted link by link, word by word."""
    found = np.zeros((pictures, len(vocabulary.words)))
    for picture in range(pictures):
        own = [texts[text] for text, other in links.tolist() if other == picture]
        for place, word in enumerate(vocabulary.words):
            having = [text for text in own if word in words(text)]
            found[picture, place] = len(having) / len(own) if own else 0
    return found


def test_shares_are_those_that_are_counted_one_by_one():
    vocabulary = everything()
    found = vocabulary.shares(TEXTS, LINKS, PICTURES)
    np.testing.assert_allclose(found, slow_shares(vocabulary, TEXTS, LINKS, PICTURES), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_many_random_texts_are_right(seed):
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(list("abcdefghij"), size=6)) for _ in range(40)]
    pairs = {(int(random.integers(40)), int(random.integers(15))) for _ in range(90)}
    links = np.array(sorted(pairs))
    vocabulary = Vocabulary.of(texts, links, 2, 0.9, 8)
    assert 0 < len(vocabulary.words) <= 8
    expected = slow_shares(vocabulary, texts, links, 16)
    np.testing.assert_allclose(vocabulary.shares(texts, links, 16), expected, atol=1e-6)


def test_words_of_linked_texts_count_the_most_frequent_first():
    vocabulary = everything()
    # "the" has the texts of pictures 0, 1, 2 and 3; a tie is in order of the alphabet.
    assert vocabulary.words[:3] == ("a", "on", "the")
    assert "zebra" not in vocabulary.words
    assert "dog" in vocabulary.words


def test_a_word_is_counted_by_pictures_not_by_its_texts():
    texts = ("moon", "moon", "sun", "sun")
    links = np.array([[0, 0], [1, 0], [2, 1], [3, 2]])
    assert Vocabulary.of(texts, links, 2, 1.0, 9).words == ("sun",)


def test_a_word_of_too_many_texts_and_a_number_are_left_out():
    assert "the" not in Vocabulary.of(TEXTS, LINKS, 1, 0.5, 100).words
    assert not any(word.isdigit() for word in everything().words)


def test_most_limits_the_words():
    assert Vocabulary.of(TEXTS, LINKS, 1, 1.0, 2).words == everything().words[:2]
    assert Vocabulary.of(TEXTS, LINKS, 7, 1.0, 100).words == ()


def test_places_name_each_known_word_once():
    vocabulary = everything()
    places = vocabulary.places("Dog! zebra dog, boat")
    assert [vocabulary.words[place] for place in places] == ["dog", "boat"]
    assert vocabulary.places("") == []


def test_without_links_there_are_no_words():
    nothing = np.zeros((0, 2), dtype=np.int64)
    vocabulary = Vocabulary.of(TEXTS, nothing, 1, 1.0, 10)
    assert vocabulary.words == ()
    assert vocabulary.shares(TEXTS, nothing, 3).shape == (3, 0)
