"""Routes (ways to score pictures for a text), one file each, their blend, and the search.

Uses NumPy alone. ``learning`` chooses the weights.
"""

from __future__ import annotations

from picturedesk.routes.archive import ArchiveVectors
from picturedesk.routes.blend import BLEND, Blend
from picturedesk.routes.confidence import Confidence, Pool
from picturedesk.routes.layout import Layout
from picturedesk.routes.route import (
    Block,
    BlockRoute,
    Fold,
    Pictures,
    Queries,
    Route,
    RoutePlan,
    Rows,
    WordRoute,
)
from picturedesk.routes.search import search

__all__ = [
    "BLEND",
    "ArchiveVectors",
    "Blend",
    "Block",
    "BlockRoute",
    "Confidence",
    "Fold",
    "Layout",
    "Pictures",
    "Pool",
    "Queries",
    "Route",
    "RoutePlan",
    "Rows",
    "WordRoute",
    "search",
]
