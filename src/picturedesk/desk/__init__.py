"""The façade: ``Desk`` opens a desk folder and has all operations.

Opening and suggesting load neither torch nor scikit-learn; only ``fit`` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from picturedesk.desk.desk import Desk

if TYPE_CHECKING:
    from picturedesk.desk.adding import Addition as Addition
    from picturedesk.desk.life_cycle import Hit as Hit
    from picturedesk.desk.life_cycle import Removal as Removal
    from picturedesk.desk.migrating import Migration as Migration
    from picturedesk.desk.optimizing import Optimized as Optimized
    from picturedesk.desk.syncing import Sync as Sync
    from picturedesk.learning.config import DeskConfig as DeskConfig

_HOMES = {
    "Addition": "desk.adding",
    "DeskConfig": "learning.config",
    "Hit": "desk.life_cycle",
    "Migration": "desk.migrating",
    "Removal": "desk.life_cycle",
    "Optimized": "desk.optimizing",
    "Sync": "desk.syncing",
}

__all__ = ["Addition", "Desk", "DeskConfig", "Hit", "Migration", "Optimized", "Removal", "Sync"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'picturedesk.desk' has no attribute {name!r}")
    found: object = getattr(import_module(f"picturedesk.{_HOMES[name]}"), name)
    return found
