"""Who may ask what: keys and roles, hosts and origins, limits, headers, logs.

Wraps any ASGI application; knows nothing of desks but where one keeps its keys.
"""

from picturedesk.web.access.config import AccessConfig
from picturedesk.web.access.declaring import needs
from picturedesk.web.access.guarding import guarded
from picturedesk.web.access.roles import Caller, Role

__all__ = ["AccessConfig", "Caller", "Role", "guarded", "needs"]
