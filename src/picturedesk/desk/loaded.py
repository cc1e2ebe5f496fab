"""Parts that are loaded when they are first asked for, once, and let go together.

Threads may ask at the same time: one loads, the others wait. Knows nothing of what is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar, cast

from picturedesk.errors import Closed

_Part = TypeVar("_Part")


class Loaded:
    """The parts of one thing that can be closed.

    Args:
        name: of the thing, for errors: "desk /path/to/it".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: dict[str, object] = {}
        self._closed = False
        self._lock = threading.RLock()  # loading one part may ask for another

    def part(self, key: str, load: Callable[[], _Part]) -> _Part:
        """The part under this key; loads it if nobody has.

        Raises:
            Closed: after ``close``.
        """
        found = self._parts.get(key)
        if found is None:
            with self._lock:
                self.require_open()
                found = self._parts.get(key)
                if found is None:
                    found = self._parts[key] = load()
        return cast(_Part, found)

    def require_open(self) -> None:
        """Raises Closed after ``close``."""
        if self._closed:
            raise Closed(self._name)

    def close(self) -> None:
        """Lets go of all parts, the last one first, and closes those that can be closed."""
        with self._lock, ExitStack() as stack:
            self._closed = True
            parts, self._parts = self._parts, {}
            for part in parts.values():
                close = getattr(part, "close", None)
                if close is not None:
                    stack.callback(close)
