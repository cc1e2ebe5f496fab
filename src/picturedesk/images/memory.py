"""The memory that decoding a picture takes, from its header. Decodes nothing.

Pillow holds pixels in 1, 2 or 4 bytes each, by mode; some readers hold the whole picture several
times over at full size. The numbers of bytes per pixel are measured by
``tests/test_images_memory.py``.
"""

from __future__ import annotations

import math
from typing import Any

from PIL import Image

from picturedesk.images.whole import Opened

_BITS = 258  # TIFF tag BitsPerSample
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
_RGB = 4  # bytes per pixel of Pillow's RGB, and of every mode that is not in _STORED
_COPY = 4  # a decoded picture is copied once more when it is turned upright or cut to a square
_DEEP = 13  # greys of 32 bits or floats are scaled as NumPy arrays

# Beside the picture, at full size: WebP's canvas and its output; AVIF's planes and its output;
# HEIC's planes, libheif's output, and its copy.
_READER = {"WebP": 12, "AVIF": 10, "HEIC": 12}


def bytes_held(opened: Opened) -> int:
    """The most bytes that are held at once until a picture is a network input, its file included.

    The file counts twice: its reader may hold a copy.
    """
    image = opened.image
    stored = _STORED.get(image.mode, _RGB)
    loading = stored + _reader(opened)
    converting = stored + _conversion(image)
    held = max(loading, converting, _RGB + _COPY) * image.width * image.height
    return math.ceil(held + _coefficients(opened)) + 2 * len(opened.data)


def _conversion(image: Image.Image) -> int:
    """Bytes per pixel beside the loaded picture while it becomes RGB."""
    if image.mode in ("I", "F"):
        return _DEEP
    if image.has_transparency_data and image.mode != "RGBA":
        return 2 * _RGB
    return 0 if image.mode == "RGB" else _RGB


def _reader(opened: Opened) -> int:
    """Bytes per pixel beside the picture while it is loaded."""
    if opened.kind == "TIFF":
        tags: Any = getattr(opened.image, "tag_v2", {})
        bits: tuple[int, ...] = tags.get(_BITS, (8,))
        return math.ceil(sum(bits) / 8)  # one strip may be the whole picture
    return _READER.get(opened.kind, 0)


def _coefficients(opened: Opened) -> float:
    """Bytes of a progressive JPEG's coefficients: two for each sample, at full size."""
    if opened.kind != "JPEG" or not opened.image.info.get("progressive"):
        return 0
    layers: Any = getattr(opened.image, "layer", ())  # (number, across, down, table) of each band
    areas: list[int] = [across * down for _, across, down, _ in layers]
    return 2 * sum(areas) / max(areas) * opened.full[0] * opened.full[1]
