"""Runs the server of the Model Context Protocol, over standard input and output or over HTTP.

Over HTTP, all of ``web.access`` holds: keys and roles, hosts, origins, limits, logs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations

from picturedesk.mcp.tools import Tools
from picturedesk.web.access import AccessConfig, Role, guarded
from picturedesk.web.access.asgi import ASGIApp, Receive, Refusal, Scope, Send
from picturedesk.web.access.config import check_listening
from picturedesk.web.access.keys import Keys
from picturedesk.web.access.logs import logging_settings
from picturedesk.web.access.roles import NOBODY
from picturedesk.web.opened import OpenDesk

PATH = "/mcp"
_SAID = (
    "Suggests pictures of an archive for texts. Ask suggest with the whole text; show people the "
    "pictures' credits and licences; call choose only for what a person has decided."
)


def desk_server(desk: OpenDesk) -> MCPServer:
    """The server with the tools of a desk."""
    from importlib.metadata import version

    server: MCPServer = MCPServer(
        "picturedesk",
        title="Picturedesk",
        instructions=_SAID,
        version=version("picturedesk"),
        log_level="WARNING",
        subscriptions=False,
    )
    tools = Tools(desk)
    for tool in tools.reading:
        reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        server.add_tool(tool, annotations=reads)
    writes = ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    )
    server.add_tool(tools.choose, annotations=writes)
    return server


def http_app(desk: OpenDesk, config: AccessConfig) -> ASGIApp:
    """The same server over HTTP, at ``/mcp``, behind all checks of access."""
    # The guard checks hosts and origins, in one place for all servers.
    unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = desk_server(desk).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=config.max_json,
        transport_security=unchecked,
    )

    async def for_readers(scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("state", {}).get("caller", NOBODY)
        if scope["type"] == "http" and caller.role < Role.READER:
            detail = "assistants need a key"
            cure = "send 'Authorization: Bearer KEY' (picturedesk keys add makes a key)"
            refusal = Refusal(401, "A key is needed", detail, cure, {"WWW-Authenticate": "Bearer"})
            await refusal.answer(scope, receive, send)
            return
        await app(scope, receive, send)

    return guarded(for_readers, config)


def run_stdio(desk: Path) -> None:
    """Serves a desk over standard input and output, until the input ends."""
    with closing(OpenDesk(desk)) as opened:
        desk_server(opened).run("stdio")


def run_http(config: AccessConfig, port: int, told: Callable[[str], None]) -> None:
    """Serves a desk over HTTP, until the process is told to end.

    Args:
        config: who may reach it.
        port: 0 for any that is free.
        told: is called with the address when the server listens.

    Raises:
        BadInput: others would reach a desk that has no key, or the address cannot be used.
    """
    import uvicorn

    from picturedesk.web.access.connections import HEAD_BYTES, Connection
    from picturedesk.web.config import ServeConfig
    from picturedesk.web.running import address, listen

    check_listening(config.host, bool(Keys.of(config.desk).all()))
    with (
        closing(listen(ServeConfig(config.desk, config.host, port))) as listening,
        closing(OpenDesk(config.desk)) as opened,
    ):
        told(address(listening) + PATH.removeprefix("/"))
        settings = uvicorn.Config(
            http_app(opened, config),
            http=Connection,
            h11_max_incomplete_event_size=HEAD_BYTES,
            ws="none",
            log_config=logging_settings(),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        uvicorn.Server(settings).run(sockets=[listening])
