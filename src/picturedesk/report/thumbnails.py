"""Pictures inside a page: small JPEGs as data URLs, so that the page is one file."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, decode, read_picture


def thumbnail(uri: str, side: int = 240) -> str:
    """A picture as an HTML element, at most ``side`` pixels wide and high.

    If the picture is missing or damaged, a box with the reason.
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
    name = escape(Path(uri).name, quote=True)
    return (
        f'<img src="data:image/jpeg;base64,{data}" width="{image.width}" '
        f'height="{image.height}" alt="{name}" title="{escape(uri, quote=True)}">'
    )
