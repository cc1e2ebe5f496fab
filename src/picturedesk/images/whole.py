"""Detects truncated JPEG and PNG files; Pillow does not always report them.

If the data of a file end too early but properly, Pillow leaves the rest of the picture blank (grey
in a JPEG, zero in a PNG). Only pictures whose last pixel looks blank are examined, so that all
others cost nothing. Knows no limits and no refusals.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageFile

# Every 8 x 8 block of a JPEG takes at least one bit, in its first scan.
_JPEG_PIXELS_PER_BYTE = 8 * 8 * 8
# libjpeg fills pixels without data with mid grey.
_JPEG_UNPAINTED = (128, (128, 128, 128), (127, 127, 127, 127))
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_MORE_SCAN = bytes(range(1, 128, 2))

_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type → samples per pixel
_STRAIGHT = ((0, 0, 1, 1),)
_ADAM7 = (  # first column, first row, and the steps between them, of each pass
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip
_INFLATE = 1 << 20  # bytes unpacked at a time


class Truncated(Exception):
    """The data of a file end before its picture is complete."""


def load_whole_jpeg(image: ImageFile.ImageFile, data: bytes, scan: int, at_least: int) -> None:
    """Loads a JPEG, at a reduced size of at least twice ``at_least`` (0: full size).

    Args:
        image: opened from ``data``, not loaded.
        data: the whole file.
        scan: position of its first scan.
        at_least: needed length of the shorter side, pixels.

    Raises:
        Truncated: the scan has less data than the header claims.
    """
    width, height = image.size
    if width * height > _JPEG_PIXELS_PER_BYTE * len(data):
        raise Truncated(f"{len(data)} bytes cannot hold {width} x {height} pixels")
    _load_reduced(image, at_least)
    if _last_pixel(image) in _JPEG_UNPAINTED and _scan_runs_out(image, data, scan, at_least):
        raise Truncated("its data end before the picture is complete")


def load_whole_png(image: ImageFile.ImageFile, data: bytes) -> None:
    """Loads a PNG; raises Truncated if it has less data than its header claims."""
    image.load()
    last = _last_pixel(image)
    unpainted = not any(last) if isinstance(last, tuple) else not last
    if unpainted and _unpacked(data) < _claimed(data):
        raise Truncated("its data end before the picture is complete")


def _last_pixel(image: Image.Image) -> float | tuple[int, ...] | None:
    return image.getpixel((image.width - 1, image.height - 1))


def _load_reduced(image: ImageFile.ImageFile, at_least: int) -> None:
    if at_least > 0:
        image.draft(None, (2 * at_least, 2 * at_least))
    image.load()


def _scan_runs_out(image: ImageFile.ImageFile, data: bytes, scan: int, at_least: int) -> bool:
    """Whether a JPEG's first scan has less data than its header claims.

    libjpeg reports this only in a warning that Pillow drops. But in a truncated scan, bytes that
    are appended to it change the picture; after a complete scan they are ignored.
    """
    end = _JPEG_MARKER.search(data, scan)
    if end is None:
        return True
    longer = data[: end.start()] + _MORE_SCAN + data[end.start() :]
    other = type(image)(io.BytesIO(longer))
    _load_reduced(other, at_least)
    return other.tobytes() != image.tobytes()


def _claimed(data: bytes) -> int:
    """Number of unpacked bytes that a PNG's header claims."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else _STRAIGHT:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * _PNG_SAMPLES[colour] // 8))
    return total


def _unpacked(data: bytes) -> int:
    """Number of unpacked bytes in a PNG; unpacks one megabyte at a time and keeps none."""
    inflater = zlib.decompressobj()
    total = 0
    for body in _image_chunks(data):
        while body:
            total += len(inflater.decompress(body, _INFLATE))
            body = inflater.unconsumed_tail
    return total


def _image_chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length
