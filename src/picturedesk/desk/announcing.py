"""Tells configured addresses of editors' choices: puts a message for each into the outbox.

The outbox follows the log of choices as the archive memory does: what a kill kept from it is put
there with the next choice. The server of the desk delivers. Knows nothing of the net.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.disk.artifacts import plain
from picturedesk.disk.private_record import PrivateRecord
from picturedesk.errors import BadInput
from picturedesk.signatures import new_secret
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.choices import ChoiceLog
from picturedesk.store.outbox import Outbox, Waiting
from picturedesk.types import Choice, Json

CHOSEN = "picture.chosen"
UNDONE = "picture.undone"
MOST = 20  # addresses of a desk
_KIND = "webhooks"
_CURE = "remove it and name the addresses again with picturedesk webhooks add"
_LONGEST = 2000  # characters of an address
_AT_ONCE = 1000  # choices that are read together
_URL = re.compile(
    r"(?:https://(?:[\w.-]+|\[[0-9a-fA-F:.]+\])|http://(?:localhost|127\.0\.0\.1|\[::1\]))"
    r"(?::[0-9]{1,5})?(?:[/?][!-~]*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where choices are told.

    Attributes:
        url: of a server that takes POST.
        secret: for signatures.
        made: when it was configured, ISO 8601.
    """

    url: str
    secret: str
    made: str


class Addresses:
    """The addresses of one desk.

    Args:
        folder: of the desk.
    """

    def __init__(self, folder: DeskFolder) -> None:
        self._folder = folder
        self._record = PrivateRecord(folder.webhooks, _KIND, _CURE)

    @classmethod
    def of(cls, desk: Path | str) -> Addresses:
        """The addresses of a desk; raises MissingArtefact if there is none in this folder."""
        folder = DeskFolder(checks.path("desk", desk))
        folder.require()
        return cls(folder)

    def all(self) -> list[Address]:
        """All addresses, oldest first."""
        return _of(self._record.read())

    def add(self, url: str) -> Address:
        """Adds an address; choices from now on are told there.

        Raises:
            BadInput: it is no address that can be used, or it is known.
        """
        checks.text("url", url)
        if len(url) > _LONGEST or not _URL.fullmatch(url) or "#" in url:
            wanted = "like https://cms.example.org/hook (http only for this machine)"
            raise checks.refusal("url", url, wanted)
        made = Address(url, new_secret(), datetime.now(UTC).isoformat(timespec="seconds"))
        with self._record.changing() as content:
            known = _of(content)
            if any(one.url == url for one in known):
                raise BadInput(f"{url} is told already: remove it first for a new secret")
            if len(known) >= MOST:
                raise BadInput(f"the desk has {MOST} addresses: remove those that nobody needs")
            with Outbox.open(self._folder.outbox, followed=_latest(self._folder)):
                self._record.write({"addresses": [*known, made]})
        return made

    def remove(self, url: str) -> Address:
        """Removes an address; what waits for it is given up. Raises BadInput for none."""
        checks.text("url", url)
        with self._record.changing() as content:
            known = _of(content)
            gone = [one for one in known if one.url == url]
            if not gone:
                names = ", ".join(one.url for one in known) or "none"
                raise BadInput(f"{url[:200]!r} is no address of the desk: there are {names}")
            self._record.write({"addresses": [one for one in known if one.url != url]})
        return gone[0]


def announce(
    folder: DeskFolder, fitted: FitFolder, log: ChoiceLog, written: Choice, urls: Sequence[str]
) -> None:
    """Puts a choice into the outbox for every address, inside ``DeskFolder.changing``.

    Args:
        folder: of the desk.
        fitted: its current fit.
        log: of the choices.
        written: the choice that was made or taken back.
        urls: of the addresses.
    """
    with Outbox.open(folder.outbox, followed=written.number - 1) as outbox:
        told = [written] if written.undone else []
        page = log.page(outbox.followed, _AT_ONCE)
        while page:
            told += [one for one in page if not one.undone]
            page = log.page(page[-1].number, _AT_ONCE)
        outbox.put(_messages(fitted, told, urls), max((one.number for one in told), default=0))


def _messages(fitted: FitFolder, told: Sequence[Choice], urls: Sequence[str]) -> list[Waiting]:
    with closing(open_catalogue(fitted.catalogue, make=False)) as catalogue:
        pictures = catalogue.find([one.picture for one in told])
    now = time.time()
    made = []
    for choice in told:
        kind = UNDONE if choice.undone else CHOSEN
        identifier = f"choice_{choice.number}_{kind.partition('.')[2]}"
        content = {"id": identifier, "type": kind, "choice": choice}
        body = json.dumps(plain({**content, "picture": pictures.get(choice.picture)}))
        made += [Waiting(identifier, url, body, now, due=now) for url in urls]
    return made


def _of(content: Json) -> list[Address]:
    return [Address(**one) for one in content.get("addresses", ())]


def _latest(folder: DeskFolder) -> int:
    """The number of the last choice, 0 if there is none."""
    if not folder.choices.exists():
        return 0
    with ChoiceLog.open(folder.choices, make=False) as log:
        return len(log)
