"""The façade: ``Desk`` opens a desk folder and has all operations.

Opening and suggesting load neither torch nor scikit-learn; only ``fit`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picturedesk.desk.desk import Addition, Desk

if TYPE_CHECKING:
    from picturedesk.learning.config import DeskConfig as DeskConfig

__all__ = ["Addition", "Desk", "DeskConfig"]


def __getattr__(name: str) -> object:
    if name != "DeskConfig":
        raise AttributeError(f"module 'picturedesk.desk' has no attribute {name!r}")
    from picturedesk.learning.config import DeskConfig

    return DeskConfig
