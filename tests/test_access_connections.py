"""Nobody keeps a connection by sending or reading slowly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="serving needs the extra 'serve'")

from picturedesk.web.access import AccessConfig, guarded
from picturedesk.web.access import connections as module
from picturedesk.web.access.connections import HEAD_BYTES, Connection
from running_servers import PATIENCE, Line, running

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LOGGED: SimpleQueue[str] = SimpleQueue()
END = b"\r\n0\r\n\r\n"  # of an answer in pieces
POST = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Hasty(Connection):
    """One that waits for a moment only, and longer than a busy machine sleeps."""

    patience = 1.0
    reading = 1.0


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body of a POST; answers with a few bytes, or with very many."""
    size, more = 0, scope["method"] == "POST" and scope["path"] != "/unread"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(2000 if scope["path"] == "/large" else 0):
        await send({"type": "http.response.body", "body": b"a" * 65_536, "more_body": True})
    await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    config = AccessConfig(tmp_path_factory.mktemp("desk"), patience=0.2)
    guard = guarded(app, config, LOGGED.put)
    with running(guard, http=Hasty, h11_max_incomplete_event_size=HEAD_BYTES) as port:
        yield port


def test_an_ordinary_connection_answers_one_request_after_another():
    with running(app, http=Connection) as port, Line(port) as line:
        for _ in range(3):
            line.send(HEAD + b"\r\n")
            assert line.read(END).startswith(b"HTTP/1.1 200 OK")


def test_answers_do_not_wait_for_acknowledgements():
    seen = []

    class Watched(Connection):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            opened = transport.get_extra_info("socket")
            seen.append(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with running(app, http=Watched) as port, Line(port) as line:
        line.send(HEAD + b"\r\n")
        assert b" 200 " in line.read(END)
    assert len(seen) == 1
    assert seen[0]


def test_a_connection_that_says_nothing_ends(port: int):
    with Line(port) as line:
        assert line.rest() == b""


def test_a_head_that_does_not_end_ends_the_connection(port: int):
    with Line(port) as line:
        line.send(HEAD)
        assert line.rest() == b""


def test_the_second_head_has_a_deadline_too(port: int):
    with Line(port) as line:
        line.send(HEAD + b"\r\n")
        assert line.read(END).startswith(b"HTTP/1.1 200 OK")
        line.send(HEAD)
        assert b"HTTP" not in line.rest()


def test_a_head_that_is_too_long_is_refused(port: int):
    with Line(port) as line:
        line.send(HEAD + b"X-Long: " + b"a" * (2 * HEAD_BYTES))
        assert line.rest().startswith(b"HTTP/1.1 4")


def test_a_body_that_does_not_come_is_refused(port: int):
    with Line(port) as line:
        line.send(POST + b"Content-Length: 100\r\n\r\nabc")
        answer = line.rest()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"only 3 bytes arrived" in answer


def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for(port: int):
    with Line(port) as line:
        line.send(POST.replace(b"/ ", b"/unread ", 1) + b"Content-Length: 1000000\r\n\r\nabc")
        assert line.rest().startswith(b"HTTP/1.1 200 OK")


def test_a_caller_that_does_not_read_its_answer_is_left(port: int):
    with Line(port) as line:
        line.send(HEAD.replace(b"/ ", b"/large ", 1) + b"\r\n")
        assert line.read(b"\r\n").startswith(b"HTTP/1.1 200 OK")
        while '"/large"' not in LOGGED.get(timeout=PATIENCE):  # the request has ended
            pass
        assert len(line.rest()) < 2000 * 65_536


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        HEAD + b"X: a\rb\r\n\r\n",
        HEAD + b"X : a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Content-Length: -5\r\n\r\n",
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(port: int, request_: bytes):
    with Line(port) as line:
        line.send(request_)
        answer = line.rest()
        assert answer.count(b"HTTP/1.1") <= 1
        assert b" 200 " not in answer.partition(b"\r\n")[0]


def test_there_is_a_most_of_connections(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST", 1)
    with Line(port) as first:
        first.send(HEAD + b"\r\n")
        assert first.read(END)
        with Line(port) as second:
            assert second.rest() == b""


def test_a_desk_that_is_absent_has_no_keys(tmp_path: Path):
    guard = guarded(app, AccessConfig(tmp_path / "no"), log=lambda line: None)
    with running(guard) as port, Line(port) as line:
        line.send(HEAD + b"Connection: close\r\n\r\n")
        assert line.rest().startswith(b"HTTP/1.1 200 OK")
