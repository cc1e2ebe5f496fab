"""Which web sites may ask: requests of other sites are refused, configured ones get CORS.

There are no cookies. What a page of another site could still abuse is a place in the network: a
desk without keys trusts this machine, whose browser shows that page. Browsers say where a request
comes from (Origin, Sec-Fetch-Site) and no page can change that; other programs say nothing.
"""

from __future__ import annotations

from picturedesk.web.access.asgi import SAFE_METHODS, Head, Refusal
from picturedesk.web.access.config import DATA, AccessConfig

_OURS = ("same-origin", "none")  # Sec-Fetch-Site: our own page; typed, or a bookmark
_ASKED = "Authorization, Content-Type, If-None-Match, If-Match, Range, Last-Event-ID, Accept"
_SHOWN = "ETag, Location, Retry-After, Content-Range, X-Request-Id, Content-Disposition"
_KEPT = "600"  # seconds that a browser may remember the answer to its question


class Origins:
    """The server's own origin, and those of configured sites."""

    def __init__(self, config: AccessConfig) -> None:
        self._configured = frozenset(config.origins)

    def refusal(self, head: Head) -> Refusal | None:
        """Why another site sent this request, None if none did."""
        origin = head.one("origin").lower()
        if origin:
            foreign = not (self._is_ours(origin, head) or origin in self._configured)
        else:
            site = head.one("sec-fetch-site").lower()
            foreign = bool(site) and site not in _OURS and not _leads_to_the_page(head)
        if not foreign:
            return None
        return Refusal(
            403,
            "Another site",
            f"the request comes from {(origin or 'another site')[:200]!r}",
            "start the server with --origin and the site's address, if it may ask",
        )

    def preflight(self, head: Head) -> dict[str, str] | None:
        """Headers of the answer to a browser that asks before it sends; None if this is no such."""
        asks = head.method == "OPTIONS" and "access-control-request-method" in head.headers
        if not asks:
            return None
        allowed = {
            **self.headers(head),
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
            "Access-Control-Allow-Headers": _ASKED,
            "Access-Control-Max-Age": _KEPT,
        }
        if "access-control-request-private-network" in head.headers:
            allowed["Access-Control-Allow-Private-Network"] = "true"
        return allowed

    def headers(self, head: Head) -> dict[str, str]:
        """Headers that let the page of a configured site read the answer."""
        if not self._configured:
            return {}
        origin = head.one("origin").lower()
        if origin not in self._configured:
            return {"Vary": "Origin"}
        return {
            "Vary": "Origin",
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": _SHOWN,
            "Cross-Origin-Resource-Policy": "cross-origin",
        }

    def _is_ours(self, origin: str, head: Head) -> bool:
        # The scheme may differ behind a proxy that ends TLS; a site cannot choose its host's name.
        return origin.partition("://")[2] == head.one("host").lower()


def _leads_to_the_page(head: Head) -> bool:
    """Whether someone follows a link of another site to the page, whose answer no site can read."""
    navigates = (
        head.one("sec-fetch-mode") == "navigate" and head.one("sec-fetch-dest") == "document"
    )
    return navigates and head.method in SAFE_METHODS and not head.path.startswith(DATA)
