"""Near-duplicate texts: Jaccard similarity of shingles; MinHash finds the candidates.

Knows words, not archives. MinHash and banding: Broder (1997); Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, chapter 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from picturedesk.groups import GrowingGroups, Runs, link_by_search, numbered
from picturedesk.texts.words import words
from picturedesk.types import Bools, Doubles, Ints

RUN = 3  # words of a shingle; a shorter text is one shingle
SHARED = 0.5  # Jaccard similarity from which two texts are near-duplicates, 0 to 1
_BANDS, _ROWS = 24, 3  # at a similarity of 0.5, 96 % of pairs meet in a band; at 0.1, 2 %
_DOUBT = 0.2  # 3 standard deviations of a signature's estimate of a similarity of 0.5
_PAIRS = 1 << 12  # pairs that are compared at a time: some 20 MB for texts of 300 words

Hashes = npt.NDArray[np.uint64]


class WordHashes(dict[str, int]):
    """Word → 64 bits, equal in every process; computed once per word."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = number = int.from_bytes(digest, "little")
        return number


def shingles(text: str, known: WordHashes) -> Hashes:
    """Hashes of all runs of ``RUN`` words, each once, ascending; empty for a text without words."""
    hashes = np.array([known[word] for word in words(text)], dtype=np.uint64)
    if not len(hashes):
        return hashes
    width = min(RUN, len(hashes))
    runs = np.lib.stride_tricks.sliding_window_view(hashes, width)  # (S, width)
    odd = np.uint64(0x9E3779B97F4A7C15)
    mixed = np.full(len(runs), width, dtype=np.uint64)
    for column in runs.T:  # in order: each word is mixed into the hash of those before it
        mixed = (mixed ^ column) * odd  # modulo 2^64
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def near_duplicate_texts(
    texts: Sequence[str], others: Sequence[str], shared: float = SHARED
) -> Ints:
    """Pairs (P, 2) of a text and another with a Jaccard similarity of at least ``shared``.

    Args:
        texts: Q texts, e.g. of the test part.
        others: T texts, e.g. of the training part.
        shared: minimum Jaccard similarity, above 0 to 1.

    Returns:
        Indices (text, other), ordered. No pair has a similarity below ``shared``. Equal texts are
        always found; pairs with a similarity of 0.5 with a probability of 96 %, closer ones with a
        higher one, those with 0.3 with half. Texts without words have no near-duplicates.
    """
    known = WordHashes()
    ours, our_members = _distinct([shingles(text, known) for text in texts])
    theirs, their_members = _distinct([shingles(text, known) for text in others])
    if not ours or not theirs:
        return np.empty((0, 2), dtype=np.int64)
    sets = _Sets([*ours, *theirs])
    found = [
        (text, other)
        for a, candidates in _candidates(sets, len(ours))
        for b in candidates[sets.near(a, candidates, shared)].tolist()
        for text in our_members[a]
        for other in their_members[b - len(ours)]
    ]
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def duplicate_groups(texts: Sequence[str], shared: float = SHARED) -> Ints:
    """Group (T,) of each text: the connected components of near-duplicates.

    The same groups as from the pairs of ``near_duplicate_texts``, without listing the pairs. Equal
    texts take linear time, and in a cluster of near-duplicates each text is compared with a few
    others only.
    """
    known = WordHashes()
    distinct, members = _distinct([shingles(text, known) for text in texts])
    number = np.arange(len(distinct), len(distinct) + len(texts))  # a text without words is alone
    if distinct:
        groups = _groups(_Sets(distinct), shared)
        for group, equal in zip(groups, members, strict=True):
            number[equal] = group
    return numbered(number)


def _groups(sets: _Sets, shared: float) -> Ints:
    """Group (S,) of each set; searches the sets that share a band."""
    groups = GrowingGroups(len(sets))
    for band in range(_BANDS):
        for items in Runs.of(sets.band(band)).longer_than(1):
            labels = groups.labels[items]
            if (labels == labels[0]).all():
                continue

            def near(one: int, others: Ints, items: Ints = items) -> Bools:
                return sets.near(items[one], items[others], shared)

            ones, others = link_by_search(labels, near)
            groups.link(items[ones], items[others])
        groups.settle()
    return groups.labels


