"""The archive's words that pictures may show, and which of them a text has.

Knows texts and links; no pictures and no networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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

    def shares(self, texts: Sequence[str], links: Ints, pictures: int) -> WordShares:
        """Share of each picture's texts that have each word, (P, V)."""
        from scipy.sparse import csr_array

        linked = np.unique(links[:, 0])
        places = [self.places(texts[text]) for text in linked.tolist()]
        starts = np.cumsum([0, *map(len, places)])
        have = np.array(list(chain.from_iterable(places)), dtype=np.int64)
        size = (len(linked), len(self.words))
        words_of = csr_array((np.ones(len(have), dtype=np.float32), have, starts), shape=size)
        weights = (1 / np.maximum(np.bincount(links[:, 1]), 1)).astype(np.float32)[links[:, 1]]
        at = (links[:, 1], np.searchsorted(linked, links[:, 0]))
        texts_of = csr_array((weights, at), shape=(pictures, len(linked)))
        return WordShares(texts_of @ words_of)


@dataclass(frozen=True, slots=True, eq=False)
class WordShares:
    """Shares (P, V), few of them above zero; rows are made when asked for.

    See ``types.RowSource``.

    Attributes:
        sparse: a sparse array of SciPy.
    """

    sparse: csr_array

    @property
    def shape(self) -> tuple[int, ...]:
        """(P, V)."""
        return tuple(self.sparse.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """Some of the rows (n, V)."""
        shares: Floats = self.sparse[rows].toarray()
        return shares


def _texts_of_pictures(links: Ints) -> Iterable[list[int]]:
    """The texts of each picture that has any."""
    order = np.argsort(links[:, 1], kind="stable")
    starts = np.flatnonzero(np.diff(links[order, 1], prepend=-1)).tolist()
    texts = links[order, 0].tolist()
    for start, stop in pairwise((*starts, len(texts))):
        yield texts[start:stop]
