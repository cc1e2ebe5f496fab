"""Runs a server: its socket, its workers, and what it says when it listens. Knows no routes."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import uvicorn
from uvicorn.supervisors import Multiprocess

from picturedesk.desk.folder import DeskFolder
from picturedesk.errors import BadInput
from picturedesk.web.access.asgi import ASGIApp
from picturedesk.web.access.config import check_listening
from picturedesk.web.access.connections import HEAD_BYTES, Connection
from picturedesk.web.access.keys import Keys
from picturedesk.web.access.logs import logging_settings
from picturedesk.web.config import ServeConfig
from picturedesk.web.metrics import FOLDER

_BACKLOG = 2048
_GRACE = 20  # seconds that running requests get when the server ends


@dataclass(frozen=True, slots=True)
class Factory:
    """Makes the application, in each worker by itself."""

    config: ServeConfig

    def __call__(self) -> ASGIApp:
        """The application."""
        from picturedesk.web.app import create_app

        return create_app(self.config)


def serve(config: ServeConfig, told: Callable[[str], None]) -> None:
    """Serves a desk until the process is told to end.

    Args:
        config: settings.
        told: is called with the address when the server listens.

    Raises:
        MissingArtefact: there is no desk.
        BadInput: the address cannot be used, or others reach it and the desk has no key.
    """
    DeskFolder(config.desk).require()
    check_listening(config.access.host, bool(Keys.of(config.desk).all()))
    listening = listen(config)
    with closing(listening), _counting_together(config.workers):
        told(address(listening))
        _run(config, listening)


@contextmanager
def _counting_together(workers: int) -> Iterator[None]:
    """A folder where several workers count; they find it in their environment."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="picturedesk-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            os.environ.pop(FOLDER, None)


def listen(config: ServeConfig) -> socket.socket:
    """A socket that listens; raises BadInput if the address cannot be used."""
    try:
        return socket.create_server(
            (config.host, config.port),
            family=socket.AF_INET6 if ":" in config.host else socket.AF_INET,
            backlog=_BACKLOG,
        )
    except OSError as error:
        raise BadInput(
            f"{config.host} port {config.port} cannot be listened on ({error.strerror or error}): "
            "choose another with --port, or 0 for any that is free"
        ) from None


def address(listening: socket.socket) -> str:
    """The address of a page on a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _run(config: ServeConfig, listening: socket.socket) -> None:
    settings = uvicorn.Config(
        Factory(config),
        factory=True,
        workers=config.workers,
        log_config=logging_settings(config.log_texts),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # else anyone forges the address of a caller
        ws="none",
        http=Connection,
        h11_max_incomplete_event_size=HEAD_BYTES,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
        lifespan="on",
    )
    if config.workers == 1:
        uvicorn.Server(settings).run(sockets=[listening])
    else:
        Multiprocess(settings, sockets=[listening]).run()
