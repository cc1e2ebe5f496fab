"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DeskOption = Annotated[Path, typer.Option("--desk", help="Folder of the desk.", metavar="FOLDER")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to stdout (docs/json.md).")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress to stderr.")]
