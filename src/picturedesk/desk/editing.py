"""Changes what is known of pictures of a desk's catalogue. Reads no picture file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import picturedesk.checks as checks
from picturedesk.datasets.given import OF_THE_FILE, merged
from picturedesk.desk.deciding import keys_of
from picturedesk.desk.facade.parts import opened_again
from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED, is_date, normalised
from picturedesk.types import Cell, Changes, Picture

if TYPE_CHECKING:
    from picturedesk.desk.deciding import Named
    from picturedesk.desk.facade.keeping import Keeping

DATES = ("date", "expiry", "embargo", "last_used")
_MOST = 200  # columns of one call
_LONGEST_NAME = 200  # characters
_LISTS = ("tags", "territory")
_EMPTY = Picture("")


def edit(desk: Keeping, pictures: Sequence[Named], changes: Mapping[str, Any]) -> list[Picture]:
    """See ``Desk.edit``."""
    said, named = told(changes)
    with desk.folder.changing():
        if desk.folder.is_current(desk.fitted):
            catalogue = desk.catalogue
            keys = list(dict.fromkeys(keys_of(catalogue, pictures)))
            known = catalogue.find(keys)
            updated = [merged(known[key], said, named) for key in keys]
            catalogue.change(Changes(updated=updated, named=dict.fromkeys(keys, named)))
            return updated
    with opened_again(desk) as again:  # another fit became current
        return again.edit(pictures, changes)


def told(changes: Mapping[str, Any]) -> tuple[Picture, frozenset[str]]:
    """Changes as an empty picture with the new values, and the names of what is changed.

    Raises:
        BadInput: a name is no column that a user may set, or a value does not suit it.
    """
    if not isinstance(changes, Mapping) or not changes:
        raise checks.refusal("changes", changes, "new values by the names of columns")
    if len(changes) > _MOST:
        raise BadInput(f"{len(changes)} columns are changed: change at most {_MOST} at once")
    known: dict[str, Any] = {}
    own: dict[str, Cell] = {}
    for name, value in changes.items():
        place = normalised(checks.text("the name of a column", name))
        if len(place) > _LONGEST_NAME:
            wanted = f"at most {_LONGEST_NAME} characters"
            raise checks.refusal("the name of a column", name, wanted)
        if place in OF_THE_FILE or place in ("columns", "row", "rowid", "oid"):
            raise BadInput(f"{name} says where a picture's file is: sync or add the file instead")
        if place in known or place in own:
            raise BadInput(f"{name} is named twice")
        if place in FIXED:
            known[place] = _fixed(place, value)
        else:
            own[place] = _own(place, value)
    return Picture("", **known, columns=own), frozenset((*known, *own))


def _fixed(name: str, value: object) -> Any:  # noqa: ANN401 - the type of the field
    """A value of a column that every picture has; None for the empty one."""
    if value is None:
        return getattr(_EMPTY, name)
    if name in _LISTS:
        return tuple(_clean(name, one) for one in checks.texts(name, value))
    if name in ("uses", "max_uses"):
        return checks.whole_number(name, value, 0, 2**53)
    text = _clean(name, value)
    if name in DATES and text and not is_date(text):
        raise checks.refusal(name, value, "a date, as 2027-01-31 or 2027-01-31T08:00")
    return text


def _own(name: str, value: object) -> Cell:
    """A value of a column of one's own; None for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _clean(name, value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return checks.number(name, value)
    return tuple(_clean(name, one) for one in checks.texts(name, value))


def _clean(name: str, value: object) -> str:
    text = checks.encodable(name, value)
    if "\0" in text:
        raise checks.refusal(name, value, "a text without NUL")
    return text.strip()
