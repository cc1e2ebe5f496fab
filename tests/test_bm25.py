"""The index of words in the file: which words are asked for, and a SQLite that has none."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from picturedesk.errors import PicturedeskError
from picturedesk.store.catalogue import bm25
from picturedesk.types import Picture


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


class SqliteWithout:
    """A connection of an SQLite that was built without FTS5."""

    def execute(self, statement):
        raise sqlite3.OperationalError("no such function: fts5_source_id")


def test_an_sqlite_without_fts5_is_told_with_a_cure():
    with pytest.raises(PicturedeskError, match=r"has no FTS5, .*use a Python from") as caught:
        bm25.check(SqliteWithout())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("among", [[], [1, 3], [3, 99, 1], list(range(bm25.MOST_HITS + 1))])
def test_scores_of_some_rows_are_those_of_all(among):
    with closing(sqlite3.connect(":memory:")) as connection:
        captions = ["the sea", "a gull at sea", "a town hall", "the sea, the sea", "gull", "tern"]
        bm25.make(connection, enumerate(Picture("a.jpg", caption=one) for one in captions))
        known = bm25.Frequencies().of(connection, ["sea", "gull", "ship"])
        asked = bm25.rarest(["sea", "gull"], known)
        everything = dict(zip(*map(list, bm25.scores(connection, asked)), strict=True))
        some = dict(zip(*map(list, bm25.scores(connection, asked, among)), strict=True))
    assert everything.keys() == {0, 1, 3, 4}
    assert some == {row: score for row, score in everything.items() if row in among}
