"""How large and how slow a request may be.

A body is counted as it arrives, whatever its headers say, and given up when it arrives too slowly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from picturedesk.web.access.asgi import Head, Message, Receive, Refusal, Scope
from picturedesk.web.access.config import AccessConfig

_HEADERS = 64  # of a request, at most
_HEADER_BYTES = 16_384  # of all names and values together
_TARGET = 8192  # bytes of path and query
_UPLOAD = "multipart/form-data"


def head_refusal(scope: Scope, head: Head) -> Refusal | None:
    """Why a request's head is too large or malformed, None if it is neither."""
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > _HEADERS or size > _HEADER_BYTES:
        return Refusal(
            431,
            "Too many headers",
            f"{len(headers)} headers of {size} bytes",
            f"send at most {_HEADERS} headers of {_HEADER_BYTES} bytes",
        )
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    if target > _TARGET:
        cure = f"send at most {_TARGET} bytes; long texts go into a body"
        return Refusal(414, "Too long an address", f"path and query have {target} bytes", cure)
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in head.path):
        return Refusal(400, "No such address", "the path has control characters")
    if "content-length" in head.headers and "transfer-encoding" in head.headers:
        detail = "Content-Length and Transfer-Encoding do not go together"
        return Refusal(400, "Two lengths", detail, "send one of the two headers")
    if head.one("content-encoding").lower() not in ("", "identity"):
        detail = "bodies are not unpacked"
        return Refusal(415, "A packed body", detail, "send it without Content-Encoding")
    return None


class Body:
    """Reads a request's body for the application, within limits.

    Args:
        head: of the request.
        receive: the server's.
        config: limits.
        clock: seconds.

    Attributes:
        size: bytes that have arrived.
        refusal: why the rest was not read; None while all is well.
        unread: whether some of it may still come.
    """

    def __init__(
        self,
        head: Head,
        receive: Receive,
        config: AccessConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        upload = head.one("content-type").lower().startswith(_UPLOAD)
        self._most = config.max_upload if upload else config.max_json
        self._receive, self._config, self._clock = receive, config, clock
        self._waited = 0.0  # seconds, for the sender only: what the application takes is its own
        self.unread = head.one("content-length") not in ("", "0") or bool(
            head.one("transfer-encoding")
        )
        self._whole = False
        self.size = 0
        self.refusal = self._announced(head)

    async def receive(self) -> Message:
        """The next message; a disconnection where the body is given up."""
        if self.refusal:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()
        begun = self._clock()
        try:
            async with asyncio.timeout(self._left()):
                message = await self._receive()
        except TimeoutError:
            return self._given_up(self._too_slow())
        finally:
            self._waited += self._clock() - begun
        if message["type"] == "http.request":
            self.size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            self.unread = self.unread and not self._whole
            if not self._whole and not self._left():
                return self._given_up(self._too_slow())
        if self.size > self._most:
            return self._given_up(self._too_large(f"more than {self._most} bytes arrived"))
        return message

    def _left(self) -> float:
        """Seconds until the body is too slow: none is left where it has been for some time."""
        behind = self._waited - self.size / self._config.slowest
        return max(0.0, self._config.patience - max(0.0, behind))

    def _announced(self, head: Head) -> Refusal | None:
        length = head.one("content-length")
        if length and not (length.isascii() and length.isdecimal() and len(length) < 19):
            return Refusal(400, "No length", "Content-Length is no number")
        if length and int(length) > self._most:
            return self._too_large(f"a body of {length} bytes is announced")
        return None

    def _given_up(self, refusal: Refusal) -> Message:
        self.refusal = refusal
        return {"type": "http.disconnect"}

    def _too_large(self, detail: str) -> Refusal:
        cure = f"send at most {self._most} bytes at once"
        return Refusal(413, "Too large", detail, cure)

    def _too_slow(self) -> Refusal:
        detail = f"only {self.size} bytes arrived"
        return Refusal(408, "Too slow", detail, "send it again over a faster line")
