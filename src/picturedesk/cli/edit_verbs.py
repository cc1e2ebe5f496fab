"""The verbs that change what is known of pictures, and that list what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.options import DeskOption, JsonOption
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.types import Cell, Column

_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def edit(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Names of files, or content keys.")
    ],
    set: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A new value: caption=…, licence=…, expiry=2027-01-31, or any other column; tags "
            "are divided by commas. Repeatable.",
            metavar="COLUMN=VALUE",
        ),
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="Empty this column. Repeatable.", metavar="COLUMN"),
    ] = None,
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
) -> None:
    """Change what is known of pictures; files stay as they are.

    What is set so outlives a fit and wins over what the archive says. All pictures get the same
    values, in one transaction.
    """
    from picturedesk.desk import Desk, json_documents

    with Desk(desk) as opened:
        changes = _changes(set or (), clear or (), opened.catalogue.columns())
        names = [streams.from_argument(name) for name in pictures]
        changed = opened.edit(names, changes)
    if json:
        show.as_json(json_documents.edited(changed))
        return
    show.line(f"{len(changed)} changed: {', '.join(changes)}")


def _changes(
    given: Sequence[str], cleared: Sequence[str], columns: Mapping[str, Column]
) -> dict[str, Cell | None]:
    """New values by the names of columns, in the types that the columns have."""
    from picturedesk.own_columns import normalised

    found: dict[str, Cell | None] = {streams.from_argument(name): None for name in cleared}
    for one in given:
        name, mark, value = streams.from_argument(one).partition("=")
        if not mark or not name.strip():
            raise BadInput(f"--set {one[:60]}: write COLUMN=VALUE")
        if name in found:
            raise BadInput(f"{name[:60]} is named twice")
        known = columns.get(normalised(name))
        found[name] = _value(name, value, known.type if known else "text")
    if not found:
        raise BadInput("nothing is changed: give --set COLUMN=VALUE or --clear COLUMN")
    return found


def _value(name: str, value: str, kind: str) -> Cell:
    if kind == "tags":
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if kind == "boolean":
        if value.strip().lower() not in _YES_NO:
            raise BadInput(f"{name} is {value[:60]!r}: it must be true or false")
        return _YES_NO[value.strip().lower()]
    if kind == "number":
        try:
            number = float(value)
        except ValueError:
            raise BadInput(f"{name} is {value[:60]!r}: it must be a number") from None
        return int(number) if number.is_integer() else number
    return value


def rejected(desk: DeskOption = Path("desk"), json: JsonOption = False) -> None:
    """List files and rows that fits and additions left out, with reason and cure.

    They are listed until they get in or are gone.
    """
    from picturedesk.desk import Desk, json_documents

    with Desk(desk) as opened:
        found = opened.rejected()
    if json:
        show.as_json(json_documents.rejected(found))
        return
    if not found:
        show.note("nothing was left out")
    for one in found:
        show.line(f"{one.source}: {one.reason}; {one.cure}")
