"""One writer at a time, for processes on several machines, by rows of the log.

Milvus has neither transactions nor locks, but strong consistency: who asks after a row was added
sees it. So a writer adds a claim and then asks for all claims. If it sees only its own, any later
claim will see this one, and give way; else it takes its claim back and tries again.

A writer renews its claim while it works. A claim that has not changed for ``LASTS`` seconds, by the
clock of the one who waits, is that of a killed process: who writes next sweeps what it left, and
removes it. A writer that could not renew its claim for half of that time changes nothing more.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
import time
from contextlib import suppress
from typing import Self

from picturedesk.errors import PicturedeskError
from picturedesk.store.catalogue.remote.server import CLAIM, Server
from picturedesk.types import Json

LASTS = 20.0  # seconds
PATIENCE = 120.0  # seconds to wait for other writers
_PAUSE = 0.2  # seconds between two looks, at first


class Lease:
    """The right to write, between ``with`` and the end of its block.

    Args:
        server: with the log.

    Attributes:
        is_left: whether the claim stays at the end, as a sign that there is something to sweep.
    """

    def __init__(self, server: Server) -> None:
        self.is_left = False
        self._server = server
        self._token = secrets.token_hex(8)
        self._beat = 0
        self._renewed = 0.0
        self._seen: dict[str, tuple[Json, float]] = {}  # token → its newest claim, since when
        self._dead: dict[str, int] = {}  # token → number of its newest claim
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        until, pause = time.monotonic() + PATIENCE, _PAUSE
        while not self._is_taken():
            if time.monotonic() > until:
                raise PicturedeskError(
                    f"another process has been changing {self._server.address.text} for "
                    f"{PATIENCE:g} s: run again later"
                )
            time.sleep(random.uniform(pause / 4, pause))
            pause = min(2 * pause, 2.0)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if not self.is_left:
            with suppress(PicturedeskError):  # the next writer waits, and removes it
                self._server.erase(_rows_of(self._token, self._beat))

    @property
    def follows_killed(self) -> bool:
        """Whether a writer before was killed, so that there may be something to sweep."""
        return bool(self._dead)

    def swept(self) -> None:
        """Removes the claims of killed writers, after what they left."""
        for token, beat in self._dead.items():
            self._server.erase(_rows_of(token, beat))
        self._dead.clear()

    def check(self) -> None:
        """Raises PicturedeskError if the right may have gone to another process."""
        if time.monotonic() - self._renewed > LASTS / 2:
            raise PicturedeskError(
                f"{self._server.address.text} did not answer for {LASTS / 2:g} s, so another "
                "process may be changing it now: nothing was changed, run again"
            )

    def _is_taken(self) -> bool:
        """Tries to take the right; whether that succeeded."""
        if self._alive():
            return False
        self._claim()
        if not self._alive():
            return True
        self._server.erase(_rows_of(self._token, self._beat))
        return False

    def _alive(self) -> bool:
        """Whether another writer has the right, or wants it; notes which were killed."""
        now, alive = time.monotonic(), False
        for token, content in self._others().items():
            if self._seen.get(token, (None, now))[0] != content:
                self._seen[token] = (content, now)
            lasted = now - self._seen[token][1]
            # Only one process has a file open: the claims of others are of killed ones.
            strange = self._server.address.is_file and content["process"] != os.getpid()
            if strange or lasted > LASTS:
                self._dead[token] = content["beat"]
            else:
                self._dead.pop(token, None)
                alive = True
        return alive

    def _others(self) -> dict[str, Json]:
        """The newest claim of each other writer, by token."""
        found: dict[str, Json] = {}
        for row in self._server.texts(f"kind == {CLAIM}"):
            content = json.loads(row["content"])
            token = content["token"]
            if token != self._token and content["beat"] >= found.get(token, content)["beat"]:
                found[token] = content
        return found

    def _claim(self) -> None:
        began = time.monotonic()
        content = {"token": self._token, "beat": self._beat, "process": os.getpid()}
        row = {"id": f"claim-{self._token}-{self._beat}", "kind": CLAIM, "generation": 0}
        self._server.write([{**row, "content": json.dumps(content)}])
        self._renewed = began

    def _renew(self) -> None:
        while not self._ended.wait(LASTS / 4):
            with suppress(PicturedeskError):
                if time.monotonic() - self._renewed > LASTS / 2:
                    return
                self._beat += 1
                self._claim()
                self._server.erase(_rows_of(self._token, self._beat - 1, self._beat - 1))


def _rows_of(token: str, last: int, first: int = 0) -> str:
    ids = ", ".join(f'"claim-{token}-{beat}"' for beat in range(first, last + 1))
    return f"id in [{ids}]"
