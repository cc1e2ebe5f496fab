"""The kind of a file from its first bytes; ignores its name. Decodes nothing.

Eight kinds are supported; HEIC needs the extra heic. Others are refused with their name and a cure,
so that an SVG or a web page named .jpg is not just "cannot identify image file".
"""

from __future__ import annotations

from picturedesk.errors import BadPicture

KINDS = ("JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF", "HEIC")

_CONVERT = f"convert it to one of {', '.join(KINDS)}, or leave it out"
_FETCH = "download the picture itself, or leave it out"

_READABLE = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)

_FOREIGN = (
    (b"%PDF", "is a PDF", _CONVERT),
    (b"%!PS", "is PostScript, which is a program and is never run", _CONVERT),
    (b"\xc5\xd0\xd3\xc6", "is PostScript, which is a program and is never run", _CONVERT),
    (b"8BPS", "is a Photoshop file", _CONVERT),
    (b"\0\0\x01\0", "is a Windows icon", _CONVERT),
    (b"\0\0\0\x0cjP  ", "is JPEG 2000", _CONVERT),
    (b"\xff\x4f\xff\x51", "is JPEG 2000", _CONVERT),
    (b"\0\0\0\x0cJXL ", "is JPEG XL", _CONVERT),
    (b"\xff\x0a", "is JPEG XL", _CONVERT),
    (b"\x1f\x8b", "is a gzip archive (perhaps a compressed SVG)", f"unpack it, then {_CONVERT}"),
    (b"PK\x03\x04", "is a zip archive", "unpack it and give the pictures in it"),
    (b"\x1aE\xdf\xa3", "is a video", "save a frame of it as JPEG"),
)

_SVG = (
    "is an SVG drawing, which has no pixels",
    "convert it to PNG (for example `rsvg-convert -o picture.png picture.svg`), or leave it out",
)
_HTML = ("is a web page, not a picture", f"the address or the name is wrong: {_FETCH}")
_TEXT = ("is text, not a picture", f"the address or the name is wrong: {_FETCH}")
_HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
_HEAD = 4096  # first bytes in which an SVG or HTML file is recognised


def recognise(data: bytes, source: str) -> str:
    """The kind of picture (one of ``KINDS``) according to the first bytes.

    Raises:
        BadPicture: there are no bytes, or they are of another kind; the message names it.
    """
    if not data:
        raise BadPicture(source, "is empty (0 bytes)", _FETCH)
    for signature, kind in _READABLE:
        if data.startswith(signature):
            return kind
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _recognise_boxes(data, source)
    raise BadPicture(source, *_what_else(data))


def _recognise_boxes(data: bytes, source: str) -> str:
    """AVIF, HEIC and MP4 begin alike; the brands in their first box distinguish them."""
    brands = data[8 : max(16, min(int.from_bytes(data[:4]), 256))]
    if b"avif" in brands or b"avis" in brands:
        return "AVIF"
    if any(brand in brands for brand in _HEIC):
        return "HEIC"
    raise BadPicture(source, "is a video", "save a frame of it as JPEG")


def _what_else(data: bytes) -> tuple[str, str]:
    """Reason and cure for bytes that are not a supported kind of picture."""
    for signature, reason, cure in _FOREIGN:
        if data.startswith(signature):
            return reason, cure
    head = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return _HTML
    if head.startswith(b"<") and b"<svg" in head:
        return _SVG
    if head.startswith(b"<") and b"<html" in head:
        return _HTML
    if head.isascii() and b"\0" not in head:
        return _TEXT
    return "is not a supported kind of picture", _CONVERT
