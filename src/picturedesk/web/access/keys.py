"""Keys of a desk's callers: made, listed, removed, recognised.

A key is 32 random bytes. The desk keeps only its SHA-256, which is enough for secrets that cannot
be guessed; salts and slow hashes are for passwords. All hashes are compared, each in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.desk.folder import DeskFolder
from picturedesk.disk.private_record import PrivateRecord
from picturedesk.errors import BadInput
from picturedesk.types import Json
from picturedesk.web.access.roles import GIVEN, Role

FILE = "keys.json"
MOST = 200  # keys of a desk
_BYTES = 32  # of randomness in a key
_PREFIX = "pd_"  # so that scanners for secrets find keys that were published
_KIND = "keys"
_NAME = re.compile(r"[\w][\w .@+-]{0,63}")
_CURE = "restore it from a backup, or remove it and make new keys with picturedesk keys add"
_LAST = 4  # characters of a key that are kept


@dataclass(frozen=True, slots=True)
class Key:
    """What a desk keeps of a key.

    Attributes:
        name: whose it is.
        role: what it allows: "reader", "editor" or "admin".
        made: when, ISO 8601.
        last: its last four characters.
        hash: SHA-256, hexadecimal.
    """

    name: str
    role: Role
    made: str
    last: str
    hash: str


class Keys:
    """The keys of one desk. Reads its file again when that has changed.

    Args:
        desk: the desk's folder.
    """

    def __init__(self, desk: Path) -> None:
        self._record = PrivateRecord(desk / FILE, _KIND, _CURE)
        self._content: Json = {}
        self._known: tuple[Key, ...] = ()

    @classmethod
    def of(cls, desk: Path | str) -> Keys:
        """The keys of a desk; raises MissingArtefact if there is none in this folder."""
        folder = DeskFolder(checks.path("desk", desk))
        folder.require()
        return cls(folder.root)

    def all(self) -> tuple[Key, ...]:
        """All keys, oldest first.

        Raises:
            MissingArtefact: the file is damaged. None of its keys holds then.
        """
        content = self._record.read()
        if content is not self._content:
            self._content, self._known = content, _of(content)
        return self._known

    def find(self, secret: str) -> Key | None:
        """The key with this secret, None if there is none."""
        given = _hash(secret)
        match = None
        for key in self.all():
            if hmac.compare_digest(key.hash, given):
                match = key
        return match

    def add(self, name: str, role: Role) -> tuple[str, Key]:
        """Makes a key; returns its secret, which is kept nowhere, and what is kept.

        Raises:
            BadInput: there is a key of this name, or the name or role cannot be used.
        """
        if not _NAME.fullmatch(checks.text("name", name)) or name != name.strip():
            raise checks.refusal("name", name, "letters, digits, spaces and _.@+-, 64 at most")
        if role not in GIVEN:
            raise checks.refusal("role", role, f"one of {', '.join(one.word for one in GIVEN)}")
        secret = _PREFIX + secrets.token_urlsafe(_BYTES)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        key = Key(name, role, made, secret[-_LAST:], _hash(secret))
        with self._record.changing() as content:
            known = _of(content)
            if any(one.name == name for one in known):
                raise BadInput(f"there is a key {name!r}: remove it first, or take another name")
            if len(known) >= MOST:
                raise BadInput(f"the desk has {MOST} keys: remove those that nobody needs")
            self._write([*known, key])
        return secret, key

    def remove(self, name: str) -> Key:
        """Removes a key, which holds for no request after this; raises BadInput for none."""
        checks.text("name", name)
        with self._record.changing() as content:
            known = _of(content)
            gone = [key for key in known if key.name == name]
            if not gone:
                names = ", ".join(key.name for key in known) or "none"
                raise BadInput(f"there is no key {name[:64]!r}: there are {names}")
            self._write([key for key in known if key.name != name])
        return gone[0]

    def _write(self, keys: Sequence[Key]) -> None:
        rows = [
            {
                "name": key.name,
                "role": key.role.word,
                "made": key.made,
                "last": key.last,
                "hash": key.hash,
            }
            for key in keys
        ]
        self._record.write({"keys": rows})


def _of(content: Json) -> tuple[Key, ...]:
    return tuple(
        Key(one["name"], Role[one["role"].upper()], one["made"], one["last"], one["hash"])
        for one in content.get("keys", ())
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
