"""Table cells → strings: numbers, dates, lists, JSON lists. Knows neither rows nor files."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

from picturedesk.datasets.encoding import broken_text

PATH_MARKS = re.compile(r"[;|]")
TAG_MARKS = re.compile(r"[;|,]")


class Unfit(Exception):
    """Something that a row is left out for, or a part of it.

    Attributes:
        reason: what is wrong.
        cure: what would let it in.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


def string(value: object, column: str) -> str:
    """A cell as text, without white space around it; numbers and dates are written out.

    Raises:
        Unfit: if it holds a list or a record, or was not UTF-8.
    """
    if value is None or value != value:  # NaN is how some writers store nothing
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
    """A cell of several values, each once: a list, a JSON list, or text with marks between.

    Raises:
        Unfit: as ``string`` does, for any of them.
    """
    if not isinstance(value, list | tuple):
        cell = string(value, column)
        value = _json_list(cell) or marks.split(cell)
    items = (string(item, column) for item in value)
    return tuple(dict.fromkeys(item for item in items if item))


def _json_list(cell: str) -> list[Any]:
    """The JSON list that a cell holds; [] if it holds none ("[draft] a.jpg; [old]")."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return []
    try:
        content = json.loads(cell)
    except (ValueError, RecursionError):
        return []
    return content if isinstance(content, list) else []
