"""Strings of metadata blocks → clean texts, dates, numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from picturedesk.own_columns import is_date
from picturedesk.types import Cell

LONGEST = 5000  # characters of a text
MOST = 200  # keywords
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]+")
_DATE = re.compile(
    r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)"
    r"(?:[T ]+(\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?\s*",
    re.ASCII,
)
_SHORT_DATE = re.compile(r"\d{4}(?:-\d\d)?", re.ASCII)


def clean(text: object) -> str:
    """One text without control signs and surrounding white space, of bounded length."""
    return _CONTROL.sub(" ", str(text)[: 2 * LONGEST]).strip()[:LONGEST] if text else ""


def decoded(raw: bytes, encoding: str = "") -> str:
    """Bytes of unknown encoding → text: UTF-8 if they are, else Windows-1252."""
    for name in (encoding, "utf-8"):
        if name:
            try:
                return clean(raw.decode(name))
            except (UnicodeDecodeError, LookupError):
                continue
    return clean(raw.decode("cp1252", "replace"))


def keywords(found: Iterable[str]) -> tuple[str, ...]:
    """Keywords, each once and in order; at most ``MOST``."""
    words = dict.fromkeys(clean(word) for word in found)
    words.pop("", None)
    return tuple(words)[:MOST]


def iso_date(text: str, offset: str = "") -> str:
    """A date of EXIF ("2024:05:17 10:02:33") or ISO 8601 → ISO 8601; "" if it is none.

    Args:
        text: the date.
        offset: distance from UTC, such as "+02:00", if it stands elsewhere.
    """
    text = text.strip()
    if _SHORT_DATE.fullmatch(text):
        return text if is_date(text) and text[:4] != "0000" else ""
    match = _DATE.fullmatch(text)
    if match is None:
        return ""
    year, month, day, hour, minute, second, zone = match.groups()
    date = f"{year}-{month}-{day}"
    if hour is not None:
        date += f"T{hour}:{minute}:{second or '00'}{_zone(zone or offset)}"
    return date if is_date(date) else ""


def _zone(zone: str) -> str:
    zone = zone.strip()
    if zone == "Z" or re.fullmatch(r"[+-]\d\d:\d\d", zone):
        return zone
    return f"{zone[:3]}:{zone[3:]}" if re.fullmatch(r"[+-]\d{4}", zone) else ""


def within(value: object, low: float, high: float) -> float | None:
    """A number of this range; None for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def filled(facts: Mapping[str, Cell | None]) -> dict[str, Cell]:
    """The facts that have a value."""
    return {name: fact for name, fact in facts.items() if fact is not None and fact not in ("", ())}
