"""Facts of an EXIF block."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from PIL import ExifTags, Image

from picturedesk.images.metadata.values import clean, decoded, filled, iso_date, keywords, within
from picturedesk.types import Cell

_Tags = MutableMapping[int, Any]
_BASE, _GPS = ExifTags.Base, ExifTags.GPS
_CAMERA_WORDS = ("digital camera", "sony dsc", "default", "dcim", "samsung", "kodak")
_DATES = (
    (_BASE.DateTimeOriginal, _BASE.OffsetTimeOriginal),
    (_BASE.DateTimeDigitized, _BASE.OffsetTimeDigitized),
)


def read_exif(exif: Image.Exif) -> dict[str, Cell]:
    """Facts by their names; what a camera writes into every picture is no caption."""
    details = _directory(exif, ExifTags.IFD.Exif)
    caption = _text(exif, _BASE.ImageDescription)
    facts: dict[str, Cell | None] = {
        "caption": "" if _is_the_cameras(caption) else caption,
        "title": _wide(exif, _BASE.XPTitle),
        "creator": _text(exif, _BASE.Artist) or _wide(exif, _BASE.XPAuthor),
        "copyright": _text(exif, _BASE.Copyright),
        "tags": keywords(_wide(exif, _BASE.XPKeywords).split(";")),
        "date": next(filter(None, (_date(details, *tags) for tags in _DATES)), ""),
        "rating": within(exif.get(_BASE.Rating), 1, 5),
        **_position(_directory(exif, ExifTags.IFD.GPSInfo)),
    }
    return filled(facts)


def _directory(exif: Image.Exif, number: int) -> dict[int, Any]:
    try:
        return exif.get_ifd(number)
    except Exception:  # Pillow raises nearly every built-in exception for damaged blocks
        return {}


def _text(tags: _Tags, number: int) -> str:
    value = tags.get(number)
    if isinstance(value, bytes):
        return decoded(value.rstrip(b"\0"))
    if not isinstance(value, str):
        return ""
    try:  # Pillow reads bytes as Latin-1; many programs write UTF-8
        return decoded(value.encode("latin-1").rstrip(b"\0"))
    except UnicodeEncodeError:
        return clean(value)


def _wide(tags: _Tags, number: int) -> str:
    """A text of Windows Explorer: UTF-16, as bytes or as numbers."""
    value = tags.get(number)
    try:
        raw = bytes(value) if isinstance(value, bytes | tuple) else b""
        return clean(raw[:20000].decode("utf-16-le").rstrip("\0"))
    except (ValueError, TypeError):
        return ""


def _is_the_cameras(caption: str) -> bool:
    return any(caption.casefold().startswith(word) for word in _CAMERA_WORDS) or (
        "digital camera" in caption.casefold()
    )


def _date(details: dict[int, Any], date: int, offset: int) -> str:
    return iso_date(_text(details, date), _text(details, offset))


def _position(gps: dict[int, Any]) -> dict[str, Cell]:
    """Latitude and longitude in degrees, north and east positive; {} without both."""
    latitude = _degrees(gps.get(_GPS.GPSLatitude), _text(gps, _GPS.GPSLatitudeRef), "S", 90)
    longitude = _degrees(gps.get(_GPS.GPSLongitude), _text(gps, _GPS.GPSLongitudeRef), "W", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return {}
    return {"latitude": latitude, "longitude": longitude}


def _degrees(parts: object, side: str, negative: str, limit: float) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    numbers = [within(part, 0, 180) for part in parts]
    if None in numbers:
        return None
    degrees, minutes, seconds = (number or 0.0 for number in numbers)
    value = degrees + minutes / 60 + seconds / 3600
    return within(round(-value if side.upper().startswith(negative) else value, 6), -limit, limit)
