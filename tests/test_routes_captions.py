"""Captions: scores by words, and what may be counted when these are weighed and measured."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.routes.captions import CaptionIndex, CaptionsPlan, telling_captions
from picturedesk.texts.words import words
from picturedesk.types import Archive, Picture, Text
from small_routes import make_fold


def archive(captions, texts, links, tags=()):
    pictures = [Picture(str(n), caption=caption, tags=tags) for n, caption in enumerate(captions)]
    bodies = [Text(str(n), text) for n, text in enumerate(texts)]
    pairs = np.array(links, dtype=np.int64)
    return Archive("", tuple(bodies), tuple(pictures), pairs, ("",) * len(texts))


def test_a_caption_that_says_its_text_again_is_left_out():
    captions = ["A red apple.", "the harbour at dusk"]
    texts = ["a red apple", "Ein roter Apfel.", "Ships may leave again, the ministry said."]
    kept = telling_captions(archive(captions, texts, [(0, 0), (1, 0), (2, 1)]))
    assert kept == ("", "the harbour at dusk")


def test_a_caption_may_be_the_text_of_another_picture():
    kept = telling_captions(archive(["blue", "red"], ["red", "blue"], [(0, 0), (1, 1)]))
    assert kept == ("blue", "red")


def test_tags_are_counted_with_the_captions():
    kept = telling_captions(archive(["a hill"], ["long story"], [(0, 0)], tags=("sea", "sand")))
    assert kept == ("a hill\nsea\nsand",)


def test_where_hardly_any_caption_is_left_none_is_counted():
    captions = ["one", *[""] * 9]
    links = [(n, n) for n in range(10)]
    assert telling_captions(archive(captions, ["text"] * 10, links, tags=("sea",))) == ("",) * 10
    assert telling_captions(archive([""], ["text"], [(0, 0)])) == ("",)


def test_words_are_scored_for_every_caption_as_the_catalogue_does():
    captions = ["a harbour at dusk", "", "a dog", "the dog in the harbour"]
    with CaptionIndex(captions) as index:
        texts = ("the dog", "nothing of it", "harbour, harbour")
        scores = np.stack([index(words(text)) for text in texts])
    assert scores.shape == (3, 4)
    assert (scores[:, 1] == 0).all()
    assert scores[0, 2] > 0
    assert scores[0, 0] == 0
    assert not scores[1].any()
    assert scores[2, 0] > 0


def test_an_index_of_no_captions_gives_no_scores():
    with CaptionIndex(["", ""]) as index:
        assert index(["dog"]).tolist() == [0, 0]
        assert index([]).tolist() == [0, 0]
    with CaptionIndex([]) as index:
        assert index(["dog"]).shape == (0,)


def test_bm25_counts_half_at_the_saturation_and_never_more_than_one():
    route = CaptionsPlan(saturation=4.0).fit(make_fold())
    scores = route.from_words(np.array([0.0, 1.0, 4.0, 1e9]))
    np.testing.assert_allclose(scores, [0, 0.2, 0.5, 1])
    assert (np.diff(route.from_words(np.linspace(0, 50, 100))) > 0).all()


def test_what_was_saved_is_restored():
    route = CaptionsPlan(saturation=4.0).fit(make_fold())
    again = CaptionsPlan().restore(make_fold().queries.matcher, route.settings(), route.arrays())
    assert again.saturation == 4.0


def test_a_saturation_of_zero_is_refused():
    with pytest.raises(BadInput, match="saturation is above 0"):
        CaptionsPlan(saturation=0.0)
