"""The words of ASGI, a request's head, and what is answered to one that is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem that a request is answered with, before any route sees it; see ``problem``."""

    status: int
    title: str
    detail: str
    cure: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it, as RFC 9457 has it."""
        from picturedesk.web.problems import problem

        said = problem(self.status, self.title, self.detail, self.cure, self.headers)
        await said(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Head:
    """Method, path and headers of a request.

    Attributes:
        method: in capitals.
        path: percent-decoded.
        address: of the caller, "" if unknown.
        headers: by name in lower case, each with all its values.
    """

    method: str
    path: str
    address: str
    headers: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, scope: Scope) -> Head:
        """The head of an ASGI request."""
        headers: dict[str, tuple[str, ...]] = {}
        for name, value in scope["headers"]:
            known = name.decode("latin-1").lower()
            headers[known] = (*headers.get(known, ()), value.decode("latin-1"))
        client = scope.get("client")
        return cls(scope["method"], scope["path"], client[0] if client else "", headers)

    def one(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        return self.headers.get(name, ("",))[0]