def _distinct(sets: Sequence[Hashes]) -> tuple[list[Hashes], list[list[int]]]:
    """The different sets that are not empty, and the texts of each.

    A thousand equal texts would otherwise be a million pairs.
    """
    members: dict[bytes, list[int]] = {}
    for index, found in enumerate(sets):
        if len(found):
            members.setdefault(found.tobytes(), []).append(index)
    return [sets[texts[0]] for texts in members.values()], list(members.values())


class _Sets:
    """S sets of shingles, none empty, with their signatures.

    Args:
        sets: each ascending.
    """

    def __init__(self, sets: Sequence[Hashes]) -> None:
        self._sizes = np.array([len(found) for found in sets])
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._members = np.concatenate(sets)
        self.signatures = _signatures(sets)

    def __len__(self) -> int:
        return len(self._sizes)

    def band(self, band: int) -> Hashes:
        """One number (S,) for the rows of a band; equal rows have equal numbers."""
        rows = self.signatures[:, band * _ROWS : (band + 1) * _ROWS]
        return rows @ np.array([1, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)

    def near(self, one: int, others: Ints, shared: float) -> Bools:
        """Which of the others (O,) have a Jaccard similarity of ``shared`` with the one.

        Computed exactly if the signatures agree nearly as often.
        """
        found = np.zeros(len(others), dtype=np.bool_)
        for start in range(0, len(others), _PAIRS):
            part = others[start : start + _PAIRS]
            agree = (self.signatures[part] == self.signatures[one]).mean(axis=1)
            likely = np.flatnonzero(agree >= shared - _DOUBT)
            if len(likely):
                found[start + likely] = self._jaccard(one, part[likely]) >= shared
        return found

    def _jaccard(self, one: int, others: Ints) -> Doubles:
        """Jaccard similarities (O,), each 0 to 1."""
        own = self._members[self._starts[one] : self._starts[one] + self._sizes[one]]
        sizes = self._sizes[others]
        first = np.cumsum(sizes) - sizes  # start of each set among the members of all others
        places = np.repeat(self._starts[others] - first, sizes) + np.arange(sizes.sum())
        theirs = self._members[places]
        shared = own[np.minimum(np.searchsorted(own, theirs), len(own) - 1)] == theirs
        common = np.add.reduceat(shared, first, dtype=np.int64)
        jaccard: Doubles = common / (len(own) + sizes - common)
        return jaccard


def _signatures(sets: Sequence[Hashes]) -> Hashes:
    """MinHash signatures (N, bands · rows)."""
    random = np.random.default_rng(0)
    count = _BANDS * _ROWS
    factors = random.integers(1 << 63, size=count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.empty((len(sets), count), dtype=np.uint64)
    for row, found in zip(signatures, sets, strict=True):
        (found[:, None] * factors).min(axis=0, out=row)  # an odd factor permutes 64 bits
    return signatures


def _candidates(sets: _Sets, ours: int) -> Iterator[tuple[int, Ints]]:
    """Each of the first ``ours`` sets that shares a band with later ones, and these later ones."""
    theirs = len(sets) - ours
    bands = [sets.band(number) for number in range(_BANDS)]
    met = [_meeting(band[:ours], band[ours:], theirs) for band in bands]
    one, other = np.divmod(np.unique(np.concatenate(met)), theirs)
    for a in np.unique(one).tolist():
        start, end = np.searchsorted(one, [a, a + 1])
        yield a, other[start:end] + ours


def _meeting(ours: Hashes, theirs: Hashes, count: int) -> Ints:
    """Codes a · count + b of all a, b with ours[a] == theirs[b]."""
    order = np.argsort(theirs, kind="stable")
    ranked = theirs[order]
    first = np.searchsorted(ranked, ours)
    counts = np.searchsorted(ranked, ours, side="right") - first
    owner = np.repeat(np.arange(len(ours)), counts)
    offsets = np.repeat(first - (np.cumsum(counts) - counts), counts)
    codes: Ints = owner * count + order[offsets + np.arange(len(owner))]
    return codes
