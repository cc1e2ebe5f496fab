"""Counts requests by their routes, outside the application. Reads no body."""

from __future__ import annotations

import time
from collections.abc import Callable

from picturedesk.web.access.asgi import ASGIApp, Message, Receive, Scope, Send
from picturedesk.web.metrics import Metrics


class Counting:
    """An application whose requests are counted."""

    def __init__(self, app: ASGIApp, metrics: Callable[[], Metrics | None]) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = "500"
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            metrics = self._metrics()
            if metrics is not None:
                route = getattr(scope.get("route"), "path", "") or "none"
                metrics.requests.labels(route, _method(scope), status).inc()
                metrics.seconds.labels(route).observe(time.perf_counter() - begun)


def _method(scope: Scope) -> str:
    """A method of HTTP that is known; others would each make a figure of their own."""
    method = str(scope["method"])
    known = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT")
    return method if method in known else "other"
