"""Pictures inside a page: small JPEGs as data URLs, so that the page is one file."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, decode, read_picture

_ADDRESSES = ("http://", "https://")


def thumbnail(uri: str, side: int = 240, alt: str = "") -> str:
    """A picture as an HTML element, at most ``side`` pixels wide and high.

    If the picture is missing or damaged, a box with the reason.

    Args:
        uri: of the picture.
        side: pixels.
        alt: what it shows, as plain text; "" for its file's name.
    """
    policy = DecodePolicy()
    try:
        image = decode(read_picture(uri, policy), uri, policy, at_least=side)
    except BadPicture as bad:
        return f'<div class="missing">{escape(bad.reason)}</div>'
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    told = escape(alt or Path(uri).name, quote=True)
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{image.width}" '
        f'height="{image.height}" alt="{told}" title="{escape(uri, quote=True)}">'
    )


def original(uri: str) -> str:
    """The address of a picture's file for a link; "" if it is no file of its own, or is gone."""
    if uri.startswith(_ADDRESSES):
        return uri
    path = Path(uri)
    return path.absolute().as_uri() if path.is_file() else ""
