"""Loads PNGs. Pillow ignores the checksums of their data and a missing rest; here both count."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from picturedesk.images.whole.opened import Opened, Truncated

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type → samples per pixel
_STRAIGHT = ((0, 0, 1, 1),)
_ADAM7 = (  # first column, first row, and the steps between them, of each pass
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
_INFLATE = 1 << 20  # bytes unpacked at a time


def load(opened: Opened) -> None:
    """Loads a PNG.

    Raises:
        Truncated: it has less data than its header claims, or other data than were written.
    """
    image, data = opened.image, opened.data
    for at, length in _image_chunks(data):
        body = memoryview(data)[at - 4 : at + length]  # the checksum covers the name, too
        if zlib.crc32(body) != int.from_bytes(data[at + length : at + length + 4]):
            raise Truncated("the checksum of its data is wrong, as after a broken download")
    image.load()
    last = image.getpixel((image.width - 1, image.height - 1))
    unpainted = not any(last) if isinstance(last, tuple) else not last
    if unpainted and _unpacked(data) < _claimed(data):
        raise Truncated("its data end before the picture is complete")


def _claimed(data: bytes) -> int:
    """Number of unpacked bytes that a PNG's header claims."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else _STRAIGHT:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * _SAMPLES[colour] // 8))
    return total


def _unpacked(data: bytes) -> int:
    """Number of unpacked bytes in a PNG; unpacks one megabyte at a time and keeps none."""
    inflater = zlib.decompressobj()
    total = 0
    for at, length in _image_chunks(data):
        body = data[at : at + length]
        while body:
            total += len(inflater.decompress(body, _INFLATE))
            body = inflater.unconsumed_tail
    return total


def _image_chunks(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the bodies of the chunks with pixels begin, and their lengths."""
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            yield at + 8, length
        at += 12 + length
