"""The verbs for editors' decisions and for versions: choose, choices, refit, versions, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.options import DeskOption, JsonOption, QuietOption, path
from picturedesk.cli.results import in_one_line
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.versions import Version
    from picturedesk.types import Choice

_SHOWN = 70  # characters of a text


def choose(
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE", help="The picture that was taken: its path or its content key."
        ),
    ],
    text: Annotated[str, typer.Option(help="The text that it was taken for.", metavar="TEXT")] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Read the text from this file.", metavar="FILE", parser=path),
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option(
            help="A picture that was seen and not taken; may be repeated.", metavar="PICTURE"
        ),
    ] = None,
    who: Annotated[str, typer.Option(help="Who decided.", metavar="NAME")] = "",
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Take a choice back: PICTURE is its number."),
    ] = False,
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
) -> None:
    """Store which picture was taken for a text.

    The next suggestions use it at once: similar texts get similar pictures. The next fit learns
    from it, more than from a pair of the archive, and a little from what was passed over.
    """
    from picturedesk.desk.desk import Desk

    if undo and not picture.isdecimal():
        raise BadInput(f"{picture!r} is no number of a choice: picturedesk choices lists them")
    if not undo and (not text) == (file is None):
        raise BadInput("give the text with --text or --file, one of the two")
    with Desk(desk) as opened:
        if undo:
            choice = opened.undo_choice(int(picture))
        else:
            whole = text if file is None else streams.read_text(file, streams.MAX_MEGABYTES)
            choice = opened.choose(whole, picture, reject or [], who)
    if json:
        show.as_json(choice)
        return
    done = "is taken back" if undo else "is stored"
    show.line(f"Choice {choice.number} {done}")


def choices(
    desk: DeskOption = Path("desk"),
    after: Annotated[
        int, typer.Option(help="Show those with higher numbers.", min=0, metavar="NUMBER")
    ] = 0,
    k: Annotated[
        int, typer.Option("--k", "-k", help="Number of choices.", min=1, metavar="INTEGER")
    ] = 20,
    json: JsonOption = False,
) -> None:
    """List which pictures were taken for which texts."""
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        found = opened.choices(after, k)
        known = opened.catalogue.find([choice.picture for choice in found])
    if json:
        show.as_json(json_documents.choices(found))
        return
    if not found:
        show.note("there is no choice: picturedesk choose stores one")
    for choice in found:
        picture = known.get(choice.picture)
        show.line(_line(choice, picture.uri if picture else choice.picture))


def _line(choice: Choice, name: str) -> str:
    facts = [choice.time, *([choice.who] if choice.who else [])]
    if choice.rejected:
        facts.append(f"{len(choice.rejected)} passed over")
    if choice.undone:
        facts.append("taken back")
    text = in_one_line(choice.text)[:_SHOWN]
    return f"{choice.number:>4}  {name}  for: {text}  ({', '.join(facts)})"


def refit(
    archive: Annotated[
        str,
        typer.Argument(metavar="ARCHIVE", help="Default: the archive that the desk was fitted on."),
    ] = "",
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit again with the same settings, and learn from the choices since.

    Reads only pictures that are new. The desk answers as before until the new fit is whole; it
    becomes a new version.
    """
    from picturedesk.desk.desk import Desk

    with show.progress(quiet) as progress, Desk(desk) as opened:
        opened.refit(archive or None, progress)
        made = next(version for version in opened.versions() if version.current)
    if json:
        show.as_json(made)
        return
    show.line(_told(made))


def versions(desk: DeskOption = Path("desk"), json: JsonOption = False) -> None:
    """List the fits that the desk keeps; the current one has a star."""
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        found = opened.versions()
    if json:
        show.as_json(json_documents.versions(found))
        return
    for version in found:
        show.line(f"{'*' if version.current else ' '} {_told(version)}")


def rollback(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="Default: the version before.", min=0)
    ] = 0,
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
) -> None:
    """Go back to an older fit.

    Pictures that were added or removed since, changed metadata and choices stay as they are now.
    """
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        version = opened.rollback(number or None)
    if json:
        show.as_json(version)
        return
    show.line(_told(version))


def _told(version: Version) -> str:
    measured = "" if version.recall is None else f", recall at ten {version.recall:.0%}"
    what = "choice" if version.choices == 1 else "choices"
    learned = f", {version.choices} {what}" if version.choices else ""
    return (
        f"version {version.number}, {version.made}: {version.archive}, {version.texts} texts, "
        f"{version.pictures} pictures{learned}{measured}"
    )
