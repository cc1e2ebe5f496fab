"""Which column of a table is the text, the picture, the licence … Knows no file format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches

import picturedesk.checks as checks
from picturedesk.errors import BadInput

_SHOWN = 30  # columns listed in a message
_SHOWN_WIDTH = 40  # characters of each of them


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns; "" for the usual names (``USUAL``) in any case.

    Attributes:
        text: the text itself.
        picture: path of a picture; several with ";" or "|" between, as a JSON list, or as a list.
        title: headline of the text.
        id: identifies the text, so that several rows can add pictures to it.
        caption: words that describe the picture.
        credit: maker or owner of the picture.
        licence: licence of the picture.
        date: date of the picture, ISO 8601: a year, month, day or moment. A date that is none, or
            that no calendar has ("2024-13-45"), stays empty and is listed with what was left out.
        tags: tags of the picture; several with ";", "|" or ",", as a JSON list, or as a list.
        part: "train", "validate", "test", or empty.
    """

    text: str = ""
    picture: str = ""
    title: str = ""
    id: str = ""
    caption: str = ""
    credit: str = ""
    licence: str = ""
    date: str = ""
    tags: str = ""
    part: str = ""

    def __post_init__(self) -> None:
        checks.settings(self)


USUAL = {
    "text": ("text", "body", "article", "content", "story", "description", "sentence", "caption"),
    "picture": (
        *("picture", "pictures", "image", "images", "photo", "photos", "path", "paths"),
        *("file", "files", "filename", "file_name", "file_names", "filepath", "file_path"),
        *("picture_path", "image_path", "photo_path", "image_file", "img"),
    ),
    "title": ("title", "headline"),
    "id": ("id", "text_id", "article_id", "story_id"),
    "caption": ("caption", "alt"),
    "credit": ("credit", "byline", "photographer", "creator"),
    "licence": ("licence", "license", "rights"),
    "date": ("date", "published", "created"),
    "tags": ("tags", "keywords", "subjects"),
    "part": ("part", "split", "subset"),
}


def resolve(
    named: Columns, there: Sequence[str], source: str, needed: Sequence[str] = ("text", "picture")
) -> Columns:
    """Finds each column: by the given name, else by the first usual name in the table.

    Each column has one role: "caption" alone is the text; beside "text" it is the caption.

    Args:
        named: names given by the user; "" to look for the usual names.
        there: the table's columns.
        source: the table, named in errors.
        needed: roles that need a column.

    Returns:
        The names as the table spells them; "" for roles without a column.

    Raises:
        BadInput: a given or needed column is missing; the message lists the columns.
    """
    found = {role: name for role, name in _given(named).items() if name}
    for name in found.values():
        if name not in there:
            raise BadInput(f"{source} has no column {name!r}: {listed(there)}{close(name, there)}")
    free = {name.strip().casefold(): name for name in reversed(there) if name not in found.values()}
    for role, usual in USUAL.items():
        if role in found or (role == "text" and role not in needed):
            continue  # in a table of pictures, "caption" is the caption
        match = next((name for name in usual if name in free), "")
        if match:
            found[role] = free.pop(match)
    absent = next((role for role in needed if role not in found), "")
    if absent:
        raise BadInput(
            f"{source} has no column for the {absent}: {listed(there)}; "
            f"rename one to {absent!r}, or name it with Columns({absent}='…')"
        )
    twice = next((name for name in found.values() if there.count(name) > 1), "")
    if twice:
        raise BadInput(f"{source} has the column {twice!r} more than once: rename the others")
    return Columns(**found)


def _given(columns: Columns) -> dict[str, str]:
    return {field.name: str(getattr(columns, field.name)) for field in fields(Columns)}


def listed(there: Sequence[str]) -> str:
    """The columns of a table on one line."""
    names = [repr(name[:_SHOWN_WIDTH]) for name in there[:_SHOWN]]
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return f"it has {', '.join(names)}{more}"


def close(name: str, there: Sequence[str]) -> str:
    """A question with the most similar name; "" if none is similar."""
    folded = {other.casefold(): other for other in there}
    matches = get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean {folded[matches[0]]!r}?" if matches else ""
