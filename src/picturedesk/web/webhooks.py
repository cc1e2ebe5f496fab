"""Delivers what waits in a desk's outbox to the configured addresses, signed.

A message goes to configured addresses only; redirects are not followed, answers are not read. What
fails is tried again, later and later; a message that no attempt delivered for days is given up.
Receivers may get a message twice, and know it by its id. One process of a desk delivers at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from picturedesk.desk.announcing import Address, Addresses
from picturedesk.desk.folder import DeskFolder
from picturedesk.disk.lock import locked
from picturedesk.errors import PicturedeskError
from picturedesk.signatures import ID, SIGNATURE, TIMESTAMP, signature
from picturedesk.store.outbox import Outbox, Waiting
from picturedesk.types import Json
from picturedesk.web.access.logs import log_line, to_stderr

PATIENCE = 10.0  # seconds for an address to take a message
GIVEN_UP = 3 * 86_400.0  # seconds
_FIRST, _FACTOR, _LONGEST = 5.0, 4.0, 6 * 3600.0  # seconds between attempts
_LOOKS = 2.0  # seconds after which it looks for what other processes put into the outbox


def back_off(attempts: int) -> float:
    """Seconds to wait after so many failed attempts: 5, 20, 80, … up to six hours."""
    return float(min(_LONGEST, _FIRST * _FACTOR ** min(attempts - 1, 20)))


class Sender:
    """Delivers messages, by itself once it is started.

    Args:
        desk: the desk's folder.
        log: takes one line of JSON for each attempt.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        desk: Path,
        log: Callable[[str], None] = to_stderr,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = DeskFolder(desk)
        self._addresses = Addresses(self._folder)
        self._log, self._clock = log, clock
        self._ends = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Delivers in a thread of its own from now on."""
        self._thread.start()

    def wake(self) -> None:
        """Lets the thread look at once: there is something to deliver."""
        self._woken.set()

    def stop(self) -> None:
        """Ends the thread after the attempt that it is making; what waits stays."""
        self._ends = True
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def deliver_due(self) -> int:
        """Makes every attempt that is due; returns how many messages were delivered.

        Raises:
            PicturedeskError: another process delivers, or the outbox cannot be used.
        """
        if not self._folder.outbox.exists():
            return 0
        held = "another process delivers the messages of this desk"
        lock = self._folder.root / ".webhooks-sending"
        with locked(lock, 0.0, held), Outbox.open(self._folder.outbox, make=False) as outbox:
            return self._deliver(outbox)

    def _deliver(self, outbox: Outbox) -> int:
        known = {address.url: address for address in self._addresses.all()}
        failed: set[str] = set()
        delivered = 0
        for message in outbox.due(self._clock()):
            if self._ends or message.url in failed:
                continue
            if message.url not in known:
                self._give_up(outbox, message, "the address is no longer configured")
            elif reason := self._attempt(message, known[message.url]):
                failed.add(message.url)
                self._failed(outbox, message, reason)
            else:
                outbox.remove(message)
                self._tell(message, "delivered")
                delivered += 1
        return delivered

    def _attempt(self, message: Waiting, address: Address) -> str:
        """Sends a message; returns why it was not taken, "" if it was."""
        import httpx

        body, seconds = message.body.encode(), int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "picturedesk",
            ID: message.id,
            TIMESTAMP: str(seconds),
            SIGNATURE: signature(address.secret, message.id, seconds, body),
        }
        try:
            with (
                httpx.Client(timeout=PATIENCE, trust_env=False, follow_redirects=False) as client,
                client.stream("POST", message.url, content=body, headers=headers) as answer,
            ):
                return "" if answer.is_success else f"status {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return type(error).__name__

    def _failed(self, outbox: Outbox, message: Waiting, reason: str) -> None:
        if self._clock() - message.made > GIVEN_UP:
            self._give_up(outbox, message, reason)
            return
        wait = back_off(message.attempts + 1)
        outbox.postpone(message, self._clock() + wait)
        self._tell(message, "failed", {"reason": reason, "again_in": wait})

    def _give_up(self, outbox: Outbox, message: Waiting, reason: str) -> None:
        outbox.remove(message)
        self._tell(message, "given up", {"reason": reason})

    def _tell(self, message: Waiting, what: str, more: Json | None = None) -> None:
        facts = {"webhook": what, "id": message.id, "host": _host(message.url)}
        self._log(log_line({**facts, "attempts": message.attempts, **(more or {})}))

    def _run(self) -> None:
        told = ""
        while not self._ends:
            self._woken.wait(_LOOKS)
            self._woken.clear()
            try:
                self.deliver_due()
            except PicturedeskError as error:
                if str(error) != told:
                    told = str(error)
                    self._log(log_line({"webhook": "not delivering", "reason": told}))


def _host(url: str) -> str:
    """Scheme and host of an address: paths often hold secrets."""
    return "/".join(url.split("/")[:3])
