"""Under which names a server answers: the guard against DNS rebinding.

A page of another site can point its own name at this machine and then ask it as if it were that
site. The browser still sends the site's name in the header Host, which is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from picturedesk.web.access.asgi import Head, Refusal
from picturedesk.web.access.config import LOOPBACK, AccessConfig, is_address, is_loopback

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?P<port>:[0-9]{1,5})?")
# What proxies add. Without keys, whoever comes through one would be taken for a local user.
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def host_name(host: str) -> str:
    """The name in a header Host, without port and brackets; "" if it is none."""
    found = _HOST.fullmatch(host.lower())
    return found["name"].strip("[]") if found else ""


class Hosts:
    """The names that a server answers to.

    A name must be known. An address is one that no site can point elsewhere: all are good where
    others may reach the server, only this machine's own where they may not.
    """

    def __init__(self, config: AccessConfig) -> None:
        self._names: Iterable[str] = frozenset((*LOOPBACK, config.host, *config.hosts))
        self._local = is_loopback(config.host)

    def refusal(self, head: Head) -> Refusal | None:
        """Why this request is for another server, None if it is not."""
        given = head.headers.get("host", ())
        name = host_name(given[0]) if len(given) == 1 else ""
        if not name:
            return Refusal(
                400, "No host", "the header Host is missing, or no name", "send one header Host"
            )
        if name in self._names or (is_address(name) and (not self._local or is_loopback(name))):
            return None
        return Refusal(
            421,
            "Another host",
            f"this server is not known as {name!r}",
            f"start it with --name {name}, if that is its name",
        )


def proxied(head: Head) -> Refusal | None:
    """The refusal of a request that came through a proxy to a desk without keys."""
    if not any(name in head.headers for name in _PROXIED):
        return None
    return Refusal(
        403,
        "A key is needed",
        "the desk has no key, so only this machine may ask, without a proxy between",
        "make a key with picturedesk keys add NAME --role ROLE",
    )
