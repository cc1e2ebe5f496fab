"""A long text → its passages: its paragraphs, or its topics.

Topics are found by dynamic programming (compare Utiyama and Isahara 2001): consecutive sentences
are divided so that the vectors of each passage differ least from their mean. Knows sentences and
their vectors, not how they are made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from picturedesk.texts.splitting import split_sentences
from picturedesk.types import Doubles, Floats, Ints

_BLANK = re.compile(r"\n[^\S\n]*\n\s*")  # an empty line divides paragraphs
_SHORT = 80  # letters and digits; a shorter paragraph without a full stop is a headline
_STOPPED = re.compile(r"[.!?…。！？।؟][^\w\s]*$")


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive sentences of a text.

    Attributes:
        sentences: in order, at least one.
        start: number of the first one among all sentences of the text.
    """

    sentences: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        """The sentences as one text."""
        return " ".join(self.sentences)


def paragraphs(text: str) -> list[Passage]:
    """The paragraphs of a text: divided by empty lines, or by line breaks if there are none.

    Headlines (short, without a full stop) join the next one. Paragraphs without letters and digits
    are left out.
    """
    text = text.replace("\r\n", "\n").strip()
    parts = _BLANK.split(text)
    if len(parts) < 2:
        parts = text.split("\n")
    found: list[Passage] = []
    held: list[str] = []
    start = 0
    for number, part in enumerate(parts):
        held += split_sentences(part)
        last = number == len(parts) - 1
        if held and (last or not _is_headline(held)):
            found.append(Passage(tuple(held), start))
            start += len(held)
            held = []
    return found


def _is_headline(sentences: Sequence[str]) -> bool:
    letters = sum(map(str.isalnum, "".join(sentences)))
    return letters < _SHORT and _STOPPED.search(sentences[-1]) is None


def topics(
    sentences: Sequence[str], vectors: Floats, count: int, ends: Ints | None = None
) -> list[Passage]:
    """The sentences of a text, divided by topic.

    Args:
        sentences: S, in order.
        vectors: (S, D) of them; zeros where nothing is known, which belong anywhere.
        count: passages, at least 1; there are fewer if there are fewer sentences.
        ends: (P,) number of the sentence after each paragraph, ascending to S: passages end there
            only, if there are enough paragraphs, since pictures stand between paragraphs.
    """
    if not sentences:
        return []
    allowed = ends if ends is not None and len(ends) >= count else None
    ends = divided(vectors, min(count, len(sentences)), allowed)
    return [
        Passage(tuple(sentences[start:end]), start) for start, end in pairwise([0, *ends.tolist()])
    ]


def divided(vectors: Floats, count: int, allowed: Ints | None = None) -> Ints:
    """Ends (count,) of the passages of least scatter; the last one is S.

    Scatter is the sum of squared distances from each passage's mean, over all passages.

    Args:
        vectors: (S, D), S at least ``count``.
        count: passages, at least 1.
        allowed: (P,) where passages may end, S included, at least ``count``; None for anywhere.
    """
    costs = _scatters(vectors)
    size = len(vectors)
    if allowed is not None:
        costs[:, np.setdiff1d(np.arange(size + 1), allowed)] = np.inf
    best = np.full((count + 1, size + 1), np.inf)  # of so many passages up to a sentence
    best[0, 0] = 0.0
    begins = np.zeros((count + 1, size + 1), dtype=np.int64)
    for passages in range(1, count + 1):
        for end in range(passages, size + 1):
            totals = best[passages - 1, :end] + costs[:end, end]
            begins[passages, end] = int(np.argmin(totals))
            best[passages, end] = totals[begins[passages, end]]
    ends = np.empty(count, dtype=np.int64)
    end = size
    for passages in range(count, 0, -1):
        ends[passages - 1] = end
        end = int(begins[passages, end])
    return ends


def _scatters(vectors: Floats) -> Doubles:
    """Scatter (S, S + 1) of the sentences from one to before another."""
    rows = vectors.astype(np.float64)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum(np.einsum("sd,sd->s", rows, rows))])
    size = len(rows)
    costs = np.full((size, size + 1), np.inf)
    for start in range(size):
        ends = np.arange(start + 1, size + 1)
        whole = sums[ends] - sums[start]
        costs[start, ends] = (
            squares[ends] - squares[start] - np.einsum("sd,sd->s", whole, whole) / (ends - start)
        )
    return costs
