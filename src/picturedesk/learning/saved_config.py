"""Settings of a fit, from the JSON that a desk keeps of them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput
from picturedesk.learning.config import DeskConfig
from picturedesk.store.extraction import LOCAL
from picturedesk.types import Json

Record = TypeVar("Record")


def restored(saved: Json) -> DeskConfig:
    """The settings that a desk was fitted with; new ones, and the engine, have their defaults.

    Raises:
        BadInput: the routes are not those of the recipe; plans of other routes are not kept.
    """
    config = _restored(DeskConfig.of(saved["recipe"]), saved)
    return replace(config, extract=replace(config.extract, engine=LOCAL))


def _restored(default: Record, saved: Json) -> Record:
    """A copy of a record with the saved values."""
    assert is_dataclass(default)
    assert not isinstance(default, type)
    changes = {
        one.name: _value(one.name, getattr(default, one.name), saved[one.name])
        for one in fields(default)
        if one.name in saved
    }
    changed: Record = replace(default, **changes)
    return changed


def _value(name: str, default: object, saved: Any) -> object:  # noqa: ANN401 - JSON
    if is_dataclass(default):
        return _restored(default, saved)
    if not isinstance(default, tuple):
        return saved
    if any(map(is_dataclass, default)):
        if plain(default) != saved:
            raise BadInput(f"the desk was fitted with other {name} than the recipe's: give them")
        return default
    return tuple(tuple(one) if isinstance(one, list) else one for one in saved)
