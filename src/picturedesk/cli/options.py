"""Options that several verbs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DeskOption = Annotated[Path, typer.Option("--desk", help="Folder of the desk.", metavar="FOLDER")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to stdout (docs/json.md).")
]
NoCacheOption = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        help="Export the network anew; neither read nor write the cache of exported networks "
        "(also: PICTUREDESK_CACHE=off).",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress to stderr.")]


def without_cache(chosen: bool) -> None:
    """Switches the cache of exported networks off for this process, if that was chosen."""
    if chosen:
        os.environ["PICTUREDESK_CACHE"] = "off"
