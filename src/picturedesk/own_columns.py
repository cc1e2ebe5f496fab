"""Columns of one's own: their names, and the types of their values. Knows no table and no file.

Every reader of tables and every record of a picture names its columns by ``column_names``, so that
"Aktenzeichen (intern)" is ``aktenzeichen_intern`` everywhere, in conditions too.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

FIXED = (
    *("uri", "key", "caption", "credit", "licence", "date", "tags"),
    *("names", "expiry", "embargo", "territory", "uses", "max_uses", "last_used", "missing"),
)
"""Names of the columns that every picture has."""

TYPES = ("text", "date", "number", "boolean", "tags")
_TAKEN = frozenset((*FIXED, "row", "rowid", "oid", "_rowid_", "columns"))
_ISO_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d).*)?)?)?", re.ASCII)


def column_names(given: Iterable[str]) -> list[str]:
    """The names of N columns, as conditions name them: N names, none twice.

    Stripped and casefolded; every run of other characters than letters and digits, of any script,
    becomes "_". A name of a fixed column, or one that is taken, gets "_2", "_3", …
    A name that is as it should be stays.
    """
    taken = set(_TAKEN)
    found = []
    for name in given:
        plain = normalised(name)
        chosen, number = plain, 2
        while chosen in taken:
            chosen, number = f"{plain}_{number}", number + 1
        taken.add(chosen)
        found.append(chosen)
    return found


@lru_cache(maxsize=4096)
def normalised(name: str) -> str:
    """One name in this spelling, whether it is taken or not; "column" if nothing is left of it."""
    folded = unicodedata.normalize("NFC", name).casefold()
    kept = "".join(sign if unicodedata.category(sign)[0] in "LNM" else " " for sign in folded)
    return "_".join(kept.split()) or "column"


def is_date(text: str) -> bool:
    """Whether it is a year, month, day or moment of ISO 8601 that the calendar has."""
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day, hour, minute = map(int, match.groups("1"))
    try:
        datetime.datetime(year, month, day, hour, minute)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _type_of_text(text: str) -> str:
    return "date" if len(text) > 4 and is_date(text) else "text"  # four digits are any number


def type_of(value: object) -> str:
    """The type of a value (``TYPES``); "" for an empty one."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return _type_of_text(value) if value else ""
    return "tags" if value else ""


def common_type(found: Sequence[str]) -> str:
    """The type of a column whose values have these types: theirs if it is one, else "text"."""
    return found[0] if len(set(found)) == 1 else "text"
