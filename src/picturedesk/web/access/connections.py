"""Connections of uvicorn with deadlines: nobody keeps one by sending or reading slowly.

uvicorn waits for ever for the rest of a request's head, and for a caller that does not read its
answer. How slow a body may be is said in ``limits``.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

MOST = 512  # connections of a worker
HEAD_BYTES = 32_768  # of a request's head; for uvicorn's ``h11_max_incomplete_event_size``


class Connection(H11Protocol):
    """One connection.

    Attributes:
        patience: seconds for the head of a request, from the connection or its first byte on.
        reading: seconds in which a caller must read what waits for it.
    """

    patience = 10.0
    reading = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None
        self._reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller connects; the last one of too many is sent away."""
        super().connection_made(transport)
        # asyncio does so only for sockets that name their protocol. Without it, each answer on a
        # connection that is kept waits some 40 ms for the caller's acknowledgement.
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        """Bytes arrive: a head may begin or end with them."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop("_head")
        elif self._head is None and self.conn.trailing_data[0]:
            self._expect_a_head()

    def pause_writing(self) -> None:
        """The caller has not read what was sent."""
        super().pause_writing()
        self._reader = self.loop.call_later(self.reading, self.transport.abort)

    def resume_writing(self) -> None:
        """It has."""
        super().resume_writing()
        self._stop("_reader")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop("_head")
        self._stop("_reader")
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        self._head = self.loop.call_later(self.patience, self.transport.abort)

    def _stop(self, which: str) -> None:
        timer: asyncio.TimerHandle | None = getattr(self, which)
        if timer is not None:
            timer.cancel()
            setattr(self, which, None)
