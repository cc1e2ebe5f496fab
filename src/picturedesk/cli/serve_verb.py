"""The verb that serves a desk: a page and an HTTP API on one port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, path
from picturedesk.errors import MissingExtra
from picturedesk.web.config import ServeConfig

DEFAULT = ServeConfig(Path("desk"))


def serve(
    desk: DeskOption = Path("desk"),
    host: Annotated[
        str, typer.Option(help="Address to listen on.", metavar="ADDRESS")
    ] = DEFAULT.host,
    port: Annotated[
        int, typer.Option(help="Port; 0 for any that is free.", min=0, max=65535)
    ] = DEFAULT.port,
    workers: Annotated[
        int, typer.Option(help="Processes that answer; they share the desk.", min=1, max=64)
    ] = DEFAULT.workers,
    threads: Annotated[
        int, typer.Option(help="Requests that a worker works on at a time.", min=1, max=256)
    ] = DEFAULT.threads,
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder for uploads, thumbnails and jobs. Default: beside the desk, NAME.served.",
            metavar="FOLDER",
            parser=path,
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="Another name under which the server is reached, as desk.example.org. Repeatable.",
            metavar="NAME",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            help="A web site that may embed the desk, as https://cms.example.org. Repeatable.",
            metavar="ORIGIN",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            help="Requests per second for each key, or address without one; inf for no limit.",
            min=0.001,
            metavar="NUMBER",
        ),
    ] = DEFAULT.rate,
    log_texts: Annotated[
        bool, typer.Option("--log-texts", help="Log queries, too, which may hold words of texts.")
    ] = False,
    max_files: Annotated[
        int, typer.Option(help="Refuse uploads of more files.", min=1, max=100_000)
    ] = DEFAULT.max_files,
    max_upload_megabytes: Annotated[
        float, typer.Option(help="Refuse larger files.", min=0.001, metavar="NUMBER")
    ] = DEFAULT.max_megabytes,
    max_request_megabytes: Annotated[
        float, typer.Option(help="Refuse larger uploads.", min=0.001, max=1e9, metavar="NUMBER")
    ] = DEFAULT.max_request,
    max_upload_megapixels: Annotated[
        float, typer.Option(help="Refuse larger pictures.", min=0.001, metavar="NUMBER")
    ] = DEFAULT.max_megapixels,
    at_once: Annotated[
        int,
        typer.Option(help="Uploads of more files become a job with progress.", min=1, max=1000),
    ] = DEFAULT.at_once,
    thumbnail_megabytes: Annotated[
        float, typer.Option(help="Keep at most so many of thumbnails.", min=1.0, metavar="NUMBER")
    ] = DEFAULT.thumbnail_megabytes,
) -> None:
    """Serve a desk: a page for editors and an HTTP API, until Ctrl-C.

    The page is at the address that is printed, the description of the API at /v1/openapi.json.
    Only this machine reaches it unless the desk has a key (picturedesk keys add).
    """
    try:
        import picturedesk.web.app  # noqa: F401 - now, not in a worker
        from picturedesk.web.running import serve as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("picturedesk"):
            raise
        raise MissingExtra("picturedesk serve", "serve") from None
    config = ServeConfig(
        desk=desk,
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        state=state,
        names=tuple(name or ()),
        origins=tuple(origin or ()),
        rate=rate,
        log_texts=log_texts,
        max_files=max_files,
        max_request=max_request_megabytes,
        max_megabytes=max_upload_megabytes,
        max_megapixels=max_upload_megapixels,
        at_once=at_once,
        thumbnail_megabytes=thumbnail_megabytes,
    )
    run(config, lambda address: show.line_now(f"Picturedesk serves {desk} at {address}"))
