"""Perceptual hashes of pictures, and groups of near-duplicate pictures. Decodes nothing.

The hash is the 64-bit DCT hash known as pHash: a picture and its copies at another size or
quality differ in few of the bits, other pictures in about half of them.
"""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import numpy.typing as npt
from PIL import Image

from picturedesk.errors import BadInput
from picturedesk.groups import GrowingGroups, Runs, link_by_search, numbered
from picturedesk.images.colours import to_rgb
from picturedesk.types import Bools, Doubles, Ints

Hashes = npt.NDArray[np.uint64]

_SIDE = 32  # pixels of the thumbnail
_LOW = 8  # lowest frequencies kept each way

# A picture has structure if this many of its 63 frequencies reach this coefficient (orthonormal DCT
# of 32 x 32 greys; 8 is a wave of half a grey level). All of 2,190 press photographs had more.
_COEFFICIENT = 8.0
_STRUCTURE = 16

# Measured on press photographs: copies (of 250) at another size, in grey, as poor JPEG or WebP, or
# cut by 1 % a side stay within 6; the nearest two different ones (of 2,190) differ by 8.
_NEAR = 6

_FEW = 256  # up to this many pictures with equal bits in a band are compared pair by pair


def _cosines() -> Doubles:
    """The lowest rows of the orthonormal DCT-II matrix (8, 32)."""
    frequency, place = np.arange(_LOW)[:, None], np.arange(_SIDE)[None, :]
    rows: Doubles = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE))
    rows *= np.sqrt(2 / _SIDE)
    rows[0] /= np.sqrt(2)
    return rows


_COSINES = _cosines()


def perceptual_hash(image: Image.Image) -> int:
    """The 64-bit DCT hash (unsigned) of a picture.

    One bit for each of the lowest 8 x 8 frequencies of a grey 32 x 32 thumbnail: whether it is
    above their median. A picture without structure (blank, a plain gradient) has only noise there,
    which could match another one by chance: it gets a hash of its colours instead, which is equal
    for equal blanks and far from all others.
    """
    small = (
        to_rgb(image)
        .convert("L")
        .resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    )
    frequencies = _COSINES @ np.asarray(small, dtype=np.float64) @ _COSINES.T  # (8, 8)
    flat = frequencies.ravel()
    if np.count_nonzero(np.abs(flat[1:]) >= _COEFFICIENT) < _STRUCTURE:
        return _hash_of_colours(image)
    return int.from_bytes(np.packbits(flat > np.median(flat)).tobytes())


def _hash_of_colours(image: Image.Image) -> int:
    """Hash of the four corners' colours, in eight steps per channel."""
    corners = to_rgb(image).resize((2, 2), Image.Resampling.BOX)
    steps = np.rint(np.asarray(corners, dtype=np.float64) * 7 / 255).astype(np.uint8)
    return int.from_bytes(hashlib.blake2b(steps.tobytes(), digest_size=8).digest())


def alike(one: np.uint64 | Hashes, others: Hashes) -> Bools:
    """Which hashes (N,) differ from one in no more bits than those of near-duplicates do.

    From each of several ones (B, 1): (B, N).
    """
    near: Bools = np.bitwise_count(one ^ others) <= _NEAR
    return near


def near_duplicate_groups(hashes: Hashes, max_distance: int = _NEAR) -> Ints:
    """Groups (N,) of near-duplicate pictures.

    They are the connected components of "at most ``max_distance`` of 64 bits differ", numbered
    from 0 in the order of their first members. The groups are exact: see ``_link_near``.

    Args:
        hashes: (N,) from ``perceptual_hash``.
        max_distance: bits, 0 to 31.

    Raises:
        BadInput: ``max_distance`` is not 0 to 31.
    """
    if not 0 <= max_distance < 32:
        raise BadInput(f"max_distance is {max_distance}: wanted 0 to 31 of 64 bits")
    distinct, place = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    groups = GrowingGroups(len(distinct))
    _link_near(distinct, np.arange(len(distinct)), max_distance, groups)
    groups.settle()
    return numbered(groups.labels[place.reshape(-1)])


def _link_near(hashes: Hashes, items: Ints, max_distance: int, groups: GrowingGroups) -> None:
    """Links items (I,) whose hashes differ in at most ``max_distance`` bits.

    Such hashes have equal bits in at least one of ``max_distance`` + 1 bands of bits, so only items
    that share a band are compared. If many share one, the bits in which these differ are divided
    into bands again. If that does not help, the hashes are so dense that a graph search soon
    reaches all of them.
    """
    own, labels = hashes[items], groups.labels[items]
    if (labels == labels[:1]).all():
        return
    bits = _differing(own)
    if len(bits) <= max_distance:
        groups.link(items[:-1], items[1:])
        return

    def near(one: int | Ints, others: Ints) -> Bools:
        differing: Bools = np.bitwise_count(own[one] ^ own[others]) <= max_distance
        return differing

    bands = [Runs.of(own & mask) for mask in _masks(bits, max_distance + 1)]
    if sum(runs.pairs for runs in bands) > len(items) * (len(items) - 1) // 4:
        ones, others = link_by_search(labels, near)
        groups.link(items[ones], items[others])
        return
    for runs in bands:
        for ones, others in runs.pairs_up_to(_FEW):
            close = near(ones, others)
            groups.link(items[ones[close]], items[others[close]])
        for run in runs.longer_than(_FEW):
            _link_near(hashes, items[run], max_distance, groups)


def _differing(hashes: Hashes) -> list[int]:
    """The bits, 0 to 63, that differ among the hashes (I,)."""
    differing = int(np.bitwise_or.reduce(hashes ^ hashes[:1], initial=0))
    return [bit for bit in range(64) if differing >> bit & 1]


def _masks(bits: list[int], count: int) -> list[np.uint64]:
    """The bits divided into ``count`` bands of nearly equal size, each as a mask."""
    cuts = [len(bits) * part // count for part in range(count + 1)]
    return [
        np.uint64(sum(1 << bit for bit in bits[start:end]))
        for start, end in itertools.pairwise(cuts)
    ]
