"""Who may ask what: keys and roles, hosts and origins, limits, headers, logs.

Wraps any ASGI application; knows nothing of desks but where one keeps its keys. Names are imported
on first use: the command line needs the settings only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.web.access.config import AccessConfig as AccessConfig
    from picturedesk.web.access.declaring import needs as needs
    from picturedesk.web.access.guarding import guarded as guarded
    from picturedesk.web.access.roles import Caller as Caller
    from picturedesk.web.access.roles import Role as Role

_HOMES = {
    "AccessConfig": "config",
    "Caller": "roles",
    "Role": "roles",
    "guarded": "guarding",
    "needs": "declaring",
}

__all__ = ["AccessConfig", "Caller", "Role", "guarded", "needs"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'picturedesk.web.access' has no attribute {name!r}")
    found: object = getattr(import_module(f"picturedesk.web.access.{_HOMES[name]}"), name)
    return found
