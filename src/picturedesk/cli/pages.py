"""Pages that verbs write for a browser: where they go, and how they are opened."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import path

HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Also write the result with its pictures as one HTML page, which loads nothing.",
        metavar="FILE",
        parser=path,
    ),
]
OpenOption = Annotated[
    bool,
    typer.Option("--open", help="Also open this page in the browser; needs no --html."),
]


def present(write: Callable[[Path], None], html: Path | None, opened: bool) -> None:
    """Writes a page if it was asked for, tells where it is, and opens it if that was asked for.

    Args:
        write: writes the page to a file.
        html: the file; None for a temporary one, if the page is to be opened.
        opened: whether to open it.
    """
    if html is None and not opened:
        return
    page = html or _temporary()
    write(page)
    show.note(f"page: {page}")
    if opened and not webbrowser.open(page.absolute().as_uri()):
        show.note(f"no browser was found: open {page} in one")


def _temporary() -> Path:
    handle, name = tempfile.mkstemp(prefix="picturedesk-", suffix=".html")
    os.close(handle)
    return Path(name)
