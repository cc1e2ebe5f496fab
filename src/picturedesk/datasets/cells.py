"""Table cells → strings: numbers, dates, lists, JSON lists. Knows neither rows nor files."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

from picturedesk.datasets.encoding import broken_text
from picturedesk.own_columns import is_date

PATH_MARKS = re.compile(r"[;|]")
TAG_MARKS = re.compile(r"[;|,]")
_CLOCK = r"(?:[T ,]+(\d{1,2}):(\d\d)(?::\d\d)?)?"
_DAY_FIRST = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}){_CLOCK}", re.ASCII)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([./])(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}", re.ASCII)


class Unfit(Exception):
    """A reason to leave out a row, or a part of it.

    Attributes:
        reason: what is wrong.
        cure: how to fix it.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


def string(value: object, column: str) -> str:
    """A cell as text without surrounding white space; numbers and dates are converted.

    Raises:
        Unfit: it holds a list or a record, or is not UTF-8.
    """
    if value is None or value != value:  # some writers store NaN for an empty cell
        return ""
    if isinstance(value, datetime.date):  # a datetime is a date
        return value.isoformat()
    if not isinstance(value, str | int | float):
        raise Unfit(f"column {column!r} holds a {type(value).__name__}", "it should hold text")
    text = str(value).strip()
    broken = broken_text(text)
    if broken:
        raise Unfit(f"column {column!r} {broken}", "save the table as UTF-8")
    return text


def strings(value: object, column: str, marks: re.Pattern[str]) -> tuple[str, ...]:
    """A cell of several values, each once: a list, a JSON list, or text with separators.

    Raises:
        Unfit: one of them is not a ``string``.
    """
    if not isinstance(value, list | tuple):
        cell = string(value, column)
        value = _json_list(cell) or marks.split(cell)
    items = (string(item, column) for item in value)
    return tuple(dict.fromkeys(item for item in items if item))


def iso_date(text: str) -> str:
    """A date as ISO 8601; "" if it is none, or may be two.

    Beside ISO 8601: "2024/12/31", "31.12.2024" (points: the day first), and "31/12/2024" or
    "12/31/2024" where one of the two cannot be a month; each with "14:30" or without.
    """
    if is_date(text):
        return text
    match = _YEAR_FIRST.fullmatch(text)
    if match is not None:
        year, _, month, day, hour, minute = match.groups()
    else:
        match = _DAY_FIRST.fullmatch(text)
        if match is None:
            return ""
        day, mark, month, year, hour, minute = match.groups()
        if mark != "." and int(month) > 12:
            day, month = month, day
        elif mark != "." and int(day) <= 12 and int(day) != int(month):
            return ""
    clock = f"T{int(hour):02}:{minute}" if hour else ""
    date = f"{year}-{int(month):02}-{int(day):02}{clock}"
    return date if is_date(date) else ""


def _json_list(cell: str) -> list[Any]:
    """The JSON list in a cell; [] if it is not one ("[draft] a.jpg; [old]")."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return []
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        return []
    return content if isinstance(content, list) else []
