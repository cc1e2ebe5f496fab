"""Calls ASGI applications without a server, so that a test says exactly what arrives, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OWN = {"Host": "127.0.0.1:8000"}


@dataclass(frozen=True)
class Answer:
    """What an application sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Never:
    """A piece of a body that does not come."""


@dataclass
class After:
    """A piece of a body that comes when some seconds of a clock have passed."""

    seconds: float
    clock: Clock
    piece: bytes = b""


@dataclass
class Sender:
    """The caller's side: sends the pieces of a body one by one."""

    pieces: Sequence[bytes | Never | After]
    sent: list[dict[str, Any]] = field(default_factory=list)
    place: int = 0

    async def receive(self) -> dict[str, Any]:
        if self.place >= len(self.pieces):
            return {"type": "http.disconnect"}
        piece = self.pieces[self.place]
        self.place += 1
        if isinstance(piece, Never):
            await asyncio.Event().wait()
        if isinstance(piece, After):
            piece.clock.now += piece.seconds
            piece = piece.piece
        more = self.place < len(self.pieces)
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))


def ask(
    app: Any,
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: Sequence[bytes | Never | After] = (b"",),
    query: str = "",
    address: str = "127.0.0.1",
    host: Mapping[str, str] = OWN,
) -> Answer:
    """Sends one request; ``headers`` may repeat a name."""
    pairs = [*host.items(), *(headers.items() if isinstance(headers, Mapping) else headers)]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        "client": (address, 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    sender = Sender(body)
    asyncio.run(app(scope, sender.receive, sender.send))
    starts = [one for one in sender.sent if one["type"] == "http.response.start"]
    assert len(starts) == 1, sender.sent
    said = {name.decode(): value.decode("latin-1") for name, value in starts[0]["headers"]}
    whole = b"".join(one.get("body", b"") for one in sender.sent)
    return Answer(starts[0]["status"], said, whole)
