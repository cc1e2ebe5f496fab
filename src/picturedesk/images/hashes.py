"""Perceptual hashes of pictures, and groups of near copies among many. Decodes nothing.

The hash is the 64-bit DCT hash known as pHash: a picture and its copies at another size or
quality differ in few of the bits, other pictures in about half of them.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from picturedesk.errors import BadInput
from picturedesk.images.colours import to_rgb
from picturedesk.types import Doubles, Ints

_SIDE = 32  # pixels of the thumbnail
_LOW = 8  # lowest frequencies kept each way

# A picture has form if this many of its 63 frequencies reach this coefficient (orthonormal DCT
# of 32 x 32 greys; 8 is a wave of half a grey level). Of 2,190 press photographs all had more.
_COEFFICIENT = 8.0
_FORM = 16

# Measured on press photographs: copies (of 250) at another size, in grey, as poor JPEG or WebP, or
# cut by 1 % a side stay within 6; the nearest two different ones (of 2,190) differ by 8.
_NEAR = 6


def _cosines() -> Doubles:
    """The lowest rows of the orthonormal DCT-II matrix (8, 32)."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    rows: Doubles = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))
    rows *= np.sqrt(2 / _SIDE)
    rows[0] /= np.sqrt(2)
    return rows


_COSINES = _cosines()


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit DCT hash (unsigned) of a picture's look.

    The lowest 8 x 8 frequencies of a grey 32 x 32 thumbnail, each a bit: above their median or
    not. A picture without form (blank, a plain gradient) has only noise there, so that any two
    would seem alike: it gets a hash of its colours instead, which is equal for the same blank
    and far from every other.
    """
    small = (
        to_rgb(image)
        .convert("L")
        .resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    )
    frequencies = _COSINES @ np.asarray(small, dtype=np.float64) @ _COSINES.T  # (8, 8)
    flat = frequencies.ravel()
    if np.count_nonzero(np.abs(flat[1:]) >= _COEFFICIENT) < _FORM:
        return _hash_of_colours(image)
    return int.from_bytes(np.packbits(flat > np.median(flat)).tobytes())


def _hash_of_colours(image: Image.Image) -> int:
    """Four corners' colours, in eight steps a channel, scattered over 64 bits."""
    corners = to_rgb(image).resize((2, 2), Image.Resampling.BOX)
    steps = np.rint(np.asarray(corners, dtype=np.float64) * 7 / 255).astype(np.uint8)
    return int.from_bytes(hashlib.blake2b(steps.tobytes(), digest_size=8).digest())


def near_duplicate_groups(hashes: npt.NDArray[np.uint64], max_distance: int = _NEAR) -> Ints:
    """Group ids (N,) of pictures that are copies of each other, or of a copy of each other.

    Groups are the connected components of "at most ``max_distance`` of 64 bits differ", counted
    from 0 in the order of their first member. Hashes that close agree wholly on at least one
    of ``max_distance`` + 1 stretches of bits, so that only pictures that share a stretch are
    compared: exact, and 100,000 hashes take about a second (at a distance of 10, fifteen).

    Args:
        hashes: (N,) from ``perceptual_hash``.
        max_distance: bits, 0 to 31.

    Raises:
        BadInput: ``max_distance`` is not 0 to 31.
    """
    if not 0 <= max_distance < 32:
        raise BadInput(f"max_distance is {max_distance}: wanted 0 to 31 of 64 bits")
    distinct, place = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    roots = _Roots(len(distinct))
    for stretch in _stretches(distinct, max_distance + 1):
        for one, other in _equal_neighbours(stretch):
            differing = np.bitwise_count(distinct[one] ^ distinct[other])
            near = differing <= max_distance
            roots.join(one[near], other[near])
    return _numbered(roots.of(np.arange(len(distinct)))[place.reshape(-1)])


def _stretches(hashes: npt.NDArray[np.uint64], count: int) -> Iterator[npt.NDArray[np.uint64]]:
    """The 64 bits cut into ``count`` nearly equal stretches, each (N,)."""
    for start, end in itertools.pairwise(64 * part // count for part in range(count + 1)):
        yield (hashes >> np.uint64(start)) & np.uint64((1 << (end - start)) - 1)


def _equal_neighbours(values: npt.NDArray[np.uint64]) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of indices of equal values, in batches: sorted, then each with its nth next."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    first = np.arange(len(values))
    for step in range(1, len(values)):
        first = first[first + step < len(values)]
        first = first[ranked[first] == ranked[first + step]]
        if not len(first):
            return
        yield order[first], order[first + step]


class _Roots:
    """Union-find over N items, many joins at a time: which items hang together."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count, dtype=np.int64)

    def join(self, ones: Ints, others: Ints) -> None:
        """Joins each of ``ones`` with its fellow in ``others``."""
        while True:
            ones, others = self.of(ones), self.of(others)
            apart = ones != others
            if not apart.any():
                return
            ones, others = ones[apart], others[apart]
            # Of several joins of one root only the lowest takes; the next round does the rest.
            np.minimum.at(self._above, np.maximum(ones, others), np.minimum(ones, others))

    def of(self, items: Ints) -> Ints:
        """The lowest item that each hangs together with, as far as joined."""
        roots = self._above[items]
        while True:
            above = self._above[roots]
            if np.array_equal(above, roots):
                self._above[items] = roots  # shorter paths for the next time
                return roots
            roots = above


def _numbered(roots: Ints) -> Ints:
    """Group ids from 0, in the order of first members."""
    _, first, place = np.unique(roots, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place.reshape(-1)]
