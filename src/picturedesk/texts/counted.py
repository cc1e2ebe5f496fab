"""Word counts of a corpus: in memory while it is small, in a temporary file from then on.

Knows nothing of weights or topics.
"""

from __future__ import annotations

import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Int32s = npt.NDArray[np.int32]

IN_MEMORY = 50_000  # texts; of more, memory holds one part at a time
LIVE_WORDS = 1_000_000  # beyond, the rarest are forgotten; a word takes some 150 bytes
_PART_TEXTS = 32_768
_PART_ENTRIES = 2**21  # distinct words of the texts of a part, 8 bytes each


class _Numbers(dict[str, int]):
    """Word → its number; a new word gets the next one, which no other word has had."""

    given = 0

    def __missing__(self, word: str) -> int:
        self[word] = number = self.given
        self.given += 1
        return number


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a part of the texts begins in the file: lengths (n,), numbers (e,), counts (e,)."""

    at: int  # byte
    texts: int
    entries: int


class CountedTexts:
    """The words of T texts and how often each occurs in each text.

    Up to ``IN_MEMORY`` texts, memory has all counts: 8 bytes for each distinct word of each text.
    Of more texts, memory has one part, and the file the others. Then a corpus of over
    ``LIVE_WORDS`` distinct words forgets the rarer half of them from time to time: one that comes
    back is a new word. (Manku and Motwani 2002, "Approximate frequency counts over data streams")

    Attributes:
        texts: T.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Takes an empty temporary file, which is used if there are many texts."""
        self.texts = 0
        self._file, self._parts = file, list[_Part]()
        self._numbers = _Numbers()
        self._written: Ints = np.zeros(0, dtype=np.int64)  # texts in the file with each word
        self._clear()

    def _clear(self) -> None:
        self._starts, self._rows, self._often = array("q", [0]), array("i"), array("f")

    def add(self, text: str) -> None:
        """Counts the words of one more text."""
        counted, numbers = Counter(words(text)), self._numbers
        self._rows.extend([numbers[word] for word in counted])
        self._often.extend(counted.values())
        self._starts.append(len(self._rows))
        self.texts += 1
        if self.texts > IN_MEMORY and self._is_full():
            self._write()
            if len(numbers) > LIVE_WORDS:
                self._forget_the_rarer_half()

    def _is_full(self) -> bool:
        full = len(self._rows) >= _PART_ENTRIES or len(self._starts) > _PART_TEXTS
        return full or not self._parts

    def _write(self) -> None:
        """Moves the texts of memory to the end of the file, in parts."""
        self._written = self.spread()
        starts, rows, often = self._here()
        first = 0
        while first < len(starts) - 1:
            ends = int(np.searchsorted(starts, starts[first] + _PART_ENTRIES, side="right")) - 1
            last = min(max(ends, first + 1), first + _PART_TEXTS, len(starts) - 1)
            inside = slice(int(starts[first]), int(starts[last]))
            self._parts.append(_Part(self._file.tell(), last - first, inside.stop - inside.start))
            for values in (np.diff(starts[first : last + 1]), rows[inside], often[inside]):
                self._file.write(values.tobytes())
            first = last
        self._clear()

    def _forget_the_rarer_half(self) -> None:
        numbers = np.fromiter(self._numbers.values(), dtype=np.int64)
        few = np.median(self._written[numbers])
        kept = _Numbers((w, n) for w, n in self._numbers.items() if self._written[n] > few)
        kept.given = self._numbers.given
        self._numbers = kept

    def _here(self) -> tuple[Ints, Int32s, Floats]:
        """The texts of memory: starts (n + 1,), numbers of words (e,), counts (e,)."""
        return (
            np.asarray(self._starts, dtype=np.int64),
            np.asarray(self._rows, dtype=np.int32),
            np.asarray(self._often, dtype=np.float32),
        )

    @property
    def numbers(self) -> dict[str, int]:
        """Word → its number, in order of appearance; numbers may have gaps."""
        return self._numbers

    @property
    def few(self) -> bool:
        """Whether memory has all texts."""
        return not self._parts

    def spread(self) -> Ints:
        """The number of texts that have the word with each number."""
        here = np.bincount(self._rows, minlength=self._numbers.given)
        here[: len(self._written)] += self._written
        return here

    def all_counts(self) -> csr_matrix:
        """Counts (T, W), float32, of texts that memory has: W is one more than the last number."""
        from scipy.sparse import csr_matrix

        starts, rows, often = self._here()
        return csr_matrix((often, rows, starts), shape=(self.texts, self._numbers.given))

    def parts(self, kept: Ints) -> Iterator[csr_matrix]:
        """Counts (n, V), float32, of some words, for all texts in order, part by part.

        Args:
            kept: numbers (V,) of the words; their order is that of the columns.
        """
        columns = np.full(self._numbers.given, -1, dtype=np.int32)
        columns[kept] = np.arange(len(kept), dtype=np.int32)
        for part in self._parts:
            yield _chosen(columns, len(kept), *self._read(part))
        if len(self._starts) > 1:
            yield _chosen(columns, len(kept), *self._here())

    def _read(self, part: _Part) -> tuple[Ints, Int32s, Floats]:
        """What ``_here`` gives, of a part in the file."""
        self._file.seek(part.at)
        lengths = np.frombuffer(self._file.read(8 * part.texts), dtype=np.int64)
        rows = np.frombuffer(self._file.read(4 * part.entries), dtype=np.int32)
        often = np.frombuffer(self._file.read(4 * part.entries), dtype=np.float32)
        return np.append(0, np.cumsum(lengths)), rows, often


def _chosen(columns: Int32s, width: int, starts: Ints, rows: Int32s, often: Floats) -> csr_matrix:
    """Counts (n, V) without words whose column is -1."""
    from scipy.sparse import csr_matrix

    placed = columns[rows]
    known = placed >= 0
    before = np.append(0, np.cumsum(known))
    return csr_matrix(
        (often[known], placed[known], before[starts].astype(np.int32)),
        shape=(len(starts) - 1, width),
    )


@contextmanager
def counted_texts(texts: Iterable[str]) -> Iterator[CountedTexts]:
    """Counts the words of texts, which are read once and not kept; T may be any number.

    The temporary file is in the system's folder for such files (``TMPDIR``), and takes 8 bytes for
    each distinct word of each text: 1.6 GB for a million texts of 200 distinct words.
    """
    with tempfile.TemporaryFile(prefix="picturedesk-") as file:
        counted = CountedTexts(file)
        for text in texts:
            counted.add(text)
        yield counted
