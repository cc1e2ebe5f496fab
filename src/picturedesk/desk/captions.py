"""Captions against texts: BM25 as the catalogue will give it, to weigh and measure it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

import numpy as np

from picturedesk.store.catalogue import bm25
from picturedesk.texts.words import words
from picturedesk.types import Archive, Floats

FEW = 0.2  # share of pictures with a caption of their own, below which none is counted
REPEATED = 0.7  # share of common words from which a caption is a text said again


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


def telling_captions(archive: Archive) -> tuple[str, ...]:
    """Caption and tags of each picture, the caption left out where it is a text that ran with it.

    Where the texts are captions, a picture's own caption is the text that is asked for: to count
    it would be to look at the answer. Where few captions are left, nothing can be learned from
    them, and all are "".
    """
    captions = [picture.caption for picture in archive.pictures]
    if any(captions):
        told = [set(words(text.whole)) for text in archive.texts]
        for text, picture in archive.links:
            if captions[picture] and _repeats(set(words(captions[picture])), told[text]):
                captions[picture] = ""
    if sum(map(bool, captions)) < FEW * len(captions):
        return ("",) * len(captions)
    return tuple(
        "\n".join((caption, *picture.tags)).strip()
        for caption, picture in zip(captions, archive.pictures, strict=True)
    )


def _repeats(caption: set[str], text: set[str]) -> bool:
    return len(caption & text) >= REPEATED * len(caption | text)
