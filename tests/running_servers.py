"""Runs ASGI applications on 127.0.0.1 and a free port, in a thread, for as long as a block."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 30.0  # seconds, for what takes milliseconds


@contextmanager
def running(app: Any, **settings: Any) -> Iterator[int]:
    """Serves an application by uvicorn; gives the port."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        quiet = {"log_level": "critical", "ws": "none", "proxy_headers": False, "lifespan": "off"}
        config = uvicorn.Config(app, **(quiet | settings))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


class Line:
    """A connection on which a test writes what it likes."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, end: bytes) -> bytes:
        """What comes until these bytes have come, or until the server hangs up."""
        data = b""
        while end not in data and (piece := self._piece()):
            data += piece
        return data

    def rest(self) -> bytes:
        """All that comes until the server hangs up."""
        pieces = []
        while piece := self._piece():
            pieces.append(piece)
        return b"".join(pieces)

    def _piece(self) -> bytes:
        try:
            return self._socket.recv(65_536)
        except ConnectionResetError:
            return b""
