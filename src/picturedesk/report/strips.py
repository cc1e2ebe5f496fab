"""A text with rows of pictures below it; shared by all pages. Right pictures are framed."""

from __future__ import annotations

from html import escape

from picturedesk.report.thumbnails import thumbnail
from picturedesk.types import Picture

SIDE = 220  # pixels of a thumbnail's longer side; shown at half its size, so that it is sharp


def picture(shown: Picture, caption: str = "", is_right: bool = False) -> str:
    """A thumbnail with a caption, given as plain text; right ones are also marked in words."""
    kind, mark = (" right", " <strong>✓ right</strong>") if is_right else ("", "")
    below = f"<figcaption>{escape(caption)}{mark}</figcaption>" if caption else ""
    frame = f'<div class="frame">{thumbnail(shown.uri, SIDE)}</div>'
    return f'<figure class="picture{kind}">{frame}{below}</figure>'


def strip(heading: str, pictures: str) -> str:
    """A row of ``picture``s; "" if there are none."""
    if not pictures:
        return ""
    return f'<div class="strip"><p>{escape(heading)}</p><div class="row">{pictures}</div></div>'


def query(text: str, strips: str) -> str:
    """A text, given as plain text, with ``strip``s below it."""
    return (
        f'<article class="example"><blockquote dir="auto">{escape(text)}</blockquote>'
        f'<div class="strips">{strips}</div></article>\n'
    )
