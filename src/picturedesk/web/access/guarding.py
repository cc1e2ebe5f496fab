"""Wraps an application: each request passes all checks before any route sees it."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

from picturedesk.errors import PicturedeskError
from picturedesk.types import Json
from picturedesk.web.access.asgi import ASGIApp, Head, Message, Receive, Refusal, Scope, Send
from picturedesk.web.access.config import AccessConfig, is_loopback
from picturedesk.web.access.hosts import Hosts, proxied
from picturedesk.web.access.keys import Keys
from picturedesk.web.access.limits import Body, head_refusal
from picturedesk.web.access.logs import log_line, to_stderr
from picturedesk.web.access.origins import Origins
from picturedesk.web.access.rates import Buckets, network
from picturedesk.web.access.response_headers import with_headers
from picturedesk.web.access.roles import LOCAL, NOBODY, Caller

_GUESSES = (1.0, 20)  # wrong keys of one address: per second, and at once
_DRAINING = (2**26, 2.0)  # bytes and seconds of a refused body that are read all the same
_ASK_FOR_KEY = {"WWW-Authenticate": "Bearer"}


def guarded(
    app: ASGIApp,
    config: AccessConfig,
    log: Callable[[str], None] = to_stderr,
    clock: Callable[[], float] = time.monotonic,
) -> ASGIApp:
    """The application behind all checks of access.

    A route finds its caller in ``scope["state"]["caller"]``; see ``needs``.

    Args:
        app: any ASGI application.
        config: who may reach it, and how much of it.
        log: takes one line of JSON for each request.
        clock: seconds, for rates and slow bodies.
    """
    return Guard(app, config, log, clock)


class Guard:
    """See ``guarded``."""

    def __init__(
        self,
        app: ASGIApp,
        config: AccessConfig,
        log: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._app, self._config, self._log, self._clock = app, config, log, clock
        self._hosts, self._origins = Hosts(config), Origins(config)
        self._keys = Keys(config.desk)
        self._rates = Buckets(config.rate, config.burst, clock=clock)
        self._guesses = Buckets(*_GUESSES, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head.of(scope)
        body = Body(head, receive, self._config, self._clock)
        reply = _Reply(head, send, self._origins.headers(head), body)
        begun = time.perf_counter()
        caller = NOBODY
        try:
            refusal = self._refusal(scope, head)
            preflight = None if refusal else self._origins.preflight(head)
            if preflight is None and not refusal:
                caller, refusal = self._caller(head)
            refusal = refusal or body.refusal
            if preflight is not None:
                await reply.preflight(preflight)
            elif refusal:
                await reply.refuse(refusal, scope, receive)
            else:
                await self._ask(scope, receive, caller, body, reply)
        finally:
            seconds = time.perf_counter() - begun
            self._log(log_line(self._facts(scope, head, caller, reply, body, seconds)))

    async def _ask(
        self, scope: Scope, receive: Receive, caller: Caller, body: Body, reply: _Reply
    ) -> None:
        state = {**scope.get("state", {}), "caller": caller, "request": reply.number}
        scope["state"] = state

        async def send(message: Message) -> None:
            if not body.refusal:  # what the route says of half a body is of no use
                await reply.send(message)

        try:
            await self._app(scope, body.receive, send)
        except Exception:
            if not body.refusal:
                raise
        if body.refusal:
            await reply.refuse(body.refusal, scope, receive)

    def _refusal(self, scope: Scope, head: Head) -> Refusal | None:
        """What is wrong with a request, whoever sent it."""
        return head_refusal(scope, head) or self._hosts.refusal(head) or self._origins.refusal(head)

    def _caller(self, head: Head) -> tuple[Caller, Refusal | None]:
        """Who asks, and why they may not now."""
        try:
            keys = self._keys.all()
        except PicturedeskError:
            detail = "the desk's keys cannot be read: its log of errors says why"
            return NOBODY, Refusal(503, "No keys", detail, "ask who runs this server")
        caller = NOBODY
        if not keys and is_loopback(self._config.host):
            if refusal := proxied(head):
                return NOBODY, refusal
            caller = LOCAL
        elif "authorization" in head.headers:
            found = self._keys.find(_secret(head))
            if found is None:
                return NOBODY, self._wrong_key(head)
            caller = Caller(found.name, found.role)
        who = f"key {caller.name}" if caller.name else f"address {network(head.address)}"
        wait = self._rates.wait(who)
        return caller, _too_often(wait) if wait else None

    def _wrong_key(self, head: Head) -> Refusal:
        wait = self._guesses.wait(network(head.address))
        if wait:
            return _too_often(wait)
        detail = "the header Authorization has no key of this desk"
        cure = "send 'Authorization: Bearer KEY' (picturedesk keys add makes a key)"
        return Refusal(401, "A wrong key", detail, cure, _ASK_FOR_KEY)

    def _facts(
        self,
        scope: Scope,
        head: Head,
        caller: Caller,
        reply: _Reply,
        body: Body,
        seconds: float,
    ) -> Json:
        facts: Json = {
            "request": reply.number,
            "method": head.method,
            "path": head.path,
            "status": reply.status,
            "ms": round(1000 * seconds, 1),
            "in": body.size,
            "out": reply.size,
            "caller": caller.name,
            "address": head.address,
        }
        if reply.refused:
            facts["refused"] = reply.refused
        if self._config.log_texts:
            facts["query"] = scope.get("query_string", b"").decode("latin-1")
        return facts


class _Reply:
    """What is sent: adds headers, counts.

    Attributes:
        number: of the request, random; the caller gets it too.
        status: that was sent, 0 for none.
        size: bytes of body that were sent.
        refused: why, "" if it was not.
    """

    def __init__(self, head: Head, send: Send, cors: dict[str, str], body: Body) -> None:
        self._head, self._send, self._cors, self._body = head, send, cors, body
        self.number = secrets.token_hex(8)
        self.status = 0
        self.size = 0
        self.refused = ""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = {**self._cors, "X-Request-Id": self.number}
            if self._body.unread:  # the server would go on reading it for as long as it comes
                more["Connection"] = "close"
            headers = with_headers(self._head.path, message.get("headers", ()), more)
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, refusal: Refusal, scope: Scope, receive: Receive) -> None:
        self.refused = refusal.title
        if not self.status:  # otherwise the answer has begun, and ends here
            await _drained(self._head, receive)
            await refusal.answer(scope, receive, self.send)

    async def preflight(self, headers: dict[str, str]) -> None:
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": 204, "headers": pairs})
        await self.send({"type": "http.response.body", "body": b""})


async def _drained(head: Head, receive: Receive) -> None:
    """Reads on for a moment: a caller that is still sending would not see why it is refused."""
    if head.one("expect"):  # it waits for a word before it sends
        return
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAINING[1]):
            while size < _DRAINING[0]:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _secret(head: Head) -> str:
    """The key in the header Authorization, "" if it is of another kind."""
    given = head.headers.get("authorization", ())
    kind, _, secret = given[0].partition(" ")
    return secret.strip() if len(given) == 1 and kind.lower() == "bearer" else ""


def _too_often(wait: float) -> Refusal:
    seconds = str(math.ceil(wait))
    return Refusal(
        429,
        "Too many requests",
        "this caller asks more often than the server allows",
        f"ask again in {seconds} s",
        {"Retry-After": seconds},
    )
