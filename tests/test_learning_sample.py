"""The sample that a recipe learns from: its size, its kinds of texts, its stories."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.learning.sample import sampled
from picturedesk.types import Archive, Picture, Text

COUNT = 4000
ALL = np.arange(COUNT, dtype=np.int64)
KINDS = (("boat on the river", "2019"), ("лодка на реке", "2020"), ("hill " * 40, ""))
SHARES = (0.6, 0.1, 0.3)


def kind_of(index):
    """The kind of a text: six, one and three of ten in a row."""
    return (0, 0, 0, 0, 0, 0, 1, 2, 2, 2)[index % 10]


def archive(links=None, **settings):
    """Texts of three kinds, each with a picture of its own."""
    texts = tuple(
        Text(str(index), f"{KINDS[kind_of(index)][0]} {index}", date=KINDS[kind_of(index)][1])
        for index in range(COUNT)
    )
    pictures = tuple(Picture(f"{index}.jpg", key=f"{index:04x}") for index in range(COUNT))
    pairs = np.stack([ALL, ALL], axis=1) if links is None else links
    return Archive("made", texts, pictures, pairs, ("train",) * COUNT, **settings)


def drawn(given, texts=ALL, stories=ALL, told=("",) * COUNT, most=1000, seed=0):
    return sampled(given, texts, stories, told, most, seed)


def test_a_small_archive_is_taken_whole():
    assert drawn(archive(), most=COUNT) is ALL


@pytest.mark.parametrize("most", [10, 333, 1000, 3999])
def test_it_has_as_many_links_as_wanted_and_every_kind_has_its_share(most):
    found = drawn(archive(), most=most)
    assert abs(len(found) - most) <= len(KINDS)
    assert (np.diff(found) > 0).all()
    counts = Counter(kind_of(index) for index in found.tolist())
    for kind, share in enumerate(SHARES):
        assert counts[kind] == pytest.approx(share * most, abs=1.01)


def test_pictures_with_words_of_their_own_have_their_share():
    told = ["sea" if index % 50 == 3 else "" for index in range(COUNT)]
    found = drawn(archive(), told=told, most=500)
    assert sum(bool(told[index]) for index in found.tolist()) == 10


def test_only_the_texts_that_are_given_are_drawn_and_a_seed_draws_the_same():
    even = ALL[::2]
    found = drawn(archive(), texts=even, most=500)
    assert set(found.tolist()) <= set(even.tolist())
    np.testing.assert_array_equal(found, drawn(archive(), texts=even, most=500))
    assert found.tolist() != drawn(archive(), texts=even, most=500, seed=1).tolist()


def test_stories_stay_together_but_for_the_last_of_a_kind():
    stories = ALL // 8
    one_kind = replace(archive(), texts=tuple(Text(str(n), f"boat {n}") for n in range(COUNT)))
    found = Counter(stories[drawn(one_kind, stories=stories, most=1000)].tolist())
    assert sorted(found.values())[1:] == [8] * (len(found) - 1)


def test_a_story_that_half_the_archive_belongs_to_does_not_fill_the_sample():
    stories = np.where(ALL % 2 == 0, 0, ALL)
    for seed in range(5):
        found = drawn(archive(), stories=stories, most=400, seed=seed)
        assert 120 < (stories[found] == 0).sum() < 280


def test_links_are_counted_and_not_texts():
    links = np.concatenate([np.stack([ALL, ALL], axis=1), np.stack([ALL, (ALL + 1) % COUNT], 1)])
    found = drawn(archive(links), most=1000)
    assert abs(2 * len(found) - 1000) <= 2 * len(KINDS)


def test_what_editors_decided_belongs_to_it():
    given = archive(against=np.array([[7, 3]]))
    texts = list(given.texts)
    for index in (0, 11, 3999):
        texts[index] = replace(texts[index], decided=True)
    found = set(drawn(replace(given, texts=tuple(texts)), most=50).tolist())
    assert {0, 7, 11, 3999} <= found
    assert len(found) <= 60
