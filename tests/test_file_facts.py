"""What picture files say and show of themselves."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from picture_files import encoded, photo
from picturedesk.errors import BadPicture
from picturedesk.images import decode_file, facts_of, with_file_facts
from picturedesk.images.metadata import licence_of
from picturedesk.types import Picture

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" photoshop:City="Köln" xmp:Rating="4"
 xmpRights:WebStatement="https://creativecommons.org/licenses/by-sa/4.0/">
 <dc:description><rdf:Alt><rdf:li xml:lang="de">Der Dom</rdf:li>
 <rdf:li xml:lang="x-default">The cathedral</rdf:li></rdf:Alt></dc:description>
 <dc:subject><rdf:Bag><rdf:li>church</rdf:li><rdf:li>river</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def iptc_app(records: dict[int, bytes]) -> bytes:
    block = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value
        for number, value in records.items()
    )
    block += b"\0" * (len(block) % 2)
    body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def facts(data: bytes) -> dict:
    return facts_of(decode_file(data, "x"))


def test_blocks_are_joined_xmp_before_iptc_before_exif():
    exif = Image.Exif()
    exif[0x010E], exif[0x8298] = "of exif", "(c) Ada"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:17 10:02:33"
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    exif.get_ifd(0x8825).update({1: "S", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 15.0, 0.0)})
    data = encoded(photo(), "JPEG", exif=exif, xmp=XMP.encode())
    fields = {120: b"of iptc", 110: "Müller".encode("cp1252"), 30: b"20250101", 37: b"20261231"}
    found = facts(data[:2] + iptc_app(fields) + data[2:])
    assert found["caption"] == "The cathedral"
    assert found["tags"] == ("church", "river")
    assert (found["city"], found["rating"]) == ("Köln", 4.0)
    assert found["licence"] == "cc-by-sa-4.0"
    assert found["credit"] == "Müller"
    assert (found["embargo"], found["expiry"]) == ("2025-01-01", "2026-12-31")
    assert found["copyright"] == "(c) Ada"
    assert found["date"] == "2024-05-17T10:02:33+02:00"
    assert (found["latitude"], found["longitude"]) == (-52.5, 13.25)


@pytest.mark.parametrize(
    "xmp",
    [
        b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
        b"<not closed",
        b"\xff" * 500,
        b"<a>" + b" " * 2**21 + b"</a>",
    ],
)
def test_hostile_xmp_is_left_out(xmp):
    assert "caption" not in facts(encoded(photo(), "PNG", xmp=xmp))


def test_damaged_blocks_are_left_out():
    data = encoded(photo(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40))
    app = iptc_app({120: b"whole"})
    found = facts(data[:2] + app[:-4] + b"\xff\xff\xff\xff" + data[2:])
    assert found["format"] == "JPEG"


@pytest.mark.parametrize(
    ("image", "colour", "first"),
    [
        (Image.linear_gradient("L"), False, None),
        (Image.new("RGB", (60, 40), (205, 30, 35)), True, "red"),
        (photo(seed=3), True, None),
        (
            Image.merge(
                "RGB",
                [
                    Image.linear_gradient("L").point(lambda v, f=f: int(v * f))
                    for f in (1.0, 0.85, 0.65)
                ],
            ),
            False,
            None,
        ),
    ],
)
def test_colour_is_more_than_one_tone(image, colour, first):
    found = facts(encoded(image, "PNG"))
    assert found["colour"] is colour
    assert first is None or found["colours"] == (first,)


def test_shape_is_of_the_upright_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = facts(encoded(photo(64, 48), "JPEG", exif=exif))
    assert (found["width"], found["height"], found["orientation"]) == (48.0, 64.0, "portrait")


def test_what_is_known_counts_before_the_file():
    picture = Picture("a", caption="ours", columns={"city": "Bonn"})
    merged = with_file_facts(
        picture, {"caption": "theirs", "date": "2024", "city": "Ulm", "x": 1.0}
    )
    assert (merged.caption, merged.date) == ("ours", "2024")
    assert merged.columns == {"city": "Bonn", "x": 1.0}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CC BY 4.0", "cc-by-4.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "cc0"),
        ("All rights reserved by me", ""),
    ],
)
def test_known_licences_have_short_names(text, name):
    assert licence_of(text) == name


def test_heic_is_read_with_its_facts():
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    heif.from_pillow(photo(64, 48)).save(file, quality=90)
    found = decode_file(file.getvalue(), "x")
    assert (found.kind, found.size, found.image.size) == ("HEIC", (64, 48), (64, 48))
    with pytest.raises(BadPicture, match="HEIC"):
        decode_file(file.getvalue()[:200], "x")


def test_heic_without_the_extra_names_it(monkeypatch):
    monkeypatch.delitem(
        __import__("picturedesk.images.guard", fromlist=["x"]).READERS, "HEIC", False
    )
    with pytest.raises(BadPicture, match="heic"):
        decode_file(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "x")
