"""Many texts from standard input, answered in their order, one JSON document a line.

A line that cannot be answered gets a line with the reason and how to fix it; the others go on.
Knows how to ask, not whom.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from picturedesk.cli import show, streams
from picturedesk.cli.lines import Line, StandardInput
from picturedesk.errors import BadInput, PicturedeskError

BATCH = 64  # texts that are asked together
OBJECT = b"{"  # with which JSON Lines begin

Ask = Callable[[list[str]], Sequence[dict[str, Any]]]  # texts → what to print of each answer


@dataclass(frozen=True, slots=True)
class Asked:
    """One text of many.

    Attributes:
        line: number of its line, from 1.
        id: as it was given; None if it was not.
        text: title and body.
        problem: why there is no text, and what to do; () if there is one.
    """

    line: int
    id: str | int | float | None
    text: str
    problem: tuple[str, ...] = ()


def answer(source: StandardInput, ask: Ask) -> int:
    """Answers all lines of standard input; hands over each batch before it reads on.

    Args:
        source: JSON Lines with text, or title and body, and an id if wanted; or plain lines.
        ask: answers several texts; raises BadInput if one of them has no answer.

    Returns:
        The number of lines that got no answer.
    """
    failed = 0
    are_objects = source.begins_with(OBJECT)
    for batch in source.batches(BATCH):
        asked = [_read(line, are_objects) for line in batch]
        for one, found in zip(asked, _answers(asked, ask), strict=True):
            failed += "error" in found
            show.as_json_line({"line": one.line, "id": one.id, **found})
        streams.flush()
    return failed


def _answers(asked: Sequence[Asked], ask: Ask) -> Iterator[dict[str, Any]]:
    texts = [one.text for one in asked if not one.problem]
    try:
        found = iter(ask(texts) if texts else ())
    except PicturedeskError:  # of one text, most likely: ask each by itself
        found = (_alone(text, ask) for text in texts)
    for one in asked:
        if one.problem:
            reason, cure = one.problem
            yield _error(reason, cure)
        else:
            yield next(found)


def _alone(text: str, ask: Ask) -> dict[str, Any]:
    try:
        return ask([text])[0]
    except BadInput as error:
        reason, _, cure = str(error).partition(": ")
        return _error(reason, cure)


def _error(reason: str, cure: str) -> dict[str, Any]:
    return {"error": {"reason": reason, "cure": cure}}


def _read(line: Line, is_object: bool) -> Asked:
    if line.data is None:
        return Asked(line.number, None, "", ("the line is too long", "raise --max-megabytes"))
    try:
        text = line.data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = (f"the line is not UTF-8 (byte {error.start})", "save it as UTF-8")
        return Asked(line.number, None, "", problem)
    return _of_object(line.number, text) if is_object else Asked(line.number, None, text.strip())


def _of_object(number: int, line: str) -> Asked:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        where = f" ({error})" if isinstance(error, ValueError) else ""
        problem = (f"the line is no JSON{where}", "write one JSON object a line")
        return Asked(number, None, "", problem)
    if not isinstance(found, dict):
        problem = ("the line is no JSON object", 'write {"text": "…"}')
        return Asked(number, None, "", problem)
    given = found.get("id")
    known = given if isinstance(given, str | int | float) and not isinstance(given, bool) else None
    parts = [found.get(name) for name in ("title", "body", "text")]
    texts = [part for part in parts if isinstance(part, str) and part.strip()]
    if not texts or any(part is not None and not isinstance(part, str) for part in parts):
        problem = ("the line has no text", 'give "text", or "title" and "body", as strings')
        return Asked(number, known, "", problem)
    return Asked(number, known, "\n".join(texts))
