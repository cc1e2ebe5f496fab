"""Facts of IPTC-IIM records, which Photoshop and agencies write into JPEGs and TIFFs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from picturedesk.images.metadata.values import decoded, filled, iso_date, keywords
from picturedesk.types import Cell

_MARK = 0x1C
_MOST = 2000  # records
_UTF8 = b"\x1b%G"  # how record 1:90 declares UTF-8
_TEXTS = {
    (2, 120): "caption",
    (2, 105): "headline",
    (2, 5): "title",
    (2, 110): "credit",
    (2, 115): "source",
    (2, 116): "copyright",
    (2, 92): "place",
    (2, 90): "city",
    (2, 95): "state",
    (2, 101): "country",
}
_DATES = {"date": (55, 60), "embargo": (30, 35), "expiry": (37, 38)}  # field → date, time
_CREATOR, _KEYWORD = (2, 80), (2, 25)
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)([+-]\d{4})?", re.ASCII)

_Records = dict[tuple[int, int], list[bytes]]


def read_iptc(block: bytes) -> dict[str, Cell]:
    """Facts by their names."""
    records: _Records = {}
    for number, value in _records(block):
        records.setdefault(number, []).append(value)
    encoding = "utf-8" if _UTF8 in records.get((1, 90), [b""])[0] else ""

    def texts(number: tuple[int, int]) -> list[str]:
        return [decoded(value, encoding) for value in records.get(number, ())]

    facts: dict[str, Cell] = {name: (texts(number) or [""])[0] for number, name in _TEXTS.items()}
    facts["creator"] = ", ".join(keywords(texts(_CREATOR)))
    facts["tags"] = keywords(texts(_KEYWORD))
    for name, (date, time) in _DATES.items():
        facts[name] = _moment((texts((2, date)) or [""])[0], (texts((2, time)) or [""])[0])
    return filled(facts)


def _records(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Number and content of each record, until the first damaged one."""
    at = 0
    for _ in range(_MOST):
        if at + 5 > len(block) or block[at] != _MARK:
            return
        number = block[at + 1], block[at + 2]
        size = int.from_bytes(block[at + 3 : at + 5])
        at += 5
        if size & 0x8000:  # extended: the length of the length follows
            width = size & 0x7FFF
            if width > 4:
                return
            size = int.from_bytes(block[at : at + width])
            at += width
        if at + size > len(block):
            return
        yield number, block[at : at + size]
        at += size


def _moment(date: str, time: str) -> str:
    """A date ("20240517") and a time ("120000+0200") → ISO 8601; "" if the date is none."""
    day = f"{date[:4]}-{date[4:6]}-{date[6:8]}" if re.fullmatch(r"\d{8}", date, re.ASCII) else date
    parts = _TIME.fullmatch(time)
    if parts is not None:
        hour, minute, second, zone = parts.groups()
        moment = iso_date(f"{day}T{hour}:{minute}:{second}{zone or ''}")
        if moment:
            return moment
    return iso_date(day)
