"""BM25 of captions against texts, as the catalogue will give it, for weighing it beforehand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from picturedesk.catalogue import bm25
from picturedesk.texts.words import words
from picturedesk.types import Floats


def caption_scores(texts: Sequence[str], captions: Sequence[str]) -> Floats:
    """Q texts and N captions → (Q, N), 0 where they share no word; higher is better."""
    scores = np.zeros((len(texts), len(captions)), dtype=np.float32)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE pictures (row INTEGER PRIMARY KEY, key, caption, tags)")
        rows = ((row, str(row), caption, "[]") for row, caption in enumerate(captions))
        connection.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", rows)
        bm25.make(connection)
        known = bm25.frequencies(connection)
        for row, text in enumerate(texts):
            found, values = bm25.scores(connection, bm25.rarest(words(text), known))
            scores[row, found] = values
    return scores


def words_of(caption: str, tags: Sequence[str]) -> str:
    """What the catalogue indexes of a picture, as one string."""
    return "\n".join((caption, *tags)).strip()
