"""Options that several verbs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def path(value: str | Path) -> Path:
    """A path as it was typed; an empty one, as an unset variable gives it, is none."""
    if not str(value).strip():
        raise typer.BadParameter("the path is empty: name a file or folder ('.' for this one)")
    return Path(value)


DeskOption = Annotated[
    Path, typer.Option("--desk", help="Folder of the desk.", metavar="FOLDER", parser=path)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to stdout (docs/json.md).")
]
WeightsOption = Annotated[
    str,
    typer.Option(
        help="Backbone weights: a file (safetensors or torch), hub, random or random:SEED. "
        "Default: the preset's.",
        metavar="WEIGHTS",
    ),
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
