"""The open desk of a server: follows the desk's current fit; no request waits for that.

A desk keeps answering from the fit that it opened. When another fit becomes current (a refit, a
rollback, by this process or another one), the new one is opened and read beside the old one; then
new requests get it. The old one is closed when its last request has ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from picturedesk.desk.desk import Desk
from picturedesk.desk.folder import DeskFolder
from picturedesk.errors import BadInput, Closed, PicturedeskError

_LOG = logging.getLogger(__name__)


class _Lease:
    """A desk, and how many requests use it. Guarded by the lock of ``OpenDesk``."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.users = 0
        self.retired = False


class OpenDesk:
    """A desk that is used by many threads; see the module.

    Args:
        path: the desk's folder.

    Raises:
        MissingArtefact: the folder has no finished fit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pointer = DeskFolder(path).pointer
        self._lock = threading.Lock()  # for what follows
        self._loading = threading.Lock()  # one thread opens another fit
        self._closed = False
        self._mark = self._now()
        self._lease = _Lease(_ready(path))

    @contextmanager
    def using(self) -> Iterator[Desk]:
        """The desk, open until the block ends."""
        if self._now() != self._mark and not self._loading.locked():
            threading.Thread(target=self.refresh, name="another fit", daemon=True).start()
        with self._lock:
            if self._closed:
                raise Closed(f"desk {self._path}")
            lease = self._lease
            lease.users += 1
        try:
            yield lease.desk
        finally:
            with self._lock:
                lease.users -= 1
                is_last = lease.retired and not lease.users
            if is_last:
                lease.desk.close()

    def refresh(self) -> None:
        """Opens the current fit if it is another one, and lets new requests use it."""
        with self._loading:
            mark = self._now()
            if mark == self._mark or self._closed:
                return
            try:
                desk = _ready(self._path)
            except (PicturedeskError, OSError) as error:
                _LOG.error("the new fit cannot be opened, the old one goes on: %s", error)
                self._mark = mark
                return
            with self._lock:
                old, self._lease = self._lease, _Lease(desk)
                self._mark = mark
            self._retire(old)
            _LOG.info("answers come from fit %s", desk.fitted.root.name)

    def close(self) -> None:
        """Closes the desk when the last request that uses it has ended."""
        with self._loading:
            with self._lock:
                self._closed = True
            self._retire(self._lease)

    def _retire(self, lease: _Lease) -> None:
        with self._lock:
            lease.retired = True
            is_unused = not lease.users
        if is_unused:
            lease.desk.close()

    def _now(self) -> tuple[int, int]:
        """Differs when another fit has become current: desk.json is replaced then."""
        with suppress(OSError):
            status = self._pointer.stat()
            return status.st_ino, status.st_mtime_ns
        return 0, 0


def _ready(path: Path) -> Desk:
    """A desk whose parts are read, so that the first request need not wait for them."""
    desk = Desk(path)
    try:
        with suppress(BadInput):  # no word of this text is known
            desk.suggest(desk.memory.texts([0])[0].excerpt, 1)
    except BaseException:
        desk.close()
        raise
    return desk
