"""The raw metadata blocks of an opened picture file, of bounded size."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

LARGEST = 2**20  # bytes of one block; larger ones are ignored
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
_TIFF_XMP = 700
_TIFF_IPTC = 33723
_PHOTOSHOP_IPTC = 0x0404


@dataclass(frozen=True, slots=True)
class Blocks:
    """Raw metadata of one file.

    Attributes:
        exif: Pillow's EXIF, loaded; None if there is none.
        iptc: IPTC-IIM records.
        xmp: an XMP packet.
    """

    exif: Image.Exif | None = None
    iptc: bytes = b""
    xmp: bytes = b""


def blocks_of(image: Image.Image) -> Blocks:
    """The blocks of a loaded picture; damaged ones are left out."""
    info: Mapping[Any, Any] = image.info
    tags: Any = getattr(image, "tag_v2", {})
    xmp = next((info[key] for key in _XMP_KEYS if info.get(key)), None) or _tag(tags, _TIFF_XMP)
    photoshop = info.get("photoshop")
    iptc = photoshop.get(_PHOTOSHOP_IPTC) if isinstance(photoshop, dict) else None
    return Blocks(_exif(image), _bounded(iptc or _tag(tags, _TIFF_IPTC)), _bounded(xmp))


def _exif(image: Image.Image) -> Image.Exif | None:
    raw = image.info.get("exif")
    if isinstance(raw, bytes) and len(raw) > LARGEST:
        return None
    try:
        exif = image.getexif()
        return exif if len(exif) else None
    except Exception:  # Pillow raises nearly every built-in exception for damaged blocks
        return None


def _tag(tags: Mapping[int, Any], number: int) -> object:
    try:
        return tags.get(number)
    except Exception:  # as above
        return None


def _bounded(block: object) -> bytes:
    """A block as bytes; b"" if it is none or too large.

    Some programs store IPTC in TIFFs as 32-bit numbers, in the byte order of the file.
    """
    if isinstance(block, str):
        block = block.encode("utf-8", "replace")
    if isinstance(block, tuple) and block and all(isinstance(part, int) for part in block):
        if len(block) > LARGEST // 4 or not all(0 <= part < 2**32 for part in block):
            return b""
        packed = struct.pack(f"<{len(block)}I", *block)
        block = packed if packed[:1] == b"\x1c" else struct.pack(f">{len(block)}I", *block)
    return block if isinstance(block, bytes) and len(block) <= LARGEST else b""
