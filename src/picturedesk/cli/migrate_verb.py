"""The verb migrate: moves the catalogue of a desk to another engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption, QuietOption


def migrate(
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO",
            help="milvus://HOST:PORT/NAME for a Milvus server, milvus:///FOLDER/FILE.db/NAME for "
            "a file of milvus-lite, or sqlite for a file in the desk.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Move the catalogue to a Milvus server, or back into the desk.

    Copies and compares all pictures; then the desk remembers the new place, and later fits use it,
    too. The old place stays as it is. If it is stopped, the same command continues. Needs the extra
    milvus; a password for the server is read from PICTUREDESK_MILVUS_TOKEN.
    """
    from picturedesk.desk.desk import Desk

    with show.progress(quiet) as progress, Desk(desk) as opened:
        done = opened.migrate(to, progress)
    if json:
        show.as_json(done)
        return
    show.line(
        f"{done.pictures} pictures are in {done.now} now: {done.copied} copied, {done.kept} were "
        f"there, {done.removed} removed there; {done.before} stays as it is"
    )
