"""Checks webhooks of a desk on the receiving side: signature, time, and that none comes twice.

Knows neither desks nor the net.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.signatures import ID, SIGNATURE, TIMESTAMP, is_signed, signature

WINDOW = 300.0  # seconds
_KEPT = 100_000  # ids in memory


class WebhookVerifier:
    """Tells real messages of a desk from forged, old and repeated ones.

    Messages are older than ``window`` only if somebody kept them; younger ones that come twice are
    known by their ids. A desk sends a message again if it saw no answer: answer a repeated one with
    200, too, and do nothing else. Ids are remembered in memory: with several processes, or across
    restarts, let your database refuse an id that it has.

    Args:
        secret: that ``picturedesk webhooks add`` showed; several while they are exchanged.
        window: seconds that sender's and receiver's clocks and the way may differ.
        clock: seconds since 1970.

    Raises:
        BadInput: a secret is none.
    """

    def __init__(
        self, *secret: str, window: float = WINDOW, clock: Callable[[], float] = time.time
    ) -> None:
        self._secrets = checks.texts("secret", secret)
        for one in self._secrets:
            signature(one, "", 0, b"")  # refuses what is no secret
        if not self._secrets:
            raise BadInput("no secret is given: picturedesk webhooks add shows it")
        self._window = checks.number("window", window, 0)
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def verify(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The content of a message.

        Args:
            headers: of the request.
            body: as it came, before anything parsed it.

        Raises:
            BadInput: it is forged, older than the window, or came before.
        """
        known = {name.lower(): value for name, value in headers.items()}
        identifier, sent = known.get(ID, ""), _seconds(known.get(TIMESTAMP, ""))
        body, now = checks.instance("body", body, bytes), self._clock()
        signatures = known.get(SIGNATURE, "")
        right = [is_signed(one, identifier, sent, body, signatures) for one in self._secrets]
        if not identifier or not any(right):
            raise BadInput("the webhook has no right signature: refuse it")
        if abs(now - sent) > self._window:
            raise BadInput(f"the webhook was sent {now - sent:.0f} s ago: refuse it")
        if identifier in self._seen:
            raise BadInput(f"the webhook {identifier[:100]!r} came before: do nothing")
        self._remember(identifier, now)
        content = json.loads(body)
        if not isinstance(content, dict):
            raise BadInput("the webhook is no JSON object: refuse it")
        return content

    def _remember(self, identifier: str, now: float) -> None:
        self._seen[identifier] = now
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)


def _seconds(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else -1
