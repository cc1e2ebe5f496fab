"""Options that several verbs share."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from picturedesk.datasets import Columns
    from picturedesk.store.extraction import ExtractConfig


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
WhereOption = Annotated[
    str,
    typer.Option(
        help="SQL condition on uri, key, caption, credit, licence, date, tags and all other "
        "columns that picturedesk info names, e.g. \"licence = 'cc0'\".",
        metavar="SQL",
    ),
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
MaxMegapixelsOption = Annotated[
    float | None,
    typer.Option(
        help="Leave out larger pictures without decoding them. Default: 200; with add, what the "
        "desk was fitted with.",
        min=0.001,
        metavar="NUMBER",
    ),
]
DecodeMemoryOption = Annotated[
    float | None,
    typer.Option(
        help="Megabytes of memory for all pictures that are being decoded; one that takes more is "
        "decoded alone. Default: 1000; with add, what the desk was fitted with.",
        min=0.001,
        metavar="NUMBER",
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        help="Where pictures are read: local, in this process; ray, on the Ray cluster of "
        "RAY_ADDRESS, or on one for this machine (extra ray, docs/scale.md).",
        metavar="NAME",
    ),
]
CsvOption = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="Print CSV to stdout: rank, found, match, score, uri, caption, credit, licence, date, "
        "tags, key.",
    ),
]
LinesOption = Annotated[
    bool,
    typer.Option(
        "--lines",
        help="With -: each line of stdin is a text, answered by one line of JSON. Without this "
        "option stdin is one text, unless it begins with { as JSON Lines do.",
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="Name a column of the table by its role, as text=artikel; can be repeated. Roles: "
        "text, picture, title, id, caption, credit, licence, date, tags, part, expiry, embargo, "
        "territory, uses, max_uses, last_used, text_date, link.",
        metavar="ROLE=NAME",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress to stderr.")]


def columns_of(given: list[str] | None) -> Columns | None:
    """The columns that ``--column`` names; None without the option."""
    from picturedesk.datasets import Columns

    roles = [field.name for field in fields(Columns)]
    named: dict[str, str] = {}
    for one in given or ():
        role, mark, name = one.partition("=")
        role = role.strip().replace("-", "_")
        if not mark or not name.strip() or role not in roles:
            raise typer.BadParameter(
                f"--column {one}: write ROLE=NAME with one of the roles {', '.join(roles)}"
            )
        if role in named:
            raise typer.BadParameter(f"--column names the {role} twice")
        named[role] = name.strip()
    return Columns(**named) if named else None


def without_cache(chosen: bool) -> None:
    """Switches the cache of exported networks off for this process, if that was chosen."""
    if chosen:
        os.environ["PICTUREDESK_CACHE"] = "off"


def limited(
    config: ExtractConfig,
    max_megapixels: float | None,
    decode_memory: float | None,
    engine: str,
) -> ExtractConfig:
    """The settings with the limits and the engine that the user gave."""
    config = replace(config, engine=engine)
    if max_megapixels is not None:
        config = replace(config, decode=replace(config.decode, max_megapixels=max_megapixels))
    return config if decode_memory is None else replace(config, decode_memory=decode_memory)
