"""The dependency that a route declares its role with, and the roles in the API's description.

FastAPI reads the annotations of a dependency when a route is declared: they must be no strings.
"""

from collections.abc import Iterable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from picturedesk.web.access.roles import NOBODY, Caller, Role

_SCHEME = "key"  # name of the security scheme in the description
_EXTENSION = "x-role"  # of an operation: the role that it needs


class Denied(HTTPException):
    """A caller may not do this.

    Attributes:
        title: the problem in short.
        cure: what the caller can do.
    """

    def __init__(self, status: int, title: str, detail: str, cure: str) -> None:
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        super().__init__(status, detail, headers)
        self.title = title
        self.cure = cure


class Needs:
    """Lets callers of one role or a higher one pass."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Caller:
        """The caller.

        Raises:
            Denied: 401 for one who showed no key, 403 for one whose role does not do.
        """
        caller: Caller = request.scope.get("state", {}).get("caller", NOBODY)
        if caller.role >= self.role:
            return caller
        if caller.role == Role.ANYONE:
            raise Denied(
                401,
                "A key is needed",
                f"{request.method} {request.url.path} is for callers with a key",
                "send the header 'Authorization: Bearer KEY' (picturedesk keys add makes one)",
            )
        raise Denied(
            403,
            "This key may not do that",
            f"the key {caller.name!r} is a {caller.role.word}'s, "
            f"{request.method} {request.url.path} needs the role {self.role.word}",
            f"ask for a key with the role {self.role.word}",
        )


def role_of(route: object) -> Role | None:
    """The role that a route of FastAPI declares; None if it declares none."""
    dependant = getattr(route, "dependant", None)
    calls = (getattr(one, "call", None) for one in getattr(dependant, "dependencies", ()))
    roles = [one.role for one in calls if isinstance(one, Needs)]
    return max(roles) if roles else None


def with_roles(document: dict[str, Any], routes: Iterable[object]) -> dict[str, Any]:
    """The OpenAPI description with keys as its security scheme, and each operation's role."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[_SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "description": "A key that 'picturedesk keys add' made. A desk without keys needs none.",
    }
    for route in routes:
        role = role_of(route)
        operations = document.get("paths", {}).get(getattr(route, "path_format", ""), {})
        for method in getattr(route, "methods", ()):
            if role is not None and method.lower() in operations:
                operations[method.lower()][_EXTENSION] = role.word
                needed: list[dict[str, list[str]]] = [{}, {_SCHEME: []}]
                operations[method.lower()]["security"] = needed if role else []
    return document
