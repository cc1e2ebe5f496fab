"""The known words of an encoder. Knows nothing of weights or vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints

SMALL_CORPUS = 100  # texts; in a smaller corpus all words are kept, since counts say little
_SEPARATOR = "\n"  # no word contains it


class Vocabulary:
    """V words in a fixed order: the index of a word is its row in the encoder's arrays."""

    def __init__(self, known: Iterable[str]) -> None:
        self._rows = {word: row for row, word in enumerate(known)}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def counts(self, text: str) -> tuple[Ints, Floats]:
        """Rows (n,) of the known words of a text, ascending, and how often each occurs (n,)."""
        known = Counter(map(self._rows.get, words(text)))
        known.pop(None, None)
        rows = np.array(sorted(row for row in known if row is not None), dtype=np.int64)
        return rows, np.array([known[row] for row in rows.tolist()], dtype=np.float32)

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def as_array(self) -> npt.NDArray[np.uint8]:
        """All words as one UTF-8 array, which is read faster than JSON."""
        return np.frombuffer(_SEPARATOR.join(self).encode(), dtype=np.uint8)

    @classmethod
    def from_array(cls, stored: npt.NDArray[Any]) -> Vocabulary:
        """The vocabulary that ``as_array`` stored."""
        return cls(stored.tobytes().decode().split(_SEPARATOR))
