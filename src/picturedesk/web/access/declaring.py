"""How a route declares its role, without loading FastAPI where only keys are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picturedesk.web.access.roles import Role

if TYPE_CHECKING:
    from picturedesk.web.access.needing import Needs


def needs(role: Role) -> Needs:
    """A dependency of FastAPI: lets callers of this role or a higher one pass, gives the caller.

    ``@router.get(…, dependencies=[Depends(needs(Role.READER))])``. Others get problem 401 or 403.
    """
    from picturedesk.web.access.needing import Needs

    return Needs(role)
