"""Which column of a table is the text, the picture, the licence … Knows no file format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches

import picturedesk.checks as checks
from picturedesk.datasets.usual_names import USUAL, folded
from picturedesk.errors import BadInput

_SHOWN = 30  # columns listed in a message
_SHOWN_WIDTH = 40  # characters of each of them


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns; "" for the usual names, in any case.

    The usual names are known in English, German, French, Spanish, Italian, Portuguese, Dutch,
    Swedish, Polish, Czech, Turkish, Russian, Chinese, Japanese, Korean, Vietnamese and Arabic, and
    compared without accents. All other columns become own columns of the pictures.

    Attributes:
        text: the text itself.
        picture: path of a picture; several with ";" or "|" between, as a JSON list, or as a list.
        title: headline of the text.
        id: identifies the text, so that several rows can add pictures to it.
        caption: words that describe the picture.
        credit: maker or owner of the picture.
        licence: licence of the picture.
        date: date of the picture: ISO 8601 (a year, month, day or moment), "31.12.2024", or
            "31/12/2024" where day and month cannot be confused. A date that is none of these, or
            that no calendar has ("2024-13-45"), stays empty and is listed with what was left out.
        tags: tags of the picture; several with ";", "|" or ",", as a JSON list, or as a list.
        part: "train", "validate", "test", or empty.
        expiry: the last day on which the picture may run, a date.
        embargo: the first moment at which the picture may run, a date.
        territory: where the picture may run; several as in ``tags``.
        uses: how often the picture has run, a whole number.
        max_uses: how often the picture may run, a whole number.
        last_used: when the picture ran last, a date.
        text_date: when the text ran, a date.
        link: where the text can be read.
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
    expiry: str = ""
    embargo: str = ""
    territory: str = ""
    uses: str = ""
    max_uses: str = ""
    last_used: str = ""
    text_date: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        checks.settings(self)


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
    free = {folded(name): name for name in reversed(there) if name not in found.values()}
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
            f"rename one to {absent!r}, or name it with --column {absent}=… (Columns({absent}='…'))"
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
