"""Facts of an XMP packet. Its XML is hostile until proved otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from picturedesk.images.metadata.values import clean, filled, iso_date, keywords, within
from picturedesk.types import Cell

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "rights": "http://ns.adobe.com/xap/1.0/rights/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "core": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "prism": "http://prismstandard.org/namespaces/basic/2.0/",
    "cc": "http://creativecommons.org/ns#",
}
_TEXTS = {
    "caption": ("dc:description",),
    "headline": ("photoshop:Headline",),
    "title": ("dc:title",),
    "credit": ("photoshop:Credit",),
    "source": ("photoshop:Source",),
    "copyright": ("dc:rights",),
    "usage_terms": ("rights:UsageTerms",),
    "web_statement": ("rights:WebStatement", "cc:license"),
    "place": ("core:Location",),
    "city": ("photoshop:City",),
    "state": ("photoshop:State",),
    "country": ("photoshop:Country",),
}
_DATES = {
    "date": ("photoshop:DateCreated", "exif:DateTimeOriginal", "xmp:CreateDate"),
    "embargo": ("prism:embargoDate", "prism:releaseDate", "plus:LicenseStartDate"),
    "expiry": ("prism:expirationDate", "plus:LicenseEndDate"),
}
_COORDINATE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
_MOST = 5000  # properties

_Properties = dict[str, list[str]]


def read_xmp(packet: bytes) -> dict[str, Cell]:
    """Facts by their names; {} if the packet is no XML or declares a document type."""
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(packet.rstrip(b"\0"), forbid_dtd=True)
        found = _properties(root)
    except Exception:  # expat, the guard and codecs raise several kinds for what they refuse
        return {}

    def first(names: tuple[str, ...]) -> str:
        return next((values[0] for name in names if (values := found.get(_full(name)))), "")

    facts: dict[str, Cell | None] = {name: first(names) for name, names in _TEXTS.items()}
    facts["creator"] = ", ".join(keywords(found.get(_full("dc:creator"), ())))
    facts["tags"] = keywords(found.get(_full("dc:subject"), ()))
    for name, names in _DATES.items():
        dates = (iso_date(first((one,))) for one in names)
        facts[name] = next(filter(None, dates), "")
    facts["rating"] = within(first(("xmp:Rating",)), 1, 5)
    latitude = _degrees(first(("exif:GPSLatitude",)), 90)
    longitude = _degrees(first(("exif:GPSLongitude",)), 180)
    if latitude is not None and longitude is not None:
        facts |= {"latitude": latitude, "longitude": longitude}
    return filled(facts)


def _full(name: str) -> str:
    space, _, rest = name.partition(":")
    return f"{{{_SPACES[space]}}}{rest}"


def _properties(root: Element) -> _Properties:
    """The values of each property of all descriptions; of languages, the default comes first."""
    found: _Properties = {}
    for description in root.iter(f"{_RDF}Description"):
        for name, value in description.attrib.items():
            found.setdefault(name, []).append(clean(value))
        for element in description:
            values = [value for value in _values(element) if value]
            if values and len(found) < _MOST:
                found.setdefault(element.tag, []).extend(values)
    return {name: values for name, values in found.items() if values[0]}


def _values(element: Element) -> Iterator[str]:
    """The text of a property, its address, or the items of its list."""
    items = [item for group in element for item in group if item.tag == f"{_RDF}li"]
    if items:
        items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
        yield from (clean(item.text) for item in items)
    else:
        yield clean(element.text) or clean(element.get(f"{_RDF}resource"))


def _degrees(text: str, limit: float) -> float | None:
    """Degrees of "52,30.5N" or "52,30,30N": 52.508333; None for anything else."""
    match = _COORDINATE.fullmatch(text.strip())
    if match is None:
        return None
    degrees, minutes, seconds, side = match.groups()
    value = int(degrees) + float(minutes) / 60 + float(seconds or 0) / 3600
    return within(round(-value if side in "SW" else value, 6), -limit, limit)
