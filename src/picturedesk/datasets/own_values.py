"""Other columns of a table → values with types, decided for a whole column.

A column has one type: numbers (decimal points, or decimal commas throughout), true and false (in
the words of several languages), dates, tags (lists only), else text. Numbers that begin with 0, as
postcodes do, are text.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping

from picturedesk.datasets.cells import Unfit, iso_date, string, strings
from picturedesk.types import Cell

_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
_COMMA_NUMBER = re.compile(
    r"[+-]?(?:0|[1-9]\d{0,2}(?:\.\d{3}){1,4}|[1-9]\d{0,14})(?:,\d{1,15})?", re.ASCII
)
_TRUE = frozenset(
    (
        *("true", "yes", "ja", "wahr", "oui", "vrai", "sí", "si", "sì", "sim", "tak", "ano"),
        *("evet", "да", "是", "はい", "예", "có", "نعم"),
    )
)
_FALSE = frozenset(
    (
        *("false", "no", "nein", "falsch", "non", "faux", "não", "nao", "nee", "nej", "nie"),
        *("ne", "hayır", "нет", "否", "いいえ", "아니요", "không", "لا"),
    )
)
_MARKS = re.compile(r"(?!)")  # a list has no separators


class ColumnTypes:
    """Learns the type of every column from all its cells; then reads cells.

    Args:
        names: column → name of the own column.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self._possible = {column: list(_READERS) for column in names}

    def see(self, cells: Mapping[str, object]) -> None:
        """Takes one row into account."""
        for column, possible in self._possible.items():
            value = cells.get(column)
            if possible and not _is_empty(value):
                possible[:] = [kind for kind in possible if _READERS[kind](value) is not None]

    def read(self, cells: Mapping[str, object]) -> dict[str, Cell]:
        """The own columns of a row that have a value; records and bytes are left out."""
        found: dict[str, Cell] = {}
        for column, name in self.names.items():
            value = cells.get(column)
            if not _is_empty(value):
                possible = self._possible[column]
                cell = _READERS[possible[0]](value) if possible else _text(value, column)
                if cell not in (None, "", ()):
                    found[name] = cell
        return found


def _is_empty(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < float("inf") else None
    text = value.strip() if isinstance(value, str) else ""
    return float(text) if _NUMBER.fullmatch(text) else None


def _comma_number(value: object) -> float | None:
    text = value.strip() if isinstance(value, str) else ""
    if _COMMA_NUMBER.fullmatch(text) is None:
        return None
    return float(text.replace(".", "").replace(",", "."))


def _date(value: object) -> str | None:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return iso_date(value.strip()) or None if isinstance(value, str) else None


def _tags(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple):
        return None
    try:
        return strings(value, "", _MARKS)
    except Unfit:
        return None


def _text(value: object, column: str) -> Cell | None:
    """Any value as text; None if it is a record or bytes."""
    try:
        if isinstance(value, list | tuple):
            return ", ".join(strings(value, column, _MARKS))
        return string(value, column)
    except Unfit:
        return None


_READERS: dict[str, Callable[[object], Cell | None]] = {
    "boolean": _boolean,
    "number": _number,
    "comma_number": _comma_number,
    "date": _date,
    "tags": _tags,
}


def learn(names: Mapping[str, str], rows: Iterable[Mapping[str, object]]) -> ColumnTypes:
    """The types of columns, from all rows."""
    types = ColumnTypes(names)
    for cells in rows if names else ():
        types.see(cells)
    return types
