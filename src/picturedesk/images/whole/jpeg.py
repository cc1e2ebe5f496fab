"""Loads JPEGs. Pillow reports a missing end; here a scan with too little data is detected, too."""

from __future__ import annotations

import io
import re

from PIL import Image, ImageFile

from picturedesk.images.whole.opened import Opened, Truncated

# Every 8 x 8 block of a JPEG takes at least one bit, in its first scan.
_PIXELS_PER_BYTE = 8 * 8 * 8
# libjpeg fills pixels without data with mid grey.
_UNPAINTED = (128, (128, 128, 128), (127, 127, 127, 127))
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_MORE_SCAN = bytes(range(1, 128, 2))
_ROWS = 64  # compared at a time


def reduce(image: ImageFile.ImageFile, at_least: int) -> None:
    """Chooses the size to load: the smallest of at least twice ``at_least``; 0 for full size."""
    if at_least > 0:
        image.draft(None, (2 * at_least, 2 * at_least))


def load(opened: Opened) -> None:
    """Loads a JPEG that is reduced already.

    Raises:
        Truncated: the scan has less data than the header claims.
    """
    width, height = opened.full
    if width * height > _PIXELS_PER_BYTE * len(opened.data):
        raise Truncated(f"{len(opened.data)} bytes cannot hold {width} x {height} pixels")
    image = opened.image
    image.load()
    last = image.getpixel((image.width - 1, image.height - 1))
    if last in _UNPAINTED and _scan_runs_out(opened):
        raise Truncated("its data end before the picture is complete")


def _scan_runs_out(opened: Opened) -> bool:
    """Whether a JPEG's first scan has less data than its header claims.

    libjpeg reports this only in a warning that Pillow drops. But in a truncated scan, bytes that
    are appended to it change the picture; after a complete scan they are ignored.
    """
    data = opened.data
    end = _MARKER.search(data, opened.header)
    if end is None:
        return True
    longer = data[: end.start()] + _MORE_SCAN + data[end.start() :]
    other = type(opened.image)(io.BytesIO(longer))
    reduce(other, opened.at_least)
    other.load()
    return not _equal(opened.image, other)


def _equal(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures of one size have the same pixels; copies a few rows at a time."""

    def rows(image: Image.Image, top: int) -> bytes:
        return image.crop((0, top, image.width, min(top + _ROWS, image.height))).tobytes()

    return all(rows(one, top) == rows(other, top) for top in range(0, one.height, _ROWS))
