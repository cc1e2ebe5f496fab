"""Near-duplicate texts: shared runs of words, found by MinHash and then counted exactly.

Knows words, not archives. MinHash and banding: Broder (1997); Leskovec, Rajaraman and Ullman,
Mining of Massive Datasets, chapter 3.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from picturedesk.texts.words import words
from picturedesk.types import Ints

RUN = 3  # words of a shingle; a shorter text is one shingle
SHARED = 0.5  # Jaccard similarity from which two texts are near-duplicates, 0 to 1
_BANDS, _ROWS = 24, 3  # at a similarity of 0.5, 96 % of pairs meet in a band; at 0.3, 48 %
_PRIME = np.uint64((1 << 61) - 1)

Shingles = npt.NDArray[np.uint64]


def shingles(text: str) -> Shingles:
    """Hashes of all runs of ``RUN`` words, each once, ascending; empty for a text without words."""
    found = words(text)
    if not found:
        return np.empty(0, dtype=np.uint64)
    last = max(1, len(found) - RUN + 1)
    runs = {" ".join(found[start : start + RUN]) for start in range(last)}
    digests = [hashlib.blake2b(run.encode(), digest_size=8).digest() for run in runs]
    return np.sort(np.frombuffer(b"".join(digests), dtype=np.uint64))


def near_duplicate_texts(
    texts: Sequence[str], others: Sequence[str], shared: float = SHARED
) -> Ints:
    """Pairs (P, 2) of a text and another with a Jaccard similarity of at least ``shared``.

    Args:
        texts: Q texts, e.g. of the test part.
        others: T texts, e.g. of the training part.
        shared: share of their common shingles among all of either, 0 to 1.

    Returns:
        Indices (text, other), ordered. Pairs at the threshold are found with a probability of
        some 96 %, closer ones with more; what is returned is exact.
    """
    ours = [shingles(text) for text in texts]
    theirs = [shingles(text) for text in others]
    pairs = set(_candidates(_signatures(ours), _signatures(theirs)))
    kept = [(a, b) for a, b in pairs if _jaccard(ours[a], theirs[b]) >= shared]
    return np.array(sorted(kept), dtype=np.int64).reshape(-1, 2)


def _signatures(sets: Sequence[Shingles]) -> npt.NDArray[np.uint64]:
    """MinHash signatures (N, bands · rows); a text without words gets one that meets no other."""
    rng = np.random.default_rng(0)
    count = _BANDS * _ROWS
    factors = rng.integers(1, 1 << 31, size=count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 1 << 61, size=count, dtype=np.uint64)
    signatures = np.empty((len(sets), count), dtype=np.uint64)
    for index, found in enumerate(sets):
        if not len(found):
            signatures[index] = rng.integers(0, 1 << 61, size=count, dtype=np.uint64)
            continue
        mixed = found[:, None] * factors[None, :] + offsets[None, :]  # wraps at 2^64
        signatures[index] = (mixed ^ (mixed >> np.uint64(29))).min(axis=0)
    return signatures


def _candidates(
    ours: npt.NDArray[np.uint64], theirs: npt.NDArray[np.uint64]
) -> Iterator[tuple[int, int]]:
    """Pairs whose signatures agree in all rows of a band."""
    for band in range(_BANDS):
        columns = slice(band * _ROWS, (band + 1) * _ROWS)
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for index, row in enumerate(theirs[:, columns]):
            buckets[row.tobytes()].append(index)
        for index, row in enumerate(ours[:, columns]):
            for other in buckets.get(row.tobytes(), ()):
                yield index, other


def _jaccard(a: Shingles, b: Shingles) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common) if common else 0.0
