"""Headers of every answer, which tell browsers what no page of ours does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from picturedesk.web.access.config import DATA

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# An original that a browser opens by itself runs nothing and belongs to no origin.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_UNLESS_GIVEN = {"Cache-Control": "no-store"}
_JOINED = ("vary",)  # a route's own values stay


def with_headers(
    path: str, given: Iterable[tuple[bytes, bytes]], more: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    """The headers of an answer.

    Args:
        path: of the request.
        given: by the route.
        more: of this request: CORS, its number.
    """
    policy = DATA_POLICY if path.startswith(DATA) else PAGE_POLICY
    ours = {**_ALWAYS, "Content-Security-Policy": policy, **more}
    names = {name.lower() for name in ours} - set(_JOINED)
    kept = [pair for pair in given if pair[0].decode("latin-1").lower() not in names]
    known = {name.decode("latin-1").lower() for name, _ in kept}
    ours |= {name: value for name, value in _UNLESS_GIVEN.items() if name.lower() not in known}
    added = [(name.lower().encode(), value.encode("latin-1")) for name, value in ours.items()]
    return [*kept, *added]
