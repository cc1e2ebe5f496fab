"""A long text is divided into its passages."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from picturedesk.texts.passages import divided, paragraphs, topics
from small_routes import unit


def scatter(vectors, ends):
    found, start = 0.0, 0
    for end in ends:
        part = vectors[start:end]
        found += float(((part - part.mean(axis=0)) ** 2).sum())
        start = end
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_division_is_the_best_of_all(count):
    vectors = unit(7, 3, count)
    every = [(*cuts, 7) for cuts in combinations(range(1, 7), count - 1)]
    best = min(scatter(vectors, ends) for ends in every)
    assert scatter(vectors, divided(vectors, count)) == pytest.approx(best, abs=1e-6)


def test_sentences_about_one_thing_stay_together():
    axes = np.eye(3, dtype=np.float32)
    vectors = axes[[0, 0, 1, 1, 1, 2]]
    found = topics([f"Sentence {number}." for number in range(6)], vectors, 3)
    assert [len(one.sentences) for one in found] == [2, 3, 1]
    assert [one.start for one in found] == [0, 2, 5]
    assert found[0].text == "Sentence 0. Sentence 1."


def test_passages_end_with_paragraphs_if_there_are_enough():
    axes = np.eye(3, dtype=np.float32)
    vectors, names = axes[[0, 0, 1, 1, 1, 2]], [f"Sentence {number}." for number in range(6)]
    ends = np.array([1, 3, 5, 6])
    found = topics(names, vectors, 3, ends)
    assert [one.start for one in found] == [0, 3, 5]
    assert [one.start for one in topics(names, vectors, 4, ends)] == [0, 1, 3, 5]
    assert [one.start for one in topics(names, vectors, 3, ends[2:])] == [0, 2, 5]


def test_there_are_no_more_passages_than_sentences():
    assert len(topics(["One.", "Two."], unit(2, 3, 0), 9)) == 2
    assert topics([], unit(0, 3, 0), 3) == []


def test_a_headline_joins_the_paragraph_below_it():
    body = "The river rose after days of rain, and the old bridge was closed."
    found = paragraphs(f"High water\n\n{body} Nobody was hurt.\r\n\r\n{body}\n\n* * *\n")
    assert [one.start for one in found] == [0, 3]
    assert found[0].sentences[0] == "High water"


def test_a_short_paragraph_with_a_full_stop_stands_alone():
    assert [one.text for one in paragraphs("A lion!\n\n河水上涨。\n\n“A fox.”")] == [
        "A lion!",
        "河水上涨。",
        "“A fox.”",
    ]


def test_without_empty_lines_every_line_is_a_paragraph():
    line = "A long enough line about something that happened in the town."
    assert len(paragraphs(f"{line}\n{line}\n{line}")) == 3
    assert paragraphs(" \n\n ... \n") == []
