"""Roles of callers, and what a route asks for. Knows no keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a caller may do; each role may do all that those before it may."""

    ANYONE = 0  # has shown no key: the page's own files, health
    READER = 1  # asks
    EDITOR = 2  # decides, adds, changes and removes pictures
    ADMIN = 3  # fits, goes back, measures

    @property
    def word(self) -> str:
        """The role as users write it: "reader"."""
        return self.name.lower()


GIVEN = (Role.READER, Role.EDITOR, Role.ADMIN)  # roles that a key can have


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: of the key; "local" without keys, "" for one who shows none.
        role: what they may do.
    """

    name: str
    role: Role


LOCAL = Caller("local", Role.ADMIN)  # on this machine, while the desk has no key
NOBODY = Caller("", Role.ANYONE)
