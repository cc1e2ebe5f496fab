"""The archive's words that pictures may show, and which of them a text has.

Knows texts and links; no pictures and no networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints


@dataclass(frozen=True)
class Vocabulary:
    """Words with their places.

    Attributes:
        words: V of them, normalised as ``texts.words`` does, the most frequent first.
    """

    words: tuple[str, ...]

    @classmethod
    def of(
        cls, texts: Sequence[str], links: Ints, fewest: int, widest: float, most: int
    ) -> Vocabulary:
        """The words of linked texts.

        Args:
            texts: T texts.
            links: (M, 2) indices (text, picture).
            fewest: pictures whose texts have the word, at least.
            widest: share of the texts that have it, 0 to 1, at most.
            most: number of words, the most frequent.
        """
        linked = np.unique(links[:, 0]).tolist()
        found = {text: set(words(texts[text])) for text in linked}
        in_texts = Counter(word for one in found.values() for word in one)
        in_pictures: Counter[str] = Counter()
        for own in _texts_of_pictures(links):
            in_pictures.update(set().union(*(found[text] for text in own)))
        chosen = [
            word
            for word, count in in_pictures.items()
            if count >= fewest and in_texts[word] <= widest * len(linked) and not word.isdigit()
        ]
        chosen.sort(key=lambda word: (-in_pictures[word], word))
        return cls(tuple(chosen[:most]))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def places(self, text: str) -> list[int]:
        """Places of the vocabulary's words in a text, each once."""
        found = (self._place.get(word) for word in dict.fromkeys(words(text)))
        return [place for place in found if place is not None]

    def shares(self, texts: Sequence[str], links: Ints, pictures: int) -> Floats:
        """Share of each picture's texts that have each word, (P, V)."""
        shares = np.zeros((pictures, len(self.words)), dtype=np.float32)
        counts = np.bincount(links[:, 1], minlength=pictures)
        known: dict[int, list[int]] = {}
        for text, picture in links.tolist():
            if text not in known:
                known[text] = self.places(texts[text])
            shares[picture, known[text]] += 1 / counts[picture]
        return shares


def _texts_of_pictures(links: Ints) -> Iterable[list[int]]:
    """The texts of each picture that has any."""
    order = np.argsort(links[:, 1], kind="stable")
    starts = np.flatnonzero(np.diff(links[order, 1], prepend=-1)).tolist()
    texts = links[order, 0].tolist()
    for start, stop in pairwise((*starts, len(texts))):
        yield texts[start:stop]
