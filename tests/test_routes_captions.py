"""Captions: what may be counted when a route by words is weighed and measured."""

from __future__ import annotations

import numpy as np

from picturedesk.desk.captions import caption_scores, telling_captions
from picturedesk.types import Archive, Picture, Text


def archive(captions, texts, links, tags=()):
    pictures = [Picture(str(n), caption=caption, tags=tags) for n, caption in enumerate(captions)]
    bodies = [Text(str(n), text) for n, text in enumerate(texts)]
    pairs = np.array(links, dtype=np.int64)
    return Archive("", tuple(bodies), tuple(pictures), pairs, ("",) * len(texts))


def test_a_caption_that_says_its_text_again_is_left_out():
    captions = ["A red apple.", "the harbour at dusk"]
    texts = ["a red apple", "Ein roter Apfel.", "Ships may leave again, the ministry said."]
    told = telling_captions(archive(captions, texts, [(0, 0), (1, 0), (2, 1)]))
    assert told == ("", "the harbour at dusk")


def test_a_caption_may_be_the_text_of_another_picture():
    told = telling_captions(archive(["blue", "red"], ["red", "blue"], [(0, 0), (1, 1)]))
    assert told == ("blue", "red")


def test_tags_are_counted_with_the_captions():
    told = telling_captions(archive(["a hill"], ["long story"], [(0, 0)], tags=("sea", "sand")))
    assert told == ("a hill\nsea\nsand",)


def test_where_hardly_any_caption_is_left_none_is_counted():
    captions = ["one", *[""] * 9]
    links = [(n, n) for n in range(10)]
    assert telling_captions(archive(captions, ["text"] * 10, links, tags=("sea",))) == ("",) * 10
    assert telling_captions(archive([""], ["text"], [(0, 0)])) == ("",)


def test_scores_are_those_of_the_catalogue_for_every_text():
    captions = ["a harbour at dusk", "", "a dog", "the dog in the harbour"]
    scores = caption_scores(["the dog", "nothing of it", "harbour, harbour"], captions)
    assert scores.shape == (3, 4)
    assert (scores[:, 1] == 0).all()
    assert scores[0, 2] > 0
    assert scores[0, 0] == 0
    assert not scores[1].any()
    assert scores[2, 0] > 0
