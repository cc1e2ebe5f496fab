"""Loads TIFFs. Some of their decoders make a picture of zeros; here a rest of zeros is detected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from picturedesk.images.whole.opened import Opened, zeroed, zeros_until

_COMPRESSION = 259
_PLACES = ((273, 279), (324, 325))  # tags of offsets and byte counts: of strips, of tiles

# Methods whose data never end in many zeros: fax (2 to 4) has ones in every code, LZW (5) and JPEG
# (7) end with a mark, deflate (8 and 32946) with a checksum. PackBits (32773) may end in zeros, but
# if its rest is zeros, it has too little data and Pillow reports it; the same holds for the others.
_NEVER_ZEROS = frozenset((2, 3, 4, 5, 7, 8, 32946))


def load(opened: Opened) -> None:
    """Loads a TIFF.

    Raises:
        Truncated: a compressed strip or tile ends in zeros. Uncompressed ones may: zeros are black.
    """
    data, tags = opened.data, _tags(opened)
    if zeros_until(data, len(data)) and tags.get(_COMPRESSION) in _NEVER_ZEROS:
        for offsets, counts in _PLACES:
            places = zip(_numbers(tags.get(offsets)), _numbers(tags.get(counts)), strict=False)
            if any(zeros_until(data, start + count, start) for start, count in places):
                raise zeroed()
    opened.image.load()


def _tags(opened: Opened) -> Any:  # noqa: ANN401 - Pillow's own mapping, typed no further
    return getattr(opened.image, "tag_v2", {})


def _numbers(value: object) -> Sequence[int]:
    return value if isinstance(value, tuple) else ()
