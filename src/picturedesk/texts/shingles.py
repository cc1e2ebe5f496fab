"""Near-duplicate texts: shared runs of words, found by MinHash and then counted exactly.

Knows words, not archives. MinHash and banding: Broder (1997); Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, chapter 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from picturedesk.texts.words import words
from picturedesk.types import Ints

RUN = 3  # words of a shingle; a shorter text is one shingle
SHARED = 0.5  # Jaccard similarity from which two texts are near-duplicates, 0 to 1
_BANDS, _ROWS = 24, 3  # at a similarity of 0.5, 96 % of pairs meet in a band; at 0.1, 2 %
_DOUBT = 0.2  # 3 standard deviations of what a signature says of a similarity of 0.5
_PAIRS = 1 << 16  # pairs whose signatures are compared at a time: 36 MB

Hashes = npt.NDArray[np.uint64]


class _WordHashes(dict[str, int]):
    """Word → 64 bits, the same in every process; worked out once per word that is met."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = number = int.from_bytes(digest, "little")
        return number


def shingles(text: str) -> Hashes:
    """Hashes of all runs of ``RUN`` words, each once, ascending; empty for a text without words."""
    return _shingles(text, _WordHashes())


def near_duplicate_texts(
    texts: Sequence[str], others: Sequence[str], shared: float = SHARED
) -> Ints:
    """Pairs (P, 2) of a text and another with a Jaccard similarity of at least ``shared``.

    Args:
        texts: Q texts, e.g. of the test part.
        others: T texts, e.g. of the training part.
        shared: share of their common shingles among all of either, above 0 to 1.

    Returns:
        Indices (text, other), ordered. No pair below ``shared`` is among them. Equal texts are
        always found; pairs at a similarity of 0.5 with a probability of 96 %, closer ones with
        more, those at 0.3 with half. Texts without words resemble nothing.
    """
    known = _WordHashes()
    ours, our_members = _distinct([_shingles(text, known) for text in texts])
    theirs, their_members = _distinct([_shingles(text, known) for text in others])
    if not ours or not theirs:
        return np.empty((0, 2), dtype=np.int64)
    found = [
        (text, other)
        for a, b in _candidates(_signatures(ours), _signatures(theirs), shared).tolist()
        if _jaccard(ours[a], theirs[b]) >= shared
        for text in our_members[a]
        for other in their_members[b]
    ]
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def duplicate_groups(texts: Sequence[str], shared: float = SHARED) -> Ints:
    """Group (T,) of each text: near-duplicates, also by way of others, have one number."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = near_duplicate_texts(texts, texts, shared)
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(texts), len(texts)))
    _, groups = connected_components(graph, directed=False)
    return np.asarray(groups, dtype=np.int64)


def _shingles(text: str, known: _WordHashes) -> Hashes:
    hashes = np.array([known[word] for word in words(text)], dtype=np.uint64)
    if not len(hashes):
        return hashes
    width = min(RUN, len(hashes))
    runs = np.lib.stride_tricks.sliding_window_view(hashes, width)  # (S, width)
    odd = np.uint64(0x9E3779B97F4A7C15)
    mixed = np.full(len(runs), width, dtype=np.uint64)
    for column in runs.T:  # order counts: each word is mixed into what the ones before it gave
        mixed = (mixed ^ column) * odd  # modulo 2^64
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def _distinct(sets: Sequence[Hashes]) -> tuple[list[Hashes], list[list[int]]]:
    """The different sets that are not empty, and which texts have each.

    Boilerplate that a thousand texts share whole would otherwise be a million pairs to look at.
    """
    members: dict[bytes, list[int]] = {}
    for index, found in enumerate(sets):
        if len(found):
            members.setdefault(found.tobytes(), []).append(index)
    return [sets[texts[0]] for texts in members.values()], list(members.values())


def _signatures(sets: Sequence[Hashes]) -> Hashes:
    """MinHash signatures (N, bands · rows)."""
    random = np.random.default_rng(0)
    count = _BANDS * _ROWS
    factors = random.integers(1 << 63, size=count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.empty((len(sets), count), dtype=np.uint64)
    for row, found in zip(signatures, sets, strict=True):
        (found[:, None] * factors).min(axis=0, out=row)  # an odd factor permutes 64 bits
    return signatures


def _candidates(ours: Hashes, theirs: Hashes, shared: float) -> Ints:
    """Pairs (P, 2) whose signatures agree in a whole band, and overall nearly as they should."""
    codes = np.unique(
        np.concatenate(
            [
                _meeting(_band(ours, band), _band(theirs, band), len(theirs))
                for band in range(_BANDS)
            ]
        )
    )
    pairs = np.stack(np.divmod(codes, len(theirs)), axis=1)
    kept = [
        part[(ours[part[:, 0]] == theirs[part[:, 1]]).mean(axis=1) >= shared - _DOUBT]
        for part in np.split(pairs, range(_PAIRS, len(pairs), _PAIRS))
    ]
    return np.concatenate(kept)


def _band(signatures: Hashes, band: int) -> Hashes:
    """One number (N,) for the rows of a band: equal rows, equal number."""
    rows = signatures[:, band * _ROWS : (band + 1) * _ROWS]
    return rows @ np.array([1, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], dtype=np.uint64)


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


def _jaccard(a: Hashes, b: Hashes) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)
