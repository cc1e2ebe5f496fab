"""Parts that are loaded once, at their first use, and closed together.

If several threads need a part at the same time, one loads it and the others wait. Does not know the
parts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar, cast

from picturedesk.errors import Closed

_Part = TypeVar("_Part")
_LOG = logging.getLogger(__name__)


class Loaded:
    """The parts of one object that can be closed.

    Args:
        name: of the object, for errors: "desk /path/to/it".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: dict[str, object] = {}
        self._closed = False
        self._lock = threading.RLock()  # loading one part may load another

    def part(self, key: str, load: Callable[[], _Part]) -> _Part:
        """The part with this key; loads it at the first call.

        Raises:
            Closed: after ``close``.
        """
        found = self._parts.get(key)
        if found is None:
            with self._lock:
                self.require_open()
                found = self._parts.get(key)
                if found is None:
                    began = time.perf_counter()
                    found = self._parts[key] = load()
                    _LOG.debug("%s: loaded in %.2f s", key, time.perf_counter() - began)
        return cast(_Part, found)

    def require_open(self) -> None:
        """Raises Closed after ``close``."""
        if self._closed:
            raise Closed(self._name)

    def close(self) -> None:
        """Closes all parts that can be closed, the last one first."""
        with self._lock, ExitStack() as stack:
            self._closed = True
            parts, self._parts = self._parts, {}
            for part in parts.values():
                close = getattr(part, "close", None)
                if close is not None:
                    stack.callback(close)
