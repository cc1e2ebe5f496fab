"""Settings of access to a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.errors import BadInput

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # names of this machine for itself
DATA = ("/v1/", "/metrics", "/mcp")  # how paths begin that are no pages
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Who may reach a server, and how much of it.

    Attributes:
        desk: the desk's folder, which has the keys.
        host: address that the server listens on.
        hosts: other names under which it is reached ("desk.example.org").
        origins: web sites that may embed it ("https://cms.example.org").
        rate: requests per second for each key, and for each address without one; inf for no limit.
        burst: requests that may come at once, before ``rate`` holds.
        max_json: bytes of a body, if it is no upload.
        max_upload: bytes of a body with files.
        patience: seconds to wait for the next piece of a body.
        slowest: bytes per second below which a body is given up, once ``patience`` is over.
        log_texts: whether queries, which may hold words of texts, are logged.
    """

    desk: Path
    host: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: float = 200.0
    burst: int = 1000
    max_json: int = 2 * _MIB
    max_upload: int = 256 * _MIB
    patience: float = 10.0
    slowest: float = 8192.0
    log_texts: bool = False

    def __post_init__(self) -> None:
        checks.settings(self, limits=("rate", "patience", "slowest"))
        checks.whole_number("burst", self.burst, 1)
        checks.whole_number("max_json", self.max_json, 1)
        checks.whole_number("max_upload", self.max_upload, 1)
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise checks.refusal("origins", origin, "like https://cms.example.org:8443")
        for name in self.hosts:
            if not _NAME.fullmatch(name) and not is_address(name):
                raise checks.refusal("hosts", name, "a name like desk.example.org, in lower case")


def is_address(name: str) -> bool:
    """Whether this is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def check_listening(host: str, has_keys: bool) -> None:
    """Refuses to listen where others reach the server, unless the desk has a key.

    Raises:
        BadInput: others would do with the desk what they like.
    """
    if not has_keys and not is_loopback(host):
        raise BadInput(
            f"host is {host!r}, which other machines reach, and the desk has no key: make one with "
            "picturedesk keys add NAME --role ROLE, or listen on 127.0.0.1"
        )
