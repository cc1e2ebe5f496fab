"""Suggestions as CSV, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from picturedesk.cli import show

if TYPE_CHECKING:
    from picturedesk.types import Suggestion

COLUMNS = (
    *("rank", "found", "match", "score", "uri", "caption", "credit", "licence", "date", "tags"),
    "key",
)
_FORMULA = ("=", "+", "-", "@")  # with these a spreadsheet would begin to calculate


def show_csv(suggestions: Sequence[Suggestion]) -> None:
    """Prints a head and one row a suggestion; a caption that looks like a formula is text."""
    show.csv_row(COLUMNS)
    for one in suggestions:
        picture = one.picture
        found = "" if one.found is None else f"{one.found:.4f}"
        facts = (picture.caption, picture.credit, picture.licence, picture.date)
        words = map(_cell, (*facts, ", ".join(picture.tags)))
        numbers = (str(one.rank), found, one.match, f"{one.score:.4f}")
        show.csv_row((*numbers, picture.uri, *words, picture.key))


def _cell(text: str) -> str:
    plain = " ".join(text.split())
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
