"""The verb that exports a desk for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption, QuietOption, path


def export(
    desk: DeskOption,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder for graph, arrays, manifest and example: new, or of an earlier export.",
            parser=path,
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            help="Write the catalogue, vectors and all metadata, to this file.",
            metavar="FILE",
            parser=path,
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="With --parquet: vectors in half precision.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Export a desk: its vectors without picturedesk, or its catalogue as Parquet.

    FOLDER gets one ONNX graph from pixels to catalogue vectors, the text side of the route direct
    for NumPy, a manifest, and example.py, which needs onnxruntime, NumPy and Pillow.
    """
    if folder is None and parquet is None:
        raise typer.BadParameter("nothing to write: name a FOLDER, or a file with --parquet")
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        written = opened.export(folder) if folder is not None else None
        rows = None
        if parquet is not None:
            with show.progress(quiet) as progress:
                rows = opened.export_parquet(parquet, half, progress)
    if json:
        show.as_json({"export": written, "parquet": parquet, "pictures": rows})
        return
    if written is not None:
        show.line(f"{written.folder}: graph, arrays, manifest and example.py")
        show.line(f"example.py needs {', '.join(written.needs)}")
        if written.missing:
            show.note(f"texts cannot be encoded from it: {written.missing}")
    if rows is not None:
        show.line(f"{rows} pictures in {parquet}")
