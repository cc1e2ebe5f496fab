"""An archive under construction: collects texts, pictures, links and rejections.

Knows no file format; the readers in this package add what they find.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED
from picturedesk.types import Archive, Picture, Rejection, Text

_JOINED = ("tags", "names", "territory")  # fields of which all values count


class Draft:
    """Collects texts by id, pictures by uri, and links, each once, in order.

    Args:
        name: the archive's name, shown in reports.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._rejections: list[Rejection] = []
        self._texts: list[Text] = []
        self._parts: list[str] = []
        self._groups: list[str] = []
        self._text_index: dict[str, int] = {}  # text id → index
        self._pictures: list[Picture] = []
        self._picture_index: dict[str, int] = {}  # uri → index
        self._links: dict[tuple[int, int], None] = {}

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures so far."""
        return tuple(self._pictures)

    @property
    def rejections(self) -> tuple[Rejection, ...]:
        """What was left out so far."""
        return tuple(self._rejections)

    def reject(self, source: str, reason: str, cure: str) -> None:
        """Records a rejection; makes a file name that is not UTF-8 printable."""
        fields = (field.encode("utf-8", "replace").decode() for field in (source, reason, cure))
        self._rejections.append(Rejection(*fields))

    def leave_out(self, rejection: Rejection) -> None:
        """Records a rejection of a reader."""
        self.reject(rejection.source, rejection.reason, rejection.cure)

    def folder_unreadable(self, error: OSError) -> None:
        """Records a folder that cannot be listed."""
        reason = f"this folder cannot be read: {error.strerror}"
        self.reject(str(error.filename), reason, "make it readable")

    def text_with(self, identity: str) -> int | None:
        """Index of the text with this id; None if there is none yet."""
        return self._text_index.get(identity)

    def text(self, index: int) -> Text:
        """The text at an index."""
        return self._texts[index]

    def part(self, index: int) -> str:
        """The part of the text at an index; "" if it is still to be split."""
        return self._parts[index]

    def assign(self, index: int, part: str) -> None:
        """Sets the part of the text at an index."""
        self._parts[index] = part

    def add_text(self, text: Text, part: str = "", group: str = "") -> int:
        """Adds a text whose id is new; returns its index."""
        index = self._text_index.setdefault(text.id, len(self._texts))
        if index != len(self._texts):
            raise BadInput(f"{self.name}: the text id {text.id!r} occurs twice: make ids unique")
        self._texts.append(text)
        self._parts.append(part)
        self._groups.append(group)
        return index

    def add_picture(self, picture: Picture) -> int:
        """Adds a picture; for a known uri, fills empty fields and joins the tags."""
        index = self._picture_index.setdefault(picture.uri, len(self._pictures))
        if index == len(self._pictures):
            self._pictures.append(picture)
        else:
            self._pictures[index] = _joined(self._pictures[index], picture)
        return index

    def link(self, text: int, pictures: Iterable[int]) -> None:
        """Links a text to pictures; each link counts once."""
        self._links.update(((text, picture), None) for picture in pictures)

    def archive(self) -> Archive:
        """The collected archive.

        Raises:
            BadInput: no text with a picture is left; the message names the first rejection.
        """
        if not self._links:
            raise BadInput(f"{self.name}: no text with a picture is left{self.first_reason()}")
        return Archive(
            name=self.name,
            texts=tuple(self._texts),
            pictures=tuple(self._pictures),
            links=np.array(list(self._links), dtype=np.int64).reshape(-1, 2),  # (M, 2)
            parts=tuple(self._parts),
            groups=tuple(self._groups) if any(self._groups) else (),
            rejections=self.rejections,
        )

    def first_reason(self) -> str:
        """How much was left out and why the first, to end a message with."""
        if not self._rejections:
            return ": it is empty"
        first = self._rejections[0]
        return (
            f" ({len(self._rejections)} left out, the first: {first.source}: {first.reason}; "
            f"{first.cure})"
        )


def display_name(path: Path) -> str:
    """The last part of a path, also of "." and of a path that ends with a slash."""
    return path.name or path.resolve().name


def uri_of(path: str | Path) -> str:
    """Absolute path without "." and "..", so that a desk works from any folder."""
    return os.path.abspath(path)


def _joined(known: Picture, other: Picture) -> Picture:
    if known == other:
        return known
    changes: dict[str, Any] = {
        name: getattr(known, name) or getattr(other, name)
        for name in FIXED
        if name not in ("uri", *_JOINED)
    }
    for name in _JOINED:
        changes[name] = tuple(dict.fromkeys(getattr(known, name) + getattr(other, name)))
    return replace(known, **changes, columns={**other.columns, **known.columns})
