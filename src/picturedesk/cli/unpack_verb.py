"""The verb that unpacks Parquet files with pictures inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import JsonOption, QuietOption, path


def unpack(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PARQUET",
            help="A Parquet file that holds pictures, or a folder with several.",
            parser=path,
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="New folder for pictures and metadata.", parser=path),
    ],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Unpack pictures and texts from Parquet files.

    Data sets of Hugging Face often hold pictures inside the table. Writes each picture as a file,
    with the other columns in metadata.jsonl; give that folder to fit or reproduce.
    """
    from picturedesk.datasets.unpack import unpack as run

    with show.progress(quiet) as progress:
        done = run(source, folder, progress)
    if json:
        show.as_json(done)
        return
    show.line(f"{done.pictures} pictures and {done.rows} rows of metadata in {done.folder}")
    if done.without_picture:
        show.note(f"{done.without_picture} rows hold no picture and are left out")
