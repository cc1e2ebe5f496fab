"""Pictures as a user gives them, and which of their fields the user has named.

A table without a column of dates says nothing of dates: what is known of them stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace

from picturedesk.own_columns import FIXED
from picturedesk.types import Picture, Rejection

OF_THE_FILE = frozenset(("uri", "key", "names", "missing"))
"""Fields that say where the file is: no user's word."""

_EMPTY = Picture("")
_SETTABLE = frozenset(FIXED) - OF_THE_FILE


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Pictures that are to be added or updated.

    Attributes:
        pictures: N pictures.
        fields: N sets of names: the fields and own columns that the user has named, with a value
            or without.
        rejections: what was left out.
    """

    pictures: tuple[Picture, ...]
    fields: tuple[frozenset[str], ...]
    rejections: tuple[Rejection, ...] = ()

    @classmethod
    def of(cls, pictures: Iterable[Picture], rejections: tuple[Rejection, ...] = ()) -> Given:
        """Records; the fields that differ from those of an empty one are named."""
        found = tuple(pictures)
        return cls(found, tuple(map(set_fields, found)), rejections)

    @classmethod
    def naming(
        cls,
        pictures: Iterable[Picture],
        named: Collection[str],
        rejections: tuple[Rejection, ...] = (),
    ) -> Given:
        """Pictures of one source, which names the same fields of all."""
        found = tuple(pictures)
        return cls(found, (frozenset(named),) * len(found), rejections)


def set_fields(picture: Picture) -> frozenset[str]:
    """The fields that differ from those of an empty picture, and its own columns."""
    changed = (name for name in _SETTABLE if getattr(picture, name) != getattr(_EMPTY, name))
    return frozenset((*changed, *picture.columns))


def merged(old: Picture, new: Picture, named: Collection[str]) -> Picture:
    """The old picture with the named fields and own columns of the new one.

    A named own column without a value in the new picture is emptied.
    """
    changes = {one.name: getattr(new, one.name) for one in fields(Picture) if one.name in named}
    own = {name for name in named if name not in FIXED}
    if own:
        kept = {name: value for name, value in old.columns.items() if name not in own}
        changes["columns"] = kept | {
            name: value for name, value in new.columns.items() if name in own
        }
    else:
        changes.pop("columns", None)
    for name in OF_THE_FILE:
        changes.pop(name, None)
    return replace(old, **changes) if changes else old
