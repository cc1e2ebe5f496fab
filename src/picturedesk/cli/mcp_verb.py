"""The verb mcp: a desk for assistants, over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption
from picturedesk.errors import MissingExtra


def mcp(
    desk: DeskOption = Path("desk"),
    http: Annotated[
        bool,
        typer.Option("--http", help="Serve over HTTP instead of standard input and output."),
    ] = False,
    host: Annotated[
        str, typer.Option(help="With --http: address to listen on.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="With --http: port; 0 for any that is free.", min=0, max=65535)
    ] = 8643,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="With --http: another name under which the server is reached; may be repeated.",
            metavar="HOST",
        ),
    ] = None,
) -> None:
    """Let assistants use the desk: tools suggest, similar, tags and choose, by the MCP.

    Without --http an assistant starts this command itself and speaks to it over standard input and
    output. With --http the desk's keys hold as for serve; choose needs the role editor.
    """
    try:
        from picturedesk.mcp import running
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("picturedesk"):
            raise
        raise MissingExtra("picturedesk mcp", "mcp") from None
    if not http:
        running.run_stdio(desk)
        return
    from picturedesk.web.access import AccessConfig

    config = AccessConfig(desk, host, tuple(name or ()))
    running.run_http(config, port, lambda address: show.line_now(f"Tools of {desk} at {address}"))
